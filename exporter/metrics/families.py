"""Pure. Every metric family as one row, and the exposition of a snapshot.

What is true now is read from the snapshot at each rendering; the few counters of what happened are handed in.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from typing import Final

from exporter.metrics import samples
from exporter.metrics.exposition import EOF, Family, Kind, labelled, remaining, single, state_set
from exporter.metrics.view import (
    AGENT_PROVIDER,
    COUNTED,
    GATEWAY,
    NOTHING_COUNTED,
    OURSELVES,
    PROBED,
    PROFILE,
    SOURCE,
    TASK,
    Counters,
    Policy,
    View,
    view_of,
)
from exporter.outcome import ProbeStatus
from exporter.verdict import Eligibility, Health, RefreshState, Snapshot


def render(
    snapshot: Snapshot,
    now: datetime,
    counters: Counters = NOTHING_COUNTED,
    *,
    openmetrics: bool = False,
    names: frozenset[str] | None = None,
    for_file: bool = False,
    policy: Policy = Policy(),
) -> bytes:
    """Write the exposition of `snapshot` as seen at `now`.

    `names` keeps only the families so called. `for_file` leaves out what would be wrong once it stands in a file
    (remaining seconds, counters) and adds the instant of this run.
    """
    laid_out, texts = _prepared(_ByIdentity(snapshot), policy)
    view = replace(laid_out, now=now, read_at=snapshot.at, drift=snapshot.drift, counters=counters)
    out: list[bytes] = []
    for family in (*FAMILIES, RUN_TIMESTAMP) if for_file else FAMILIES:
        if (names is not None and family.name not in names) or (for_file and _never_in_a_file(family)):
            continue
        text = texts[family.name] if family.name in texts else family.text(view).encode()
        if text:
            out += (family.header(openmetrics).encode(), text)
    if openmetrics:
        out.append(EOF)
    return b"".join(out)


class _ByIdentity:
    """A snapshot as a cache key: the same for the same `gateways` object, whatever else around it was made anew."""

    __slots__ = ("snapshot",)

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _ByIdentity) and self.snapshot.gateways is other.snapshot.gateways

    def __hash__(self) -> int:
        return id(self.snapshot.gateways)


@lru_cache(maxsize=1)
def _prepared(key: _ByIdentity, policy: Policy) -> tuple[View, dict[str, bytes]]:
    """Render whatever changes only with the verdicts; kept until they do."""
    view = view_of(key.snapshot, policy)
    return view, {family.name: family.text(view).encode() for family in FAMILIES if not family.live}


_at: Final = samples.seconds


def _never_in_a_file(family: Family[View]) -> bool:
    return family.kind is Kind.COUNTER or family.name.endswith(("_in_seconds", "_remaining_seconds"))


def _clock(view: View) -> float:
    return view.now.timestamp()


# One row, one family.
# fmt: off
FAMILIES: Final[tuple[Family[View], ...]] = (
    labelled(PROFILE, "model_auth_profile_info", "What the credential is and where it was found.",
        ("credential", "source", "store", "inherited_from"), samples.info),
    single(PROFILE, "model_auth_profile_stale", "1 while its store cannot be read and the values are older.",
        lambda p: p.stale_since is not None),
    state_set(PROFILE, "model_auth_profile_health", "Expiry verdict.", "health", Health, lambda p: p.health),
    state_set(PROFILE, "model_auth_profile_eligibility", "Whether the gateway may use it, or why not.",
        "reason", Eligibility, lambda p: p.reason),
    single(PROFILE, "model_auth_profile_usable", "1 when eligible, not lapsed, not parked and not refused.", lambda p: p.usable),
    single(PROFILE, "model_auth_profile_expiry_timestamp_seconds", "When the stored credential expires.", lambda p: _at(p.expires_at)),
    remaining(PROFILE, "model_auth_profile_expires_in_seconds", "Time until the stored credential expires, at this scrape.",
        (), samples.expiry, _clock),
    single(PROFILE, "model_auth_profile_refreshable", "1 when an OAuth refresh grant is stored.", lambda p: p.refreshable),
    state_set(PROFILE, "model_auth_profile_refresh_state", "State of the OAuth refresh.", "state", RefreshState, lambda p: p.refresh_state),
    single(PROFILE, "model_auth_profile_changed_timestamp_seconds", "When the credential was last replaced, as far as seen.",
        lambda p: _at(p.changed_at)),
    single(PROFILE, "model_auth_profile_last_used_timestamp_seconds", "When the gateway last used it.", lambda p: _at(p.last_used_at)),
    single(PROFILE, "model_auth_profile_last_failure_timestamp_seconds", "When it last failed in the gateway.",
        lambda p: _at(p.last_failure_at)),
    single(PROFILE, "model_auth_profile_errors", "Consecutive errors the gateway counts.", lambda p: p.errors),
    labelled(PROFILE, "model_auth_profile_failures", "Failures the gateway counts.", ("reason",), samples.failures),
    labelled(PROFILE, "model_auth_cooldown_active", "1 while the gateway parks it this way.", ("kind",), samples.active),
    labelled(PROFILE, "model_auth_cooldown_info", "An active window of the gateway.",
        ("kind", "scope", "model", "reason"), samples.windows),
    labelled(PROFILE, "model_auth_cooldown_until_timestamp_seconds", "When the window ends.", ("kind",), samples.window_ends),
    remaining(PROFILE, "model_auth_cooldown_remaining_seconds", "Time until the window ends, at this scrape.",
        ("kind",), samples.window_ends, _clock),
    state_set(PROBED, "model_auth_probe_outcome", "Last probe (in the background, not at this scrape).",
        "outcome", ProbeStatus, lambda o: o.outcome),
    labelled(PROBED, "model_auth_probe_detail_info", "Detail of the last probe.", ("outcome", "detail"), samples.detail),
    single(PROBED, "model_auth_probe_success", "1 when the provider accepted the last probe that was sent.", samples.success),
    labelled(PROBED, "model_auth_probe_duration_seconds", "Duration of the last probe.", ("phase",), samples.phases),
    single(PROBED, "model_auth_probe_last_attempt_timestamp_seconds", "When it was last probed.", lambda o: _at(o.at)),
    single(PROBED, "model_auth_probe_last_success_timestamp_seconds", "When a probe last succeeded.", lambda o: _at(o.last_success_at)),
    labelled(OURSELVES, "model_auth_probe_attempts_total", "Probes by outcome.", ("provider", "outcome"), samples.attempts, Kind.COUNTER),
    labelled(PROBED, "model_auth_rate_limit_limit", "Size of a rate-limit window, as the provider last said.",
        ("resource", "window"), samples.limits),
    labelled(PROBED, "model_auth_rate_limit_remaining", "What was left of a rate-limit window, as the provider last said.",
        ("resource", "window"), samples.limits_left),
    labelled(PROBED, "model_auth_rate_limit_reset_timestamp_seconds", "When a rate-limit window resets.",
        ("resource", "window"), samples.limit_resets),
    labelled(PROBED, "model_auth_quota_used_ratio", "Used share of a quota window.", ("window",), samples.quotas),
    labelled(PROBED, "model_auth_quota_reset_timestamp_seconds", "When a quota window resets.", ("window",), samples.quota_resets),
    labelled(PROBED, "model_auth_credit_balance", "Money or credits left.", ("currency",), samples.balances),
    single(AGENT_PROVIDER, "model_auth_provider_in_use", "1 when a configured model needs this provider.", lambda p: p.in_use),
    single(AGENT_PROVIDER, "model_auth_provider_profiles", "Configured credentials.", lambda p: p.configured),
    single(AGENT_PROVIDER, "model_auth_provider_usable_profiles", "Usable credentials; absent when that cannot be known.",
        lambda p: p.usable),
    single(AGENT_PROVIDER, "model_auth_provider_dark_timestamp_seconds", "Since when, or from when, nothing is usable.",
        lambda p: _at(p.dark_at)),
    single(AGENT_PROVIDER, "model_auth_provider_recovers_timestamp_seconds", "When a window ends that leaves something usable.",
        lambda p: _at(p.recovers_at)),
    single(GATEWAY, "model_auth_environment_seen", "1 when what the gateway's service has in its environment is known.",
        lambda g: g.environment_seen),
    single(SOURCE, "model_auth_source_up", "1 when the last reading succeeded.", lambda s: s.up),
    labelled(OURSELVES, "model_auth_source_last_success_timestamp_seconds", "When a pass last found it readable.",
        SOURCE.names, samples.source_successes),
    single(SOURCE, "model_auth_source_modified_timestamp_seconds", "When it was last modified.", lambda s: _at(s.modified_at)),
    single(SOURCE, "model_auth_source_insecure_permissions", "1 when others can read it.", lambda s: s.insecure),
    labelled(OURSELVES, "model_auth_source_errors_total", "Problems met while reading.",
        ("gateway", "agent", "store", "reason"), samples.source_errors, Kind.COUNTER),
    labelled(OURSELVES, "model_auth_drift", "1 when two places disagree.", ("gateway", "agent", "provider", "kind"), samples.drift),
    labelled(OURSELVES, "model_auth_clock_offset_seconds", "Our clock minus the provider's.", ("provider",), samples.clock_offsets),
    labelled(COUNTED, "model_auth_findings", "Open findings.", ("name", "severity"), lambda c: c.findings.items()),
    labelled(COUNTED, "model_auth_notifications_total", "Deliveries by outcome.",
        ("channel", "outcome"), lambda c: c.notifications.items(), Kind.COUNTER),
    single(COUNTED, "model_auth_outbox_notices", "Notices not yet delivered.", lambda c: c.outbox_notices),
    single(COUNTED, "model_auth_outbox_oldest_timestamp_seconds", "When the oldest undelivered notice was written.",
        lambda c: _at(c.outbox_oldest_at)),
    labelled(COUNTED, "model_auth_exporter_build_info", "What runs here.",
        ("version", "revision", "python"), lambda c: [((c.build.version, c.build.revision, c.build.python), 1)]),
    single(COUNTED, "model_auth_exporter_config_last_reload_successful", "1 when the last reload of the settings worked.",
        lambda c: c.reload_successful),
    single(COUNTED, "model_auth_exporter_config_last_reload_success_timestamp_seconds", "When the settings were last loaded.",
        lambda c: _at(c.reload_success_at)),
    labelled(TASK, "model_auth_exporter_task_runs_total", "Runs of a task by outcome.",
        ("outcome",), lambda t: [((outcome,), count) for outcome, count in t.runs.items()], Kind.COUNTER),
    single(TASK, "model_auth_exporter_task_last_success_timestamp_seconds", "When a task last succeeded.",
        lambda t: _at(t.last_success_at)),
    single(TASK, "model_auth_exporter_pass_duration_seconds", "Duration of a task's last run.", lambda t: t.seconds),
    single(OURSELVES, "model_auth_exporter_profiles_dropped", "Profiles without series of their own, above metrics.max_profiles.",
        lambda view: view.dropped),
)
# fmt: on
RUN_TIMESTAMP: Final[Family[View]] = single(
    OURSELVES, "model_auth_exporter_run_timestamp_seconds", "When this was written.", lambda view: view.now.timestamp()
)
