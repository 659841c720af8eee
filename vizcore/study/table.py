"""The rows of a study on disk: whole after every kind of interruption, and never mixed with another study's.

A folder holds ``settings.json``, ``rows.csv`` and ``lock``. The rows of one task go to the end of the file in one write
and are forced to the disk before the next ones come; what a crash left of an unfinished write is cut off when the study
goes on. A finished table is put into the order of its plan, so that the same study gives the same file.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from vizcore.study import rows
from vizcore.study.plan import Plan, Task
from vizcore.study.rows import Row
from vizcore.study.sources import StudyError

ROWS, SETTINGS, LOCK = "rows.csv", "settings.json", "lock"
LIBRARIES = ("torch", "numpy", "scikit-image", "pillow")


class Table:
    """The rows of ``plan`` in ``folder``, as a context manager: made where there is nothing, else carried on.

    Raises :class:`StudyError` where the folder holds a study with other settings, something else by that name, or is
    being written to by another process.
    """

    def __init__(self, folder: Path, plan: Plan) -> None:
        self.folder, self.plan = folder, plan
        self.rows: list[Row] = []
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
    def done(self) -> frozenset[tuple[str, str]]:
        """(picture, network) of the tasks whose rows are there."""
        return frozenset((row.picture, row.network) for row in self.rows)

    def remaining(self) -> tuple[Task, ...]:
        """The tasks of the plan that are still to be done, in its order."""
        done = self.done
        return tuple(task for task in self.plan.tasks if (task.picture.id, task.network) not in done)

    def append(self, found: Sequence[Row]) -> None:
        """Add the rows of one task: one write, on the disk when this returns."""
        assert self._file is not None
        text = rows.write(found)
        self._file.write(text.encode())
        self._file.flush()
        os.fsync(self._file.fileno())
        self.rows += rows.read(f"{rows.HEADER}\n{text}")

    def settle(self) -> None:
        """Put a finished table into the plan's order. What an interruption leaves is whole, too."""
        assert self._file is not None
        self.rows = in_order(self.rows, self.plan)
        self._file.close()
        _replace(self.folder / ROWS, f"{rows.HEADER}\n{rows.write(self.rows)}")
        self._file = (self.folder / ROWS).open("ab")

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
        whole = _whole(path.read_bytes(), self.plan, self.rows) if path.exists() else 0
        self._file = path.open("ab")
        self._file.truncate(whole)
        if not whole:
            self._file.write(f"{rows.HEADER}\n".encode())
            self._file.flush()


def in_order(found: Iterable[Row], plan: Plan) -> list[Row]:
    """The rows in the order of the plan's pictures, networks and methods."""
    pictures = {one.id: at for at, one in enumerate(plan.pictures)}
    networks = {name: at for at, (name, _) in enumerate(plan.networks)}
    return sorted(found, key=lambda row: (pictures[row.picture], networks[row.network], plan.methods.index(row.method)))


def _whole(data: bytes, plan: Plan, kept: list[Row]) -> int:
    """How many bytes of the file are the rows of finished tasks; these rows are added to ``kept``.

    A crash can leave the beginning of the last write: a torn line, or whole lines of some of the task's methods.
    """
    data = data[: data.rfind(b"\n") + 1]
    if not data:
        return 0
    try:
        found = rows.read(data.decode())
    except UnicodeDecodeError:
        raise StudyError("The table is damaged: it is not the text that a study writes.") from None
    known = {(task.picture.id, task.network) for task in plan.tasks}
    size, end = len(plan.methods), len(found)
    if end % size:  # the last task's rows are not all there
        end -= end % size
    for at in range(0, end, size):
        group = found[at : at + size]
        task = (group[0].picture, group[0].network)
        if task not in known or [(row.picture, row.network, row.method) for row in group] != [
            (*task, method) for method in plan.methods
        ]:
            raise StudyError(f"Line {at + 2} of the table does not belong to this study; choose another folder.")
    kept += found[:end]
    return len(rows.HEADER) + 1 + len(rows.write(found[:end]).encode())


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
