"""What a hall has answered, counted: an answer is a little JSON, and whatever is none of its kind is left out."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_BINS = 10  # about so many in a histogram
_LARGEST = 1e15
_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True)
class Ranks:
    """``mean`` rank of each option, 1 the first, and how many put it ``first``; ``count`` answers."""

    mean: tuple[float, ...]
    first: tuple[int, ...]
    count: int


@dataclass(frozen=True, eq=False)
class Histogram:
    """``counts`` (n,) of numbers between ``edges`` (n+1,), the last included; ``median`` NaN without any."""

    edges: tuple[float, ...]
    counts: tuple[int, ...]
    median: float


def chosen(answers: Iterable[str], options: Sequence[str]) -> tuple[int, ...]:
    """How often each of ``options`` was chosen; an answer is one of them."""
    found = [one for one in _read(answers) if isinstance(one, str)]
    return tuple(found.count(option) for option in options)


def guessed(answers: Iterable[str], low: float, high: float) -> Histogram:
    """The numbers in bins of a round width that cover ``low`` to ``high``; others go into the outer bins."""
    values = [float(one) for one in _read(answers) if _is_number(one)]
    edges = _edges(low, high)
    counts, _ = np.histogram(np.clip(values, edges[0], edges[-1]), edges)
    median = float(np.median(values)) if values else math.nan
    return Histogram(edges, tuple(int(one) for one in counts), median)


def ordered(answers: Iterable[str], options: Sequence[str]) -> Ranks:
    """The mean rank of each of ``options``; an answer is a list of all of them."""
    orders = [one for one in _read(answers) if isinstance(one, list) and sorted(map(str, one)) == sorted(options)]
    ranks = [[order.index(option) + 1 for order in orders] for option in options]
    mean = tuple(sum(row) / len(row) if row else math.nan for row in ranks)
    return Ranks(mean, tuple(row.count(1) for row in ranks), len(orders))


def drawn(answers: Iterable[str], rows: int, columns: int) -> NDArray[np.int64]:
    """How many marked each cell of a grid (rows, columns); an answer lists the marked cells in reading order."""
    counts = np.zeros(rows * columns, np.int64)
    for one in _read(answers):
        if isinstance(one, list):
            cells = {cell for cell in one if type(cell) is int and 0 <= cell < len(counts)}
            counts[list(cells)] += 1
    return counts.reshape(rows, columns)


def _read(answers: Iterable[str]) -> list[Any]:
    found = []
    for answer in answers:
        try:
            found.append(json.loads(answer))
        except (ValueError, RecursionError):
            continue
    return found


def _is_number(one: Any) -> bool:
    return isinstance(one, int | float) and not isinstance(one, bool) and abs(one) < _LARGEST


def _edges(low: float, high: float) -> tuple[float, ...]:
    """Multiples of a round width."""
    raw = (high - low) / _BINS
    scale = 10.0 ** math.floor(math.log10(raw))
    width = next(step * scale for step in _STEPS if step * scale >= raw * (1 - 1e-9))
    first, last = math.floor(low / width + 1e-9), math.ceil(high / width - 1e-9)
    return tuple(k * width for k in range(first, last + 1))
