"""Edge. From the options of `--probe` to the wish that is carried out."""

from __future__ import annotations

from exporter.checking import Scope
from exporter.cli.asked import Wish
from exporter.cli.probe_options import ProbeFlags


def wish_of(flags: ProbeFlags, scope: Scope, *, polite: bool, quiet: bool) -> Wish:
    """Narrow the command's own scope by the options of `--probe`."""
    providers = flags.probe_provider or scope.providers
    return Wish(
        Scope(scope.gateways, scope.agents, providers),
        flags.probe_profile,
        flags.probe_timeout,
        flags.probe_concurrency,
        polite=polite,
        quiet=quiet,
    )
