"""Edge. Writes a store as a running gateway does, again and again: lock by mkdir or by exclusive file, read, count one up, write.

Arguments: store, form of the lock (directory or file), writing (in-place or rename), rounds, name of the counted profile.
"""

import json
import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path


def take(lock: Path, form: str) -> None:
    while True:
        try:
            if form == "directory":
                os.mkdir(lock)
            else:
                with os.fdopen(os.open(lock, os.O_CREAT | os.O_EXCL | os.O_WRONLY), "w") as file:
                    file.write(json.dumps({"pid": os.getpid(), "createdAt": datetime.now(UTC).isoformat()}))
            return
        except FileExistsError:
            time.sleep(0.002)


def main(store: Path, form: str, writing: str, rounds: int, name: str) -> None:
    lock = Path(f"{store}.lock")
    for _ in range(rounds):
        take(lock, form)
        tree = json.loads(store.read_text())
        stats = tree.setdefault("usageStats", {}).setdefault(name, {"errorCount": 0})
        stats["errorCount"] += 1
        text = json.dumps(tree, indent=2) + "\n"
        if writing == "rename":
            draft = store.with_suffix(f".{os.getpid()}")
            draft.write_text(text)
            os.replace(draft, store)
        else:
            store.write_text(text)
        if form == "directory":
            os.rmdir(lock)
        else:
            os.unlink(lock)
        time.sleep(0.001)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4]), sys.argv[5])
