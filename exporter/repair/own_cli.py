"""Edge. Runs the gateway's own program, the only one that may write where we may not. It is never killed and never hurried.

A killed one leaves leases and locks that hold every later command up (spec/gateways.md, 12.3). So it gets a session of its own, which a
Ctrl-C at our terminal does not reach; we wait for it, however long.
"""

from __future__ import annotations

import os
import pty
import re
import shutil
import signal
import subprocess
import termios
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Final

from exporter.model import Family, Secret
from exporter.providers.redact import redact
from exporter.reading.families import PLACES
from exporter.repair.target import Target

Tell = Callable[[str], None]
ANSI: Final = re.compile(r"\x1b(?:\[[0-9;?<>=]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-_])")
_BREAK: Final = re.compile(r"\x1b\[[0-9;]*[A-HJKSTfsu]|[\r\n]")  # cursor moves part lines as line ends do
_PROMPT_ART: Final = re.compile(r"[│◆◇└┌├●○▪]")
URL: Final = re.compile(r"https?://[^\s\"'<>]+")
_URL_SECRET: Final = re.compile(r"([?&#](?:access_token|refresh_token|id_token|token|api_?key|key|client_secret)=)[^&#\s]+", re.IGNORECASE)
_LONGEST_LINE: Final = 4000
_SIZE: Final = (24, 200)  # lines, columns


@dataclass(frozen=True, slots=True)
class Command:
    """A call of the gateway's own program. `environment` is what must be set beside what everybody has."""

    program: str
    arguments: tuple[str, ...]
    environment: Mapping[str, str]


def command(target: Target, home: Path, arguments: Sequence[str], path: str | None = None) -> Command | None:
    """Build a call for exactly this gateway; None when its program is not on the PATH, or the gateway is another user's."""
    if target.gateway.family is Family.STATIC or target.gateway.user is not None:
        return None
    program = shutil.which(target.dialect.cli, path=path)
    if program is None:
        return None
    prefix = PLACES[target.gateway.family].prefixes[0]
    state = Path(target.gateway.state_dir)
    environment = {}
    if state != home / f".{target.gateway.family.value}":
        environment[f"{prefix}_STATE_DIR"] = str(state)
    if Path(target.gateway.config_path).parent != state:
        environment[f"{prefix}_CONFIG_PATH"] = target.gateway.config_path
    return Command(program, tuple(arguments), environment)


def run(call: Command, tell: Tell, secret: Secret | None = None, *, typed: bool = False) -> int:
    """Run a call to its end and return its exit code; what it prints is told line by line, without secrets.

    `secret` goes over its standard input, or is `typed` at a terminal made for it, for releases that only ask there.
    """
    with _patience():
        return _on_terminal(call, tell, secret) if typed and secret is not None else _on_pipes(call, tell, secret)


def shown(line: str, secrets: Sequence[Secret] = ()) -> str:
    """Return a line of another program as it may be shown: addresses to open stay whole, whatever looks like a credential does not."""
    line = ANSI.sub("", line)[:_LONGEST_LINE]
    pieces: list[str] = []
    last = 0
    for url in URL.finditer(line):
        pieces += [_redacted(line[last : url.start()], secrets), _plain_url(url[0], secrets)]
        last = url.end()
    return "".join([*pieces, _redacted(line[last:], secrets)]).rstrip()


def environment(call: Command) -> dict[str, str]:
    """Return what a call runs with: everything of ours but our own settings, which may hold secrets; no colours."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MODEL_AUTH_EXPORTER_")}
    return {**kept, **call.environment, "NO_COLOR": "1"}


def _redacted(text: str, secrets: Sequence[Secret]) -> str:
    lead, tail = text[: len(text) - len(text.lstrip())], text[len(text.rstrip()) :]
    return f"{lead}{redact(text, secrets, _LONGEST_LINE)}{tail}" if text.strip() else text


def _plain_url(url: str, secrets: Sequence[Secret]) -> str:
    for secret in secrets:
        if len(secret.reveal()) >= 4:
            url = url.replace(secret.reveal(), "***")
    return _URL_SECRET.sub(r"\1***", url)


def _on_pipes(call: Command, tell: Tell, secret: Secret | None) -> int:
    secrets = (secret,) if secret else ()
    child = subprocess.Popen(
        [call.program, *call.arguments],
        stdin=subprocess.PIPE if secret else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment(call),
        start_new_session=True,
    )
    if child.stdin is not None and secret is not None:
        try:
            child.stdin.write(f"{secret.reveal()}\n".encode())
            child.stdin.close()
        except BrokenPipeError:  # it refused before it read
            pass
    assert child.stdout is not None
    with child.stdout as output:
        while raw := output.readline(_LONGEST_LINE):
            _tell_line(raw.decode("utf-8", "replace"), tell, secrets)
    return _waited(child)


def _on_terminal(call: Command, tell: Tell, secret: Secret) -> int:
    """Answer the one question of a release that only asks at a terminal; everything around the question is left out."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, _SIZE)  # one without a size breaks its lines after every character
    child = subprocess.Popen(
        [call.program, *call.arguments], stdin=theirs, stdout=theirs, stderr=theirs, env=environment(call), start_new_session=True
    )
    os.close(theirs)
    pending = ""
    answered = False
    while chunk := _read(ours):
        pending += chunk.decode("utf-8", "replace")
        if not answered and "Paste" in pending:
            os.write(ours, f"{secret.reveal()}\r".encode())
            answered = True
        *lines, pending = _BREAK.split(pending)
        for line in lines:
            _tell_line(line, tell, (secret,), drawn=True)
    _tell_line(pending, tell, (secret,), drawn=True)
    os.close(ours)
    return _waited(child)


def _tell_line(line: str, tell: Tell, secrets: Sequence[Secret], *, drawn: bool = False) -> None:
    if drawn and (_PROMPT_ART.search(line) or any(_echoes(line, secret) for secret in secrets)):
        return
    words = shown(line, secrets)
    if words.strip():
        tell(words)


def _echoes(line: str, secret: Secret) -> bool:
    """Say whether a line may be part of a secret being typed."""
    text = ANSI.sub("", line).strip()
    return bool(text) and (text in secret.reveal() or secret.reveal()[:4] in text)


def _read(fd: int) -> bytes:
    try:
        return os.read(fd, 65536)
    except OSError:  # its side of the terminal is closed
        return b""


def _waited(child: subprocess.Popen[bytes]) -> int:
    code = child.wait()
    return code if code >= 0 else 128 - code


@contextmanager
def _patience() -> Iterator[None]:
    """Answer the first Ctrl-C, from before the program starts to after its end, with why we wait; the second stops the waiting only."""
    asked = False

    def answer(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True
        words = "the gateway's program is at work; stopped half-way it would hold up every later command. Ctrl-C again stops the waiting."
        os.write(2, f"\n{words}\n".encode())

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, answer)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
