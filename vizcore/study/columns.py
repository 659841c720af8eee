"""The rows of a study by their columns, as arrays: a million rows in a hundred megabytes, wherever they were read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vizcore.study import report
from vizcore.study.report import Group
from vizcore.study.rows import FIGURES, Row

KINDS: tuple[report.Kind, ...] = ("scenes", "stamped", "files")
VALUES = (*FIGURES, *report.COSTS)


@dataclass(frozen=True, eq=False)
class Columns:
    """One entry for each row: ``picture``, ``network`` and ``method`` are numbers, ``kind`` is one into ``KINDS``.

    ``networks`` and ``methods`` are the names of these numbers, in order of appearance; ``values`` float64 by figure,
    NaN where a row has none; ``failed`` says whether an error stands in place of the figures.
    """

    picture: NDArray[np.int64]
    kind: NDArray[np.int8]
    network: NDArray[np.int64]
    method: NDArray[np.int64]
    failed: NDArray[np.bool_]
    values: dict[str, NDArray[np.float64]]
    networks: tuple[str, ...]
    methods: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.picture)

    def groups(self) -> Iterator[tuple[Group, NDArray[np.int64]]]:
        """Each network and kind of picture in order of appearance, with the places of its rows."""
        both = self.network * len(KINDS) + self.kind
        known, first = np.unique(both, return_index=True)
        for code in known[np.argsort(first)].tolist():
            network, kind = divmod(code, len(KINDS))
            yield Group(self.networks[network], KINDS[kind]), np.flatnonzero(both == code)

    def by_picture(self, places: NDArray[np.int64], figure: str) -> NDArray[np.float64]:
        """A figure of some rows as (pictures, methods), NaN where there is no value; every picture in one line."""
        _, line = np.unique(self.picture[places], return_inverse=True)
        found = np.full((int(line.max()) + 1 if len(line) else 0, len(self.methods)), np.nan)
        found[line, self.method[places]] = self.values[figure][places]
        return found


def of_rows(rows: Sequence[Row]) -> Columns:
    """The columns of rows in memory."""
    kinds = {kind: at for at, kind in enumerate(KINDS)}
    picture, _ = _numbered([row.picture for row in rows])
    network, networks = _numbered([row.network for row in rows])
    method, methods = _numbered([row.method for row in rows])
    values = {name: np.array([_number(getattr(row, name)) for row in rows], np.float64) for name in VALUES}
    kind = np.array([kinds[report.kind_of(row.picture)] for row in rows], np.int8)
    failed = np.array([bool(row.error) for row in rows], np.bool_)
    return Columns(picture, kind, network, method, failed, values, networks, methods)


def _numbered(names: Sequence[str]) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    known: dict[str, int] = {}
    return np.array([known.setdefault(name, len(known)) for name in names], np.int64), tuple(known)


def _number(value: float | int | None) -> float:
    return float("nan") if value is None else float(value)
