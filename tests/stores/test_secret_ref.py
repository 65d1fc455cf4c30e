from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.model import RefSource, SecretRef
from exporter.stores import secret_ref

VECTORS = json.loads((Path(__file__).parent.parent / "fixtures" / "vectors" / "vectors-2026.9.6.json").read_text())


def shape(ref: SecretRef | None) -> object:
    return None if ref is None else {"source": ref.source.value, "provider": ref.provider, "id": ref.id}


def spelled_out(text: str) -> str:
    """The vectors shorten long inputs to `aaaaa…(256)`."""
    head, mark, count = text.partition("…(")
    return head[0] * int(count.rstrip(")")) if mark else text


@pytest.mark.parametrize("case", VECTORS["coerceSecretRef"], ids=lambda case: json.dumps(case["in"]))
def test_recognises_what_the_gateway_recognises(case: dict[str, Any]) -> None:
    assert shape(secret_ref.coerce(case["in"])) == case["out"]


@pytest.mark.parametrize("case", VECTORS["execRefId"], ids=lambda case: case["in"])
def test_judges_exec_ids_as_the_gateway(case: dict[str, Any]) -> None:
    assert secret_ref.valid(SecretRef(RefSource.EXEC, "vault", spelled_out(case["in"]))) is case["out"]


@pytest.mark.parametrize("case", VECTORS["fileRefId"], ids=lambda case: case["in"] or "empty")
def test_judges_file_ids_as_the_gateway(case: dict[str, Any]) -> None:
    assert secret_ref.valid(SecretRef(RefSource.FILE, "disk", case["in"])) is case["out"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [("A", True), ("A_1", True), ("A" * 128, True)] + [(name, False) for name in ("A" * 129, "lower", "1A", "A-B", "A\n", "Ä")],
)
@pytest.mark.parametrize("source", [RefSource.ENV, RefSource.STORE])
def test_env_and_store_ids_are_upper_case_names(source: RefSource, name: str, expected: bool) -> None:
    assert secret_ref.valid(SecretRef(source, "default", name)) is expected


@pytest.mark.parametrize(
    ("alias", "expected"),
    [("a", True), ("vault-1_x", True), ("a" * 64, True), ("a" * 65, False), ("Vault", False), ("1v", False), ("v\n", False), ("", False)],
)
def test_provider_aliases_are_lower_case_words(alias: str, expected: bool) -> None:
    assert secret_ref.valid(SecretRef(RefSource.ENV, alias, "A")) is expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"source": "file", "id": "/a"}, SecretRef(RefSource.FILE, "disk", "/a")),
        ({"source": "exec", "id": "a"}, SecretRef(RefSource.EXEC, "default", "a")),
        ({"source": "file", "provider": "other", "id": "/a"}, SecretRef(RefSource.FILE, "other", "/a")),
        ("$A", SecretRef(RefSource.ENV, "host", "A")),
        ({"source": "file", "provider": None, "id": "/a"}, None),
        ({"source": "file", "provider": 3, "id": "/a"}, None),
        ({"source": "file", "id": " "}, None),
        ({"source": "file", "id": 3}, None),
        ({"source": ["file"], "id": "/a"}, None),
        ({"source": "file"}, None),
        ({}, None),
        ([], None),
    ],
    ids=str,
)
def test_a_reference_without_provider_takes_the_default_of_its_source(value: object, expected: SecretRef | None) -> None:
    assert secret_ref.coerce(value, {"file": "disk", "env": "host"}) == expected


@pytest.mark.parametrize(
    ("pointer", "tokens"),
    [("/a/b", ("a", "b")), ("/", ("",)), ("/a~1b/c~0d", ("a/b", "c~d")), ("/~01", ("~1",)), ("/a//b", ("a", "", "b"))]
    + [(text, None) for text in ("a", "", "/~2")],
)
def test_json_pointers_split_into_unescaped_tokens(pointer: str, tokens: tuple[str, ...] | None) -> None:
    assert secret_ref.pointer_tokens(pointer) == tokens


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from(["env", "source", "${A}"]),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["source", "provider", "id", "x"]), inner, max_size=4),
        max_leaves=8,
    )
)
def test_never_raises_and_what_is_valid_survives_a_round_trip(value: object) -> None:
    ref = secret_ref.coerce(value)
    if ref is not None:
        assert secret_ref.coerce({"source": ref.source.value, "provider": ref.provider, "id": ref.id}) == ref
        assert secret_ref.valid(ref) in (True, False)
