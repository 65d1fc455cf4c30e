"""Pure. What the gateway keeps from use itself, and whether the provider's answers bear it out."""

from __future__ import annotations

from collections.abc import Iterator

from alerts.queries import EXPLAIN, ON_PROFILE, PROFILE, THE_PROFILE, lines, number, ticket
from alerts.rule import Alert, Group, seconds
from alerts.thresholds import Thresholds

_UNTIL = "model_auth_cooldown_until_timestamp_seconds"
_INFO = "model_auth_cooldown_info"
# Outcomes of a probe, and the reasons a gateway stores for the same.
_CLASSES = {
    "auth": "auth|auth_permanent|session_expired",
    "billing": "billing",
    "model_not_found": "model_not_found",
    "rate_limit": "overloaded|rate_limit|subscription_limit",
}


def group(figures: Thresholds) -> Group:
    """Make the group."""
    return Group("model-auth-parked", (_billing(figures), _long(figures), _contradicted(figures), _mismatch(figures)))


def _billing(figures: Thresholds) -> Alert:
    return Alert(
        "ModelAuthBillingDisabled",
        "warning",
        ticket(f'max by ({PROFILE}) ({_INFO}{{reason="billing"}} or model_auth_probe_outcome{{outcome="billing"}} == 1)'),
        "A credential is out of use for want of credit or payment.",
        f"{THE_PROFILE} is out of use for want of credit or payment. Look at the balance on the provider's billing page and top up;"
        f" the gateway tries again when its window ends. {EXPLAIN}",
        hold=figures.two_scrapes,
        keep=figures.probe_settled,
        dashboard=ON_PROFILE,
    )


def _long(figures: Thresholds) -> Alert:
    """Long ahead, or long behind and still going on. Money and subscription windows have alerts of their own."""
    length = seconds(figures.cooldown_long)
    return Alert(
        "ModelAuthCooldownLong",
        "warning",
        ticket(
            lines(
                f"max by ({PROFILE}) (",
                f'  {_UNTIL}{{kind=~"cooldown|disabled"}} - time() > {number(figures.cooldown_long)}',
                f'  or ({_UNTIL}{{kind=~"cooldown|disabled"}} - time())',
                f"  and min_over_time(model_auth_cooldown_active[{length}]) == 1",
                f"  and model_auth_cooldown_active offset {length} == 1",
                ")",
                f'unless on ({PROFILE}) {_INFO}{{reason="billing"}}',
            )
        ),
        "A gateway has parked a credential for long.",
        f"The gateway keeps {THE_PROFILE} from use for another {{{{ $value | humanizeDuration }}}}. {EXPLAIN}",
        hold=figures.two_scrapes,
        dashboard=ON_PROFILE,
    )


def _contradicted(figures: Thresholds) -> Alert:
    """Only a probe later than the failure counts; that money or a quota is back, only the balance or the quota itself can tell."""
    return Alert(
        "ModelAuthCooldownContradicted",
        "warning",
        ticket(
            lines(
                f"(max by ({PROFILE}) ({_UNTIL}) - time() > {number(figures.recovers_soon)})",
                f"and on ({PROFILE}) model_auth_probe_success == 1",
                f"unless on ({PROFILE})",
                f"  model_auth_profile_last_failure_timestamp_seconds >= on ({PROFILE}) model_auth_probe_last_success_timestamp_seconds",
                f'unless on ({PROFILE}) ({_INFO}{{reason="billing"}} unless on ({PROFILE}) model_auth_credit_balance > 0)',
                f"unless on ({PROFILE}) (",
                f'  ({_INFO}{{kind="blocked"}} or {_INFO}{{reason="subscription_limit"}})',
                f"  unless on ({PROFILE}) max by ({PROFILE}) (model_auth_quota_used_ratio) < 1",
                ")",
            )
        ),
        "A provider accepts a credential that its gateway will not use.",
        f"The provider accepts {THE_PROFILE}, but the gateway will not use it for another {{{{ $value | humanizeDuration }}}}. {EXPLAIN}",
        hold=figures.probe_settled,
        dashboard=ON_PROFILE,
    )


def _mismatch(figures: Thresholds) -> Alert:
    return Alert(
        "ModelAuthReasonMismatch",
        "warning",
        ticket(lines(f"max by ({PROFILE}, reason) (", *_contrasts(), ")")),
        "A gateway parked a credential for another reason than the provider gives.",
        f"The gateway keeps {THE_PROFILE} from use for {{{{ $labels.reason }}}}, while the provider answers our probe"
        f" with something else. {EXPLAIN}",
        hold=figures.probe_settled,
        keep=figures.probe_settled,
        dashboard=ON_PROFILE,
    )


def _contrasts() -> Iterator[str]:
    """Yield for each class of stored reason the probe outcomes that speak against it."""
    for place, (probed, stored) in enumerate(_CLASSES.items()):
        others = "|".join(sorted(set(_CLASSES) - {probed}))
        joined = "  or " if place else "  "
        yield f'{joined}({_INFO}{{reason=~"{stored}"}} and on ({PROFILE}) model_auth_probe_outcome{{outcome=~"{others}"}} == 1)'
