"""One row per picture, network and method; its figures, and which way each of them is better."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Literal

from vizcore.study.cells import cell
from vizcore.study.sources import StudyError

MAX_BYTES = 20 * 2**20
MAX_ROWS = 200_000
MAX_FIELD = 400
LARGEST = 1e12  # of any number in a table from elsewhere
NAME = re.compile(r"\w[\w.:\-]{0,199}", re.ASCII)  # none that a table would write otherwise

Better = Literal["high", "low", "zero", "none"]
FIGURES: dict[str, Better] = {
    "deletion": "low",  # area under the score while the most important pixels go
    "insertion": "high",  # ... while they come
    "pointing": "high",  # 1 if the map's peak lies on the object, else 0
    "inside": "high",  # share of the positive mass on the object
    "precision": "high",  # average precision: area under the precision-recall curve of the object's pixels
    "on_stamp": "none",  # share of the positive mass on the date stamp
    "effects": "high",  # agreement of the mass on each part with that part's true effect
    "sanity": "zero",  # rank correlation with the map of the same network with random weights
}


@dataclass(frozen=True)
class Row:
    """What one method gave on one picture of one network; a figure is None where it does not apply or did not succeed.

    ``target`` is the class explained and ``probability`` the network's for it, 0 to 1. Areas are in units of the
    probability, shares from 0 to 1. ``seconds`` and the passes are those of the map, not of its figures. ``error`` is
    empty, or the sentence that stands in place of all figures.
    """

    picture: str
    network: str
    method: str
    target: str = ""
    probability: float | None = None
    deletion: float | None = None
    insertion: float | None = None
    pointing: float | None = None
    inside: float | None = None
    precision: float | None = None
    on_stamp: float | None = None
    effects: float | None = None
    sanity: float | None = None
    seconds: float | None = None
    forward: int | None = None
    backward: int | None = None
    error: str = ""


COLUMNS = tuple(field.name for field in fields(Row))
_TEXTS = ("picture", "network", "method", "target", "error")
_COUNTS = ("forward", "backward")
HEADER = ",".join(COLUMNS)


def write(rows: Iterable[Row]) -> str:
    """The rows as lines of CSV, each ended by a line feed; numbers with six digits, which hide how many threads ran.

    No cell begins a formula, wherever its text came from.
    """
    file = io.StringIO()
    csv.writer(file, lineterminator="\n").writerows([_shown(getattr(row, name)) for name in COLUMNS] for row in rows)
    return file.getvalue()


def _shown(value: str | float | int | None) -> str:
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(cell(value))


def line(text: str) -> str:
    """A text as it may stand in a table: one line, printable, not too long, and not the beginning of a formula."""
    shown = "".join(one if one.isprintable() else " " for one in text)[:MAX_FIELD].strip()
    return str(cell(shown))


def rounded(rows: Iterable[Row]) -> tuple[Row, ...]:
    """The rows as they are after having been written and read: equal to those of a study that was resumed."""
    return read(f"{HEADER}\n{write(rows)}")


def read(text: str, most: int | None = None) -> tuple[Row, ...]:
    """The rows of a table, the first ``most`` where that is said.

    Raises :class:`StudyError`, with the number of the line, for anything that is none.
    """
    if len(text) > MAX_BYTES:
        raise StudyError(
            f"The table has {len(text) / 2**20:.0f} MB; tables of up to {MAX_BYTES // 2**20} MB are taken."
        )
    if text.partition("\n")[0].rstrip("\r") != HEADER:
        raise StudyError("This is no table of a study: its first line does not name the columns that a study writes.")
    found: list[Row] = []
    seen: set[tuple[str, str, str]] = set()
    try:
        for number, cells in enumerate(csv.reader(io.StringIO(text, newline=""), strict=True), start=1):
            if number == 1:
                continue
            if most is not None and len(found) >= most:
                break
            if number > MAX_ROWS + 1:
                raise StudyError(f"The table has more than {MAX_ROWS} rows, which is more than are taken.")
            row = _row(cells, number)
            key = (row.picture, row.network, row.method)
            if key in seen:
                raise StudyError(f"Line {number} of the table repeats a picture, network and method.")
            seen.add(key)
            found.append(row)
    except csv.Error:
        raise StudyError("The table is no CSV file that can be read: quotes or commas are out of place.") from None
    return tuple(found)


def shortened(found: Iterable[Row], networks: int, methods: int) -> tuple[Row, ...]:
    """The rows of the first so many networks and methods that are named."""
    known: tuple[dict[str, None], dict[str, None]] = ({}, {})
    kept = []
    for row in found:
        for names, name, most in zip(known, (row.network, row.method), (networks, methods), strict=True):
            if len(names) < most:
                names[name] = None
        if row.network in known[0] and row.method in known[1]:
            kept.append(row)
    return tuple(kept)


def _row(cells: list[str], number: int) -> Row:
    if len(cells) != len(COLUMNS):
        columns = "column" if len(cells) == 1 else "columns"
        raise StudyError(f"Line {number} of the table has {len(cells)} {columns}; accepted: {len(COLUMNS)}.")
    values: dict[str, str | float | int | None] = {}
    for name, text in zip(COLUMNS, cells, strict=True):
        if name in _TEXTS:
            if len(text) > MAX_FIELD + 1 or not text.isprintable() or not (text or name in ("target", "error")):
                raise StudyError(f"Line {number} of the table has something in {name} that no study writes.")
            values[name] = text
        else:
            values[name] = _number(text, name, number)
    for name in ("network", "method"):
        if not NAME.fullmatch(str(values[name])):
            raise StudyError(f"Line {number} of the table has something in {name} that no study writes.")
    return Row(**values)  # type: ignore[arg-type]


def _number(cell: str, name: str, number: int) -> float | int | None:
    if not cell:
        return None
    try:
        value = float(cell) if re.fullmatch(r"[0-9eE.+\-]{1,30}", cell) else math.nan
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and abs(value) <= LARGEST) or (name in _COUNTS and value != int(value)):
        raise StudyError(f"Line {number} of the table has a number in {name} that no study writes.")
    return int(value) if name in _COUNTS else value
