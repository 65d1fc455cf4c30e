"""Pure. What a program that we start gets to see of our environment: nothing that may be a key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_PROXIES: Final = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
_KEPT: Final = frozenset(
    {
        "PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "TMPDIR", "TERM", "PREFIX",
        "LD_LIBRARY_PATH", "LD_PRELOAD", "VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME",
        "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE",
        "DISPLAY", "WAYLAND_DISPLAY", "DBUS_SESSION_BUS_ADDRESS",
        *_PROXIES, *(name.lower() for name in _PROXIES),
    }
)  # fmt: skip
_KEPT_PREFIXES: Final = ("LC_", "XDG_", "ANDROID_", "TERMUX_")


def child_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Keep only what programs need to run, to find certificates and to reach the network."""
    return {name: value for name, value in environ.items() if name in _KEPT or name.startswith(_KEPT_PREFIXES)}
