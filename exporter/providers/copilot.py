"""Pure. GitHub Copilot: asked through the user endpoint of GitHub's API, which shows plan and quota.

Source: public clients of `copilot_internal/user` (OpenClaw, CodexBar, Moltbot); GitHub's REST headers. Undocumented: keep slow.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from exporter.outcome import ProbeStatus as P
from exporter.outcome import Quota
from exporter.providers.fields import at_iso, get, number, share
from exporter.providers.row import MINUTE, Auth, Call, Deep, ErrorShape, Facts, Headers, Provider, Purpose, SeesBilling, Validates, rule

RULES = (
    rule(P.BILLING, "plan", 402),
    rule(P.RATE_LIMIT, "window", 429, text=r"quota[ _]exceeded"),
    rule(P.AUTH, "invalid", 401),
    rule(P.RATE_LIMIT, "burst", 403, text=r"rate limit"),
    rule(P.AUTH, "scope", 403, purpose=Purpose.LIGHT),
    rule(P.AUTH, "scope", 404, purpose=Purpose.LIGHT),
)


def read_user(document: object, now: datetime) -> Facts:
    """Quota snapshots: used = 1 − percent_remaining, unlimited ones skipped; the free plan counts down from monthly quotas."""
    reset = at_iso(get(document, "quota_reset_date_utc")) or at_iso(get(document, "quota_reset_date"))
    reset = reset or at_iso(get(document, "limited_user_reset_date"))
    return Facts(quotas=(*_snapshots(document, reset), *_free(document, reset)))


def _snapshots(document: object, reset: datetime | None) -> Iterator[Quota]:
    for name in ("premium_interactions", "chat", "completions"):
        snapshot = get(document, "quota_snapshots", name)
        left = number(get(snapshot, "percent_remaining"))
        if left is not None and get(snapshot, "unlimited") is not True:
            yield Quota(name, max(0.0, 1 - left / 100), reset)


def _free(document: object, reset: datetime | None) -> Iterator[Quota]:
    if get(document, "quota_snapshots") is not None:
        return
    for name in ("chat", "completions"):
        left = share(get(document, "limited_user_quotas", name), get(document, "monthly_quotas", name))
        if left is not None:
            yield Quota(name, max(0.0, 1 - left), reset)


ROWS = (
    Provider(
        id="github-copilot",
        ids=("github-copilot", "copilot"),
        base_url="https://api.individual.githubcopilot.com",
        regions=("https://api.githubcopilot.com", "https://api.business.githubcopilot.com", "https://api.enterprise.githubcopilot.com"),
        light=Call("https://api.github.com/copilot_internal/user", auth=Auth.GITHUB, shape=("copilot_plan", "login", "quota_snapshots")),
        sees_billing=SeesBilling.YES,
        deep=Deep(manual=True),
        errors=ErrorShape.GITHUB,
        headers=(Headers.GITHUB,),
        keys=(r"(ghp|gho|ghu|ghs)_\w{36,}", r"github_pat_\w{82}", r"tid=.+"),
        rules=RULES,
        facts=read_user,
        subscription=True,
    ),
    Provider(
        id="copilot-proxy",
        ids=("copilot-proxy",),
        base_url="http://localhost:3000/v1",
        light=Call("/models", auth=Auth.NONE, shape=("data",), every=MINUTE, at_least=MINUTE / 6),
        validates=Validates.KEYLESS,
        local=True,
    ),
)
