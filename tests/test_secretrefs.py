from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from exporter import secretrefs
from exporter.model import GatewayConfig, RefSource, RefState, Resolution, Secret, SecretProvider, SecretRef

DENIED = "SECRET_REF_POLICY_DENIED"
NOT_FOUND = "SECRET_REF_NOT_FOUND"
REF_INVALID = "SECRET_REF_INVALID"
INVALID = "SECRET_PROVIDER_INVALID"
UNAVAILABLE = "SECRET_PROVIDER_UNAVAILABLE"
ERROR = "SECRET_PROVIDER_ERROR"
CONTRACT = "SECRET_PROVIDER_CONTRACT"
UNCHECKED = "unchecked"


def resolve(
    refs: list[SecretRef],
    providers: Mapping[str, SecretProvider],
    base_dir: Path = Path("/nonexistent"),
    *,
    variables: Mapping[str, str] | None = None,
    store: Mapping[str, str] | None = None,
    seen: bool = True,
    allow_exec: bool = True,
    version: str | None = None,
    defaults: Mapping[str, str] | None = None,
) -> Mapping[SecretRef, Resolution]:
    return secretrefs.resolve(
        refs,
        GatewayConfig(True, secret_providers=providers, secret_defaults=defaults or {}, version=version),
        {name: Secret(value) for name, value in (variables or {}).items()},
        seen=seen,
        store_secrets={name: Secret(value) for name, value in (store or {}).items()},
        allow_exec=allow_exec,
        base_dir=base_dir,
    )


def word(resolution: Resolution) -> str:
    """The secret when resolved, else the code, else the state."""
    if resolution.secret is not None:
        assert (resolution.state, resolution.code) == (RefState.RESOLVED, "")
        return "=" + resolution.secret.reveal()
    return resolution.code or resolution.state


def env(name: str, provider: str = "default") -> SecretRef:
    return SecretRef(RefSource.ENV, provider, name)


@pytest.mark.parametrize(
    ("ref", "provider", "seen", "expected"),
    [
        (env("SET"), None, True, "=v"),
        (env("SET"), None, False, "=v"),
        (env("UNSET"), None, True, NOT_FOUND),
        (env("UNSET"), None, False, UNCHECKED),
        (env("EMPTY"), None, True, NOT_FOUND),
        (env("EMPTY"), None, False, NOT_FOUND),
        (env("lower"), None, True, REF_INVALID),
        (env("SET", "Bad Alias"), None, True, REF_INVALID),
        (env("SET", "other"), None, True, "SECRET_PROVIDER_NOT_CONFIGURED"),
        (env("SET", "mine"), None, True, "=v"),
        (env("SET"), SecretProvider(RefSource.ENV, allowlist=("SET",)), True, "=v"),
        (env("SET"), SecretProvider(RefSource.ENV, allowlist=()), True, DENIED),
        (env("SET"), SecretProvider(RefSource.ENV, allowlist=("OTHER",)), False, DENIED),
        (env("SET"), SecretProvider(RefSource.FILE, path="x"), True, INVALID),
        (env("SET"), SecretProvider(RefSource.ENV, plugin=True), True, UNCHECKED),
        (SecretRef(RefSource.FILE, "default", "/a"), None, True, "SECRET_PROVIDER_NOT_CONFIGURED"),
        (SecretRef(RefSource.EXEC, "default", "a"), None, True, "SECRET_PROVIDER_NOT_CONFIGURED"),
        (env("MASKED"), None, True, "SECRET_REF_REDACTED_VALUE"),
    ],
    ids=str,
)
def test_variables(ref: SecretRef, provider: SecretProvider | None, seen: bool, expected: str) -> None:
    variables = {"SET": "v", "EMPTY": " ", "MASKED": "__OPENCLAW_REDACTED__"}
    found = resolve([ref], {"default": provider} if provider else {}, variables=variables, seen=seen, defaults={"env": "mine"})
    assert word(found[ref]) == expected


@pytest.mark.parametrize(("name", "expected"), [("HAVE", "=s"), ("HAVE_NOT", NOT_FOUND)])
def test_the_gateways_own_secret_store(name: str, expected: str) -> None:
    ref = SecretRef(RefSource.STORE, "default", name)
    assert word(resolve([ref], {}, store={"HAVE": "s"}, seen=False)[ref]) == expected


def test_more_references_than_a_provider_may_have_resolve_none_of_them() -> None:
    refs = [env(f"N{number}") for number in range(513)]
    assert {word(found) for found in resolve(refs, {}, variables={"N1": "v"}).values()} == {ERROR}


# ---- files


def private(path: Path, text: str | bytes, mode: int = 0o600) -> Path:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    path.chmod(mode)
    return path


def look_up(tmp_path: Path, ids: list[str], version: str | None = None, **options: object) -> dict[str, str]:
    provider = SecretProvider(RefSource.FILE, **{"path": str(tmp_path / "secrets"), **options})  # type: ignore[arg-type]
    refs = [SecretRef(RefSource.FILE, "disk", ref) for ref in ids]
    return {ref.id: word(found) for ref, found in resolve(refs, {"disk": provider}, tmp_path, version=version).items()}


def test_json_pointers_into_a_private_file(tmp_path: Path) -> None:
    private(tmp_path / "secrets", json.dumps({"a": {"b/c": "one", "l": ["two", 3]}, "": "root", "blank": "", "object": {}}))
    expected = {
        "/a/b~1c": "=one",
        "/a/l/0": "=two",
        "/a/l/1": CONTRACT,
        "/a/l/7": NOT_FOUND,
        "/": "=root",
        "/blank": NOT_FOUND,
        "/object": CONTRACT,
        "/nowhere/else": NOT_FOUND,
        "value": REF_INVALID,
    }
    assert look_up(tmp_path, list(expected)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("key\n", "=key"),
        ("key\r\n", "=key"),
        ("key\n\n", "=key\n"),
        (" key", "= key"),
        ("\n", NOT_FOUND),
        ("", NOT_FOUND),
        (b"\xff", CONTRACT),
    ],
)
def test_a_file_that_is_the_value(tmp_path: Path, text: str | bytes, expected: str) -> None:
    private(tmp_path / "secrets", text)
    assert look_up(tmp_path, ["value", "/a"], single_value=True) == {
        "value": expected,
        "/a": CONTRACT if expected == CONTRACT else REF_INVALID,
    }


@pytest.mark.parametrize("text", ["{", "", "[" * 100_000, "nonsense", b"\xff\xfe"], ids=["truncated", "empty", "deep", "words", "bytes"])
def test_a_file_that_is_not_json(tmp_path: Path, text: str | bytes) -> None:
    private(tmp_path / "secrets", text)
    assert look_up(tmp_path, ["/a"]) == {"/a": CONTRACT}


@pytest.mark.parametrize(
    ("mode", "options", "version", "expected"),
    [
        (0o600, {}, None, "=v"),
        (0o400, {}, None, "=v"),
        (0o640, {}, None, INVALID),
        (0o604, {}, None, INVALID),
        (0o644, {"allow_insecure_path": True}, "2026.7.1", "=v"),
        (0o644, {"allow_insecure_path": True}, "2026.9.6", INVALID),
        (0o644, {"allow_insecure_path": True}, None, INVALID),
        (0o600, {"max_bytes": 9}, None, "=v"),
        (0o600, {"max_bytes": 8}, None, ERROR),
        (0o600, {"path": ""}, None, INVALID),
        (0o600, {"path": "secrets"}, None, "=v"),
        (0o600, {"path": "elsewhere"}, None, UNAVAILABLE),
        (0o600, {"path": "."}, None, INVALID),
        (0o600, {"path": "a\0b"}, None, UNAVAILABLE),
    ],
    ids=str,
)
def test_rules_for_secret_files(tmp_path: Path, mode: int, options: dict[str, Any], version: str | None, expected: str) -> None:
    private(tmp_path / "secrets", '{"a":"v"}', mode)
    assert look_up(tmp_path, ["/a"], version, **options) == {"/a": expected}


@pytest.mark.parametrize("kind", ["symlink", "hard link", "fifo", "device"])
def test_only_a_regular_file_of_one_name_is_opened(tmp_path: Path, kind: str) -> None:
    other = private(tmp_path / "other", '{"a":"v"}')
    path = tmp_path / "secrets"
    match kind:
        case "symlink":
            path.symlink_to(other)
        case "hard link":
            path.hardlink_to(other)
        case "fifo":
            os.mkfifo(path, 0o600)
        case _:
            path = Path("/dev/zero")
    assert look_up(tmp_path, ["/a"], path=str(path)) == {"/a": INVALID}


@pytest.mark.skipif(os.geteuid() != 0, reason="needs to make a file of somebody else")
def test_a_file_of_somebody_else_is_refused_unless_the_home_is_theirs(tmp_path: Path) -> None:
    os.chown(private(tmp_path / "secrets", '{"a":"v"}'), 12345, 12345)
    assert look_up(tmp_path, ["/a"]) == {"/a": INVALID}
    os.chown(tmp_path, 12345, 12345)
    assert look_up(tmp_path, ["/a"]) == {"/a": "=v"}


# ---- programs

ANSWER = """
import json, os, sys
request = json.load(sys.stdin)
values = {ref: f"{request['provider']}:{ref}:{request['protocolVersion']}" for ref in request["ids"] if "no" not in ref}
errors = {ref: {"code": "NOT_FOUND" if ref == "no" else "DENIED", "message": "x"} for ref in request["ids"] if ref in ("no", "nope")}
json.dump({"protocolVersion": 1, "values": values, "errors": errors}, sys.stdout)
"""


def program(tmp_path: Path, body: str, mode: int = 0o700) -> Path:
    path = tmp_path / "vault"
    path.write_text(f"#!{sys.executable} -IS\n{body}")
    path.chmod(mode)
    return path


def run(tmp_path: Path, ids: list[str], *, seen: bool = True, allow_exec: bool = True, **options: object) -> dict[str, str]:
    provider = SecretProvider(RefSource.EXEC, **{"command": str(tmp_path / "vault"), **options})  # type: ignore[arg-type]
    refs = [SecretRef(RefSource.EXEC, "vault", ref) for ref in ids]
    found = resolve(refs, {"vault": provider}, tmp_path, variables={"PASSED": "p", "SECRET": "s"}, seen=seen, allow_exec=allow_exec)
    return {ref.id: word(resolution) for ref, resolution in found.items()}


def test_one_call_answers_all_ids_of_a_provider(tmp_path: Path) -> None:
    program(tmp_path, f"open({str(tmp_path / 'calls')!r}, 'a').write('x')\n{ANSWER}")
    assert run(tmp_path, ["a", "b/c#d", "no", "nope", "unknown"]) == {
        "a": "=vault:a:1",
        "b/c#d": "=vault:b/c#d:1",
        "no": NOT_FOUND,
        "nope": ERROR,
        "unknown": NOT_FOUND,
    }
    assert (tmp_path / "calls").read_text() == "x"


def test_a_program_runs_only_when_that_is_allowed(tmp_path: Path) -> None:
    program(tmp_path, f"open({str(tmp_path / 'calls')!r}, 'a').write('x')\n{ANSWER}")
    assert run(tmp_path, ["a"], allow_exec=False) == {"a": UNCHECKED}
    assert run(tmp_path, ["a"], seen=False, pass_env=("HIDDEN",)) == {"a": UNCHECKED}
    assert run(tmp_path, ["a"], plugin=True) == {"a": UNCHECKED}
    assert run(tmp_path, ["../a"]) == {"../a": REF_INVALID}
    assert not (tmp_path / "calls").exists()


def test_a_program_gets_nothing_but_what_is_passed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_OF_OURS", "x")
    program(
        tmp_path, 'import json, os\nprint(json.dumps({"protocolVersion": 1, "values": {"a": json.dumps([dict(os.environ), os.getcwd()])}}))'
    )
    result = run(tmp_path, ["a"], pass_env=("PASSED", "ABSENT"), env={"OWN": Secret("o"), "PASSED": Secret("over")})
    environ, cwd = json.loads(result["a"][1:])
    environ.pop("LC_CTYPE", None)  # the interpreter's own
    assert environ == {"PASSED": "over", "OWN": "o"}
    assert cwd == str(tmp_path)


@pytest.mark.parametrize(
    ("body", "options", "expected"),
    [
        pytest.param("print('plain')", {"json_only": False}, "=plain", id="plain text"),
        pytest.param("print('\"quoted\"')", {"json_only": False}, "=quoted", id="a JSON string"),
        pytest.param("print('plain')", {}, CONTRACT, id="plain text is not JSON"),
        pytest.param("print('[]')", {"json_only": False}, CONTRACT, id="a list"),
        pytest.param("", {}, CONTRACT, id="nothing"),
        pytest.param("""print('{"protocolVersion":2,"values":{"a":"v"}}')""", {}, CONTRACT, id="another protocol"),
        pytest.param("""print('{"protocolVersion":true,"values":{"a":"v"}}')""", {}, CONTRACT, id="no protocol number"),
        pytest.param("""print('{"values":{"a":"v"}}')""", {}, CONTRACT, id="no protocol"),
        pytest.param("""print('{"protocolVersion":1,"values":["v"]}')""", {}, CONTRACT, id="no values"),
        pytest.param("""print('{"protocolVersion":1,"values":{"a":1}}')""", {}, CONTRACT, id="a number"),
        pytest.param("""print('{"protocolVersion":1,"values":{"a":""}}')""", {}, NOT_FOUND, id="an empty value"),
        pytest.param("""print('{"protocolVersion":1,"errors":{"a":"x"}}')""", {}, ERROR, id="errors alone"),
        pytest.param("import sys; sys.stdout.buffer.write(b'\\xff')", {}, CONTRACT, id="not text"),
        pytest.param("print('[' * 100_000)", {}, CONTRACT, id="deep"),
        pytest.param("print('x' * 2000)", {"max_output_bytes": 1000, "json_only": False}, CONTRACT, id="too much"),
        pytest.param("import sys; print('v'); sys.exit(3)", {"json_only": False}, ERROR, id="a failure"),
        pytest.param("import os; os.kill(os.getpid(), 9)", {}, ERROR, id="a crash: killed before it answered"),
        pytest.param("import os; os.close(0); print('v')", {"json_only": False}, "=v", id="does not read"),
    ],
)
def test_answers(tmp_path: Path, body: str, options: dict[str, Any], expected: str) -> None:
    program(tmp_path, body)
    assert run(tmp_path, ["a"], **options) == {"a": expected}


@pytest.mark.parametrize(
    ("body", "options"),
    [
        pytest.param("import time; time.sleep(60)", {"timeout_ms": 300}, id="silent"),
        pytest.param(
            "import time; print('v', flush=True); time.sleep(60)", {"timeout_ms": 60_000, "no_output_timeout_ms": 300}, id="stops talking"
        ),
        pytest.param("import time\nwhile True: print('v', flush=True); time.sleep(0.02)", {"timeout_ms": 300}, id="talks for ever"),
        pytest.param("import os, time; os.close(1); time.sleep(60)", {"timeout_ms": 300}, id="closes its output and stays"),
        pytest.param("import os, time\nif os.fork() == 0: time.sleep(60)", {"timeout_ms": 400}, id="leaves a child that holds its output"),
    ],
)
def test_a_program_that_takes_too_long_is_killed_with_all_it_started(tmp_path: Path, body: str, options: dict[str, Any]) -> None:
    program(tmp_path, f"import os\nopen({str(tmp_path / 'group')!r}, 'w').write(str(os.getpgrp()))\n{body}")
    started = time.monotonic()
    assert run(tmp_path, ["a"], json_only=False, **options) == {"a": UNAVAILABLE}
    assert time.monotonic() - started < 10
    group = int((tmp_path / "group").read_text())
    assert group != os.getpgrp()
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline and _alive(group):
        time.sleep(0.01)
    assert not _alive(group)


def _alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    # Orphans that nobody reaps stay as zombies where no init runs: dead all the same.
    states = [
        line for path in Path("/proc").glob("[0-9]*/stat") if (line := _stat_of(path)) and line.split(") ")[1].split()[2] == str(group)
    ]
    return any(line.split(") ")[1][0] != "Z" for line in states)


def _stat_of(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


@pytest.mark.parametrize(
    ("mode", "options", "expected"),
    [
        (0o700, {}, "=vault:a:1"),
        (0o755, {}, "=vault:a:1"),
        (0o770, {}, INVALID),
        (0o702, {}, INVALID),
        (0o600, {}, UNAVAILABLE),
        (0o700, {"command": "vault"}, INVALID),
        (0o700, {"command": "/nonexistent/vault"}, UNAVAILABLE),
        (0o700, {"command": ""}, INVALID),
        (0o700, {"trusted_dirs": ("/nonexistent",)}, INVALID),
    ],
    ids=str,
)
def test_rules_for_programs(tmp_path: Path, mode: int, options: dict[str, Any], expected: str) -> None:
    program(tmp_path, ANSWER, mode)
    assert run(tmp_path, ["a"], **options) == {"a": expected}


def test_a_program_in_a_trusted_directory_runs_but_not_through_a_link(tmp_path: Path) -> None:
    real = program(tmp_path, ANSWER)
    assert run(tmp_path, ["a"], trusted_dirs=("/nonexistent", str(tmp_path))) == {"a": "=vault:a:1"}
    link = tmp_path / "link"
    link.symlink_to(real)
    assert run(tmp_path, ["a"], command=str(link)) == {"a": INVALID}


@pytest.mark.skipif(os.geteuid() != 0, reason="needs to be another user")
def test_a_program_runs_as_the_user_of_the_gateway_or_not_at_all(tmp_path: Path) -> None:
    nobody = 65534
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        home.chmod(0o755)
        path = home / "vault"  # a shell: the other user may have no way to this interpreter
        path.write_text("""#!/bin/sh\nprintf '{"protocolVersion": 1, "values": {"a": "%s/%s"}}' $(id -u) $(id -G)\n""")
        path.chmod(0o755)
        assert run(home, ["a"])["a"].startswith("=0/")
        os.chown(path, nobody, nobody)
        assert run(home, ["a"]) == {"a": INVALID}
        os.chown(home, nobody, nobody)
        assert run(home, ["a"]) == {"a": f"={nobody}/{nobody}"}


def test_a_request_larger_than_any_pipe_is_written_while_the_answer_is_read(tmp_path: Path) -> None:
    program(tmp_path, ANSWER)
    ids = [f"{number:03}{'x' * 250}" for number in range(512)]
    assert run(tmp_path, ids) == {ref: f"=vault:{ref}:1" for ref in ids}
