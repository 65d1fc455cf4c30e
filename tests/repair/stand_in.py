"""Edge. Stands in for a gateway's own program: answers as the transcripts say, writes its database, notes how it was called.

It runs under the name `openclaw`. Where its releases only ask at a terminal, it insists on one and echoes what is typed.
"""

import json
import os
import sqlite3
import sys
import time
import tty
from pathlib import Path

RELEASE = os.environ.get("STAND_IN_RELEASE", "2026.9.6")
HOME = Path(os.environ["HOME"])
STATE = Path(os.environ.get("OPENCLAW_STATE_DIR") or HOME / ".openclaw")
SHARED = STATE / "state/openclaw.sqlite"
AGENT = STATE / "agents/main/agent/openclaw-agent.sqlite"


def option(name: str) -> str:
    return sys.argv[sys.argv.index(name) + 1] if name in sys.argv else ""


def change(database: Path, table: str, key: str, column: str, row: str, edit: object) -> None:
    with sqlite3.connect(database) as connection:
        found = connection.execute(f"SELECT {column} FROM {table} WHERE {key} = ?", (row,)).fetchone()
        tree = json.loads(found[0]) if found else {"version": 1}
        edit(tree)  # type: ignore[operator]
        stamp = "updated_at_ms" if table == "config_machine_state" else "updated_at"
        connection.execute(
            f"INSERT OR REPLACE INTO {table} ({key}, {column}, {stamp}) VALUES (?, ?, 1795171688573)", (row, json.dumps(tree))
        )
    connection.close()


def secret() -> str:
    if RELEASE >= "2026.8" or "paste-api-key" in sys.argv:
        return sys.stdin.readline().strip()
    if not sys.stdin.isatty():
        print("needs a terminal", file=sys.stderr)
        sys.exit(1)
    tty.setraw(0)
    question = f"◆  Paste token for {option('--provider')}"
    shown = (
        question if os.get_terminal_size(0).columns >= len(question) else "\r\n".join(question)
    )  # it breaks lines as its terminal is wide
    print(f"\x1b[1G│\r\n{shown}\r\n│  _\r\n└", end="", flush=True)
    typed = b""
    while not typed.endswith(b"\r"):
        typed += os.read(0, 1)
        print(f"\x1b[2K\x1b[1G│  {typed.decode()}", end="", flush=True)  # as releases up to 2026.5.28 did
        print(f"\x1b[2K\x1b[1G{typed.decode()}", end="", flush=True)
    print("\r\n", end="")
    return typed.decode().strip()


def paste() -> None:
    provider = option("--provider")
    profile = option("--profile-id") or f"{provider}:manual"
    kind, field = ("api_key", "key") if "paste-api-key" in sys.argv else ("token", "token")
    value = secret()
    entry = {"type": kind, "provider": provider, field: value}
    if RELEASE >= "2026.8":
        place = (SHARED, "config_machine_state", "state_key", "value_json", "authProfiles.store")
    else:
        place = (AGENT, "auth_profile_store", "store_key", "store_json", "primary")
    change(*place, lambda tree: tree.setdefault("profiles", {}).update({profile: entry}))
    print("Updated config: ~/.openclaw/openclaw.json\n  Backup: ~/.openclaw/openclaw.json.bak")
    print(f"debug: stored {value}")  # what must never come out of us
    print(f"Auth profile: {profile} ({provider}/{kind})")
    print("Warning: Model auth changes were saved, but the local Gateway could not refresh them.", file=sys.stderr)


def order() -> None:
    provider, ids = option("--provider"), [each for each in sys.argv[5:] if ":" in each]
    edit = {
        "set": lambda tree: tree.setdefault("order", {}).update({provider: ids}),
        "clear": lambda tree: tree.get("order", {}).pop(provider, 0),
    }
    change(AGENT, "auth_profile_state", "state_key", "state_json", "primary", edit[sys.argv[4]])
    print(f"Agent: main\nProvider: {provider}\nAuth profile order override: {', '.join(ids)}")


def login() -> None:
    if not sys.stdin.isatty():
        sys.exit(1)
    print("Open https://auth.example.com/oauth/authorize?client_id=app_1&state=s\r\nPaste the code: ", end="", flush=True)
    typed = sys.stdin.readline().strip()
    entry = {"type": "oauth", "provider": option("--provider"), "access": f"new-{typed}", "refresh": "r2", "expires": 4102444800000}
    place = (SHARED, "config_machine_state", "state_key", "value_json", "authProfiles.store")
    change(*place, lambda tree: tree["profiles"].update({option("--profile-id"): entry}))
    print("token sk-ant-oat01-LEAKEDLEAKEDLEAKED saved")


with (HOME / "calls.jsonl").open("a") as book:
    ours = {name: value for name, value in os.environ.items() if name.startswith(("OPENCLAW", "MODEL_AUTH"))}
    book.write(json.dumps({"argv": sys.argv[1:], "env": ours, "leader": os.getsid(0) == os.getpid()}) + "\n")
if os.environ.get("STAND_IN_FAILS"):
    print("Gateway is upgrading; key sk-ant-oat01-LEAKEDLEAKEDLEAKED", file=sys.stderr)
    sys.exit(3)
if os.environ.get("STAND_IN_SLEEPS"):
    time.sleep(float(os.environ["STAND_IN_SLEEPS"]))
    (HOME / "ended").touch()
login() if "login" in sys.argv else order() if sys.argv[3] == "order" else paste()
