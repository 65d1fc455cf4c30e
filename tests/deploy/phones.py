"""Edge. A phone of a test: stand-ins of `ssh` and of the `termux-*` commands, and what they were called with."""

from __future__ import annotations

from pathlib import Path

from tests.deploy.stands import DEPLOY, SETUP_TOKEN, Host

TERMUX = DEPLOY / "termux"
# What termux-dialog prints when the person leaves by "back".
CANCELLED = '{\n  "code": -2,\n  "text": ""\n}\n'
HERE = '$ eval "$1"'  # an ssh that reaches this machine
NO_ROUTE = "exit 255"
FRESH = SETUP_TOKEN + "-FAKE" * 16
_NOTIFICATION = {"--id", "--title", "--content", "--priority", "--vibrate", "--action", "--button1", "--button1-action", "--alert-once"}
_API = ("toast", "vibrate", "notification", "notification-remove", "clipboard-set", "open-url", "wake-lock", "job-scheduler")


def chosen(text: str) -> str:
    """Return what termux-dialog prints when an entry is chosen."""
    return f'{{\n  "code": -1,\n  "text": "{text}",\n  "index": 0\n}}\n'


def termux(root: Path) -> Host:
    """Lay out a phone whose ssh reaches this machine."""
    host = Host(root)
    for name in _API:
        host.stand_in(f"termux-{name}")
    host.stand_in("termux-dialog", CANCELLED)
    host.stand_in("ssh", HERE)
    host.stand_in("am")
    (host.bin / "sh").symlink_to("/bin/sh")
    host.env["PREFIX"] = str(root)  # $PREFIX/bin is where pkg puts programs
    return host


def configured(phone: Host, **settings: str) -> None:
    """Write termux.conf."""
    file = ours(phone, "termux.conf")
    file.write_text("".join(f"{name}='{value}'\n" for name, value in settings.items()))


def ours(phone: Host, name: str) -> Path:
    """Return one of our settings files."""
    file = phone.root / "xdg-config/model-auth-exporter" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    return file


def notified(phone: Host) -> list[dict[str, str]]:
    """Return each notification as its options, all of which the real command has."""
    found = [dict(zip(call[::2], call[1::2], strict=False)) for call in phone.called("termux-notification")]
    assert all(note.keys() <= _NOTIFICATION for note in found), found
    return found
