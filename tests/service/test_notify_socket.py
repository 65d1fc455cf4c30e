"""Edge. Datagrams to a service manager, real sockets."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from exporter.notify_socket import notify


@pytest.mark.parametrize("abstract", [False, True], ids=["path", "abstract"])
def test_the_state_arrives(tmp_path: Path, abstract: bool) -> None:
    name = f"@exporter-test-{os.getpid()}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(f"\0{name[1:]}" if abstract else name)
        assert notify("READY=1", {"NOTIFY_SOCKET": name})
        assert manager.recv(64) == b"READY=1"


@pytest.mark.parametrize("environ", [{}, {"NOTIFY_SOCKET": ""}, {"NOTIFY_SOCKET": "vsock:2:1"}, {"NOTIFY_SOCKET": "/nowhere/at/all"}])
def test_without_a_manager_nothing_happens(environ: dict[str, str]) -> None:
    assert not notify("READY=1", environ)
