"""Edge. What every test stands on: no network, no home of the machine, real programs by name."""

from __future__ import annotations

import ipaddress
import os
import shutil
import sys
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

# a busy machine is no failure
hypothesis_settings.register_profile("unhurried", hypothesis_settings.default, deadline=None, suppress_health_check=[HealthCheck.too_slow])
hypothesis_settings.load_profile("unhurried")
_KEPT = ("PATH", "LANG", "LC_ALL", "TMPDIR", "CI", "VIRTUAL_ENV", "TERM")
_KEPT_PREFIXES = ("PYTEST", "COVERAGE", "HYPOTHESIS", "PYTHON")


def _refuse_the_network(event: str, args: tuple[object, ...]) -> None:
    """Stop the first packet of any test that would leave the machine."""
    if event in {"socket.connect", "socket.sendto", "socket.sendmsg"}:
        address = args[1]
        if isinstance(address, tuple) and not _stays_here(str(address[0])):
            raise PermissionError(f"a test must not leave the machine: {event} to {address[0]}")
    if event == "socket.getaddrinfo" and args[0] is not None:
        host = args[0].decode() if isinstance(args[0], bytes) else str(args[0])
        if not _stays_here(host):
            raise PermissionError(f"a test must not ask a name server: {host}")


def _stays_here(host: str) -> bool:
    if host in {"", "localhost"} or host.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


sys.addaudithook(_refuse_the_network)


@pytest.fixture(scope="session", autouse=True)
def bare_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Give the run an empty home and no variables that a gateway, a provider or a desktop may have set."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name not in _KEPT and not name.startswith(_KEPT_PREFIXES):
                patch.delenv(name)
        patch.setenv("HOME", str(home))
        patch.setenv("TZ", "UTC")
        for variable, folder in (("CONFIG", ".config"), ("STATE", ".local/state"), ("CACHE", ".cache"), ("DATA", ".local/share")):
            patch.setenv(f"XDG_{variable}_HOME", str(home / folder))
        yield home


@pytest.fixture(scope="session")
def program() -> Callable[..., str]:
    """Return a function that finds a real program, or skips the test saying why; in CI a missing one is a failure."""

    def find(*names: str) -> str:
        for name in names:
            if found := shutil.which(name, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"):
                return found
        reason = f"no {' or '.join(names)} on this machine"
        if os.environ.get("CI") == "true":
            pytest.fail(f"{reason}; .ci/run installs it")
        pytest.skip(reason)

    return find


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn a skipped `real` test into a failure under CI=true: what CI skips, nobody runs."""
    report = yield
    if report.skipped and os.environ.get("CI") == "true" and item.get_closest_marker("real"):
        report.outcome = "failed"
        report.longrepr = f"skipped in CI: {report.longrepr}"
    return report
