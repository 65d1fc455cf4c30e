"""Edge. A start that fails leaves nothing behind."""

from __future__ import annotations

import gc
import signal
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from exporter.monitor import Clocks
from exporter.service import serve
from exporter.settings import Settings
from exporter.web.server import bind
from tests.running import free_port


def test_an_address_is_free_again_when_the_start_fails(tmp_path: Path) -> None:
    port = free_port()
    before = signal.getsignal(signal.SIGTERM)

    def no_time() -> datetime:
        raise RuntimeError("no clock")

    with pytest.raises(RuntimeError):
        serve(replace(Settings(), listen=f"127.0.0.1:{port}"), environ={"HOME": str(tmp_path)}, home=tmp_path, clocks=Clocks(now=no_time))
    gc.collect()  # a socket left open would warn, and warnings are errors
    bind("127.0.0.1", port).close()
    assert signal.getsignal(signal.SIGTERM) is before
