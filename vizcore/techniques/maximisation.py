"""The settings of input maximisation, and what one step of it gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from torch import Tensor

from vizcore.params import check, choice, flag, levels, number
from vizcore.pictures import figures, notebook
from vizcore.targets import Output

Start = Literal["noise", "grey", "picture"]
Basis = Literal["pixels", "fourier"]

ADDITIONS = ("jitter", "turn", "zoom", "bounded", "blur", "variation")  # to the formula; each off at 0
START_NOISE = 0.1  # standard deviation of the starting noise, on the scale of the zero-centred input (about 1)


@dataclass(frozen=True)
class Maximisation:
    """How strongly the picture is kept small, how it is climbed from where, and which score is meant by y.

    These defaults are the formula alone, in pixels; :func:`vizcore.techniques.maximize.defaults` gives those with which
    a network draws something recognisable.
    """

    lambda_: float = levels(
        3e-4,
        (0.0, 1e-6, 3e-6, 1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1, 1.0),
        label="λ",
        help="Weight of the penalty λ‖I‖². 0 lets the score rise without bound, too much leaves the picture grey. "
        "The value at first is measured on the network: with it I has about the contrast of a photograph.",
    )
    step_size: float = levels(
        0.05,
        (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0),
        label="Step size",
        help="How far the zero-centred input, whose values are of the order of 1, moves in one step at first.",
    )
    steps: int = number(300, 10, 2000, 10, label="Steps", help="Steps of the ascent; the step size falls to 0.")
    seed: int = number(
        0, 0, 9999, 1, label="Seed", help="Of the starting noise and the transformations. One seed, one result."
    )
    output: Output = choice(  # noqa: RUF009
        "logit",
        get_args(Output),
        label="Score",
        help="Simonyan climbs the logit: the probability can also be raised by making all other classes less likely.",
    )
    start: Start = choice(  # noqa: RUF009
        "noise",
        get_args(Start),
        label="Start",
        help="Faint noise, a zero input (mean colour; where no filter answers to it nothing moves), or a picture.",
    )
    jitter: int = number(
        0,
        0,
        32,
        1,
        label="Shift",
        help="An addition to the formula: at each step the picture is shifted by up to so much, at random; what comes "
        "in over the edges is mirrored.",
        unit="px",
    )
    blur: float = number(
        0.0,
        0.0,
        2.0,
        0.1,
        label="Blur",
        help="An addition to the formula: every step is blurred by so much before it is taken.",
        unit="px",
    )
    variation: float = levels(
        0.0,
        (0.0, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1),
        label="Total variation",
        help="An addition to the formula: weight of the sum of differences between neighbouring pixels.",
    )
    coordinates: Basis = choice(  # noqa: RUF009
        "pixels",
        get_args(Basis),
        label="Coordinates",
        help="What is climbed: the pixels, or Fourier coefficients with decorrelated colours. The objective and its "
        "optimum are the same, but another way is the steepest.",
    )
    decay: float = number(
        1.0,
        0.0,
        2.0,
        0.1,
        label="Fall of the amplitudes",
        help="p in f^−p, the amplitude of a Fourier coefficient of frequency f; in pixels it counts for nothing. "
        "Photographs have about 1; the more, the earlier coarse structure appears.",
    )
    turn: int = number(
        0,
        0,
        45,
        1,
        label="Turn",
        help="An addition to the formula: at each step the picture is turned by up to so much, at random.",
        unit="°",
    )
    zoom: float = number(
        0.0,
        0.0,
        0.5,
        0.05,
        label="Scale",
        help="An addition to the formula: at each step the picture is made larger or smaller by up to this share.",
    )
    draws: int = number(
        1,
        1,
        8,
        1,
        label="Draws",
        help="How many shifts, turns and scalings are averaged in each step; a step takes so many times as long.",
    )

    bounded: bool = flag(
        False,
        label="Colours of the screen",
        help="An addition to the formula: after every step the picture is clipped to the colours that a screen can "
        "show, so that the network climbs what one sees.",
    )

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True)
class Measured:
    """Three scores of one picture after ``step`` steps; logits, or a contrast's differences, and probabilities.

    Of I as it is, I under transformations (the mean of several draws), and I clipped to the colours that are shown. Of
    a channel its values, and NaN.
    """

    step: int
    logits: tuple[float, float, float]
    probabilities: tuple[float, float, float]


@dataclass(frozen=True, eq=False)
class Ascent:
    """I after ``step`` of ``of`` steps, y_j(I), lambda * ||I||^2 and their difference, now and since the start.

    ``input`` (C,H,W) is I, zero-centred, and unbounded unless ``bounded``; ``image`` (C,H,W) in [0,1] is what to show
    of it: clipped. The tuples hold ``step`` + 1 values, the first of the start: ``objectives`` = ``scores`` -
    ``penalties`` (- ``variations``, the weighted total variation, where that is switched on), ``probabilities`` in
    [0,1] and ``logits`` of the class (or their differences, for a contrast), of which ``scores`` is the one that is
    climbed; for a channel ``logits`` are its values, and ``probabilities`` are NaN. With transformations they are the
    means over the draws of that step; ``measured`` tells what I itself scored when it was last measured: at the last
    step, and every so many before. ``noise`` is the deviation of the starting noise, more than usual where nothing in
    the network answers to so little; ``answers`` says whether the score depends on I at all, here and now.
    """

    input: Tensor
    image: Tensor
    step: int
    of: int
    scores: tuple[float, ...]
    penalties: tuple[float, ...]
    variations: tuple[float, ...]
    probabilities: tuple[float, ...]
    logits: tuple[float, ...]
    measured: Measured | None
    noise: float
    answers: bool

    @property
    def objectives(self) -> tuple[float, ...]:
        parts = zip(self.scores, self.penalties, self.variations, strict=True)
        return tuple(score - penalty - variation for score, penalty, variation in parts)

    @property
    def objective(self) -> float:
        return self.scores[-1] - self.penalties[-1] - self.variations[-1]

    @property
    def score(self) -> float:
        return self.scores[-1]

    @property
    def penalty(self) -> float:
        return self.penalties[-1]

    @property
    def probability(self) -> float:
        return self.probabilities[-1]

    @property
    def logit(self) -> float:
        return self.logits[-1]

    def _repr_png_(self) -> bytes:
        """``image`` in a notebook."""
        return notebook.png(figures.picture(self.image))
