"""Edge. Proves who a caller is: bearer tokens, users with bcrypt hashes, client certificates. The cost of guessing is theirs, not ours.

Every comparison takes the same time whether the name is known or not. Verified passwords are remembered by a keyed digest, so that a
scraper costs one hash; failed tries are limited for each address, and a correct login that is remembered is never held up by them.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import anyio
import anyio.to_thread

from exporter.model import Secret
from exporter.web.throttle import Throttle

_REMEMBERED: Final = 200
_TRIES: Final = 5
_PAUSE_SECONDS: Final = 10.0
_LONGEST_PASSWORD: Final = 72  # bytes that bcrypt looks at
_NOBODY: Final = Secret("$2b$10$abcdefghijklmnopqrstuu" + "A" * 31)  # costs as much as a real one
TOKEN_USER: Final = "token"  # the name of a token that was given none


@dataclass(frozen=True, slots=True)
class Proof:
    """What a request proved: a name; or nothing, wrongly when `tried`; `wait` seconds before the address may try again."""

    name: str | None = None
    tried: bool = False
    wait: float = 0.0


class Logins:
    """Users and tokens of one configuration. What was verified is forgotten with it."""

    def __init__(self, users: Mapping[str, Secret], tokens: Mapping[str, Secret], monotonic: Callable[[], float] = time.monotonic) -> None:
        """Take the bcrypt hashes of users and the tokens by name."""
        self._users, self._tokens, self._monotonic = users, tokens, monotonic
        self._key = secrets.token_bytes(32)
        self._verified: OrderedDict[bytes, bool] = OrderedDict()
        self._throttle = Throttle(_TRIES, _PAUSE_SECONDS)
        self._hashing = anyio.CapacityLimiter(1)

    @property
    def any(self) -> bool:
        """True when there is a way to log in with a header."""
        return bool(self._users or self._tokens)

    def challenges(self) -> tuple[str, ...]:
        """Return the ways to log in, as WWW-Authenticate says them; a browser can give a token as the password of any name."""
        bearer = ("Bearer",) if self._tokens else ()
        return (*bearer, 'Basic realm="model-auth-exporter", charset="UTF-8"') if self.any else ()

    async def prove(self, header: str, address: str) -> Proof:
        """Check one Authorization header of somebody at an address."""
        scheme, _, given = header.partition(" ")
        given = given.strip()
        match scheme.lower():
            case "bearer":
                name, password = "", given
            case "basic":
                name, password = _split(given)
            case _:
                return Proof(tried=bool(header))
        digest = hmac.digest(self._key, f"{scheme.lower()}\0{name}\0{password}".encode(errors="surrogateescape"), hashlib.sha256)
        if self._verified.get(digest):
            self._verified.move_to_end(digest)
            return Proof(name or self._token_name(password))
        wait = self._throttle.wait(address, self._monotonic())
        if wait > 0:
            return Proof(tried=True, wait=wait)
        proven = self._token_name(password) if name == "" or name not in self._users else None
        if proven is None and scheme.lower() == "basic" and self._users:
            proven = await self._user(name, password, address)
        if proven is None:
            self._throttle.spend(address, self._monotonic())
            return Proof(tried=True)
        if proven == name or name == "":
            self._remember(digest)
        return Proof(proven)

    async def _user(self, name: str, password: str, address: str) -> str | None:
        hashed = self._users.get(name, _NOBODY)
        async with self._hashing:
            if self._throttle.wait(address, self._monotonic()) > 0:  # others of this address failed while it waited
                return None
            fits = await anyio.to_thread.run_sync(_fits, password, hashed)
        return name if fits and name in self._users else None

    def _token_name(self, given: str) -> str | None:
        """Find the token; each is compared, so that time tells nothing of which one is near."""
        found = None
        for name, token in self._tokens.items():
            if hmac.compare_digest(given.encode(errors="surrogateescape"), token.reveal().encode(errors="surrogateescape")):
                found = name
        return found

    def _remember(self, digest: bytes) -> None:
        self._verified[digest] = True
        while len(self._verified) > _REMEMBERED:
            self._verified.popitem(last=False)


def have_bcrypt() -> bool:
    """Tell whether passwords can be checked here."""
    try:
        import bcrypt  # noqa: F401
    except ImportError:
        return False
    return True


def _fits(password: str, hashed: Secret) -> bool:
    import bcrypt

    try:
        return bcrypt.checkpw(password.encode(errors="surrogateescape")[:_LONGEST_PASSWORD], hashed.reveal().encode())
    except ValueError:
        return False


def _split(given: str) -> tuple[str, str]:
    """Take user and password apart; what is not base64 is a user nobody has."""
    try:
        text = base64.b64decode(given, validate=True).decode(errors="surrogateescape")
    except (binascii.Error, ValueError):
        return "\0", ""
    name, _, password = text.partition(":")
    return name, password
