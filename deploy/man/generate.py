"""Edge. Writes the manual page from the commands themselves: `python -m deploy.man.generate`."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click

from exporter import __version__
from exporter.cli.ending import PROGRAM, Ending
from exporter.cli.main import COMMANDS, cli

PAGE: Final = Path(__file__).with_name(f"{PROGRAM}.1")
ENDINGS: Final = {
    Ending.FINE: "fine",
    Ending.LAPSED: "a provider in use has no usable credential, a store cannot be read, or there is nothing to judge",
    Ending.EXPIRING: "usable now, but what would be used next ends soon; never anything else",
    Ending.USAGE: "wrong usage of the command line",
    Ending.INTERNAL: "internal error, port taken, failed textfile or push (when the verdict itself is 0)",
    Ending.CONFIG: "bad settings or address",
    Ending.INTERRUPTED: "interrupted",
    Ending.CLOSED: "the reader of our output went away",
}
_FILES: Final = {
    "$XDG_CONFIG_HOME/model\\-auth\\-exporter/config.yaml": "settings of one user",
    "/etc/model\\-auth\\-exporter/config.yaml": "settings of the host",
    "$XDG_STATE_HOME/model\\-auth\\-exporter/": "alerts told, silences, probes; $STATE_DIRECTORY and `state_dir` come first",
}
_VARIABLES: Final = {
    "MODEL_AUTH_EXPORTER_CONFIG": "the settings file",
    "MODEL_AUTH_EXPORTER_SECTION__KEY": "any setting, such as MODEL_AUTH_EXPORTER_READ__INTERVAL=15s",
    "NO_COLOR": "plain text",
}


def page() -> str:
    """Make the page."""
    lines = [
        '.\\" Made by `python -m deploy.man.generate`; change the commands, not this file.',
        f'.TH {PROGRAM.upper()} 1 "" "{PROGRAM} {__version__}" "User Commands"',
        ".SH NAME",
        f"{_plain(PROGRAM)} \\- watch the model\\-provider logins of AI gateways",
        ".SH SYNOPSIS",
        f".B {_plain(PROGRAM)}",
        "COMMAND [OPTION]...",
        ".SH DESCRIPTION",
        *_paragraphs((cli.help or "").partition("Exit codes:")[0]),
        ".SH COMMANDS",
    ]
    for name in COMMANDS:
        lines += _command(name, importlib.import_module(COMMANDS[name][0]).command)
    lines += [".SH EXIT STATUS", *_terms({str(int(code)): words for code, words in ENDINGS.items()})]
    lines += [".SH FILES", *_terms(_FILES), ".SH ENVIRONMENT", *_terms(_VARIABLES)]
    lines += [
        ".SH SEE ALSO",
        f"{_plain('`model-auth-exporter bundle export`')} writes alert rules, dashboards and units with their own documents.",
    ]
    return "\n".join(lines) + "\n"


def _command(name: str, command: click.Command) -> Iterator[str]:
    """Describe one command, and after it those below it."""
    words = [f"\\fI{_plain(argument)}\\fR" for argument in map(_argument, command.params) if argument]
    below = command.commands if isinstance(command, click.Group) else {}
    yield f'.SS "{_plain(name)}"'
    options = [parameter for parameter in command.params if isinstance(parameter, click.Option) and not parameter.hidden]
    yield " ".join([f"\\fB{_plain(name)}\\fR", *(["[OPTION]..."] if options else []), *(["COMMAND"] if below else []), *words])
    for number, line in enumerate(_paragraphs(command.help or "")):
        yield from (".PP", line) if not number else (line,)
    for option in options:
        yield from (".TP", _option(option), _plain(option.help or ""))
    for each, inner in below.items():
        yield from _command(f"{name} {each}", inner)


def _argument(parameter: click.Parameter) -> str:
    if not isinstance(parameter, click.Argument):
        return ""
    shown = (parameter.metavar or (parameter.name or "").upper()) + ("..." if parameter.nargs == -1 else "")
    return shown if parameter.required or shown.startswith("[") else f"[{shown}]"


def _option(option: click.Option) -> str:
    names = ", ".join(f"\\fB{_plain(name)}\\fR" for name in (*option.opts, *option.secondary_opts))
    if option.is_flag or option.count:
        return names
    choices = "|".join(map(str, option.type.choices)) if isinstance(option.type, click.Choice) else ""
    return f"{names} \\fI{_plain(option.metavar or choices or option.type.name.upper())}\\fR"


def _paragraphs(text: str) -> Iterator[str]:
    """Write paragraphs, each joined to one line; a form feed of the command library is not for readers."""
    parts = [" ".join(part.replace("\b", "").split()) for part in inspect.cleandoc(text.partition("\f")[0]).split("\n\n")]
    for number, part in enumerate(part for part in parts if part):
        yield from ([".PP"] if number else []) + [_plain(part)]


def _terms(table: dict[str, str]) -> Iterator[str]:
    for term, words in table.items():
        yield from (".TP", f".B {term}", _plain(words))


def _plain(text: str) -> str:
    """Write text so that nothing in it is a request; what stands in backquotes becomes bold."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-")
    bold = re.sub(r"`([^`]+)`", r"\\fB\1\\fR", escaped)
    return f"\\&{bold}" if bold.startswith((".", "'")) else bold


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
