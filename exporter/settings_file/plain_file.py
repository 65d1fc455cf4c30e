"""Edge. A file that people write for us, as text: of a size one writes by hand, in UTF-8, or a fault that says what to do."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from exporter.settings_file.text import SettingsError

MOST_BYTES: Final = 1 << 20


def read_text(file: Path, most: int = MOST_BYTES) -> str:
    """Read at most `most` bytes; raises SettingsError."""
    try:
        with file.open("rb") as opened:
            raw = opened.read(most + 1)
        text = raw.decode("utf-8-sig")
    except OSError as error:
        raise SettingsError(str(file), None, "", error.strerror or "cannot be read", "make it readable, or name another one") from None
    except UnicodeDecodeError:
        raise SettingsError(str(file), None, "", "not UTF-8", "save the file as UTF-8") from None
    if len(raw) > most:
        raise SettingsError(str(file), None, "", f"larger than {most} bytes", "this is not the file that was meant")
    return text
