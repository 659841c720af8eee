"""What a study's rows say: the mean of each figure with its interval, and which method beats which.

Rows are first parted by network and by kind of picture: scenes, stamped scenes, files. What is compared shares both.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from vizcore.study import bootstrap
from vizcore.study.bootstrap import Interval
from vizcore.study.rows import FIGURES, Row

Kind = Literal["scenes", "stamped", "files"]
Verdict = Literal["better", "worse", "open"]
COSTS = ("seconds", "forward", "backward")


@dataclass(frozen=True, order=True)
class Group:
    """Rows that may be compared: one network, one kind of picture."""

    network: str
    kind: Kind


def kind_of(picture: str) -> Kind:
    """The kind of a picture, by its id."""
    head = picture.partition(":")[0]
    return {"scene": "scenes", "stamped": "stamped"}.get(head, "files")  # type: ignore[return-value]


def groups(rows: Iterable[Row]) -> dict[Group, list[Row]]:
    """The rows by network and kind of picture, in order of appearance."""
    found: dict[Group, list[Row]] = {}
    for row in rows:
        found.setdefault(Group(row.network, kind_of(row.picture)), []).append(row)
    return found


def methods_of(rows: Iterable[Row]) -> list[str]:
    """The methods in order of appearance."""
    return list(dict.fromkeys(row.method for row in rows))


def available(rows: Sequence[Row]) -> list[str]:
    """The figures, and costs, of which there is at least one value."""
    return [name for name in (*FIGURES, *COSTS) if any(getattr(row, name) is not None for row in rows)]


def intervals(rows: Sequence[Row], figure: str) -> dict[str, Interval]:
    """Mean of a figure over the pictures of one group, with its interval, for each method that has any."""
    columns = _columns(rows, figure)
    whole = {method: [one for one in values if one is not None] for method, values in columns.items()}
    return {method: bootstrap.interval(values) for method, values in whole.items() if values}


def differences(rows: Sequence[Row], figure: str, against: str) -> dict[str, Interval]:
    """mean(method - against) over the pictures of one group that have both, for every other method."""
    columns = _columns(rows, figure)
    if against not in columns:
        return {}
    pairs = {m: bootstrap.paired(values, columns[against]) for m, values in columns.items() if m != against}
    return {method: one for method, one in pairs.items() if one.count > 0}


def ranks(figure: str) -> bool:
    """Whether more, or less, of a figure is better, so that one method can beat another by it."""
    return FIGURES.get(figure) in ("high", "low")


def verdict(figure: str, difference: Interval) -> Verdict:
    """Whether a method beats the other by this figure: only if zero lies outside the interval of the difference."""
    sign = {"high": 1, "low": -1}.get(FIGURES.get(figure, "low"), 0)
    if sign * difference.low > 0 and sign * difference.high > 0:
        return "better"
    return "worse" if sign * difference.low < 0 and sign * difference.high < 0 else "open"


def _columns(rows: Sequence[Row], figure: str) -> dict[str, list[float | None]]:
    """The figure's values by method, every column in the same order of pictures, whatever the order of the rows."""
    at = {picture: index for index, picture in enumerate(sorted({row.picture for row in rows}))}
    columns: dict[str, list[float | None]] = {method: [None] * len(at) for method in methods_of(rows)}
    for row in rows:
        columns[row.method][at[row.picture]] = getattr(row, figure)
    return columns


def lines(figure: str, means: Mapping[str, Interval], apart: Mapping[str, Interval], against: str) -> list[str]:
    """One figure of one group as text: the methods' means and intervals, the best first, and which beats which."""
    better = FIGURES.get(figure, "none")
    order = sorted(means, key=lambda method: means[method].mean, reverse=better == "high")
    head = f"  {figure}" + (f" ({better} is better)" if ranks(figure) else "")
    return [head, *(_line(figure, method, means[method], apart.get(method), against) for method in order)]


def _line(figure: str, method: str, mean: Interval, difference: Interval | None, against: str) -> str:
    shown = f"    {method:<12}{mean.mean:>9.4g}  [{mean.low:.4g}, {mean.high:.4g}]"
    if difference is None or not ranks(figure):
        return shown
    said = {"better": f"beats {against}", "worse": f"is beaten by {against}", "open": f"not told from {against}"}
    of = f"{difference.mean:+.4g} [{difference.low:+.4g}, {difference.high:+.4g}]"
    return f"{shown:<50}  {said[verdict(figure, difference)]} by {of}"
