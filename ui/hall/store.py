"""The rooms: who opened one moves it from question to question, and whoever has its code answers, once each.

Nobody is named. A guest is the digest of a number by chance that the guest's own browser tab keeps; what is known of it
are its answers. A room and all that was answered in it are deleted a day after it was opened, or when it is closed.
"""

from __future__ import annotations

import hashlib
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from ui.hall import codes
from ui.hall.file import MEGABYTES, File, Refused

Stage = Literal["asking", "tally", "truth"]
DAY = 24 * 3600.0
ROOMS = 50  # of all
OWN = 3  # of one opener; the newest is the one that is meant
GUESTS = 400  # of a room
TIMES = 10  # that one guest answers one question; the last one counts
LONGEST = 2000  # characters of an answer
_SWEPT = 60.0  # seconds from one look for rooms that have ended to the next
_ROOM = "code, lesson, step, stage, turn, ends"


@dataclass(frozen=True)
class Room:
    """A room as everybody in it may see it: which step of which lesson it is at, and what is shown of that.

    ``stage``: the question is open, its tally is shown, or its truth. ``turn`` is another number whenever any of this
    has changed; ``ends`` in seconds since 1970.
    """

    code: str
    lesson: str
    step: int
    stage: Stage
    turn: int
    ends: float


class Store:
    """All rooms of a file. Every method raises :class:`Refused` with the reason why something is not done."""

    def __init__(self, path: str | Path, *, megabytes: int = MEGABYTES, clock: Callable[[], float] = time.time) -> None:
        self.file, self._clock, self._swept = File(path, megabytes), clock, 0.0

    def open(self, opener: str, lesson: str, step: int) -> Room:
        """A new room at a step of a lesson; only who has the secret ``opener`` can move or close it."""
        _check(lesson)
        with self.file.writing() as db:
            self._sweep(db, 0.0)
            (count,) = db.execute("SELECT count(*) FROM rooms").fetchone()
            (own,) = db.execute("SELECT count(*) FROM rooms WHERE opener = ?", (_digest(opener),)).fetchone()
            if count >= ROOMS or own >= OWN:
                raise Refused("rooms")
            taken = {code for (code,) in db.execute("SELECT code FROM rooms")}
            code = next(code for code in iter(codes.draw, "") if code not in taken)
            values = (code, _digest(opener), lesson, step, "asking", 0, self._clock() + DAY)
            db.execute("INSERT INTO rooms VALUES (?, ?, ?, ?, ?, ?, ?)", values)
            return self._room(db, code)

    def room(self, code: str) -> Room:
        """The room of this code: one query by its key."""
        with self.file.reading() as db:
            return self._room(db, code)

    def opened_by(self, opener: str) -> Room | None:
        """The newest room that was opened with this secret and has not ended."""
        with self.file.reading() as db:
            found = db.execute(
                f"SELECT {_ROOM} FROM rooms WHERE opener = ? AND ends > ? ORDER BY ends DESC LIMIT 1",
                (_digest(opener), self._clock()),
            ).fetchone()
            return None if found is None else Room(*found)

    def enter(self, code: str, guest: str) -> Room:
        """Count ``guest`` among those in the room; who is there already is counted once."""
        with self.file.writing() as db:
            self._sweep(db, _SWEPT)
            room = self._room(db, code)
            self._count_in(db, code, guest)
            return room

    def move(self, code: str, opener: str, lesson: str, step: int, stage: Stage = "asking") -> Room:
        """Show a step: its question, open (again); the tally of what was answered to it, which stands; or its truth.

        Answers are taken only while the question is open.
        """
        _check(lesson)
        if stage not in get_args(Stage):
            raise ValueError(f"stage is {stage!r}; accepted: one of {', '.join(get_args(Stage))}.")
        with self.file.writing() as db:
            self._own(db, code, opener)
            values = (lesson, step, stage, code)
            db.execute("UPDATE rooms SET lesson = ?, step = ?, stage = ?, turn = turn + 1 WHERE code = ?", values)
            return self._room(db, code)

    def close(self, code: str, opener: str) -> None:
        """End the room and delete what was answered in it."""
        with self.file.writing() as db:
            self._own(db, code, opener)
            _delete(db, [code])

    def answer(self, code: str, guest: str, lesson: str, step: int, answer: str) -> int:
        """Take ``answer`` (JSON) to the open question in place of the guest's earlier one; how often that may be done.

        It is refused where the room has gone on or the answer is none of a page's making.
        """
        _check(answer)
        with self.file.writing() as db:
            room = self._room(db, code)
            if (room.lesson, room.step, room.stage) != (lesson, step, "asking"):
                raise Refused("closed")
            self._count_in(db, code, guest)
            key = (code, lesson, step, _guest(code, guest))
            where = "code = ? AND lesson = ? AND step = ? AND guest = ?"
            found = db.execute(f"SELECT times FROM answers WHERE {where}", key).fetchone()
            times = 1 + (found[0] if found else 0)
            if times > TIMES:
                raise Refused("often")
            db.execute("INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?, ?)", (*key, answer, times))
            return TIMES - times

    def own_answer(self, code: str, guest: str, lesson: str, step: int) -> str | None:
        """What this guest has answered; None where that is nothing."""
        with self.file.reading() as db:
            found = db.execute(
                "SELECT answer FROM answers WHERE code = ? AND lesson = ? AND step = ? AND guest = ?",
                (code, lesson, step, _guest(code, guest)),
            ).fetchone()
            return None if found is None else str(found[0])

    def answers(self, code: str, lesson: str, step: int) -> list[str]:
        """All answers to a step, in an order that tells nothing."""
        with self.file.reading() as db:
            found = db.execute(
                "SELECT answer FROM answers WHERE code = ? AND lesson = ? AND step = ? ORDER BY answer",
                (code, lesson, step),
            )
            return [answer for (answer,) in found]

    def counts(self, code: str, lesson: str, step: int) -> tuple[int, int]:
        """(guests in the room, answers to a step)."""
        with self.file.reading() as db:
            (guests,) = db.execute("SELECT count(*) FROM guests WHERE code = ?", (code,)).fetchone()
            (answered,) = db.execute(
                "SELECT count(*) FROM answers WHERE code = ? AND lesson = ? AND step = ?", (code, lesson, step)
            ).fetchone()
            return guests, answered

    def _room(self, db: sqlite3.Connection, code: str) -> Room:
        found = db.execute(f"SELECT {_ROOM} FROM rooms WHERE code = ? AND ends > ?", (code, self._clock())).fetchone()
        if found is None:
            raise Refused("gone")
        return Room(*found)

    def _own(self, db: sqlite3.Connection, code: str, opener: str) -> None:
        self._room(db, code)
        if db.execute("SELECT opener FROM rooms WHERE code = ?", (code,)).fetchone()[0] != _digest(opener):
            raise Refused("foreign")

    def _count_in(self, db: sqlite3.Connection, code: str, guest: str) -> None:
        key = (code, _guest(code, guest))
        if db.execute("SELECT 1 FROM guests WHERE code = ? AND guest = ?", key).fetchone() is None:
            (count,) = db.execute("SELECT count(*) FROM guests WHERE code = ?", (code,)).fetchone()
            if count >= GUESTS:
                raise Refused("crowded")
            db.execute("INSERT INTO guests VALUES (?, ?)", key)

    def _sweep(self, db: sqlite3.Connection, after: float) -> None:
        now = self._clock()
        if abs(now - self._swept) >= after:  # clocks may jump either way
            _delete(db, [code for (code,) in db.execute("SELECT code FROM rooms WHERE ends <= ?", (now,))])
            self._swept = now


def _delete(db: sqlite3.Connection, ended: list[str]) -> None:
    for code in ended:
        for table in ("answers", "guests", "rooms"):
            db.execute(f"DELETE FROM {table} WHERE code = ?", (code,))


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def _guest(code: str, guest: str) -> bytes:
    """Another one in each room, so that nobody can be followed from one to the next."""
    return hashlib.sha256(f"{code} {guest}".encode()).digest()[:16]


def _check(text: str) -> None:
    if len(text) > LONGEST:
        raise Refused("large")
