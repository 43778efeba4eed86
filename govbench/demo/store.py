"""Sessions and messages in SQLite, bounded to the newest messages; it does not interpret them."""

from __future__ import annotations

import sqlite3
import time
from dataclasses import dataclass
from pathlib import Path

from govbench.errors import ConfigError

MAX_MESSAGES = 20_000

# Messages are pruned in batches: one DELETE for every so many stored messages.
_PRUNE_EVERY = 256

_SCHEMA = """
CREATE TABLE IF NOT EXISTS session(
    session_id TEXT PRIMARY KEY,
    user_id TEXT,
    collection_id TEXT NOT NULL,
    created_at REAL NOT NULL,
    last_message INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS message(
    id INTEGER PRIMARY KEY,
    session_id TEXT NOT NULL,
    role TEXT NOT NULL,
    content TEXT NOT NULL,
    created_at REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS message_of_session ON message(session_id, id);
CREATE INDEX IF NOT EXISTS session_age ON session(last_message);
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One stored message; ``created_at`` in Unix seconds."""

    role: str
    content: str
    created_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A session with its messages, oldest first."""

    session_id: str
    user_id: str | None
    collection_id: str
    created_at: float
    messages: tuple[Message, ...]


class Store:
    """The newest messages and their sessions.

    Writes go to the page cache without waiting for a disk (``synchronous=OFF``), so they take microseconds;
    a power failure may lose a database, acceptable for an instance that lives as long as one measurement.
    Without a path the database is SQLite's temporary one: it spills to a file that vanishes with the
    process, so the memory of a long run stays level.
    """

    def __init__(self, path: Path | None = None, *, max_messages: int = MAX_MESSAGES) -> None:
        try:
            self._db = sqlite3.connect("" if path is None else path, isolation_level=None)
            self._db.execute("PRAGMA synchronous=OFF")
            self._db.execute(f"PRAGMA journal_mode={'MEMORY' if path is None else 'WAL'}")
            self._db.executescript(_SCHEMA)
            self._last_id: int = self._db.execute("SELECT coalesce(max(id), 0) FROM message").fetchone()[0]
        except sqlite3.Error as error:
            raise ConfigError(f"embedded API: database {path}: {error}") from error
        self._max_messages = max_messages

    def append(
        self, session_id: str, *, question: str, answer: str, collection_id: str, user_id: str | None = None
    ) -> None:
        """Store one question and its answer, and the session when it is new."""
        now = time.time()
        last_id = self._last_id + 2
        with self._db:
            self._db.execute("BEGIN")
            self._db.execute(
                "INSERT INTO session VALUES (?, ?, ?, ?, ?) "
                "ON CONFLICT(session_id) DO UPDATE SET last_message = excluded.last_message",
                (session_id, user_id, collection_id, now, last_id),
            )
            self._db.executemany(
                "INSERT INTO message VALUES (?, ?, ?, ?, ?)",
                [
                    (last_id - 1, session_id, "user", question, now),
                    (last_id, session_id, "assistant", answer, now),
                ],
            )
            if last_id % _PRUNE_EVERY < 2:
                self._prune(last_id - self._max_messages)
        self._last_id = last_id

    def _prune(self, newest_dropped: int) -> None:
        self._db.execute("DELETE FROM message WHERE id <= ?", (newest_dropped,))
        self._db.execute("DELETE FROM session WHERE last_message <= ?", (newest_dropped,))

    def last_question(self, session_id: str) -> str | None:
        """The newest question of the session; None in a new session."""
        row = self._db.execute(
            "SELECT content FROM message WHERE session_id = ? AND role = 'user' ORDER BY id DESC LIMIT 1",
            (session_id,),
        ).fetchone()
        return None if row is None else str(row[0])

    def session(self, session_id: str) -> Session | None:
        """The session with its messages; None when it is unknown or was pruned."""
        row = self._db.execute(
            "SELECT user_id, collection_id, created_at FROM session WHERE session_id = ?", (session_id,)
        ).fetchone()
        if row is None:
            return None
        messages = self._db.execute(
            "SELECT role, content, created_at FROM message WHERE session_id = ? ORDER BY id", (session_id,)
        )
        return Session(
            session_id=session_id,
            user_id=row[0],
            collection_id=row[1],
            created_at=row[2],
            messages=tuple(Message(role=r, content=c, created_at=t) for r, c, t in messages),
        )

    def delete(self, session_id: str) -> int | None:
        """Forget the session; the number of messages deleted, None when it is unknown."""
        if self._db.execute("DELETE FROM session WHERE session_id = ?", (session_id,)).rowcount == 0:
            return None
        return self._db.execute("DELETE FROM message WHERE session_id = ?", (session_id,)).rowcount

    def count_messages(self) -> int:
        """How many messages are stored."""
        return int(self._db.execute("SELECT count(*) FROM message").fetchone()[0])

    def close(self) -> None:
        """Close the database."""
        self._db.close()
