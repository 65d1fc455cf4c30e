"""Sending probes and taking their answers: one request, one pass, one round."""

import sys

# httpx tries to import a command line of its own, and with it rich and pygments: 4 MiB that a daemon would keep. A name that stands for
# None cannot be imported, and httpx does without it.
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]
