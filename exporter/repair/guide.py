"""Pure. The one right way to renew a credential: by its kind, its provider and its gateway, in words for 40 columns.

Source: spec/gateways.md, 12 and 15; providers' own pages for keys.
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Final

from exporter.judging.selection import canonical
from exporter.model import CredentialKind, Source
from exporter.repair.target import Target
from exporter.verdict import Health, ProfileVerdict
from exporter.words import instant, relative

SETUP_TOKEN_LIFE: Final = timedelta(days=365)  # documented by the vendor, written nowhere in the token
_WIDEST: Final = 78
_KEY_PAGES: Final = {
    "anthropic": "https://console.anthropic.com/settings/keys",
    "openai": "https://platform.openai.com/api-keys",
    "openrouter": "https://openrouter.ai/settings/keys",
    "google": "https://aistudio.google.com/apikey",
    "groq": "https://console.groq.com/keys",
    "mistral": "https://console.mistral.ai/api-keys",
    "xai": "https://console.x.ai",
    "deepseek": "https://platform.deepseek.com/api_keys",
    "zai": "https://z.ai/manage-apikey/apikey-list",
    "moonshot": "https://platform.moonshot.ai/console/api-keys",
    "together": "https://api.together.ai/settings/api-keys",
    "cerebras": "https://cloud.cerebras.ai",
    "perplexity": "https://www.perplexity.ai/settings/api",
    "github-copilot": "https://github.com/login/device",
}


class Way(Enum):
    """How a credential is renewed."""

    SETUP_TOKEN = auto()
    TOKEN = auto()
    API_KEY = auto()
    LOGIN = auto()
    ELSEWHERE = auto()  # not in a store: environment, configuration, another program


@dataclass(frozen=True, slots=True)
class Guidance:
    """What is wrong, and the way: `page` is to be opened, empty when there is none; `arguments` call the gateway's own program."""

    way: Way
    wrong: str
    page: str = ""
    arguments: tuple[str, ...] = ()


def guidance(profile: ProfileVerdict, target: Target, now: datetime) -> Guidance:
    """Choose the way for one profile."""
    wrong = what_is_wrong(profile, now)
    if profile.source is not Source.STORE:
        return Guidance(Way.ELSEWHERE, wrong)
    page = _KEY_PAGES.get(canonical(profile.provider), "")
    match profile.credential:
        case CredentialKind.OAUTH:
            return Guidance(Way.LOGIN, wrong, page if profile.provider == "github-copilot" else "", login_arguments(profile, target))
        case CredentialKind.API_KEY:
            return Guidance(Way.API_KEY, wrong, page)
        case _ if canonical(profile.provider) == "anthropic":
            return Guidance(Way.SETUP_TOKEN, wrong)
        case _:
            return Guidance(Way.TOKEN, wrong, page)


def login_arguments(profile: ProfileVerdict, target: Target) -> tuple[str, ...]:
    """Return the arguments of the gateway's own login."""
    if profile.provider == "github-copilot":
        return ("models", "auth", "login-github-copilot")
    merged = profile.provider == "openai-codex" and target.dialect.release >= (2026, 8, 1)
    where = () if profile.inherited_from or profile.agent == "main" else ("--agent", profile.agent)
    return ("models", "auth", "login", "--provider", "openai" if merged else profile.provider, "--profile-id", profile.profile, *where)


def what_is_wrong(profile: ProfileVerdict, now: datetime) -> str:
    """Say in one sentence what keeps a profile from being used, or that nothing does."""
    if profile.probe is not None and profile.probe.refused:
        return "The provider refuses this credential."
    if profile.health is Health.EXPIRED and profile.expires_at:
        return f"It ended {relative(profile.expires_at, now)}."
    if profile.health is Health.EXPIRING and profile.expires_at:
        return f"It ends {relative(profile.expires_at, now)}."
    if profile.health is Health.MISSING:
        return "Nothing usable is stored."
    if profile.parked_until:
        return f"The gateway parked it; free again {relative(profile.parked_until, now)}."
    if not profile.usable:
        return f"It cannot be used: {profile.usable_rule.why}."
    return "Nothing is wrong with it: renewing it is up to you."


def assumed_end(now: datetime) -> str:
    """Say when a setup-token will end."""
    return f"It will end about {instant(now + SETUP_TOKEN_LIFE)[:10]} (assumed: the vendor documents one year, the token does not say)."


def folded(text: str, columns: int) -> list[str]:
    """Break a sentence for a narrow terminal; commands and addresses, which must stay whole to be copied, do not come here."""
    return textwrap.wrap(text, max(20, min(columns, _WIDEST)), break_long_words=False, break_on_hyphens=False) or [""]
