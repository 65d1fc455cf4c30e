"""Edge. The settings of commands that send: Apprise itself is asked, in a process of its own, whether it takes its URLs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from exporter.delivery.apprise_host import faults
from exporter.settings import Settings
from exporter.settings_file.load import load, locate
from exporter.settings_file.text import SettingsError


def load_deliverable(
    config: Path | None, environ: Mapping[str, str], load: Callable[[Path | None, Mapping[str, str]], Settings] = load
) -> Settings:
    """Load the settings; raises SettingsError, also for a URL that Apprise does not accept. Nothing is sent."""
    settings = load(config, environ)
    urls = [(place, channel.url) for place, channel in enumerate(settings.channels) if channel.url is not None]
    for place, reason in faults(urls, environ):
        message = "Apprise has no service of this name" if reason == "schema" else "Apprise does not accept this URL"
        remedy = "compare it with what Apprise's page on this service asks for: user, token, target"
        file = locate(config, environ)
        raise SettingsError(str(file or "settings"), _line(file, place), f"channels[{place}].url", message, remedy)
    return settings


def _line(file: Path | None, place: int) -> int | None:
    """Find the line of a channel's URL, or of the channel when the URL stands elsewhere."""
    if file is None:
        return None
    from exporter.settings_file.yaml_lines import parse

    lines = parse(file, file.read_text(encoding="utf-8-sig")).lines
    paths = (("channels", place, "url"), ("channels", place, "url_file"), ("channels", place))
    return next((lines[path] for path in paths if path in lines), None)
