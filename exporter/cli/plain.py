"""Pure. `status` as plain text: one line per profile that stands alone, aligned, for pipes, logs and `grep`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, tzinfo

from exporter.cli.rows import Row, groups
from exporter.verdict import ProviderVerdict, Snapshot
from exporter.words import visible

HEADINGS = ("GATEWAY", "AGENT", "NEXT", "PROVIDER", "PROFILE", "KIND", "HEALTH", "USABLE", "EXPIRES", "FROM", "COOLDOWN", "PROBE", "WHY")
_NOTHING = "-"


def plain(snapshot: Snapshot, now: datetime, zone: tzinfo | None) -> list[str]:
    """Write the table; empty cells are `-`, so that every line has every column."""
    table: list[tuple[str, ...]] = [HEADINGS]
    for gateway in snapshot.gateways:
        for agent in gateway.agents:
            for group in groups(agent, now, zone):
                table.extend(_cells(row) for row in group.rows)
                if not group.rows:
                    table.append(_empty(group.provider))
    return aligned(table) if len(table) > 1 else []


def aligned(table: Sequence[Sequence[str]]) -> list[str]:
    """Pad every column but the last to its widest cell."""
    widths = [max(len(line[column]) for line in table) for column in range(len(table[0]) - 1)]
    return ["  ".join([*(cell.ljust(width) for cell, width in zip(line, widths, strict=False)), line[-1]]).rstrip() for line in table]


def _cells(row: Row) -> tuple[str, ...]:
    verdict = row.verdict
    expires = f"{row.expires_at} ({row.expires})" if row.expires else ""
    cells = (
        verdict.gateway,
        verdict.agent,
        "next" if row.next else "",
        verdict.provider,
        verdict.profile,
        row.kind,
        verdict.health.value,
        row.usable,
        expires,
        row.origin,
        row.cooldown,
        row.probe,
        row.why,
    )
    return _shown(cells)


def _empty(provider: ProviderVerdict) -> tuple[str, ...]:
    """Write the line of a provider in use that has no profile at all."""
    seen = provider.usable is not None
    usable, why = ("no", "in use, there is no credential") if seen else ("unknown", "in use, no credential can be seen from here")
    return _shown((provider.gateway, provider.agent, "", provider.provider, "", "", provider.health.value, usable, "", "", "", "", why))


def _shown(cells: Sequence[str]) -> tuple[str, ...]:
    return tuple(visible(cell) or _NOTHING for cell in cells)
