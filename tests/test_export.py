"""Edge. The textfile is replaced at once, the push replaces its group, and neither shows credentials."""

from __future__ import annotations

import base64
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from exporter.export import ExportError, push, write_textfile


def test_a_textfile_is_readable_by_all_and_leaves_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "auth.prom"
    write_textfile(file, b"one 1\n")
    write_textfile(file, b"two 2\n")
    assert file.read_bytes() == b"two 2\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o644
    assert list(tmp_path.iterdir()) == [file]


def test_a_reader_that_holds_the_old_file_keeps_it_whole(tmp_path: Path) -> None:
    file = tmp_path / "auth.prom"
    write_textfile(file, b"old 1\n")
    with file.open("rb") as held:
        write_textfile(file, b"new 2\n")
        assert held.read() == b"old 1\n"


def test_the_target_of_a_link_is_replaced_and_the_link_stays(tmp_path: Path) -> None:
    real = tmp_path / "real"
    real.mkdir()
    link = tmp_path / "auth.prom"
    link.symlink_to(real / "auth.prom")
    write_textfile(link, b"one 1\n")
    assert link.is_symlink()
    assert (real / "auth.prom").read_bytes() == b"one 1\n"


def test_a_failed_write_keeps_the_old_file_and_leaves_nothing(tmp_path: Path) -> None:
    directory = tmp_path / "auth.prom"
    directory.mkdir()
    with pytest.raises(ExportError, match=r"cannot write .*auth\.prom"):
        write_textfile(directory, b"one 1\n")
    assert list(tmp_path.iterdir()) == [directory]


def test_a_missing_directory_is_an_error_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="No such file"):
        write_textfile(tmp_path / "missing" / "auth.prom", b"")


class _Gateway(BaseHTTPRequestHandler):
    answer = 202
    seen: list[tuple[str, str, str | None, bytes]]

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        type(self).seen.append((self.command, self.path, self.headers.get("Authorization"), body))
        self.send_response(type(self).answer)
        self.send_header("Location", "http://127.0.0.1:9/elsewhere")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def pushgateway(answer: int = 202) -> Iterator[tuple[str, type[_Gateway]]]:
    handler = type("Handler", (_Gateway,), {"answer": answer, "seen": []})
    server = HTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}", handler
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_push_replaces_the_group_of_job_and_instance() -> None:
    with pushgateway() as (address, handler):
        push(f"http://{address}/", b"one 1\n", "host a")
    assert handler.seen == [("PUT", "/metrics/job/model_auth_exporter/instance/host%20a", None, b"one 1\n")]


@pytest.mark.parametrize(
    ("instance", "path"),
    [("a/b", "instance@base64/YS9i"), ("", "instance@base64/="), ("ü", "instance/%C3%BC")],
    ids=["slash", "empty", "umlaut"],
)
def test_an_instance_the_path_cannot_hold_is_encoded(instance: str, path: str) -> None:
    with pushgateway() as (address, handler):
        push(f"http://{address}", b"", instance)
    assert handler.seen[0][1].endswith(path)


def test_user_and_password_of_the_address_become_basic_authentication() -> None:
    with pushgateway() as (address, handler):
        push(f"http://user:p%40ss@{address}/behind", b"", "host")
    assert handler.seen[0][1].startswith("/behind/metrics/job/")
    assert handler.seen[0][2] == "Basic " + base64.b64encode(b"user:p@ss").decode()


@pytest.mark.parametrize("answer", [400, 500, 302, 307], ids=str)
def test_any_answer_but_success_is_an_error_without_the_password(answer: int) -> None:
    with pushgateway(answer) as (address, handler), pytest.raises(ExportError) as caught:
        push(f"http://user:hunter2@{address}", b"", "host")
    assert "hunter2" not in str(caught.value)
    assert str(answer) in str(caught.value)
    assert len(handler.seen) == 1


def test_nobody_listening_is_an_error_without_the_password() -> None:
    with pushgateway() as (address, _):
        pass
    with pytest.raises(ExportError, match=r"Connection refused") as caught:
        push(f"http://user:hunter2@{address}", b"", "host")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("url", ["", "host:9091", "ftp://host", "http://", "http://[", "http://h:99999999"])
def test_what_is_no_address_is_an_error(url: str) -> None:
    with pytest.raises(ExportError, match="address"):
        push(url, b"", "host")
