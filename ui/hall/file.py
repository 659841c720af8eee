"""The SQLite file that holds the rooms: opened once by each server, bounded in length, with a name for each fault.

Write-ahead logging lets several servers of one machine read and write it at once. It needs memory that they share,
which a network's file system does not give: the file has to lie on a disk of the machine.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal

Reason = Literal[
    "gone", "crowded", "rooms", "foreign", "closed", "often", "large",  # what was asked for
    "damaged", "readonly", "full", "busy", "unusable", "other",  # the file
]  # fmt: skip
MEGABYTES = 64
PATIENCE = 3.0  # seconds for what another server writes
_OURS = 0x76697A68  # "vizh", so that nobody's other database is written to
_PAGE = 4096
_SCHEMA = """
CREATE TABLE IF NOT EXISTS rooms (
  code TEXT PRIMARY KEY, opener BLOB NOT NULL, lesson TEXT NOT NULL, step INTEGER NOT NULL, stage TEXT NOT NULL,
  turn INTEGER NOT NULL, ends REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS guests (code TEXT NOT NULL, guest BLOB NOT NULL, PRIMARY KEY (code, guest)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS answers (
  code TEXT NOT NULL, lesson TEXT NOT NULL, step INTEGER NOT NULL, guest BLOB NOT NULL, answer TEXT NOT NULL,
  times INTEGER NOT NULL, PRIMARY KEY (code, lesson, step, guest)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS ends ON rooms (ends);
"""
_FAULTS: dict[str, Reason] = {
    "SQLITE_FULL": "full",
    "SQLITE_READONLY": "readonly",
    "SQLITE_PERM": "readonly",
    "SQLITE_NOTADB": "damaged",
    "SQLITE_CORRUPT": "damaged",
    "SQLITE_BUSY": "busy",
    "SQLITE_LOCKED": "busy",
}


class Refused(Exception):
    """Something that is not done, and for which ``reason``: a word that a page has a sentence for."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason: Reason = reason


class File:
    """One connection for all sessions of a server; it is opened when first needed, and anew after a fault."""

    def __init__(self, path: str | Path, megabytes: int = MEGABYTES) -> None:
        self.path, self._pages = Path(path), megabytes * 2**20 // _PAGE
        self._lock = threading.Lock()
        self._open: sqlite3.Connection | None = None

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """The connection, for one query. Raises :class:`Refused`."""
        with self._lock, self._told():
            yield self._connected()

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """The connection within one transaction: all of it is done, or nothing. Raises :class:`Refused`."""
        with self._lock, self._told():
            connection = self._connected()
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                with suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")

    def close(self) -> None:
        """Close the connection; the next one to ask opens it again."""
        with self._lock:
            self._forget()

    def _forget(self) -> None:
        if self._open is not None:
            with suppress(sqlite3.Error):
                self._open.close()
        self._open = None

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            name = getattr(error, "sqlite_errorname", None) or ""  # "SQLITE_READONLY_DBMOVED" is one of SQLITE_READONLY
            reason: Reason = next((one for fault, one in _FAULTS.items() if name.startswith(fault)), "unusable")
            if reason not in ("busy", "full"):
                self._forget()  # the file may have been mended or replaced when the next one asks
            raise Refused(reason) from error
        except OSError as error:
            raise Refused("unusable") from error

    def _connected(self) -> sqlite3.Connection:
        if self._open is None:
            connection = sqlite3.connect(self.path, PATIENCE, isolation_level=None, check_same_thread=False)
            try:
                self._prepare(connection)
            except BaseException:
                connection.close()
                raise
            self._open = connection
        return self._open

    def _prepare(self, connection: sqlite3.Connection) -> None:
        connection.execute("BEGIN")  # another server may be making the file now: of both or of neither is read
        (identity,) = connection.execute("PRAGMA application_id").fetchone()
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        connection.execute("COMMIT")
        if identity != _OURS and tables:
            raise Refused("other")
        _patiently(connection, "PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")  # a power cut may cost the last answers, never the file
        connection.execute("PRAGMA secure_delete=ON")  # what is deleted is gone
        connection.execute("PRAGMA journal_size_limit=4194304")
        connection.execute(f"PRAGMA max_page_count={self._pages}")
        if identity != _OURS:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute(f"PRAGMA application_id={_OURS}")
            for statement in _SCHEMA.split(";"):
                connection.execute(statement)
            connection.execute("COMMIT")


def _patiently(connection: sqlite3.Connection, statement: str) -> None:
    """SQLite itself does not wait where two change the kind of journal at the same moment."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            connection.execute(statement)
            return
        except sqlite3.OperationalError as error:
            if "SQLITE_BUSY" not in getattr(error, "sqlite_errorname", "") or time.monotonic() > end:
                raise
            time.sleep(0.02)
