"""Edge. Our side of Apprise: starts the child when a notice is due, talks to it in lines, and ends it when the outbox is empty.

The URL of a channel goes to the child over its standard input: it is in no argument list, no environment and no log.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from exporter.alerting.notice import Notice, NoticeKind
from exporter.delivery.carrier import DeliveryError, Outcome, shown, timed_out
from exporter.delivery.child_environment import child_environment
from exporter.model import Secret

MODULE: Final = "exporter.delivery.apprise_child"
_ROOT: Final = Path(__file__).parents[2]
_START_SECONDS: Final = 20.0  # what importing Apprise may take on a phone, beside the time of the delivery itself
_END_SECONDS: Final = 2.0


class AppriseHost:
    """One child for as long as there is something to send; several threads may use it at once."""

    def __init__(self, environ: Mapping[str, str], module: str = MODULE) -> None:
        """Start nothing yet."""
        self._environ, self._module = environ, module
        self._lock = threading.Lock()
        self._child: _Child | None = None

    def ask(self, request: Mapping[str, Any], seconds: float) -> dict[str, Any] | None:
        """Send one request and return its result; None when there is none in time: the child is then ended, and what it held with it."""
        with self._lock:
            if self._child is None or not self._child.alive:
                self._child = _Child(self._command(), self._environment())
            child = self._child
        result = child.ask(request, seconds)
        if result is None:
            with self._lock:
                if self._child is child:
                    self._child = None
            child.leave()
        return result

    def close(self) -> None:
        """End the child."""
        with self._lock:
            child, self._child = self._child, None
        if child is not None:
            child.close()

    @property
    def pid(self) -> int | None:
        """Return the child's process id, while there is one."""
        with self._lock:
            return self._child.pid if self._child is not None and self._child.alive else None

    def _command(self) -> list[str]:
        return [sys.executable, "-P", "-m", self._module]

    def _environment(self) -> dict[str, str]:
        kept = child_environment(self._environ)
        paths = [str(_ROOT), *filter(None, [kept.get("PYTHONPATH")])]
        return {**kept, "PYTHONPATH": os.pathsep.join(paths), "PYTHONDONTWRITEBYTECODE": "1"}


class _Child:
    def __init__(self, command: list[str], environment: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            text=True,
            encoding="utf-8",
            start_new_session=True,
        )
        self._lock = threading.Lock()
        self._number = 0
        self._waiting: dict[int, queue.SimpleQueue[dict[str, Any] | None]] = {}
        self._left = False
        self._ready = threading.Event()
        threading.Thread(target=self._listen, name="apprise-results", daemon=True).start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return not self._left and self._process.poll() is None

    def ask(self, request: Mapping[str, Any], seconds: float) -> dict[str, Any] | None:
        if not self._ready.wait(_START_SECONDS):
            return {"ok": False, "reason": "the Apprise process does not start"}
        answer: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        assert self._process.stdin is not None
        with self._lock:
            self._number += 1
            number = self._number
            self._waiting[number] = answer
            try:
                self._process.stdin.write(json.dumps({"id": number, **request}) + "\n")
                self._process.stdin.flush()
            except (OSError, ValueError):
                del self._waiting[number]
                return {"ok": False, "reason": "the Apprise process ended"}
        try:
            return answer.get(timeout=seconds)
        except queue.Empty:
            return None
        finally:
            with self._lock:
                self._waiting.pop(number, None)

    def leave(self) -> None:
        """Take no more requests; end as soon as no other request is under way."""
        self._left = True
        threading.Thread(target=self._end_when_idle, name="apprise-ending", daemon=True).start()

    def close(self) -> None:
        self._left = True
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        try:
            self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._kill()

    def _end_when_idle(self) -> None:
        while self._waiting and self._process.poll() is None:
            time.sleep(0.05)
        self._kill()

    def _kill(self) -> None:
        """End the child and whatever it started."""
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass
        self._process.wait()
        if self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.close()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                result = json.loads(line)
                self._ready.set()
                with self._lock:
                    answer = self._waiting.get(result["id"])
                if answer is not None:
                    answer.put(result)
        self._ready.set()
        with self._lock:
            left = list(self._waiting.values())
        for answer in left:
            answer.put({"ok": False, "reason": "the Apprise process ended", "maybe": True})


class AppriseCarrier:
    """A channel that is an Apprise URL."""

    def __init__(self, host: AppriseHost, url: Secret) -> None:
        """Take the child's host and the URL."""
        self._host, self._url = host, url

    def deliver(self, notice: Notice, seconds: float) -> None:
        """Let the child send it; raises DeliveryError with Apprise's own reason, redacted."""
        request = {
            "do": "notify",
            "url": self._url.reveal(),
            "title": notice.title,
            "plain": _body(notice.plain, notice.title),
            "markdown": _body(notice.markdown, notice.title),
            "type": "success" if notice.kind is NoticeKind.RESOLVED else "problem",
            "severity": notice.severity.value,
        }
        result = self._host.ask(request, seconds)
        if result is None:
            raise timed_out(seconds)
        if not result["ok"]:
            outcome = Outcome.TIMEOUT if result.get("timeout") else Outcome.FAILED
            words = shown(str(result.get("reason", "")), self._url)
            raise DeliveryError(words, outcome, maybe=bool(result.get("maybe")), retry=not result.get("final"))


def faults(urls: Iterable[tuple[Any, Secret]], environ: Mapping[str, str]) -> list[tuple[Any, str]]:
    """Ask Apprise about URLs; returns the key of each that it does not accept and "schema" or "url". Nothing is sent."""
    wanted = list(urls)
    if not wanted:
        return []
    host = AppriseHost(environ)
    try:
        found = [(key, host.ask({"do": "check", "url": url.reveal()}, 10.0)) for key, url in wanted]
    finally:
        host.close()
    reasons = [(key, str(result.get("reason"))) for key, result in found if result is not None and not result["ok"]]
    return [(key, reason) for key, reason in reasons if reason in ("schema", "url")]  # else it cannot tell: it is not installed


def _body(text: str, title: str) -> str:
    """Leave out the first line where it is the title: services show that apart."""
    first, _, rest = text.partition("\n")
    return rest.strip("\n") if title in first and rest.strip() else text
