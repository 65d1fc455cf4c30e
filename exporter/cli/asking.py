"""Edge. The snapshot of a running exporter (`check --from`, `status --from`)."""

from __future__ import annotations

import base64
import json
import urllib.error
import urllib.request
from datetime import datetime, timedelta
from urllib.parse import unquote, urlsplit, urlunsplit

from exporter.cli.ending import Ending, Failure
from exporter.remote import NotADocument, snapshot_of
from exporter.settings import Settings
from exporter.settings_file.text import parse_address
from exporter.verdict import Snapshot
from exporter.words import duration

_ANSWER_BYTES = 256 << 20
_TIMEOUT_SECONDS = 15.0
_STALE_AFTER = timedelta(minutes=5)


class Unreachable(Exception):
    """A running exporter did not answer as one; the text says how."""

    def __str__(self) -> str:
        """Say it for people."""
        return f"the running exporter cannot be asked: {self.args[0]}"


def ask(url: str, settings: Settings) -> Snapshot:
    """Fetch the snapshot of a running exporter; raises Unreachable, and ends the command with 64 for what is no address."""
    request = _request(url, settings)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect)
    try:
        with opener.open(request, timeout=_TIMEOUT_SECONDS) as answer:
            raw = answer.read(_ANSWER_BYTES)
        return snapshot_of(json.loads(raw))
    except urllib.error.HTTPError as error:
        with error:
            raise Unreachable(f"it answered {error.code}") from None
    except (OSError, urllib.error.URLError) as error:
        reason = getattr(error, "reason", error)
        raise Unreachable(getattr(reason, "strerror", None) or type(reason).__name__) from None
    except (NotADocument, RecursionError) as error:
        raise Unreachable(f"its answer is not a snapshot: {error}") from None
    except ValueError:
        raise Unreachable("its answer is not JSON") from None


def stale(snapshot: Snapshot, here: datetime) -> str:
    """Say that what a running exporter told is too old to be judged by; "" when it is not."""
    age = here - snapshot.at
    return f"the running exporter's last pass is {duration(age)} old" if age > _STALE_AFTER else ""


def _request(url: str, settings: Settings) -> urllib.request.Request:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise Failure(Ending.USAGE, "--from: not a URL") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise Failure(Ending.USAGE, "--from: write http://HOST:PORT")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    authority = f"{host}:{port}" if port is not None else host
    request = urllib.request.Request(urlunsplit((parts.scheme, authority, f"{parts.path.rstrip('/')}/api/v1/snapshot", "", "")))
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        request.add_header("Authorization", f"Basic {base64.b64encode(pair.encode()).decode()}")
    elif settings.web.bearer_token is not None and (parts.hostname, port) == parse_address(settings.listen):
        request.add_header("Authorization", f"Bearer {settings.web.bearer_token.reveal()}")
    return request


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Turns every redirect into an error: what we send goes to the named host only."""

    def redirect_request(self, *args: object, **kwargs: object) -> None:
        return None
