"""Pure. What makes a stored credential useless: the provider refuses it, it is not there, or it cannot be read as meant."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from alerts.queries import EXPLAIN, ON_PROFILE, PROFILE, THE_PROFILE, lines, number, ticket
from alerts.rule import Alert, Group, seconds
from alerts.thresholds import Thresholds

_MISSING = 'model_auth_profile_eligibility{reason="profile_missing"}'
_EXPIRED = 'model_auth_profile_health{health="expired"}'


def group(figures: Thresholds) -> Group:
    """Make the group."""
    return Group(
        "model-auth-refusals",
        (
            _rejected(figures),
            *_ineligible(),
            _invalid_expiry(),
            _undated(figures),
            _vanished(figures),
            _ghost(figures),
        ),
    )


def _rejected(figures: Thresholds) -> Alert:
    """The exporter asks again within a minute before it shows such a refusal for two minutes."""
    return Alert(
        "ModelAuthRejected",
        "warning",
        ticket('model_auth_probe_detail_info{outcome="auth", detail=~"disabled|expired|invalid|revoked"} == 1'),
        "A model provider refuses a credential.",
        f"The provider refuses {THE_PROFILE}: {{{{ $labels.detail }}}}. Replace it. {EXPLAIN}",
        hold=figures.two_scrapes,
        keep=figures.probe_settled,
        dashboard=ON_PROFILE,
    )


def _ineligible() -> Iterator[Alert]:
    eligibility = "model_auth_profile_eligibility"
    absent = lines(
        f'{eligibility}{{reason=~"malformed_api_key|missing_credential"}} == 1',
        f'or (model_auth_profile_health{{health="missing"}} == 1 and on ({PROFILE}) {eligibility}{{reason="ok"}} == 1)',
    )
    rows = (
        ("MissingCredential", f"max by ({PROFILE}) (\n  {absent.replace(chr(10), chr(10) + '  ')}\n)",
         "A profile holds no credential that the gateway could use.", "holds no credential that the gateway could use"),
        ("SecretRefUnresolved", f'{eligibility}{{reason=~"oauth_secret_ref_rejected|unresolved_ref"}} == 1',
         "A profile points to a secret that cannot be read.", "points to a secret that its gateway cannot read ({{ $labels.reason }})"),
        ("ProfileMismatch", f'{eligibility}{{reason=~"mode_mismatch|provider_mismatch"}} == 1',
         "Configuration and store disagree about a profile.", "is left out: configuration and store disagree ({{ $labels.reason }})"),
    )  # fmt: skip
    for name, expr, summary, words in rows:
        yield Alert(
            f"ModelAuth{name}",
            "warning",
            ticket(expr),
            summary,
            f"{THE_PROFILE} {words}. {EXPLAIN}",
            hold=timedelta(minutes=5),
            dashboard=ON_PROFILE,
        )


def _invalid_expiry() -> Alert:
    """A date in seconds makes a profile expired without a date that could be shown; a fence does so too, and is another matter."""
    return Alert(
        "ModelAuthInvalidExpiry",
        "warning",
        ticket(
            lines(
                f"max by ({PROFILE}) (",
                '  model_auth_profile_eligibility{reason="invalid_expires"} == 1',
                "  or (",
                f"    {_EXPIRED} == 1",
                f"    unless on ({PROFILE}) model_auth_profile_expiry_timestamp_seconds",
                f'    unless on ({PROFILE}) model_auth_profile_refresh_state{{state=~"failed|in_progress|orphaned|overdue"}} == 1',
                "  )",
                ")",
            )
        ),
        "A stored expiry date cannot be right.",
        f"The stored date of {THE_PROFILE} is no date the gateway can read, or is in seconds instead of milliseconds."
        f" Store it again. {EXPLAIN}",
        hold=timedelta(minutes=5),
        dashboard=ON_PROFILE,
    )


def _undated(figures: Thresholds) -> Alert:
    return Alert(
        "ModelAuthExpiryUnknownOld",
        "warning",
        ticket(
            lines(
                f"(time() - model_auth_profile_changed_timestamp_seconds > {number(figures.unknown_expiry_age)})",
                f'and on ({PROFILE}) model_auth_profile_info{{credential="token"}}',
                f'and on ({PROFILE}) model_auth_profile_health{{health="static"}} == 1',
                f"unless on ({PROFILE}) model_auth_profile_expiry_timestamp_seconds",
            )
        ),
        "A token without a date has grown old.",
        f"{THE_PROFILE} was stored without a date and has been the same for {{{{ $value | humanizeDuration }}}}. "
        f"Providers end such tokens after about a year, which is an assumption: replace it at a time of your choosing. {EXPLAIN}",
        hold=timedelta(hours=1),
        dashboard=ON_PROFILE,
    )


def _vanished(figures: Thresholds) -> Alert:
    return Alert(
        "ModelAuthProfileVanished",
        "warning",
        ticket(f"{_MISSING} == 1\nand min_over_time({_MISSING}[{seconds(figures.vanished_since)}]) == 0"),
        "A profile that held a credential is gone from its store.",
        f"{THE_PROFILE} held a credential within the last day and is gone, though configuration or order still names it. {EXPLAIN}",
        hold=figures.two_scrapes,
        dashboard=ON_PROFILE,
    )


def _ghost(figures: Thresholds) -> Alert:
    return Alert(
        "ModelAuthOrderNamesGhost",
        "warning",
        ticket(f"{_MISSING} == 1\nunless min_over_time({_MISSING}[{seconds(figures.vanished_since)}]) == 0"),
        "Configuration or an order names a profile that is stored nowhere.",
        f"Configuration or order names {THE_PROFILE}, which is stored nowhere: store it, or take the name out. {EXPLAIN}",
        hold=timedelta(minutes=5),
        dashboard=ON_PROFILE,
    )
