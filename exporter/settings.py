"""Pure. Every setting: its type, default, unit and description. Attribute names are the keys of the YAML file.

Defaults alone are a useful configuration. Reading a file, variables and credentials is `settings_file`'s work.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Literal

from exporter.model import Family, Secret

ENV_PREFIX: Final = "MODEL_AUTH_EXPORTER_"
CONFIG_VARIABLE: Final = "MODEL_AUTH_EXPORTER_CONFIG"
INSTANCE_HEADER: Final = "x-model-auth-exporter-instance"  # of /-/healthy: a one-shot run learns from it who leads the alert book

SeverityName = Literal["critical", "warning", "info"]
RightName = Literal["metrics", "page", "change"]


def _setting(
    default: object, description: str, unit: str = "", *, kind: str = "", least: float | None = None, most: float | None = None
) -> Any:
    """Declare one setting: `kind` names a text form (percent, url, address, hours, zone), `least` and `most` bound it (durations: s)."""
    metadata = {"description": description, "unit": unit, "kind": kind, "least": least, "most": most}
    if callable(default):
        return field(default_factory=default, metadata=metadata)
    return field(default=default, metadata=metadata)


def _nothing() -> Mapping[str, Any]:
    return MappingProxyType({})


def _seconds(value: float) -> timedelta:
    return timedelta(seconds=value)


def _hours(value: float) -> timedelta:
    return timedelta(hours=value)


def _days(value: float) -> timedelta:
    return timedelta(days=value)


@dataclass(frozen=True, slots=True)
class Token:
    """One bearer token."""

    name: str = _setting("", "name of its bearer, for web.rights and the log")
    token: Secret | None = _setting(None, "the token")


@dataclass(frozen=True, slots=True)
class Web:
    """The web server."""

    config: Path | None = _setting(None, "web-config file with TLS, client certificates and basic-auth users")
    bearer_token: Secret | None = _setting(None, "token that callers must present as `Authorization: Bearer …`")
    tokens: tuple[Token, ...] = _setting((), "more tokens, each with a name")
    rights: Mapping[str, tuple[RightName, ...]] = _setting(
        _nothing, "what a user, token or certificate may do: {prometheus: [metrics]}; not named: all; `anonymous` is who has no login"
    )
    reload: bool = _setting(False, "offer POST /-/reload")
    allow_insecure_listen: bool = _setting(False, "allow `listen` on other than loopback without TLS and authentication")
    external_url: str | None = _setting(None, "address people reach this server under, for links in notices")
    runbook_base_url: str | None = _setting(None, "where the runbook pages are, for links in notices")


@dataclass(frozen=True, slots=True)
class Gateway:
    """One gateway named by hand. `~` in its paths is the home of `user`, else ours."""

    name: str | None = _setting(None, "label of the gateway; else the base name of its state directory")
    family: Family | None = _setting(None, "openclaw, clawdbot, moltbot or remoteclaw; else told from the directory's name")
    state_dir: Path | None = _setting(None, "state directory, such as ~/.openclaw")
    config: Path | None = _setting(None, "configuration file, when it is not in the state directory")
    env_file: Path | None = _setting(None, "file with the environment variables its service gets")
    user: str | None = _setting(None, "whose home it lives in, when it is not ours")
    service: str | None = _setting(None, "systemd unit or launchd label that runs it")


@dataclass(frozen=True, slots=True)
class Key:
    """Where a static profile's key is: exactly one of the three."""

    env: str | None = _setting(None, "environment variable of this process")
    file: Path | None = _setting(None, "file; a bare name is looked for in $CREDENTIALS_DIRECTORY first")
    exec: tuple[str, ...] = _setting((), "command and arguments that print the key (needs secrets.exec)")


@dataclass(frozen=True, slots=True)
class StaticProfile:
    """A key that belongs to no gateway."""

    id: str = _setting("", "profile id, such as openai:ci")
    provider: str = _setting("", "provider id, such as openai")
    key: Key = _setting(Key, "where the key is")
    base_url: str | None = _setting(None, "address of the provider, when it is not the usual one")
    expires_at: datetime | None = _setting(None, "when the key ends, RFC 3339")


@dataclass(frozen=True, slots=True)
class Read:
    """Reading of stores."""

    interval: timedelta = _setting(_seconds(15), "full pass over everything", "duration", least=1)
    poll: timedelta = _setting(_seconds(3), "look for changed files", "duration", least=0.5)
    cli_logins: bool = _setting(True, "read the logins of Claude Code, Codex, Gemini CLI, Qwen and MiniMax")
    login_shell: bool = _setting(False, "ask the login shell for its environment variables")


@dataclass(frozen=True, slots=True)
class Secrets:
    """SecretRefs."""

    exec: bool = _setting(False, "run exec SecretRefs (only when a probe is due, at most every 15 minutes)")


@dataclass(frozen=True, slots=True)
class Labels:
    """Labels of metrics, notices and pages."""

    emails: Literal["mask", "show"] = _setting("mask", "e-mail addresses in profile ids: mask or show")


@dataclass(frozen=True, slots=True)
class Expiry:
    """Expiry verdicts."""

    warn: timedelta = _setting(_hours(24), "a credential that ends sooner is `expiring`", "duration", least=0)
    stages: tuple[timedelta, ...] = _setting(
        (_days(28), _days(14), _days(7), _days(2), _hours(24), _hours(2)), "warn again as each of these is crossed", "duration", least=0
    )
    renewal_grace: timedelta = _setting(_seconds(1800), "a failed renewal counts after this long", "duration", least=0)
    unproven_after: timedelta = _setting(_days(7), "an unproven renewal is reported after this long", "duration", least=0)


@dataclass(frozen=True, slots=True)
class ProviderProbes:
    """Probe settings of one provider; null takes the general one."""

    enabled: bool | None = _setting(None, "probe this provider")
    interval: timedelta | None = _setting(None, "time between two probes of one credential", "duration", least=1)
    timeout: timedelta | None = _setting(None, "time one probe may take", "duration", least=0.1)
    daily_budget: int | None = _setting(None, "requests a day", least=0)
    deep: Literal["never", "daily", "always"] | None = _setting(None, "spend a token: never, daily or always")
    model: str | None = _setting(None, "model for deep probes")
    usage: bool | None = _setting(None, "ask the usage or balance endpoint")


@dataclass(frozen=True, slots=True)
class Probes:
    """Requests to providers."""

    enabled: bool = _setting(True, "probe providers at all")
    interval: timedelta = _setting(_seconds(900), "time between two probes of one credential", "duration", least=1)
    jitter: float = _setting(0.2, "spread of the interval", "percent", kind="percent", least=0, most=1)
    timeout: timedelta = _setting(_seconds(15), "time one probe may take", "duration", least=0.1)
    concurrency: int = _setting(2, "probes under way at once", least=1)
    per_host_gap: timedelta = _setting(_seconds(2), "pause between two probes of one host", "duration", least=0)
    daily_budget: int = _setting(500, "requests a day", least=0)
    deep: Literal["never", "daily", "always"] = _setting("never", "spend a token: never, daily or always")
    proxy: Secret | None = _setting(None, "proxy URL for probes", kind="url")
    per_provider: Mapping[str, ProviderProbes] = _setting(_nothing, "the same keys for one provider: {openai: {interval: 1h}}")


@dataclass(frozen=True, slots=True)
class Thresholds:
    """When a fact becomes a finding."""

    quota: float = _setting(0.8, "used share of a quota", "ratio", kind="percent", least=0, most=1)
    credit: Mapping[str, float] = _setting(_nothing, "lowest balance per provider: {openrouter: 5}")
    cooldown_long: timedelta = _setting(_hours(1), "a cooldown longer than this", "duration", least=0)
    unknown_expiry_age: timedelta = _setting(_days(330), "a token without a date older than this", "duration", least=0)
    clock_skew: timedelta = _setting(_seconds(60), "offset of this machine's clock", "duration", least=0)


@dataclass(frozen=True, slots=True)
class Repeat:
    """Reminders of one alert."""

    critical: timedelta = _setting(_hours(1), "remind of a critical alert", "duration", least=1)
    warning: timedelta = _setting(_hours(12), "remind of a warning", "duration", least=1)


@dataclass(frozen=True, slots=True)
class Alerts:
    """The life of an alert."""

    group_wait: timedelta = _setting(_seconds(30), "collect findings before the first notice", "duration", least=0)
    group_interval: timedelta = _setting(_seconds(300), "least time between two notices of a group", "duration", least=0)
    repeat: Repeat = _setting(Repeat, "reminders")
    escalate_after: timedelta = _setting(_seconds(1800), "escalate a critical alert that nobody acknowledged", "duration", least=0)
    quiet_hours: str | None = _setting(None, "hold back warnings, such as 22:00-07:00", kind="hours")
    startup_grace: timedelta = _setting(_seconds(60), "send nothing this long after start", "duration", least=0)
    canary_every: timedelta | None = _setting(None, "send a sign of life", "duration", least=60)
    disable: tuple[str, ...] = _setting((), "names of findings that are not wanted")


@dataclass(frozen=True, slots=True)
class Channel:
    """One way to reach people: exactly one of url, alertmanager, heartbeat, command."""

    name: str = _setting("", "name of the channel, in labels and logs")
    url: Secret | None = _setting(None, "Apprise URL")
    alertmanager: tuple[Secret, ...] = _setting((), "addresses of Alertmanager peers", kind="url")
    heartbeat: Secret | None = _setting(None, "URL called while all is well")
    command: tuple[str, ...] = _setting((), "command that gets the notice as JSON on its standard input")
    severities: tuple[SeverityName, ...] = _setting(("critical", "warning"), "severities it gets")
    tags: tuple[str, ...] = _setting((), "only findings with one of these: severity, gateway, agent, provider or name; empty: all")
    escalation: bool = _setting(False, "gets only what nobody acknowledged in time")
    timeout: timedelta = _setting(_seconds(30), "time one delivery may take", "duration", least=1)
    gap: timedelta = _setting(_seconds(1), "least time between two deliveries", "duration", least=0)


@dataclass(frozen=True, slots=True)
class Metrics:
    """Series and where they go."""

    max_profiles: int = _setting(10_000, "profiles with series of their own; healthy ones are dropped first", least=1)
    textfile: Path | None = _setting(None, "also write this .prom file for node_exporter")
    push: Secret | None = _setting(None, "also push to this Pushgateway URL", kind="url")


@dataclass(frozen=True, slots=True)
class Log:
    """Logs on standard error."""

    level: Literal["debug", "info", "warning", "error"] = _setting("info", "debug, info, warning or error")
    format: Literal["logfmt", "json"] = _setting("logfmt", "logfmt or json")


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings."""

    listen: str = _setting("127.0.0.1:10987", "address of the web server", kind="address")
    host: str | None = _setting(None, "how notices and labels call this machine; else its host name")
    web: Web = _setting(Web, "the web server")
    gateways: tuple[Gateway, ...] = _setting((), "empty: discover every gateway of this user")
    static_profiles: tuple[StaticProfile, ...] = _setting((), "keys that belong to no gateway")
    read: Read = _setting(Read, "reading of stores")
    secrets: Secrets = _setting(Secrets, "SecretRefs")
    labels: Labels = _setting(Labels, "labels of metrics, notices and pages")
    expiry: Expiry = _setting(Expiry, "expiry verdicts")
    probes: Probes = _setting(Probes, "requests to providers")
    thresholds: Thresholds = _setting(Thresholds, "when a fact becomes a finding")
    alerts: Alerts = _setting(Alerts, "the life of an alert")
    channels: tuple[Channel, ...] = _setting((), "ways to reach people")
    state_dir: Path | None = _setting(None, "own state; else $STATE_DIRECTORY, else the XDG state directory")
    metrics: Metrics = _setting(Metrics, "series and where they go")
    log: Log = _setting(Log, "logs on standard error")
    timezone: str | None = _setting(None, "time zone of notices, such as Europe/Berlin; else the machine's", kind="zone")
