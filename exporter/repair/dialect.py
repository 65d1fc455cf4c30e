"""Pure. How one release of a gateway spells providers, guards its files and words its answers.

Source: spec/gateways.md, 6 and 12; transcripts of eleven releases.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from exporter.judging.selection import normalise
from exporter.model import Era, Family

Release = tuple[int, ...]

_JANUARY: Final = {"z.ai": "zai", "z-ai": "zai", "opencode-zen": "opencode", "qwen": "qwen-portal"}
_MARCH: Final = {"opencode-go-auth": "opencode-go", "bedrock": "amazon-bedrock", "aws-bedrock": "amazon-bedrock", "bytedance": "volcengine",
                 "doubao": "volcengine"}  # fmt: skip
_ALIASES: Final[tuple[tuple[Release, Mapping[str, str]], ...]] = (  # of the releases from each on; the last that fits counts
    ((0,), _JANUARY),
    ((2026, 1, 29), {**_JANUARY, "kimi-code": "kimi-coding"}),
    ((2026, 3, 13), {**_JANUARY, **_MARCH, "kimi-code": "kimi-coding"}),
    (
        (2026, 4, 20),
        {**{key: name for key, name in _JANUARY.items() if key != "qwen"}, **_MARCH, "modelstudio": "qwen", "qwencloud": "qwen",
         "kimi-code": "kimi", "kimi-coding": "kimi"},
    ),
    ((2026, 5), {}),
)  # fmt: skip
_ASSUMED: Final[Mapping[Era, Release]] = {  # when nothing tells the release: one of that generation
    Era.JSON: (2026, 1, 30),
    Era.JSON_SPLIT: (2026, 4, 20),
    Era.AGENT_DB: (2026, 7, 1),
    Era.SHARED_DB: (2026, 9, 6),
    Era.GLOBAL_JSON: (2026, 2, 26),
}
_OLD_NAMES: Final = frozenset({Family.CLAWDBOT, Family.MOLTBOT})
SPLIT_SINCE: Final = (2026, 4, 9)
DATABASES_SINCE: Final = (2026, 6, 5)


@dataclass(frozen=True, slots=True)
class Dialect:
    """One release: `known` false when it is only assumed from the generation of its stores."""

    family: Family
    release: Release
    era: Era
    known: bool

    @property
    def cli(self) -> str:
        """The name of the gateway's own program."""
        return self.family.value

    @property
    def databases(self) -> bool:
        """True when logins lie in SQLite, which only the gateway itself may write."""
        return self.era in (Era.AGENT_DB, Era.SHARED_DB) or (self.era is not Era.GLOBAL_JSON and self.release >= DATABASES_SINCE)

    @property
    def split(self) -> bool:
        """True when the order lies in auth-state.json."""
        return self.era is Era.JSON_SPLIT or (self.known and self.era is not Era.GLOBAL_JSON and self.release >= SPLIT_SINCE)

    @property
    def directory_lock(self) -> bool:
        """True when the store's lock is a directory, false when it is a file."""
        return self.release < (2026, 2, 17)

    @property
    def composite_durations(self) -> bool:
        """True when `--expires-in` takes 1d12h, and refuses in the newer words."""
        return self.release >= (2026, 5)

    @property
    def modern(self) -> bool:
        """True for releases from 2026.5.28 on, which shorten the home and hint at `auth list`."""
        return self.release >= (2026, 5, 28)

    @property
    def newest_words(self) -> bool:
        """True for releases from 2026.8 on, which say `Auth profile order override`."""
        return self.release >= (2026, 8)

    def provider(self, typed: str) -> str:
        """Spell a provider id as this release stores it."""
        name = normalise(typed)
        aliases = next(table for since, table in reversed(_ALIASES) if self.release >= since)
        return aliases.get(name, name)

    def refused(self, words: str) -> str:
        """Word a refusal as this release prints it."""
        return words if self.newest_words else f"Error: {words}"

    def not_found(self, profile_id: str, provider: str, agent_dir: str, short_dir: str) -> str:
        """Say that an order names a profile that is not stored."""
        if not self.modern:
            return f'Auth profile "{profile_id}" not found in {agent_dir}.'
        hint = f"Run {self.cli} models auth list --provider {provider} to see saved profiles."
        return f'Auth profile "{profile_id}" not found in {short_dir}. {hint}'

    def no_profile_ids(self) -> str:
        """Say that an order was to be set to nothing."""
        if not self.modern:
            return "error: missing required argument 'profileIds'"
        return 'Missing required argument "profileIds".'

    def unknown_agent(self, agent: str) -> str:
        """Say that there is no such agent."""
        return f'Unknown agent id "{agent}". Use "{self.cli} agents list" to see configured agents.'


def dialect(family: Family, era: Era, versions: tuple[str | None, ...]) -> Dialect:
    """Tell the dialect of a gateway; `versions` are what its process and its configuration say, the most telling first."""
    if era is not Era.GLOBAL_JSON:  # RemoteClaw counts its own releases
        for version in versions:
            release = _release(version)
            if release is not None:
                return Dialect(family, release, era, True)
    assumed = _ASSUMED.get(era) or ((2026, 1, 24) if family in _OLD_NAMES else _ASSUMED[Era.SHARED_DB])
    if era is Era.JSON and family is Family.CLAWDBOT:
        assumed = (2026, 1, 24)
    return Dialect(family, assumed, era, False)


def _release(version: str | None) -> Release | None:
    numbers = re.match(r"(20\d\d)\.(\d{1,3})\.(\d{1,3})(?:\D|\Z)", version or "", re.ASCII)
    return tuple(int(number) for number in numbers.groups()) if numbers else None
