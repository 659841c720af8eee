"""What a study says, without its rows: every mean and paired difference with its interval, and a sample of pictures.

It is as small for a million pictures as for a hundred, goes to a file and back, and is all that a page needs to show.
"""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from vizcore.study import bootstrap, report, rows
from vizcore.study.bootstrap import Interval
from vizcore.study.columns import KINDS, VALUES, Columns
from vizcore.study.report import Group
from vizcore.study.rows import Row
from vizcore.study.sources import StudyError

FORMAT = "vizcore study summary 1"
MAX_BYTES = 8 * 2**20
MOST_GROUPS, MOST_METHODS = 60, 40
SAMPLE = 3000  # rows, of whole pictures


@dataclass(frozen=True)
class Figure:
    """A figure's mean by method, and ``differences[against][method]``, the mean of method - against over the pairs."""

    means: Mapping[str, Interval]
    differences: Mapping[str, Mapping[str, Interval]]


@dataclass(frozen=True)
class Part:
    """What is said of one network and kind of picture: how many pictures, how many maps failed, and each figure."""

    group: Group
    pictures: int
    failed: int
    figures: Mapping[str, Figure]


@dataclass(frozen=True)
class Summary:
    """A study of ``count`` rows: its methods in order, what is said of each group, and a ``sample`` of its rows."""

    count: int
    methods: tuple[str, ...]
    parts: tuple[Part, ...]
    sample: tuple[Row, ...] = ()


def summarise(columns: Columns, sample: Sequence[Row] = (), against: Collection[str] | None = None) -> Summary:
    """Mean and interval of every figure by group and method, and of the differences from each method, or ``against``.

    As :func:`vizcore.study.report.intervals` and :func:`vizcore.study.report.differences` say of rows, to the last
    digit where fewer than ``bootstrap.LARGE`` pictures are resampled in the same order.
    """
    parts = []
    for group, places in columns.groups():
        figures: dict[str, Figure] = {}
        for name in VALUES:
            table = columns.by_picture(places, name)  # (pictures, methods)
            known = [at for at in range(len(columns.methods)) if not np.isnan(table[:, at]).all()]
            if known:
                figures[name] = _figure(table, known, columns.methods, against)
        pictures = len(np.unique(columns.picture[places]))
        parts.append(Part(group, pictures, int(columns.failed[places].sum()), figures))
    return Summary(len(columns), columns.methods, tuple(parts), tuple(sample))


def _figure(table: np.ndarray, known: Sequence[int], methods: Sequence[str], against: Collection[str] | None) -> Figure:
    means, apart = {}, {}
    for at in known:
        column = table[:, at]
        means[methods[at]] = bootstrap.interval(column[~np.isnan(column)])
    for base in known:
        if against is not None and methods[base] not in against:
            continue
        own: dict[str, Interval] = {}
        for at in known:
            difference = table[:, at] - table[:, base]
            both = difference[~np.isnan(difference)]
            if at != base and len(both):
                own[methods[at]] = bootstrap.interval(both)
        apart[methods[base]] = own
    return Figure(means, apart)


def write(summary: Summary) -> str:
    """The summary as JSON."""
    groups = [
        {
            "network": part.group.network,
            "kind": part.group.kind,
            "pictures": part.pictures,
            "failed": part.failed,
            "figures": {
                name: {
                    "means": {method: _ends(one) for method, one in figure.means.items()},
                    "differences": {
                        against: {method: _ends(one) for method, one in own.items()}
                        for against, own in figure.differences.items()
                    },
                }
                for name, figure in part.figures.items()
            },
        }
        for part in summary.parts
    ]
    sample = f"{rows.HEADER}\n{rows.write(summary.sample)}"
    kept = {"format": FORMAT, "rows": summary.count, "methods": summary.methods, "groups": groups, "sample": sample}
    return json.dumps(kept, indent=1) + "\n"


def read(text: str) -> Summary:
    """The summary that a file holds. Raises :class:`StudyError` for anything that is none."""
    if len(text) > MAX_BYTES:
        raise StudyError(f"The summary has {len(text) / 2**20:.0f} MB; up to {MAX_BYTES // 2**20} MB are taken.")
    try:
        held = json.loads(text)
        if held["format"] != FORMAT:
            raise ValueError
        methods, groups = tuple(_name(one) for one in _list(held["methods"])), _list(held["groups"])
        if len(methods) > MOST_METHODS or len(groups) > MOST_GROUPS:
            raise ValueError
        return Summary(
            _count(held["rows"]), methods, tuple(_part(one, methods) for one in groups), rows.read(held["sample"])
        )
    except StudyError:
        raise
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise StudyError("This is no summary of a study, or it is damaged.") from None


def _part(held: Any, methods: Sequence[str]) -> Part:
    if held["kind"] not in KINDS:
        raise ValueError
    figures = {name: _read_figure(one, methods) for name, one in held["figures"].items() if name in VALUES}
    return Part(Group(_name(held["network"]), held["kind"]), _count(held["pictures"]), _count(held["failed"]), figures)


def _read_figure(held: Any, methods: Sequence[str]) -> Figure:
    def intervals(found: Any) -> dict[str, Interval]:
        return {method: _interval(one) for method, one in found.items() if method in methods}

    apart = {against: intervals(one) for against, one in held["differences"].items() if against in methods}
    return Figure(intervals(held["means"]), apart)


def _ends(one: Interval) -> list[float | int | None]:
    ends = (None if math.isnan(end) else float(f"{end:.9g}") for end in (one.mean, one.low, one.high))
    return [*ends, one.count]


def _interval(held: Any) -> Interval:
    mean, low, high, count = held
    return Interval(_end(mean), _end(low), _end(high), _count(count))


def _end(held: Any) -> float:
    value = float("nan") if held is None else float(held)
    if abs(value) > rows.LARGEST:
        raise ValueError
    return value


def _list(held: Any) -> list[Any]:
    if not isinstance(held, list):
        raise ValueError
    return held


def _name(held: Any) -> str:
    if not (isinstance(held, str) and rows.NAME.fullmatch(held)):
        raise ValueError
    return held


def _count(held: Any) -> int:
    if isinstance(held, bool) or not isinstance(held, int) or not 0 <= held <= rows.LARGEST:
        raise ValueError
    return held


def text(summary: Summary, against: str) -> str:
    """The whole study as text: for each group and figure the methods' means and intervals, the best first."""
    lines: list[str] = []
    for part in summary.parts:
        failed = f" ({part.failed} maps failed)" if part.failed else ""
        lines.append(f"{part.group.network}, {part.pictures} {part.group.kind}{failed}")
        for name, figure in part.figures.items():
            if name not in ("forward", "backward"):
                lines += report.lines(name, figure.means, figure.differences.get(against, {}), against)
    return "\n".join(lines)
