"""Seven virtual days of 200 profiles whose providers fail in every way: no drift, no growth, nothing sent that must not be."""

from __future__ import annotations

import itertools
import json
import threading
from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import pytest

from exporter.journal import FILE_NAME
from exporter.outcome import ProbeStatus
from exporter.probing.one_pass import Hooks
from exporter.probing.rounds import Manner
from exporter.settings import Probes
from tests.builders import agent, config, document, environment, gateway, key, profile
from tests.probing.test_probing import Clock, Desk

pytestmark = pytest.mark.slow

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
PROVIDERS = ("openai", "groq", "mistral", "deepseek", "xai", "together", "cerebras", "fireworks", "openrouter", "venice")
EACH = 20
EVERY, STEP = 6 * HOUR, HOUR
LIST = {"object": "list", "data": [{"id": "small"}], "is_available": True, "balances": {"usd": 3}, "name": "key"}

FAULTS: dict[int, type[httpx.RequestError]] = {2: httpx.ConnectError, 3: httpx.ReadTimeout, 4: httpx.RemoteProtocolError}
ANSWERS: dict[int, tuple[int, dict[str, str], bytes]] = {
    0: (200, {"x-ratelimit-remaining-requests": "7"}, json.dumps(LIST).encode()),
    5: (429, {"retry-after": "18000"}, b'{"error":{"message":"slow down"}}'),
    6: (302, {"location": "https://thief.invalid/"}, b""),
    7: (200, {}, b"\xff\xfe" * 40_000),
    8: (503, {}, b"<html>down</html>"),
    9: (402, {}, b'{"error":{"message":"insufficient balance"}}'),
    10: (401, {}, b'{"error":{"code":"invalid_api_key","message":"bad key KEY"}}'),
    11: (418, {}, b"[" * 30_000),
}


def answers(now: Callable[[], datetime], asked: dict[str, list[datetime]]) -> Callable[[httpx.Request], httpx.Response]:
    """Every way to fail, each account a way of its own that changes twice a day; the first of each provider is always well."""
    lock = threading.Lock()

    def play(request: httpx.Request) -> httpx.Response:
        account, at = request.headers["authorization"].removeprefix("Bearer "), now()
        with lock:
            asked[account].append(at)
        number = int(account.rpartition("-")[2])
        way = 0 if number == 0 else (number + int(at.timestamp() // (DAY.total_seconds() / 2))) % 12
        if way in FAULTS:
            raise FAULTS[way]("no answer", request=request)
        status, headers, body = ANSWERS.get(way, ANSWERS[0])
        return httpx.Response(status, headers=headers, stream=httpx.ByteStream(body.replace(b"KEY", account.encode())))

    return play


def test_a_week_neither_drifts_nor_grows(tmp_path: Path) -> None:
    clock, asked = Clock(), defaultdict[str, list[datetime]](list)
    stored = document(*(profile(f"{name}:{n}", key(f"fake-{name}-{n}")) for name in PROVIDERS for n in range(EACH)))
    home = gateway(agent(local=stored), config=config(None), environment=environment({}))
    probes = Probes(per_host_gap=timedelta(0), interval=EVERY, concurrency=8, daily_budget=100_000)
    desk = Desk(home, tmp_path, probes, clock, hooks=Hooks(transport=httpx.MockTransport(answers(clock, asked))))
    begun, sizes, threads = clock.now, list[tuple[int, ...]](), threading.active_count()
    while clock.now < begun + 7 * DAY:
        if (clock.now - begun) % DAY < STEP:
            sizes.append(_size(desk, tmp_path))
        next_at = desk.prober.round(desk.seen(), desk.hooks, Manner()).next_at
        clock.now = max(next_at or clock.now, clock.now + STEP)
    assert len(asked) == len(PROVIDERS) * EACH
    assert threading.active_count() <= threads + 1
    assert {day[:-1] for day in sizes[3:]} == {sizes[2][:-1]}, sizes
    assert max(day[-1] for day in sizes) < 2 * sizes[2][-1], sizes  # pages fill and split; what grew each day would be thrice as large
    for name in PROVIDERS:
        healthy = asked[f"fake-{name}-0"]
        gaps = [after - before for before, after in itertools.pairwise(healthy)]
        assert min(gaps) >= 0.8 * EVERY
        assert max(gaps) <= 1.2 * EVERY + 2 * STEP
        assert abs(len(healthy) - 7 * DAY / EVERY) <= 7, "the interval drifts"
    assert {status for _, status in desk.prober.attempts} == {str(status) for status in ProbeStatus}
    assert sum(Counter(desk.prober.attempts).values()) == sum(map(len, asked.values()))


def _size(desk: Desk, directory: Path) -> tuple[int, ...]:
    """What could grow: the memory, what is known, the list of answers, the file."""
    book = desk.prober.book
    memory = book.memory
    kept = (len(memory.targets), len(memory.spent), len(memory.hosts), len(book.outcomes), len(book.recent()))
    return (*kept, sum(file.stat().st_size for file in directory.glob(f"{FILE_NAME}*")))
