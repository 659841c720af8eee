"""The rows of a study on disk: whole after every kind of interruption, and never mixed with another study's.

A folder holds ``settings.json``, ``rows.csv`` and ``lock``. The rows of one task go to the end of the file in one
write, and to the disk within a second; what a crash left of an unfinished write is cut off when the study goes on. A
finished table is put into the order of its plan, so that the same study gives the same file. Of a large study, the rows
move from there to ``parts`` whenever some ten thousand have come, and what it says goes to ``summary.json``.
"""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Collection, Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import numpy as np

from vizcore.study import columns, parts, rows, summary
from vizcore.study.plan import Plan, Tasks
from vizcore.study.rows import Row
from vizcore.study.sources import StudyError

ROWS, SETTINGS, SUMMARY, LOCK = "rows.csv", "settings.json", "summary.json", "lock"
FORCED = 1.0  # seconds after which what has been written is forced to the disk
LIBRARIES = ("torch", "numpy", "scikit-image", "pillow")


class Table:
    """The rows of ``plan`` in ``folder``, as a context manager: made where there is nothing, else carried on.

    Raises :class:`StudyError` where the folder holds a study with other settings, something else by that name, or is
    being written to by another process.
    """

    def __init__(self, folder: Path, plan: Plan) -> None:
        self.folder, self.plan = folder, plan
        self.rows: list[Row] = []  # of the text file: of a large study the last ones
        self._done = np.zeros(plan.count, np.bool_)
        self._parts = self._in_parts = 0
        self._forced = 0.0
        self._file: IO[bytes] | None = None
        self._lock: IO[bytes] | None = None

    def __enter__(self) -> Table:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._lock = _locked(self.folder)
        except OSError as error:
            raise StudyError(f"The folder {self.folder} cannot be written to: {error.strerror}.") from None
        try:
            self._open()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give the files back; the rows that were appended are on the disk already."""
        for file in (self._file, self._lock):
            if file is not None:
                file.close()
        self._file = self._lock = None

    @property
    def count(self) -> int:
        """How many rows there are."""
        return self._in_parts + len(self.rows)

    @property
    def place(self) -> Path:
        """Where the rows are: the text file, or of a large study the folder of its parts."""
        return self.folder / (parts.FOLDER if self._parts else ROWS)

    def remaining(self) -> Tasks:
        """The tasks of the plan that are still to be done, in its order."""
        return replace(self.plan.tasks, numbers=np.flatnonzero(~self._done))

    def append(self, found: Sequence[Row]) -> None:
        """Add the rows of one task, in one write."""
        assert self._file is not None
        text = rows.write(found)
        self._file.write(text.encode())
        self._file.flush()
        if time.monotonic() - self._forced > FORCED:
            os.fsync(self._file.fileno())
            self._forced = time.monotonic()
        self.rows += rows.read(f"{rows.HEADER}\n{text}")
        self._done[self._number(found[0])] = True
        if len(self.rows) >= parts.ROWS:
            self._seal()

    def settle(self) -> None:
        """Put a finished table into the plan's order. What an interruption leaves is whole, too."""
        if self._parts:
            if self.rows:
                self._seal()
            parts.sort(self.folder)
            _replace(self.folder / SUMMARY, summary.write(self.summarised(None)))
            return
        assert self._file is not None
        self.rows = sorted(self.rows, key=self._place)
        self._file.close()
        _replace(self.folder / ROWS, f"{rows.HEADER}\n{rows.write(self.rows)}")
        self._file = (self.folder / ROWS).open("ab")

    def summarised(self, against: Collection[str] | None) -> summary.Summary:
        """What the rows say; differences from the methods ``against`` only, where that is said."""
        if not self._parts:
            return summary.summarise(columns.of_rows(self.rows), against=against)
        sample = parts.sample(self.folder, summary.SAMPLE, len(self.plan.methods))
        return summary.summarise(parts.columns(self.folder), sample, against)

    def _number(self, row: Row) -> int:
        return self.plan.number(row.picture, row.network)

    def _place(self, row: Row) -> tuple[int, int]:
        return self._number(row), self.plan.methods.index(row.method)

    def _seal(self) -> None:
        """Move all rows of the text file into a part. Where only the latter succeeds, they are cut off at the start."""
        assert self._file is not None
        numbers = np.array([self._number(row) for row in self.rows], np.int64)
        parts.seal(self.folder, rows.write(self.rows), numbers, self._parts + 1)
        self._parts, self._in_parts, self.rows = self._parts + 1, self._in_parts + len(self.rows), []
        self._begin(0)

    def _begin(self, whole: int) -> None:
        """Go on writing behind the first ``whole`` bytes of the text file."""
        if self._file is not None:
            self._file.close()
        self._file = (self.folder / ROWS).open("ab")
        self._file.truncate(whole)
        if not whole:
            self._file.write(f"{rows.HEADER}\n".encode())
            self._file.flush()

    def _open(self) -> None:
        settings, path = self.folder / SETTINGS, self.folder / ROWS
        if settings.exists():
            _check(settings, self.plan)
        elif path.exists():
            raise StudyError(f"{path} is there without its {SETTINGS}; choose another folder for this study.")
        else:
            versions = {"python": platform.python_version(), **{name: version(name) for name in LIBRARIES}}
            kept = {"fingerprint": self.plan.fingerprint, "versions": versions, **self.plan.settings}
            _replace(settings, json.dumps(kept, indent=1) + "\n")
        for numbers in parts.tasks(self.folder):
            if len(numbers) and not 0 <= numbers.min() <= numbers.max() < len(self._done):
                raise StudyError("A part of the table does not belong to this study; choose another folder.")
            self._done[numbers] = True
            self._parts, self._in_parts = self._parts + 1, self._in_parts + len(numbers)
        self._begin(self._whole(path.read_bytes()) if path.exists() else 0)

    def _whole(self, data: bytes) -> int:
        """How many bytes of the text file are the rows of finished tasks, which are taken; none if they are in a part.

        A crash can leave the beginning of the last write: a torn line, or whole lines of some of the task's methods.
        """
        data = data[: data.rfind(b"\n") + 1]
        if not data:
            return 0
        try:
            found = rows.read(data.decode())
        except UnicodeDecodeError:
            raise StudyError("The table is damaged: it is not the text that a study writes.") from None
        size, numbers = len(self.plan.methods), []
        found = found[: len(found) - len(found) % size]  # without a last task whose rows are not all there
        for at in range(0, len(found), size):
            group = found[at : at + size]
            try:
                numbers.append(self._number(group[0]))
                task = (group[0].picture, group[0].network)
                belong = [(row.picture, row.network, row.method) for row in group] == [
                    (*task, method) for method in self.plan.methods
                ]
            except KeyError:
                belong = False
            if not belong:
                raise StudyError(f"Line {at + 2} of the table does not belong to this study; choose another folder.")
        if numbers and self._done[numbers].all():
            return 0
        self._done[numbers] = True
        self.rows += found
        return len(rows.HEADER) + 1 + len(rows.write(found).encode())


def _check(settings: Path, plan: Plan) -> None:
    """Raise StudyError unless the folder's settings are the plan's; name the first that is not."""
    try:
        held: Any = json.loads(settings.read_text(encoding="utf-8"))
        fingerprint = held["fingerprint"]
    except (OSError, ValueError, TypeError, KeyError):
        raise StudyError(f"{settings} is damaged; choose another folder for this study.") from None
    if fingerprint != plan.fingerprint:
        requested = json.loads(json.dumps(plan.settings))
        other = next((name for name in requested if held.get(name) != requested[name]), "fingerprint")
        raise StudyError(
            f"{settings.parent} holds a study with other settings ({other}); choose another folder for this one, or "
            f"repeat the command with which that one was begun."
        )


def _replace(path: Path, text: str) -> None:
    """Write a file so that there is the old one or the new one at any time, and never a part."""
    part = path.with_name(f"{path.name}.part")
    with part.open("wb") as file:
        file.write(text.encode())
        file.flush()
        os.fsync(file.fileno())
    os.replace(part, path)


def _locked(folder: Path) -> IO[bytes]:
    """Hold the folder's lock until the file is closed, be it by the end of the process."""
    file = (folder / LOCK).open("ab")
    try:
        if os.name == "nt":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise StudyError(f"Another process is writing to {folder}; wait for it, or choose another folder.") from None
    return file
