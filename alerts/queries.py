"""Pure. Pieces of expressions and of texts that the rules share."""

from __future__ import annotations

from datetime import timedelta

TARGET = "job, instance"
GATEWAY = f"{TARGET}, gateway"
AGENT = f"{GATEWAY}, agent"
PROVIDER = f"{AGENT}, provider"
PROFILE = f"{PROVIDER}, profile"

# Of whom a description speaks.
THE_PROFILE = "{{ $labels.profile }} of agent {{ $labels.agent }} on {{ $labels.gateway }} ({{ $labels.instance }})"
THE_PROVIDER = "{{ $labels.provider }} for agent {{ $labels.agent }} on {{ $labels.gateway }} ({{ $labels.instance }})"
THE_STORE = (
    "{{ with $labels.store }}{{ . }}{{ else }}places{{ end }} of {{ $labels.gateway }}"
    "{{ if $labels.agent }}, agent {{ $labels.agent }}{{ end }} ({{ $labels.instance }})"
)
THE_DRIFT = (
    "{{ if $labels.provider }}{{ $labels.provider }} of {{ end }}{{ if $labels.agent }}agent {{ $labels.agent }} on {{ end }}"
    "{{ $labels.gateway }} ({{ $labels.instance }})"
)
US = "{{ $labels.instance }}"

EXPLAIN = "On that host `model-auth-exporter explain '{{ $labels.profile }}'` says why and what to run."
STATUS = "On that host `model-auth-exporter status --provider {{ $labels.provider }}` shows which, why, and what to run."
DIAGNOSE = "On that host run `model-auth-exporter doctor`."

# Links into our dashboards; Grafana takes `var-` parameters.
_VARIABLES = "var-job={{ $labels.job }}&var-instance={{ $labels.instance }}"
ON_OVERVIEW = f"d/model-auth-overview?{_VARIABLES}"
ON_PROFILE = (
    f"d/model-auth-profile?{_VARIABLES}&var-gateway={{{{ $labels.gateway }}}}&var-agent={{{{ $labels.agent }}}}"
    "&var-provider={{ $labels.provider }}&var-profile={{ $labels.profile }}"
)
ON_PROVIDERS = f"d/model-auth-providers?{_VARIABLES}&var-gateway={{{{ $labels.gateway }}}}&var-provider={{{{ $labels.provider }}}}"
ON_EXPORTER = f"d/model-auth-exporter?{_VARIABLES}"


def number(span: timedelta) -> str:
    """Write a duration as the number of seconds a comparison wants."""
    return str(round(span.total_seconds()))


def lines(*parts: str) -> str:
    """Write an expression of several lines."""
    return "\n".join(parts)


def ticket(expr: str) -> str:
    """Limit an expression over profiles to providers that agents use, and to profiles that are set up: others are nobody's ticket."""
    return lines(
        "(",
        *(f"  {line}" for line in expr.splitlines()),
        ")",
        f"and on ({PROVIDER}) model_auth_provider_in_use == 1",
        f'unless on ({PROFILE}) model_auth_profile_eligibility{{reason="setup_inactive"}} == 1',
    )
