"""Pure. Channels of the settings as routes and lanes: who gets what, and which of them take notices, states or signs of life."""

from __future__ import annotations

from collections.abc import Iterable

from exporter.alerting.alert import Route
from exporter.finding import Severity
from exporter.settings import Channel


def route(channel: Channel) -> Route:
    """Say which findings one channel gets."""
    severities = frozenset(Severity(name) for name in channel.severities)
    return Route(channel.name, severities, frozenset(channel.tags), channel.escalation)


def for_notices(channels: Iterable[Channel]) -> tuple[Channel, ...]:
    """Return the channels that get messages: Apprise and commands."""
    return tuple(channel for channel in channels if channel.url is not None or channel.command)


def for_alerts(channels: Iterable[Channel]) -> tuple[Channel, ...]:
    """Return the channels that get the state of every alert: Alertmanagers."""
    return tuple(channel for channel in channels if channel.alertmanager)


def for_beats(channels: Iterable[Channel]) -> tuple[Channel, ...]:
    """Return the channels that get signs of life."""
    return tuple(channel for channel in channels if channel.heartbeat is not None)
