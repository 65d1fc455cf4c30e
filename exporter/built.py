"""Pure. From what, and when, this was built. A build replaces this file by one that knows (.ci/build_hook.py)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

REVISION: Final = ""  # of the source; empty where nobody knows
BUILT_AT: Final = datetime(2026, 11, 1, tzinfo=UTC)  # no honest clock shows less
