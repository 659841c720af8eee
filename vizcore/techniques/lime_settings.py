"""What can be chosen for LIME: superpixels, sub-images and the linear model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from vizcore.params import choice, flag, levels, number
from vizcore.targets import Output
from vizcore.techniques import superpixels
from vizcore.techniques.standard_errors import SETTLED
from vizcore.techniques.subimages import Fill, Sampling

Model = Literal["adaline", "ridge"]


@dataclass(frozen=True)
class Lime(superpixels.Superpixels):
    """The superpixels and their settings, how many samples are drawn, and which linear model is fitted how."""

    samples: int = number(500, 10, 5000, 10, label="Samples", help="Sub-images that the network is asked about.")
    fill: Fill = choice(  # noqa: RUF009
        "segment",
        get_args(Fill),
        label="Fill",
        help="What is painted into a superpixel that is off; 'segment' is its own mean colour, as Ribeiro et al. do.",
    )
    model: Model = choice(  # noqa: RUF009
        "adaline",
        get_args(Model),
        label="Linear model",
        help="ADALINE, trained step by step, or the reference implementation's kernel-weighted ridge regression.",
    )
    learning_rate: float = levels(
        0.5,
        (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 0.5, 1.0, 3.0, 10.0),
        label="Learning rate",
        help="ADALINE: length of a step; beyond about 2 training diverges.",
    )
    epochs: int = number(200, 10, 2000, 10, label="Epochs", help="ADALINE: steps through all samples.")
    alpha: float = levels(
        1.0,
        (0.0, 0.01, 0.1, 1.0, 10.0, 100.0, 1000.0),
        label="Regularisation",
        help="Pulls all weights towards zero: alpha times their sum of squares is added to the squared error.",
    )
    sampling: Sampling = choice(  # noqa: RUF009
        "pairs",
        get_args(Sampling),
        label="Sampling",
        help="Each random sub-image together with its opposite, in which the others are on, or each for itself.",
        before="independent",
    )
    seed: int = number(0, 0, 9999, 1, label="Seed", help="Which random sub-images are drawn.")
    output: Output = choice(  # noqa: RUF009
        "probability",
        get_args(Output),
        label="Score",
        help="The class probability, which saturates near 0 and 1, or the logit, which does not.",
    )
    settled: float = levels(
        0.0,
        SETTLED,
        label="Stop when settled",
        help="Stop once the standard error is this share of the weights, each as a root mean square; 0: never.",
    )
    half: bool = flag(
        False,
        label="Half precision",
        help="Short numbers in the network: faster on some machines, and used only where the scores hardly notice.",
    )
