"""Pure. The tables of our file, version by version. No table holds a secret."""

from __future__ import annotations

from typing import Final

APPLICATION: Final = 0x6D617578  # tells SQLite files of ours from others

# Each entry takes the file from one version to the next; entries are never edited, only added.
MIGRATIONS: Final = (
    """
    CREATE TABLE meta (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
    CREATE TABLE subjects (
        gateway TEXT NOT NULL, agent TEXT NOT NULL, provider TEXT NOT NULL, profile TEXT NOT NULL,
        first_seen_ms INTEGER NOT NULL, fingerprint TEXT NOT NULL, changed_ms INTEGER, auth_failing_since_ms INTEGER,
        fence_seen_ms INTEGER, dark_since_ms INTEGER,
        PRIMARY KEY (gateway, agent, provider, profile)
    ) WITHOUT ROWID;
    """,
    """
    CREATE TABLE alerts (identity TEXT PRIMARY KEY, document TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE alert_groups (cause TEXT PRIMARY KEY, document TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE silences (id TEXT PRIMARY KEY, document TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE outbox (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT,
        channel TEXT NOT NULL, cause TEXT NOT NULL, kind TEXT NOT NULL, written_ms INTEGER NOT NULL, document TEXT NOT NULL,
        attempts INTEGER NOT NULL DEFAULT 0, next_try_ms INTEGER NOT NULL,
        claimed_by TEXT, claimed_until_ms INTEGER, possible_repeat INTEGER NOT NULL DEFAULT 0
    );
    CREATE INDEX outbox_by_channel ON outbox (channel, cause, sequence);
    CREATE TABLE channels (
        channel TEXT PRIMARY KEY, failures INTEGER NOT NULL, failing_since_ms INTEGER, next_try_ms INTEGER,
        reason TEXT NOT NULL, delivered_ms INTEGER
    ) WITHOUT ROWID;
    CREATE TABLE notice_log (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT,
        at_ms INTEGER NOT NULL, id TEXT NOT NULL, channel TEXT NOT NULL, kind TEXT NOT NULL, severity TEXT NOT NULL, title TEXT NOT NULL,
        outcome TEXT NOT NULL, attempt INTEGER NOT NULL, reason TEXT NOT NULL, possible_repeat INTEGER NOT NULL
    );
    CREATE TABLE forwarded (
        channel TEXT NOT NULL, key TEXT NOT NULL, document TEXT NOT NULL, ends_ms INTEGER, confirmed_ms INTEGER,
        PRIMARY KEY (channel, key)
    ) WITHOUT ROWID;
    """,
    """
    CREATE TABLE probe_accounts (key TEXT PRIMARY KEY, remembered TEXT NOT NULL, outcome TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE probe_hosts (host TEXT PRIMARY KEY, asked_ms INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE probe_counts (
        day TEXT NOT NULL, provider TEXT NOT NULL, purpose TEXT NOT NULL, count INTEGER NOT NULL, PRIMARY KEY (day, provider, purpose)
    ) WITHOUT ROWID;
    CREATE TABLE probe_answers (sequence INTEGER PRIMARY KEY AUTOINCREMENT, at_ms INTEGER NOT NULL, document TEXT NOT NULL);
    """,
    """
    CREATE TABLE chronicle (
        gateway TEXT NOT NULL, agent TEXT NOT NULL, provider TEXT NOT NULL, profile TEXT NOT NULL, document TEXT NOT NULL,
        PRIMARY KEY (gateway, agent, provider, profile)
    ) WITHOUT ROWID;
    """,
    """
    CREATE TABLE changes (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT,
        at_ms INTEGER NOT NULL, who TEXT NOT NULL, action TEXT NOT NULL, gateway TEXT NOT NULL, agent TEXT NOT NULL, provider TEXT NOT NULL,
        profiles TEXT NOT NULL, how TEXT NOT NULL
    );
    """,
)
