"""Edge. Settings from files, variables and credentials; every fault with its place and remedy."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.model import Secret
from exporter.settings import Gateway, Settings
from exporter.settings_file.load import SettingsError, example, load, locate, show
from exporter.settings_file.text import format_duration, parse_address, parse_ratio, rows
from exporter.words import parse_duration
from tests.running import ROOT

CANARY = "sk-canary-0123456789abcdef"


def loaded(tmp_path: Path, text: str, **environ: str) -> Settings:
    file = tmp_path / "config.yaml"
    file.write_text(text, encoding="utf-8")
    return load(file, {"HOME": str(tmp_path), **environ})


def fault(tmp_path: Path, text: str, **environ: str) -> SettingsError:
    with pytest.raises(SettingsError) as caught:
        loaded(tmp_path, text, **environ)
    return caught.value


def test_nothing_at_all_gives_the_defaults(tmp_path: Path) -> None:
    assert load(None, {}, system=tmp_path / "none.yaml") == Settings()


def test_the_defaults_load_no_parser() -> None:
    code = "import sys; from exporter.settings_file.load import load; load(None, {}); print([m for m in ('pydantic', 'yaml') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_example_means_the_defaults(tmp_path: Path) -> None:
    assert loaded(tmp_path, example()) == Settings()


def test_what_is_shown_loads_back_the_same(tmp_path: Path) -> None:
    settings = loaded(
        tmp_path,
        """
        listen: "[::1]:9999"
        gateways: [{name: "yes", state_dir: /srv/x y}, {user: bob}]
        expiry: {warn: 36h, stages: [90m]}
        probes: {jitter: 12.5%, per_provider: {openai: {interval: 1h, deep: daily}}}
        thresholds: {credit: {openrouter: 5.5}}
        timezone: Europe/Berlin
        static_profiles: [{id: openai:ci, provider: openai, key: {env: CI_KEY}, expires_at: 2027-01-31}]
        """,
    )
    assert loaded(tmp_path, show(settings)) == settings


@pytest.mark.parametrize(
    ("text", "line", "key", "words"),
    [
        pytest.param("read:\n  interval: 20\n", 2, "read.interval", "not a duration", id="duration without unit"),
        pytest.param("read:\n  interval: 0.1s\n", 2, "read.interval", "too small", id="too small"),
        pytest.param("read:\n  pol: 3s\n", 2, "read.pol", "did you mean poll?", id="unknown key"),
        pytest.param("\n\nreed: {}\n", 3, "reed", "did you mean read?", id="unknown section"),
        pytest.param("_env_file: x\n", 1, "_env_file", "no such setting", id="key that the settings library would take for an option"),
        pytest.param("labels:\n  emails: hide\n", 2, "labels.emails", "'mask' or 'show'", id="not one of the words"),
        pytest.param("probes:\n  jitter: 130%\n", 2, "probes.jitter", "too large", id="share above one"),
        pytest.param("probes:\n  concurrency: many\n", 2, "probes.concurrency", "not a number", id="not a number"),
        pytest.param("metrics:\n  max_profiles: 0\n", 2, "metrics.max_profiles", "greater than or equal to 1", id="number out of range"),
        pytest.param("web:\n  reload: perhaps\n", 2, "web.reload", "true or false", id="not a switch"),
        pytest.param("read: 5\n", 1, "read", "not a section", id="value where a section belongs"),
        pytest.param("- a\n", 1, "", "not a mapping", id="list at the top"),
        pytest.param("a: [\n", 2, "", "not valid YAML", id="syntax"),
        pytest.param("read: {poll: 1s}\nread: {poll: 2s}\n", 2, "read", "set twice", id="duplicate key"),
        pytest.param("x: &a [*a]\n", 1, "", "too deeply", id="endless alias"),
        pytest.param("listen: nowhere\n", 1, "listen", "host:port", id="bad address"),
        pytest.param("listen: 0.0.0.0:80\n", 1, "listen", "without TLS", id="open to the network"),
        pytest.param("timezone: Europe/Nowhere\n", 1, "timezone", "time zone", id="time zone"),
        pytest.param("alerts:\n  quiet_hours: 2-3\n", 2, "alerts.quiet_hours", "22:00-07:00", id="quiet hours"),
        pytest.param("gateways:\n  - name: a\n", 2, "gateways[0]", "state_dir", id="gateway without a place"),
        pytest.param("gateways:\n  - {user: a, family: static}\n", 2, "gateways[0].family", "not a family", id="family of no gateway"),
        pytest.param("gateways:\n  - {name: a, user: a}\n  - {name: a, user: b}\n", 3, "gateways[1].name", "used twice", id="gateways of one name"),
        pytest.param("channels:\n  - {name: a}\n", 2, "channels[0]", "exactly one of url", id="channel without a way"),
        pytest.param("channels:\n  - {url: a://b}\n", 2, "channels[0].name", "missing", id="channel without a name"),
        pytest.param("static_profiles:\n  - {id: a, provider: b}\n", 2, "static_profiles[0].key", "exactly one", id="static profile without a key"),
        pytest.param("static_profiles:\n  - {id: a, provider: b, key: {env: X}, expires_at: soon}\n", 2, "static_profiles[0].expires_at", "not an instant", id="instant"),
    ],
)  # fmt: skip
def test_a_fault_names_file_line_key_and_remedy(tmp_path: Path, text: str, line: int, key: str, words: str) -> None:
    error = fault(tmp_path, text)
    assert (error.file, error.line, error.key) == (str(tmp_path / "config.yaml"), line, key)
    assert words in str(error)
    assert error.remedy
    assert "\n" not in str(error)


@pytest.mark.parametrize("text", ["listen: {c}", "read: {c}", "read: {{interval: {c}}}", "probes: {{jitter: {c}}}", "channels: [{{name: a, url: [{c}]}}]",
    "channels: {c}", "{c}", "a: *{c}", "web: {{bearer_token: {{x: {c}}}}}", "timezone: {c}", "read: {{cli_logins: {c}}}", "a: [{c}", "expiry: {{stages: [{c}]}}",
    "labels: {{emails: {c}}}", "gateways: [{{family: {c}}}]", "static_profiles: [{{id: a, provider: b, key: {c}}}]"])  # fmt: skip
def test_a_fault_never_repeats_a_value(tmp_path: Path, text: str) -> None:
    error = fault(tmp_path, text.format(c=CANARY))
    assert CANARY not in str(error)
    assert CANARY not in repr(error)
    assert error.__cause__ is None


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        pytest.param("MODEL_AUTH_EXPORTER_READ__INTERVAL", CANARY, "not a duration", id="bad value"),
        pytest.param("MODEL_AUTH_EXPORTER_READ__INTERVALL", "1s", "did you mean interval?", id="unknown key"),
        pytest.param("MODEL_AUTH_EXPORTER_REED__INTERVAL", "1s", "no such setting", id="unknown section"),
        pytest.param("MODEL_AUTH_EXPORTER_CHANNELS", f"[{CANARY}", "not JSON", id="not JSON"),
    ],
)
def test_a_fault_in_a_variable_names_the_variable(tmp_path: Path, variable: str, value: str, words: str) -> None:
    error = fault(tmp_path, "", **{variable: value})
    assert error.key == variable
    assert words in str(error)
    assert CANARY not in str(error)


def test_variables_win_over_the_file(tmp_path: Path) -> None:
    settings = loaded(
        tmp_path,
        "read: {interval: 1m, poll: 4s}",
        MODEL_AUTH_EXPORTER_READ__INTERVAL="2m",
        MODEL_AUTH_EXPORTER_EXPIRY__STAGES="1d,2h",
        MODEL_AUTH_EXPORTER_PROBES__PER_PROVIDER__OPENAI__INTERVAL="1h",
        MODEL_AUTH_EXPORTER_GATEWAYS='[{"user": "bob"}]',
    )
    assert settings.read.interval == timedelta(minutes=2)
    assert settings.read.poll == timedelta(seconds=4)
    assert settings.expiry.stages == (timedelta(days=1), timedelta(hours=2))
    assert settings.probes.per_provider["openai"].interval == timedelta(hours=1)
    assert settings.gateways == (Gateway(user="bob"),)


@pytest.mark.parametrize("name", ["SERVICE_HOST", "SERVICE_PORT", "SERVICE_PORT_HTTP", "PORT", "PORT_10987_TCP_ADDR", "CONFIG"])
def test_variables_that_a_container_runtime_adds_are_no_settings(tmp_path: Path, name: str) -> None:
    environ = {f"MODEL_AUTH_EXPORTER_{name}": str(tmp_path / "config.yaml")}
    assert loaded(tmp_path, "", **environ) == Settings()


def test_a_secret_comes_from_its_own_value_its_file_or_a_credential(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("from-file\n", encoding="utf-8")
    (tmp_path / "channels.ops.url").write_text("tgram://from-credential/1", encoding="utf-8")
    assert loaded(tmp_path, "web: {bearer_token: inline}").web.bearer_token == Secret("inline")
    assert loaded(tmp_path, "web: {bearer_token_file: token}").web.bearer_token == Secret("from-file")
    variable = loaded(tmp_path, "", MODEL_AUTH_EXPORTER_WEB__BEARER_TOKEN_FILE=str(tmp_path / "token"))
    assert variable.web.bearer_token == Secret("from-file")
    channels = loaded(tmp_path, "channels: [{name: ops}]", CREDENTIALS_DIRECTORY=str(tmp_path)).channels
    assert channels[0].url == Secret("tgram://from-credential/1")
    (tmp_path / "web.bearer_token").write_text("sole", encoding="utf-8")
    assert load(None, {"CREDENTIALS_DIRECTORY": str(tmp_path)}, system=tmp_path / "none").web.bearer_token == Secret("sole")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("web: {bearer_token: a, bearer_token_file: b}", "set together", id="both"),
        pytest.param("web: {bearer_token_file: nowhere}", "No such file", id="absent"),
        pytest.param("web: {bearer_token_file: empty}", "is empty", id="empty"),
        pytest.param("web: {bearer_token_file: .}", "Is a directory", id="directory"),
    ],
)
def test_a_secret_file_that_gives_no_secret_is_a_fault(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "empty").touch()
    error = fault(tmp_path, text)
    assert words in str(error)
    assert error.key == "web.bearer_token_file"


def test_shown_settings_hold_no_secret(tmp_path: Path) -> None:
    text = f"""
    web: {{bearer_token: {CANARY}}}
    probes: {{proxy: "http://user:{CANARY}@proxy.example:3128/{CANARY}"}}
    metrics: {{push: "https://user:{CANARY}@push.example"}}
    static_profiles: [{{id: a, provider: b, key: {{env: X}}, base_url: "https://u:{CANARY}@host.example/v1"}}]
    channels:
      - {{name: a, url: "tgram://{CANARY}/1"}}
      - {{name: b, alertmanager: ["http://u:{CANARY}@am.example:9093"]}}
      - {{name: c, heartbeat: "https://hc.example/{CANARY}"}}
    """
    settings = loaded(tmp_path, text)
    shown = show(settings)
    assert CANARY not in shown
    assert CANARY not in repr((settings.web, settings.probes, settings.metrics, settings.channels))
    assert "http://proxy.example:3128/***" in shown
    assert "https://push.example/***" in shown


def test_paths_are_seen_from_the_settings_file_but_a_gateways_home_stays_open(tmp_path: Path) -> None:
    settings = loaded(tmp_path, "metrics: {textfile: out/x.prom}\nstate_dir: ~/state\ngateways: [{user: bob, state_dir: ~/.openclaw}]")
    assert settings.metrics.textfile == tmp_path / "out/x.prom"
    assert settings.state_dir == tmp_path / "state"
    assert settings.gateways[0].state_dir == Path("~/.openclaw")


def test_a_date_alone_is_midnight_utc(tmp_path: Path) -> None:
    settings = loaded(tmp_path, "static_profiles: [{id: a, provider: b, key: {env: X}, expires_at: 2027-01-31}]")
    assert settings.static_profiles[0].expires_at == datetime(2027, 1, 31, tzinfo=UTC)


def test_the_places_are_tried_in_order(tmp_path: Path) -> None:
    system, ours = tmp_path / "etc.yaml", tmp_path / ".config" / "model-auth-exporter" / "config.yaml"
    environ = {"HOME": str(tmp_path)}
    assert locate(None, environ, system=system) is None
    system.touch()
    assert locate(None, environ, system=system) == system
    ours.parent.mkdir(parents=True)
    ours.touch()
    assert locate(None, environ, system=system) == ours
    named = {**environ, "MODEL_AUTH_EXPORTER_CONFIG": str(system)}
    assert locate(None, named, system=tmp_path / "x") == system
    assert locate(ours, named, system=tmp_path / "x") == ours
    assert locate(None, {"XDG_CONFIG_HOME": str(tmp_path / ".config")}, system=system) == ours


def test_a_named_file_that_is_absent_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no such file"):
        load(tmp_path / "absent.yaml", {})


@pytest.mark.parametrize("raw", [b"\xff\xfe", b"x" * (1 << 20) + b"yy"], ids=["not UTF-8", "too large"])
def test_a_file_that_is_no_text_is_a_fault(tmp_path: Path, raw: bytes) -> None:
    (tmp_path / "c.yaml").write_bytes(raw)
    with pytest.raises(SettingsError):
        load(tmp_path / "c.yaml", {})


@given(st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=20_000)))
def test_a_duration_reads_back_as_written(value: timedelta) -> None:
    rounded = timedelta(milliseconds=round(value / timedelta(milliseconds=1)))
    assert parse_duration(format_duration(rounded)) == rounded


@given(st.text())
def test_text_forms_never_fail_otherwise_than_by_value_error(text: str) -> None:
    for parse in (parse_duration, parse_ratio, parse_address):
        try:
            parse(text)
        except ValueError:
            pass


@pytest.mark.parametrize(
    ("text", "address"),
    [("127.0.0.1:1", ("127.0.0.1", 1)), ("[::1]:10987", ("::1", 10987)), (":80", ("", 80)), ("localhost:0", ("localhost", 0))],
)
def test_addresses(text: str, address: tuple[str, int]) -> None:
    assert parse_address(text) == address


def test_every_setting_says_what_it_is() -> None:
    listed = list(rows())
    assert all(row.description for row in listed)
    assert len({row.key for row in listed}) == len(listed)
    assert {field.name for field in dataclasses.fields(Settings)} == {row.key.partition(".")[0].partition("[")[0] for row in listed}
