"""Edge. A program that starts processes, kills them at any moment, and starts them again until each incident is told to its end.

Arguments: the state directory and how many are to be killed. Every process is forked from here, so that it need not import anything.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from datetime import timedelta
from pathlib import Path

from exporter.alerting.alert import Book, Silence
from exporter.alerting.life import Step, step
from exporter.alerting.notice import Notice
from exporter.delivery.sender import Lane, Sender
from exporter.journal.ledger import Ledger
from tests.alarm.matters import NOW, finding, found
from tests.alarm.scenes import CHANNELS, POLICY


class Ink:
    """A channel: one write that nothing can take back."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def deliver(self, notice: Notice, seconds: float) -> None:
        number = notice.entries[0].labels["profile"].removeprefix("anthropic:")
        os.write(self._descriptor, f"{number}\t{notice.channel}\t{notice.kind}\t{notice.id}\t{notice.possible_repeat}\n".encode())


def live(place: Path, number: int, phase: int, now_s: int) -> None:
    """Be one process: one pass and one round."""
    now = NOW + timedelta(seconds=now_s)
    ledger = Ledger(place)
    ledger.release()
    seen = found(finding(profile=f"anthropic:{number}")) if phase == 0 else found()

    def think(book: Book, silences: tuple[Silence, ...]) -> Step:
        return step(book, seen, now, POLICY, silences=silences)

    ledger.decide(think, now)
    ink = Ink(place / "sent")
    Sender(ledger, [Lane(name, ink, timedelta(seconds=30)) for name in CHANNELS], str(os.getpid()), lambda: now).round()
    if ledger.fault or ledger.depth().notices:
        os._exit(3)
    ledger.close()


def born(place: Path, number: int, phase: int, now_s: int) -> int:
    pid = os.fork()
    if pid == 0:
        try:
            live(place, number, phase, now_s)
        except BaseException as error:
            sys.stderr.write(f"{error!r}\n")
            os._exit(4)
        os._exit(0)
    return pid


def main(place: Path, wanted: int) -> tuple[int, int]:
    chance = random.Random(7)
    began = time.monotonic()
    os.waitpid(born(place, 0, 0, 60), 0)
    usual = time.monotonic() - began
    kills, number, clock = 0, 0, 60
    while kills < wanted or number == 0:
        for phase in (0, 1):
            while True:
                clock += 60
                pid = born(place, number, phase, clock)
                if kills < wanted and chance.random() < 0.8:
                    time.sleep(chance.random() * usual)
                    os.kill(pid, signal.SIGKILL)
                code = os.waitpid(pid, 0)[1]
                if code == 0:
                    break
                if not os.WIFSIGNALED(code):
                    raise SystemExit(f"a process failed: {os.waitstatus_to_exitcode(code)}")
                kills += 1
        number += 1
    return kills, number


if __name__ == "__main__":
    print(*main(Path(sys.argv[1]), int(sys.argv[2])))
