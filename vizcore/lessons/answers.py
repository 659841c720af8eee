"""The kinds of answer, and how each is scored against the truth."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

Outcome = Literal["right", "near", "wrong"]


@dataclass(frozen=True)
class Score:
    """How good a guess was: an outcome, and points in [0,1]. ``figure`` is what it was judged by, in its own unit."""

    outcome: Outcome
    points: float
    figure: float


@dataclass(frozen=True)
class Option:
    """One of several answers by its stable ``id``; ``text`` by language, empty where the id itself is shown."""

    id: str
    text: tuple[tuple[str, str], ...] = ()

    def words(self, language: str) -> str | None:
        """What the file calls it."""
        return dict(self.text).get(language)


@dataclass(frozen=True)
class Choose:
    """One of the ``options``: right, or wrong; those in ``near`` are nearly right."""

    options: tuple[Option, ...]
    near: tuple[str, ...] = ()

    def score(self, guess: str, truth: str) -> Score:
        """1 for the truth, 1/2 for what is nearly right, else 0."""
        if guess == truth:
            return Score("right", 1.0, 1.0)
        return Score("near", 0.5, 0.5) if guess in self.near else Score("wrong", 0.0, 0.0)


@dataclass(frozen=True)
class Number:
    """A number from ``low`` to ``high``: right within ``right`` of the truth, near within ``near``.

    On a scale of ratios (``ratio``), these are factors: within 1.5 means from two thirds to one and a half times. The
    slider then has ``stops`` (1, 2, 5, 10, ... where there are none), else multiples of ``step``.
    """

    low: float
    high: float
    step: float
    right: float
    near: float
    unit: str = ""
    ratio: bool = False

    def score(self, guess: float, truth: float) -> Score:
        """1 - |guess - truth| / near, at least 0; of the logarithms on a scale of ratios."""
        if self.ratio:
            away = abs(math.log(max(guess, 1e-12) / max(truth, 1e-12)))
            right, near, figure = math.log(self.right), math.log(self.near), math.exp(away)
        else:
            away = figure = abs(guess - truth)
            right, near = self.right, self.near
        slack = 1e-9 * max(1.0, abs(truth))
        points = 1.0 if away <= right + slack else max(0.0, 1 - away / (2 * near))
        return Score("right" if away <= right + slack else "near" if away <= near + slack else "wrong", points, figure)

    def stops(self) -> list[float]:
        """Every value that can be guessed, rising."""
        if not self.ratio:
            count = math.floor((self.high - self.low) / self.step + 1e-9) + 1
            return [round(self.low + k * self.step, 10) for k in range(count)]
        decades = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        fine = (1, 1.5, 2, 3, 5, 7)
        every = [round(one * 10.0**decade, 10) for decade in decades for one in fine]
        return [one for one in every if self.low <= one <= self.high]


@dataclass(frozen=True)
class Order:
    """The ``options`` from the largest to the smallest, scored by the share of pairs that stand in the right order."""

    options: tuple[Option, ...]
    right: float = 0.9
    near: float = 0.7

    def score(self, guess: Sequence[str], truth: Sequence[str]) -> Score:
        """Concordant pairs / all pairs, in [0,1]: (tau + 1) / 2 of Kendall's rank correlation; 1/2 by chance."""
        place = {one: at for at, one in enumerate(guess)}
        pairs = list(combinations(truth, 2))
        share = sum(place[first] < place[then] for first, then in pairs) / len(pairs)
        outcome: Outcome = "right" if share >= self.right else "near" if share >= self.near else "wrong"
        return Score(outcome, max(0.0, 2 * share - 1), share)


@dataclass(frozen=True)
class Draw:
    """Pixels marked with a brush of ``brush`` pixels' radius, scored against a map or a mask."""

    right: float = 0.6
    near: float = 0.3
    brush: int = 8

    def score(self, guess: ArrayLike, truth: ArrayLike) -> Score:
        """:func:`gain` of the marked pixels on the true map."""
        figure = gain(guess, truth)
        outcome: Outcome = "right" if figure >= self.right else "near" if figure >= self.near else "wrong"
        return Score(outcome, min(max(figure, 0.0), 1.0), figure)


Answer = Choose | Number | Order | Draw
KINDS: dict[str, type] = {"choose": Choose, "number": Number, "order": Order, "draw": Draw}


def gain(marked: ArrayLike, heat: ArrayLike) -> float:
    """J = (m - a) / max over areas of (m - a): 1 for the best marking there is, 0 for chance, below it less than that.

    ``marked`` bool (H,W); ``heat`` (H,W), of which what is below zero counts as zero. m is the share of the map's mass
    that lies under the marked pixels and a their share of the picture, so that marking nothing, or everything, gains
    nothing. On a mask J is recall minus false alarms, the index of Youden 1950. Raises ValueError where shapes differ.
    """
    mask, values = np.asarray(marked, dtype=bool), np.asarray(heat, dtype=np.float64).clip(min=0)
    if mask.shape != values.shape:
        raise ValueError(f"marked has shape {mask.shape}; accepted: {values.shape}, the map's.")
    total = values.sum()
    if total <= 0:
        return 0.0
    fallen = np.sort(values.ravel())[::-1].cumsum() / total  # m of the best pixels, by their number
    best = float((fallen - np.arange(1, values.size + 1) / values.size).max())
    return float((values[mask].sum() / total - mask.mean()) / best) if best > 1e-12 else 0.0
