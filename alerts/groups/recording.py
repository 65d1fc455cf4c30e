"""Pure. Recording rules: what a fleet wants to graph over months, and the slopes that the quota alerts stand on."""

from __future__ import annotations

from datetime import timedelta

from alerts.queries import AGENT, GATEWAY, PROVIDER, TARGET
from alerts.rule import Group, Record, seconds
from alerts.thresholds import Thresholds


def group(figures: Thresholds) -> Group:
    """Make the group."""
    windows = sorted({*figures.burn_fast, *figures.burn_slow})
    return Group(
        "model-auth-records",
        (
            Record("job:model_auth_profile_health:sum", "sum by (job, health) (model_auth_profile_health)"),
            Record("job_provider:model_auth_profile_usable:avg", "avg by (job, provider) (model_auth_profile_usable)"),
            Record(
                "gateway:model_auth_provider_in_use:down",
                f"count by ({GATEWAY}) (\n"
                f"  model_auth_provider_usable_profiles == 0 and on ({PROVIDER}) model_auth_provider_in_use == 1\n"
                f")\nor sum by ({GATEWAY}) (model_auth_provider_in_use) * 0",
            ),
            Record(
                "agent:model_auth_profile_expiry_timestamp_seconds:next",
                f"min by ({AGENT}) (\n"
                "  (model_auth_profile_expiry_timestamp_seconds > time())\n"
                f"  unless on ({PROVIDER}, profile) model_auth_profile_refreshable == 1\n)",
            ),
            Record("target:model_auth_findings:sum", f"sum by ({TARGET}, severity) (model_auth_findings)"),
            *(Record(slope(window), f"deriv(model_auth_quota_used_ratio[{seconds(window)}])") for window in windows),
        ),
    )


def slope(window: timedelta) -> str:
    """Return the name of the series that says how fast a quota is used over a window, in shares per second."""
    return f"window:model_auth_quota_used_ratio:deriv{seconds(window)}"
