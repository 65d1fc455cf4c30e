"""Edge. Faults of channels: found when the settings are read, with file, line and remedy, and without a word of a secret."""

from __future__ import annotations

from pathlib import Path

import pytest

from exporter.cli.deliverable import load_deliverable
from exporter.settings_file.channels import SCHEMAS
from exporter.settings_file.load import load
from exporter.settings_file.text import SettingsError

HEAD = "host: box\nchannels:\n  - name: ops\n"

CASES = {
    "unknown service": ("url: nosuchservice://s3cret-canary/x", 4, "channels[0].url", "no service of this name", ""),
    "misspelled service": ("url: ntfi://s3cret-canary", 4, "channels[0].url", "no service of this name", "did you mean ntfy://?"),
    "no url": ("url: s3cret-canary", 4, "channels[0].url", "not a URL of Apprise", "ntfy://"),
    "empty url": ("url: 'ntfy://'", 4, "channels[0].url", "not a URL of Apprise", ""),
    "alertmanager": ("alertmanager: ['http://fine:9093', 's3cret-canary:9093']", 4, "channels[0].alertmanager[1]", "not a web address", "http://HOST:9093"),
    "alertmanager port": ("alertmanager: ['http://s3cret-canary:notaport']", 4, "channels[0].alertmanager[0]", "not a web address", ""),
    "heartbeat": ("heartbeat: ftp://s3cret-canary/x", 4, "channels[0].heartbeat", "not a web address", "https://HOST/PATH"),
    "command": ("command: ['']", 4, "channels[0].command", "names no program", ""),
    "two ways": ("url: ntfy://a\n    command: [x]", 3, "channels[0]", "needs exactly one", "keep one"),
    "no way": ("escalation: true", 3, "channels[0]", "needs exactly one", "keep one"),
    "no severity": ("url: ntfy://a\n    severities: []", 5, "channels[0].severities", "nothing would ever match", "critical"),
    "severity it does not get": ("url: ntfy://a\n    tags: [info]", 5, "channels[0].tags[0]", "can never match", "severities"),
    "disabled finding": ("url: ntfy://a\n    tags: [Expired]\nalerts: {disable: [Expired]}", 5, "channels[0].tags[0]", "can never match", "disable"),
    "a matcher as a tag": ("url: ntfy://a\n    tags: ['provider=openai']", 5, "channels[0].tags[0]", "not a tag", "one bare word"),
    "push": ("url: ntfy://a\nmetrics: {push: s3cret-canary}", 5, "metrics.push", "not a web address", "http://HOST:9091"),
    "push without a host": ("url: ntfy://a\nmetrics:\n  push: 'http:///s3cret-canary'", 6, "metrics.push", "not a web address", ""),
    "proxy": ("url: ntfy://a\nprobes: {proxy: s3cret-canary}", 5, "probes.proxy", "not a web address", "http://HOST:3128"),
    "unknown finding": ("url: ntfy://a\nalerts: {disable: [Expird]}", 5, "alerts.disable[0]", "no such finding", "Expired?"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "line", "key", "message", "remedy"), CASES.values(), ids=CASES.keys())
def test_a_fault_is_found_with_its_place_and_remedy(tmp_path: Path, text: str, line: int, key: str, message: str, remedy: str) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(f"{HEAD}    {text}\n")
    with pytest.raises(SettingsError) as caught:
        load(file, {})
    assert (caught.value.line, caught.value.key) == (line, key)
    assert message in caught.value.message
    assert remedy in caught.value.remedy
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("url", ["ntfy://topic", "mailto://u:p@host", "TGRAM://1:a/2", "json://127.0.0.1/x", "jsons://[::1]:1/x"])
def test_what_apprise_knows_is_taken(tmp_path: Path, url: str) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(f"{HEAD}    url: '{url}'\n    severities: [info]\n    tags: [info, main, openai, Expired]\n")
    assert load(file, {}).channels[0].url is not None


def test_a_service_of_a_newer_apprise_is_found_in_its_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plugins = tmp_path / "lib" / "apprise" / "plugins"
    plugins.mkdir(parents=True)
    (plugins.parent / "__init__.py").write_text("")
    (plugins / "brandnew.py").write_text('protocol = "brandnew"\n')
    monkeypatch.syspath_prepend(str(tmp_path / "lib"))
    file = tmp_path / "config.yaml"
    file.write_text(f"{HEAD}    url: brandnew://x\n")
    assert load(file, {}).channels[0].name == "ops"


def test_apprise_itself_is_asked_where_something_is_sent(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(f"{HEAD}    url: json://127.0.0.1/x\n  - name: phone\n    url: tgram://s3cret-canary\n")
    assert len(load(file, {}).channels) == 2
    with pytest.raises(SettingsError) as caught:
        load_deliverable(file, {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"})
    assert (caught.value.line, caught.value.key) == (6, "channels[1].url")
    assert "does not accept" in caught.value.message
    assert "canary" not in str(caught.value)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Apprise's own imports
def test_the_list_of_services_is_that_of_the_installed_apprise() -> None:
    """It may hold more (older names), but nothing that Apprise knows may be missing."""
    from apprise import manager_plugins

    manager = manager_plugins.NotificationManager()  # type: ignore[no-untyped-call]
    manager.load_modules()  # type: ignore[no-untyped-call]
    assert {str(schema) for schema in manager.schemas()} <= SCHEMAS  # type: ignore[no-untyped-call]
