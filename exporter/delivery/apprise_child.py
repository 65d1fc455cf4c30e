"""Edge. The child process that loads Apprise: requests as JSON lines on standard input, results as JSON lines on standard output.

Shape:  {"id", "do": "notify", "url", "title", "plain", "markdown", "type", "severity", "seconds"} or {"id", "do": "check", "url"}
        → {"id", "ok", "reason"?, "maybe"?, "timeout"?}; it ends when its input ends.
Nothing it is told is ever written anywhere else: its own logs are caught, its standard error goes nowhere.
Source: spec/practice.md, F.5; Apprise 1.8 to 2.2.
"""

from __future__ import annotations

import json
import logging
import os
import re
import sys
import threading
from collections.abc import Mapping, Sequence
from typing import Any, Final, TextIO

_UNSURE: Final = re.compile(r"timed? ?out|aborted|reset by peer|RemoteDisconnected|IncompleteRead", re.IGNORECASE)
_NEVER_SENT: Final = re.compile(r"ConnectTimeout|connect timeout|refused|NameResolution|getaddrinfo|certificate|SSL", re.IGNORECASE)
_TYPES: Final = {"critical": "failure", "warning": "warning", "info": "info"}
_WORDS: Final = {  # names of priorities, best first; never the "emergency" of Pushover and others, which repeats until confirmed
    "critical": ("max", "urgent", "critical", "high", "P1"),
    "warning": ("normal", "default", "medium", "moderate", "warning", "P2"),
    "info": ("low", "silent", "info", "min", "P4"),
}
_OURS: Final = {"ntfy": {"warning": "high"}, "ntfys": {"warning": "high"}}
_FENCE: Final = re.compile(r"^```\n(.*?)\n```$", re.DOTALL | re.MULTILINE)
_FEW_TAGS: Final = "tgram:"  # takes HTML, but only some tags without attributes: Apprise knows which
_ADDRESS: Final = re.compile(r"^(\*\*[^*\n]+:\*\* )(https?://\S+)", re.MULTILINE)  # a line of ours that is a link
_WRAPPED: Final = "white-space:pre-wrap;overflow-wrap:anywhere"
_LONGEST_REASON: Final = 600


def main() -> int:
    """Serve until the input ends; every request in a thread of its own, so that one that hangs holds no other."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)  # a plug-in that prints must not break our lines
    os.dup2(nowhere, 2)
    lock = threading.Lock()
    threads = []
    _say(out, lock, {"id": 0, **_ready()})
    for line in sys.stdin:
        request = json.loads(line)
        thread = threading.Thread(target=_serve, args=(request, out, lock), daemon=True)
        thread.start()
        threads.append(thread)
    for thread in threads:
        thread.join()
    out.flush()
    os._exit(0)  # a library's worker that hangs must not keep us


def _serve(request: Mapping[str, Any], out: TextIO, lock: threading.Lock) -> None:
    try:
        result = _check(request["url"]) if request["do"] == "check" else _notify(request)
    except ImportError:
        result = {"ok": False, "reason": "the apprise package is not installed"}
    except Exception as error:
        result = {"ok": False, "reason": f"apprise failed: {type(error).__name__}", "maybe": True}
    _say(out, lock, {"id": request["id"], **result})


def _say(out: TextIO, lock: threading.Lock, result: Mapping[str, Any]) -> None:
    with lock:
        out.write(json.dumps(result) + "\n")
        out.flush()


def _ready() -> dict[str, Any]:
    """Load everything that the first notice would wait for."""
    try:
        import apprise

        return {"ok": bool(apprise.Apprise.instantiate("json://localhost", asset=_asset()))}
    except ImportError:
        return {"ok": False}


def _check(url: str) -> dict[str, Any]:
    import apprise

    plugin = apprise.Apprise.instantiate(url, asset=_asset(), suppress_exceptions=True)
    if plugin:
        return {"ok": True}
    known = {schema for schema in _schemas(apprise) if isinstance(schema, str)}
    return {"ok": False, "reason": "schema" if url.partition("://")[0].lower() not in known else "url"}


def _notify(request: Mapping[str, Any]) -> dict[str, Any]:
    import apprise

    logger = logging.getLogger("apprise")
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    caught = _Caught()
    plugin = _plugin(apprise, request["url"], request["severity"] if request["type"] != "success" else "info")
    if plugin is None:
        return {"ok": False, "reason": "Apprise does not accept the URL of this channel", "final": True}
    sender = apprise.Apprise(asset=_asset())
    sender.add(plugin)
    form = _format(plugin, request["url"])
    kind, body = _body(form, request)
    logger.addHandler(caught)
    try:
        result = sender.notify(
            body=body,
            title=request["title"],
            notify_type="success" if request["type"] == "success" else _TYPES[request["severity"]],
            body_format=kind,
        )
    finally:
        logger.removeHandler(caught)
    return _result(result, caught.lines)


def _result(result: Any, lines: Sequence[tuple[int, str]]) -> dict[str, Any]:
    """Read a result of 2.x (an object with a status) as well as one of 1.x (True, False, None)."""
    status = getattr(getattr(result, "status", None), "name", "")
    if result:
        return {"ok": True}
    if result is None or status == "NOMATCH":
        return {"ok": False, "reason": "Apprise found nothing to send to"}
    heard = "\n".join(line for _, line in lines)
    late = status == "TIMEOUT"
    maybe = late or status == "PARTIAL" or bool(_UNSURE.search(heard) and not _NEVER_SENT.search(heard))
    told = (
        [entry.message for entry in result.logs()]
        if hasattr(result, "logs")
        else [line for level, line in lines if level >= logging.WARNING]
    )
    return {"ok": False, "reason": " ".join(dict.fromkeys(told))[:_LONGEST_REASON], "maybe": maybe, "timeout": late}


def _plugin(apprise: Any, url: str, severity: str) -> Any:
    """Make the service of a URL; where it knows priorities and the URL names none, the severity chooses one."""
    plugin = apprise.Apprise.instantiate(url, asset=_asset(), suppress_exceptions=True)
    if not plugin or re.search(r"[?&]priority=", url):
        return plugin or None
    name = _priority(url.partition("://")[0].lower(), plugin, severity)
    if not name:
        return plugin
    with_priority = f"{url}{'&' if '?' in url else '?'}priority={name}"
    return apprise.Apprise.instantiate(with_priority, asset=_asset(), suppress_exceptions=True) or plugin


def _format(plugin: Any, url: str) -> str:
    """Tell what a service gets: what its URL asks for, else what it prefers; 2.x may name several formats, best first."""
    if asked := re.search(r"[?&]format=(\w+)", url):
        return asked[1].lower()
    declared = plugin.notify_format
    formats = [str(getattr(form, "value", form)) for form in (declared if isinstance(declared, tuple | list) else (declared,))]
    return "markdown" if formats == ["text", "markdown"] else formats[0]  # these two alone: it renders Markdown of its own


def _body(form: str, request: Mapping[str, Any]) -> tuple[str, str]:
    """Write a notice as a service takes it; returns what form that is, and the text."""
    match form:
        case "text":
            return "text", request["plain"]
        case "html" if request["url"].lower().startswith(_FEW_TAGS):
            return "markdown", _indented(request["markdown"])
        case "html":
            return "html", _page(request["markdown"])
        case _:
            return "markdown", request["markdown"]


def _page(text: str) -> str:
    """Write Markdown as HTML for a small screen: long commands wrap instead of leaving it, addresses can be touched."""
    import markdown  # type: ignore[import-untyped]  # Apprise brings it

    writer = markdown.Markdown(extensions=["fenced_code"])
    writer.preprocessors.deregister("html_block")  # no words of others become tags
    writer.inlinePatterns.deregister("html")
    writer.ESCAPED_CHARS = [*writer.ESCAPED_CHARS, "<", "|", "~"]
    return str(writer.convert(_ADDRESS.sub(r"\1<\2>", text))).replace("<pre>", f'<pre style="{_WRAPPED}">')


def _indented(text: str) -> str:
    """Write fenced blocks as indented ones: Apprise's own converter to HTML knows no fences and would join the lines of a command."""
    return _FENCE.sub(lambda found: "\n\n" + "\n".join(f"    {line}" for line in found[1].split("\n")) + "\n\n", text)


def _priority(schema: str, plugin: Any, severity: str) -> str:
    values = (getattr(plugin, "template_args", {}).get("priority") or {}).get("values") or ()
    names = [name for name in (values.values() if isinstance(values, dict) else values) if isinstance(name, str)]
    wanted = (_OURS.get(schema, {}).get(severity, ""), *_WORDS[severity])
    return next((name for name in wanted if name and name in names), "")


def _asset() -> Any:
    import apprise

    return apprise.AppriseAsset(app_id="model-auth-exporter", app_desc="model-auth-exporter", app_url="", async_mode=False)


def _schemas(apprise: Any) -> Any:
    try:
        from apprise import manager_plugins

        manager: Any = manager_plugins.NotificationManager
        return manager().schemas()
    except (ImportError, AttributeError):
        return [
            schema for details in apprise.Apprise().details()["schemas"] for schema in details["protocols"] + details["secure_protocols"]
        ]


class _Caught(logging.Handler):
    """Keeps what Apprise says while one notice is sent: what the same thread says, and hints of its workers, which belong to nobody."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[tuple[int, str]] = []
        self._thread = threading.get_ident()

    def emit(self, record: logging.LogRecord) -> None:
        level = record.levelno if record.thread == self._thread else logging.DEBUG
        self.lines.append((level, record.getMessage()[:_LONGEST_REASON]))


if __name__ == "__main__":
    sys.exit(main())
