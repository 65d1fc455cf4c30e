"""Edge. A service manager that listens."""

from __future__ import annotations

import socket
import threading
from pathlib import Path


class Manager:
    """Hears what is sent to its socket."""

    def __init__(self, path: Path) -> None:
        """Listen on a socket of this path."""
        self.path, self.datagrams = path, list[str]()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    @property
    def said(self) -> list[str]:
        """Return every line so far."""
        return [line for datagram in self.datagrams for line in datagram.splitlines()]

    def _listen(self) -> None:
        while True:
            try:
                self.datagrams.append(self._socket.recv(4096).decode())
            except OSError:
                return

    def close(self) -> None:
        """Stop listening."""
        self._socket.close()
