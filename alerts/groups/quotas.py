"""Pure. Money and quotas: nearly used, used, and how fast. The burn is measured over two windows, so that it both reacts and forgets."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from alerts.groups.recording import slope
from alerts.queries import EXPLAIN, ON_PROVIDERS, PROFILE, THE_PROFILE, lines, number, ticket
from alerts.rule import Alert, Group
from alerts.thresholds import Thresholds

_WINDOW = f"{PROFILE}, window"
_USED = "model_auth_quota_used_ratio"
_RESET = "model_auth_quota_reset_timestamp_seconds"
_OVER = f"unless on ({_WINDOW}) {_RESET} < time()"  # the window has ended since we asked


def group(figures: Thresholds) -> Group:
    """Make the group."""
    return Group("model-auth-quotas", (_near(figures), _exhausted(figures), *_burns(figures), _credit(figures)))


def _near(figures: Thresholds) -> Alert:
    return Alert(
        "ModelAuthQuotaNearLimit",
        "warning",
        ticket(f"({_USED} >= {figures.quota} < 1)\n{_OVER}"),
        "A quota is nearly used up.",
        f"{{{{ $value | humanizePercentage }}}} of the {{{{ $labels.window }}}} quota of {THE_PROFILE} is used. {EXPLAIN}",
        hold=figures.two_scrapes,
        keep=figures.probe_settled,
        dashboard=ON_PROVIDERS,
    )


def _exhausted(figures: Thresholds) -> Alert:
    return Alert(
        "ModelAuthQuotaExhausted",
        "warning",
        ticket(
            lines(
                f"(max by ({_WINDOW}) ({_USED}) >= 1)",
                _OVER,
                f'or (max by ({PROFILE}) (model_auth_cooldown_active{{kind="blocked"}} == 1)',
                f"  unless on ({PROFILE}) ({_USED} >= 1 {_OVER}))",
            )
        ),
        "A quota or subscription window is used up.",
        f"{THE_PROFILE} has used up its {{{{ with $labels.window }}}}{{{{ . }}}} quota{{{{ else }}}}subscription window{{{{ end }}}}:"
        f" the gateway leaves it out until the window resets. {EXPLAIN}",
        hold=figures.two_scrapes,
        keep=figures.probe_settled,
        dashboard=ON_PROVIDERS,
    )


def _burns(figures: Thresholds) -> Iterator[Alert]:
    """Fast: gone within the horizon, before the window resets. Slow: gone before it resets, however far that is."""
    soon = f"clamp_max({_RESET} - time(), {number(figures.burn_fast_horizon)})"
    rows = (
        ("fast", f"within {_spoken(figures.burn_fast_horizon)}", figures.burn_fast, figures.burn_fast_floor, soon),
        ("slow", "before it resets", figures.burn_slow, figures.burn_slow_floor, f"({_RESET} - time())"),
    )
    for burn, ends, (long, short), floor, horizon in rows:
        yield Alert(
            "ModelAuthQuotaBurn",
            "warning" if burn == "fast" else "info",
            ticket(
                lines(
                    f"({_USED} >= {floor} < 1)",
                    f"and on ({_WINDOW}) {_USED} + on ({_WINDOW}) {slope(long)} * on ({_WINDOW}) {horizon} >= 1",
                    f"and on ({_WINDOW}) {_USED} + on ({_WINDOW}) {slope(short)} * on ({_WINDOW}) {horizon} >= 1",
                    f"and on ({_WINDOW}) {_RESET} > time()",
                )
            ),
            "A quota will be used up before it resets.",
            f"{{{{ $value | humanizePercentage }}}} of the {{{{ $labels.window }}}} quota of {THE_PROFILE} is used"
            f" and at this pace nothing is left {ends}. {EXPLAIN}",
            hold=timedelta(minutes=5),
            labels={"burn": burn},
            dashboard=ON_PROVIDERS,
        )


def _spoken(span: timedelta) -> str:
    hours = round(span / timedelta(hours=1))
    return "the hour" if hours == 1 else f"{hours} hours"


def _credit(figures: Thresholds) -> Alert:
    """Balances below what the settings ask for; of a provider without such a setting, what is spent altogether."""
    balance = "model_auth_credit_balance"
    named = [f'{balance}{{provider="{provider}"}} < {least:g}' for provider, least in sorted(figures.credit.items())]
    return Alert(
        "ModelAuthCreditLow",
        "warning",
        ticket("\nor ".join([f"{balance} <= 0", *named])),
        "The credit at a model provider is low.",
        f"{{{{ $value }}}} {{{{ $labels.currency }}}} are left for {THE_PROFILE}. Top up on the provider's billing page. {EXPLAIN}",
        hold=figures.two_scrapes,
        keep=figures.probe_settled,
        dashboard=ON_PROVIDERS,
    )
