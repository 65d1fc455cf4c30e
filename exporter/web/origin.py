"""Pure. Is a request addressed to us, and does a change come from our own page?

DNS rebinding: a web page's own name is made to point at 127.0.0.1, so that its scripts may read what listens there. Such requests
carry the page's name in `Host`; addresses and `localhost` cannot be rebound.
Source: RFC 9110 section 7.2; Fetch standard (Origin, Sec-Fetch-Site).
"""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

_PORTS = {"http": "80", "https": "443"}


def addressed_to_us(host: str | None, server: str | None, external_url: str | None) -> bool:
    """Tell whether `Host` may be answered; only connections to a loopback address are checked, and what has none (HTTP/1.0) passes."""
    if host is None or server is None or not is_loopback(server):
        return True
    name = _name(host)
    if name == "localhost" or name.endswith(".localhost") or _is_address(name):
        return True
    return external_url is not None and name == (urlsplit(external_url).hostname or "").lower()


def same_origin(origin: str | None, site: str | None, host: str | None, scheme: str, external_url: str | None) -> bool:
    """Tell whether a change comes from our own page, or from a program, which sends neither header."""
    if site is not None and site not in ("same-origin", "none"):
        return False
    if origin is None:
        return True
    allowed = {_place(f"{scheme}://{host}")} if host else set()
    if external_url is not None:
        allowed.add(_place(external_url))
    return _place(origin) in allowed - {None}


def _place(url: str) -> tuple[str, str] | None:
    """Take host and port of an address; None for what is none, such as `null`."""
    try:
        parts = urlsplit(url)
        name, port = parts.hostname, parts.port
    except ValueError:
        return None
    return (name.lower(), str(port or _PORTS.get(parts.scheme, ""))) if name else None


def _name(host: str) -> str:
    try:
        return (urlsplit(f"//{host}").hostname or "").lower().rstrip(".")
    except ValueError:
        return ""


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return False
    return True


def is_loopback(server: str) -> bool:
    """Tell whether a connection's own end is a loopback address."""
    try:
        address = ipaddress.ip_address(server.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback
