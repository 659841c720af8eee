"""Which lessons there are: those of this package, and an operator's own in the folder ``VIZCORE_LESSONS``."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from vizcore.lessons import reading
from vizcore.lessons.lesson import Lesson
from vizcore.lessons.tree import Mistake

FOLDER = "VIZCORE_LESSONS"
BUNDLED = Path(__file__).with_name("bundled")
MOST = 100  # of one's own
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}", re.ASCII)


@dataclass(frozen=True)
class Broken:
    """A file that was left out, and why."""

    file: str
    mistakes: tuple[Mistake, ...]


@dataclass(frozen=True)
class Shelf:
    """The lessons in their order, and the files that are none."""

    lessons: tuple[Lesson, ...]
    broken: tuple[Broken, ...]

    def find(self, name: str) -> Lesson | None:
        """The lesson called so."""
        return next((one for one in self.lessons if one.id == name), None)


def shelf() -> Shelf:
    """All lessons as their files are now. A broken file is left out, and never raises."""
    lessons: dict[str, Lesson] = {}
    broken: list[Broken] = []
    for path in (*sorted(BUNDLED.glob("*.toml")), *_own(broken)):
        found = _taken(path)
        if isinstance(found, Broken):
            broken.append(found)
        elif found.id in lessons:
            broken.append(Broken(path.name, (Mistake(1, f"There is another lesson called {found.id!r}."),)))
        else:
            lessons[found.id] = found
    ordered = sorted(lessons.values(), key=lambda one: (one.place, one.id))
    return Shelf(tuple(ordered), tuple(broken))


def _own(broken: list[Broken]) -> list[Path]:
    folder = os.environ.get(FOLDER, "")
    if not folder:
        return []
    try:
        found = sorted(path for path in Path(folder).iterdir() if path.suffix == ".toml" and path.is_file())
    except OSError:
        broken.append(Broken(FOLDER, (Mistake(1, "The folder of lessons cannot be read."),)))
        return []
    if len(found) > MOST:
        broken.append(Broken(FOLDER, (Mistake(1, f"There are {len(found)} files; accepted: up to {MOST}."),)))
    return found[:MOST]


def _taken(path: Path) -> Lesson | Broken:
    try:
        state = path.stat()
        return _read(path, state.st_mtime_ns, state.st_size)
    except OSError:
        return Broken(path.name, (Mistake(1, "The file cannot be read."),))


@lru_cache(maxsize=2 * MOST)
def _read(path: Path, changed: int, size: int) -> Lesson | Broken:
    """The lesson of a file; read again only where the file has changed."""
    if not _NAME.fullmatch(path.stem):
        sentence = "A lesson's file is called by up to 40 of the letters a-z, digits and hyphens."
        return Broken(path.name, (Mistake(1, sentence),))
    with path.open("rb") as file:
        data = file.read(reading.LARGEST + 1)  # no more, whatever it has grown to
    try:
        return reading.read(data, path.stem)
    except reading.LessonError as error:
        return Broken(path.name, error.mistakes)
