"""Edge. Our own memory between runs, one SQLite file in the state directory: what was seen, the alert book, the outbox."""

from exporter.journal.file import FILE_NAME, state_directory
from exporter.journal.memory import Journal

__all__ = ["FILE_NAME", "Journal", "state_directory"]
