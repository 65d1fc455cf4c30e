"""Edge. The machines of these tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.deploy.phones import termux
from tests.deploy.stands import Host


@pytest.fixture
def phone(tmp_path: Path) -> Host:
    return termux(tmp_path)
