"""Pure. Phrases and fixes that several conditions share."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType
from typing import Any

from exporter.finding import Fix, Severity, Text
from exporter.findings.condition import Draft
from exporter.findings.view import Held, View, is_listed_login
from exporter.remedies import Remedy, remedy, renewal
from exporter.verdict import Eligibility, GatewayVerdict, ProfileVerdict
from exporter.words import counted, duration, listing, visible

US = "model-auth-exporter"
_SHOWN = 3

# Where people see balance and plan.
BILLING_PAGES = MappingProxyType(
    {
        "anthropic": "https://platform.claude.com/settings/billing",
        "openai": "https://platform.openai.com/settings/organization/billing",
        "openai-codex": "https://chatgpt.com/codex/settings/usage",
        "openrouter": "https://openrouter.ai/settings/credits",
        "google": "https://aistudio.google.com/billing",
        "xai": "https://console.x.ai",
        "groq": "https://console.groq.com/settings/billing",
        "mistral": "https://console.mistral.ai/billing",
        "deepseek": "https://platform.deepseek.com/usage",
        "moonshot": "https://platform.moonshot.ai/console/pay",
        "zai": "https://z.ai/manage-apikey/billing",
    }
)


def each(judge: Callable[[Held, View], Draft | None]) -> Callable[[View], Iterator[Draft]]:
    """Make a condition's look out of a judgement of one profile; a profile that proves nothing is not asked about."""

    def look(view: View) -> Iterator[Draft]:
        for held in view.held:
            p = held.profile
            if p.reason is not Eligibility.SETUP_INACTIVE and (p.counts or is_listed_login(p)):
                draft = judge(held, view)
                if draft is not None:
                    yield draft

    return look


def about(held: Held, what: str, fix: Fix, **changes: Any) -> Draft:
    """Draft a finding about one profile; what nobody uses is only information."""
    p = held.profile
    draft = Draft(
        key=f"{p.gateway}/{p.provider}/{held.owner}",
        what=what,
        fix=fix,
        what_works=rest(held),
        gateway=p.gateway,
        agents=(p.agent,),
        provider=p.provider,
        profile=p.profile,
        severity=None if held.in_use else Severity.INFO,
        fingerprint=p.fingerprint,
    )
    return replace(draft, **changes)


def fix(held: Held, view: View, advice: str = "", *, url: str = "", renew: bool = False) -> Fix:
    """Return the repair of a profile; `renew` asks for the command that stores a new credential, whatever is wrong."""
    p = held.profile
    found = renewal(p, held.gateway) if renew else remedy(p, held.gateway, held.provider)
    return repair(replace(found, advice=advice or found.advice), p, held.gateway, view, url)


def repair(found: Remedy, profile: ProfileVerdict, gateway: GatewayVerdict, view: View, url: str = "") -> Fix:
    """Make a fix of a remedy; its advice names no path."""
    advice = found.advice.replace(f"{gateway.state_dir}/.env", ".env in its state directory")
    return Fix(advice, "\n".join(found.commands), phone(view, found.commands, profile), url)


def ours(view: View, advice: str, *arguments: str) -> Fix:
    """Return a repair that begins with a command of our own."""
    command = shlex.join((US, *arguments))
    return Fix(advice, command, f"ssh -t {view.context.host} {shlex.quote(command)}")


def phone(view: View, commands: Sequence[str], profile: ProfileVerdict | None = None) -> str:
    """Return one line that does it from another machine or a phone; without a command it shows the facts."""
    line = " && ".join(commands) if commands else shlex.join((US, "explain", profile.profile)) if profile else f"{US} status"
    return f"ssh -t {view.context.host} {shlex.quote(line)}"


def rest(held: Held) -> Text:
    """Say what still works when this profile does not."""
    if held.others:
        return (f"{some(held.others)}.",)
    if not held.in_use:
        return ("Everything: no agent uses it.",) if not is_listed_login(held.profile) else ("The gateways: they have their own copies.",)
    return (f"Nothing else of {visible(held.profile.provider)}.", *left(held))


def left(held: Held) -> Text:
    """Say which other providers in use still answer."""
    names = [q.provider for q in held.agent.providers if q.in_use and q.usable and q.provider != held.profile.provider]
    return (f" Models of {some(names)} still answer.",) if names else ()


def some(names: Iterable[str]) -> str:
    """List a few names and count the rest."""
    clean = [visible(name) for name in names]
    if len(clean) <= _SHOWN + 1:
        return listing(clean)
    return f"{', '.join(clean[:_SHOWN])} and {counted(len(clean) - _SHOWN, 'other')}"


def agents(names: Iterable[str]) -> str:
    """Say agents: `agent main`, `agents main and work`."""
    known = list(names)
    return f"agent{'' if len(known) == 1 else 's'} {some(known)}"


def sentence(words: str) -> str:
    """Make a sentence of a phrase."""
    clean = visible(words).strip().rstrip(".")
    return f"{clean[:1].upper()}{clean[1:]}." if clean else ""


def quoted(words: str) -> str:
    """Quote a provider's redacted words on one line, cut short."""
    flat = visible(" ".join(words.split()))
    return f"“{flat if len(flat) <= 160 else flat[:159] + '…'}”" if flat else ""


def stage(p: ProfileVerdict, view: View) -> tuple[str, int, timedelta] | None:
    """Return the smallest crossed stage of a credential that only lasts until its date: its name, its urgency, its length.

    Stages longer than half the life since first seen are skipped: a short-lived token is not always about to end. What was there
    when we came may have lived long before, so it speaks once it is `expiring`.
    """
    at = view.at
    if p.expires_at is None or p.renews or p.expires_at <= at:
        return None
    born = p.changed_at or p.first_seen_at
    sure = view.thresholds.warn if p.changed_at is None and p.first_seen_at == view.began_at else timedelta()
    ordered = sorted(set(view.thresholds.stages), reverse=True)
    crossed = [
        (place, length)
        for place, length in enumerate(ordered, start=1)
        if p.expires_at - at <= length and (born is None or length <= max(sure, (p.expires_at - born) / 2))
    ]
    if not crossed:
        return None
    urgency, length = crossed[-1]
    return duration(length), urgency, length
