"""What a technique explains: the score of a class, how much more one scores than another, or a channel of a layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor

Output = Literal["probability", "logit"]
Part = Literal["mean", "centre"]  # of a channel's feature map
Squash = Literal["softmax", "sigmoid"]  # how logits become probabilities: of one class in all, or of each by itself


@dataclass(frozen=True)
class Contrast:
    """y = y_of - y_against: what tells one class from another, by their indices.

    A difference of probabilities lies in [-1,1]. That of the logits is the log-odds of the one class against the other,
    in which the remaining classes have no part: log(p_of / p_against); where each class has a probability by itself, it
    is the difference of two log-odds.
    """

    of: int
    against: int


@dataclass(frozen=True)
class Channel:
    """y = mean over places of A_k (``of`` = "mean"), or A_k at the central place ("centre").

    A (n,h,w) are the feature maps that ``layer`` answers, k is ``channel``, and the centre is (h // 2, w // 2).
    """

    layer: str
    channel: int
    of: Part = "mean"

    def __post_init__(self) -> None:
        if self.of not in get_args(Part):
            raise ValueError(f"of is {self.of!r}; accepted: one of {', '.join(get_args(Part))}.")


Target = int | Contrast
Unit = Target | Channel


def value(scores: Tensor, target: Target) -> Tensor:
    """y_target (N,) from the scores (N,K) of all classes, probabilities or logits alike; differentiable."""
    if isinstance(target, Contrast):
        return scores[:, target.of] - scores[:, target.against]
    return scores[:, target]


def values(scores: Tensor, wanted: Sequence[Target]) -> Tensor:
    """y (N,) from the scores (N,K) of all classes, each row's own one of the N targets; differentiable."""
    if len(set(wanted)) == 1:
        return value(scores, wanted[0])
    return torch.cat([value(row[None], target) for row, target in zip(scores, wanted, strict=True)])


def probabilities(logits: Tensor, squash: Squash = "softmax") -> Tensor:
    """p (N,K) from logits (N,K): their softmax, which sums to one, or the logistic function of each; differentiable."""
    return logits.sigmoid() if squash == "sigmoid" else logits.softmax(dim=1)


def pick(logits: Tensor, target: Target, output: Output, squash: Squash = "softmax") -> Tensor:
    """y_target (N,) from logits (N,K), differentiable: of the :func:`probabilities`, or of the logits themselves."""
    check_output(output)
    return value(probabilities(logits, squash) if output == "probability" else logits, target)


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
