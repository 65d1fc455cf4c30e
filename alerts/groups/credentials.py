"""Pure. What the stored dates and refresh grants say: running out, run out, no longer renewed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise

from alerts.queries import EXPLAIN, ON_PROFILE, PROFILE, THE_PROFILE, lines, number, ticket
from alerts.rule import NO_TIME, Alert, Group, seconds
from alerts.thresholds import Thresholds

_EXPIRY = "model_auth_profile_expiry_timestamp_seconds"


def group(figures: Thresholds) -> Group:
    """Make the group."""
    return Group("model-auth-credentials", (*_expiring(figures), _expired(), _unproven(figures), *_refreshes()))


def _expiring(figures: Thresholds) -> Iterator[Alert]:
    """One rule per stage: only the smallest crossed one speaks, and none that is longer than half the life seen."""
    for stage, smaller in pairwise((*figures.stages, NO_TIME)):
        yield Alert(
            "ModelAuthExpiring",
            "warning",
            ticket(
                lines(
                    f"(({_EXPIRY} - time()) > {number(smaller)})",
                    f"<= {number(stage)}",
                    f"unless on ({PROFILE}) model_auth_profile_refreshable == 1",
                    f"unless on ({PROFILE})",
                    f"  ({_EXPIRY} - on ({PROFILE}) model_auth_profile_changed_timestamp_seconds) / 2 < {number(stage)}",
                )
            ),
            "A credential that nothing renews is about to run out.",
            f"{THE_PROFILE} runs out in {{{{ $value | humanizeDuration }}}} and nothing renews it. {EXPLAIN}",
            hold=timedelta(minutes=5),
            labels={"stage": seconds(stage)},
            dashboard=ON_PROFILE,
        )


def _expired() -> Alert:
    """Goes on where `Expiring` ends; a lapsed access token that renews itself is another matter."""
    return Alert(
        "ModelAuthExpired",
        "warning",
        ticket(
            lines(
                f"(time() - {_EXPIRY})",
                f'and on ({PROFILE}) model_auth_profile_health{{health="expired"}} == 1',
                f'and on ({PROFILE}) model_auth_profile_refresh_state{{state="none"}} == 1',
            )
        ),
        "A credential that nothing renews has run out.",
        f"{THE_PROFILE} ran out {{{{ $value | humanizeDuration }}}} ago and nothing renews it. {EXPLAIN}",
        hold=timedelta(minutes=2),
        dashboard=ON_PROFILE,
    )


def _unproven(figures: Thresholds) -> Alert:
    return Alert(
        "ModelAuthRenewalUnproven",
        "warning",
        ticket(
            lines(
                f"(time() - {_EXPIRY} > {number(figures.unproven_after)})",
                f'and on ({PROFILE}) model_auth_profile_health{{health="renewing"}} == 1',
                f'and on ({PROFILE}) model_auth_profile_refresh_state{{state="idle"}} == 1',
            )
        ),
        "A login ran out long ago and nothing has tried to renew it.",
        f"{THE_PROFILE} ran out {{{{ $value | humanizeDuration }}}} ago. It renews on its next use, but nobody has used it:"
        f" whether it still can is unproven. Use it once, or log in again. {EXPLAIN}",
        hold=timedelta(minutes=5),
        dashboard=ON_PROFILE,
    )


def _refreshes() -> Iterator[Alert]:
    rows = (
        ("Overdue", "overdue", "A login is in use past its end and is not being renewed.", "is in use past its end and its renewals fail"),
        ("Orphaned", "orphaned", "A renewal was cut off and left no tokens.", "lost its tokens in a renewal that was cut off"),
        ("Failed", "failed", "A login can no longer renew itself.", "can no longer renew itself"),
    )
    for name, state, summary, words in rows:
        yield Alert(
            f"ModelAuthRefresh{name}",
            "warning",
            ticket(f'model_auth_profile_refresh_state{{state="{state}"}} == 1'),
            summary,
            f"{THE_PROFILE} {words}: log in again. {EXPLAIN}",
            hold=timedelta(minutes=3),
            keep=timedelta(minutes=5),
            dashboard=ON_PROFILE,
        )
