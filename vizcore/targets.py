"""What a technique explains: the score of one class, or how much more one class scores than another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from torch import Tensor

Output = Literal["probability", "logit"]


@dataclass(frozen=True)
class Contrast:
    """y = y_of - y_against: what tells one class from another, by their indices.

    A difference of probabilities lies in [-1,1]. That of the logits is the log-odds of the one class against the other,
    in which the remaining classes have no part: log(p_of / p_against).
    """

    of: int
    against: int


Target = int | Contrast


def value(scores: Tensor, target: Target) -> Tensor:
    """y_target (N,) from the scores (N,K) of all classes, probabilities or logits alike; differentiable."""
    if isinstance(target, Contrast):
        return scores[:, target.of] - scores[:, target.against]
    return scores[:, target]


def pick(logits: Tensor, target: Target, output: Output) -> Tensor:
    """y_target (N,) from logits (N,K), differentiable: of the softmax probabilities, or of the logits themselves."""
    check_output(output)
    return value(logits.softmax(dim=1) if output == "probability" else logits, target)


def check_output(output: str) -> None:
    """Raise ValueError unless ``output`` names one of the two meanings of y."""
    if output not in get_args(Output):
        raise ValueError(f"output is {output!r}; accepted: one of {', '.join(get_args(Output))}.")


def check_target(target: Target, classes: int) -> None:
    """Raise ValueError unless ``target`` is one of so many classes, or a contrast of two different ones."""
    indices = (target.of, target.against) if isinstance(target, Contrast) else (target,)
    if not all(0 <= index < classes for index in indices) or len(set(indices)) < len(indices):
        raise ValueError(
            f"target is {target!r}; accepted: a class index from 0 to {classes - 1}, "
            f"or a Contrast of two different ones."
        )
