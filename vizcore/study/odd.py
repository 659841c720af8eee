"""The pictures of a study that are worth a look first: where the methods part most, and where none is faithful."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from vizcore.methods import BASELINES
from vizcore.study.rows import Row


@dataclass(frozen=True)
class Odd:
    """One picture of one network: ``value`` by which it is odd, and its best and worst method with their figures."""

    picture: str
    network: str
    target: str
    value: float
    best: tuple[str, float]
    worst: tuple[str, float]


def faithfulness(row: Row) -> float | None:
    """insertion area - deletion area, -1 to 1 of the probability: how much earlier the score comes than it goes."""
    return None if row.insertion is None or row.deletion is None else row.insertion - row.deletion


def disagreements(rows: Iterable[Row]) -> list[Odd]:
    """max - min of the faithfulness over the methods, by picture and network, the largest first.

    The baselines do not count, since they disagree with everything; pictures with a single method have none.
    """
    found = [one for one in _each(rows) if one.best[0] != one.worst[0]]
    return sorted(found, key=lambda one: one.worst[1] - one.best[1])


def least_faithful(rows: Iterable[Row]) -> list[Odd]:
    """The mean faithfulness of the methods, by picture and network, the lowest first; without the baselines."""
    return sorted(_each(rows, mean=True), key=lambda one: one.value)


def _each(rows: Iterable[Row], mean: bool = False) -> list[Odd]:
    groups: dict[tuple[str, str], list[tuple[float, Row]]] = {}
    for row in rows:
        value = faithfulness(row)
        if value is not None and row.method not in BASELINES:
            groups.setdefault((row.picture, row.network), []).append((value, row))
    return [_odd(group, mean) for group in groups.values()]


def _odd(group: Sequence[tuple[float, Row]], mean: bool) -> Odd:
    ranked = sorted(group, key=lambda one: one[0])
    (low, worst), (high, best) = ranked[0], ranked[-1]
    value = sum(value for value, _ in group) / len(group) if mean else high - low
    return Odd(best.picture, best.network, best.target, value, (best.method, high), (worst.method, low))
