"""Edge. `python -m tests.bench.street HOSTS SECONDS`: a stub provider in a process of its own, so that its cost is not ours; ends with its input."""

from __future__ import annotations

import sys

from tests.stub_provider import Play, Stub

if __name__ == "__main__":
    answer = Play(200, b'{"object":"list","data":[]}', {"content-type": "application/json"}, after=float(sys.argv[2]))
    with Stub(answer, hosts=int(sys.argv[1])) as stub:
        print(*stub.ports, flush=True)
        sys.stdin.read()
