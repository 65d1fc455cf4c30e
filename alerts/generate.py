"""Edge. Writes the rule files from the catalogue: `python -m alerts.generate`; `--help` shows how to make your own.

With `--settings` the thresholds are those of one exporter's configuration instead of the defaults.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Final

import yaml

from alerts.groups import every
from alerts.readme import table
from alerts.rule import Document, Form, Group, custom_resource, document
from alerts.thresholds import Thresholds, of
from exporter.settings import Settings

HERE: Final = Path(__file__).parent
DEFAULTS: Final = of(Settings())
FORM: Final = Form(runbooks="https://runbooks.example.com/model-auth", grafana="https://grafana.example.com")
README: Final = "README.md"
_HEAD: Final = "# Made by `python -m alerts.generate`; change alerts/groups/ or the settings, not this file.\n"


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as blocks."""


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


_Dumper.add_representer(str, _text)


def files(figures: Thresholds = DEFAULTS, form: Form = FORM) -> Mapping[str, str]:
    """Make every generated file of this directory by name; the README comes with its table anew."""
    groups = every(figures)
    older = replace(form, keep_firing=False)
    return {
        "model-auth.rules.yml": _HEAD + dump(document(groups, form)),
        "model-auth.rules.before-2.42.yml": _HEAD + dump(document(groups, older)),
        "model-auth.prometheusrule.yml": _HEAD + dump(custom_resource(groups, form)),
    }


def hurried(longest_wait: timedelta) -> str:
    """Make the rules with no wait longer than this, for tests against a real Prometheus."""
    return dump(document(every(DEFAULTS), replace(FORM, longest_wait=longest_wait)))


def dump(tree: Document) -> str:
    """Write YAML in the order given, long lines unbroken."""
    return yaml.dump(tree, Dumper=_Dumper, sort_keys=False, width=10_000, allow_unicode=True)


def readme(groups: Sequence[Group], text: str) -> str:
    """Write the table of the README anew between its markers."""
    start, end = "<!-- rules -->\n", "<!-- end of rules -->"
    before, _, rest = text.partition(start)
    _, _, after = rest.partition(end)
    return before + start + "\n".join(table(groups)) + "\n" + end + after


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the files."""
    parser = argparse.ArgumentParser(prog="python -m alerts.generate", description="Write the rule files.")
    parser.add_argument("--settings", type=Path, metavar="FILE", help="take thresholds from this configuration of the exporter")
    parser.add_argument("--runbooks", default=FORM.runbooks, metavar="URL", help="where you publish the runbook pages")
    parser.add_argument("--grafana", default=FORM.grafana, metavar="URL", help="the root of your Grafana")
    parser.add_argument("--into", type=Path, default=HERE, metavar="DIR", help="directory to write to (default: here)")
    chosen = parser.parse_args(arguments)
    figures = of(_settings(chosen.settings)) if chosen.settings else DEFAULTS
    form = replace(FORM, runbooks=chosen.runbooks.rstrip("/"), grafana=chosen.grafana.rstrip("/"))
    chosen.into.mkdir(parents=True, exist_ok=True)
    for name, text in _all(figures, form, own=chosen.into == HERE):
        (chosen.into / name).write_text(text, encoding="utf-8")


def _all(figures: Thresholds, form: Form, own: bool) -> Iterator[tuple[str, str]]:
    yield from files(figures, form).items()
    if own:
        yield README, readme(every(figures), (HERE / README).read_text(encoding="utf-8"))


def _settings(file: Path) -> Settings:
    from exporter.settings_file.load import load

    return load(file, os.environ)


if __name__ == "__main__":
    main()
