"""What a contender and a technique are: the shape that all the measured work is brought into."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.job import Settings
from vizcore.networks.classifier import Classifier

Map = np.ndarray
Work = Callable[[Settings, int], Map | None]  # settings and pictures at once -> the map, where there is one


@dataclass(frozen=True)
class Stage:
    """What every contender is given: the network, one picture (C,H,W) in [0,1] on the CPU, and a class."""

    clf: Classifier
    image: Tensor
    target: int

    @property
    def pixels(self) -> Pixels:
        """The network as a module on pixels in [0,1], as other libraries take it."""
        return Pixels(self.clf)

    @property
    def batch(self) -> Tensor:
        """(1,C,H,W) the picture on the network's device."""
        return self.image[None].to(self.clf.device)


class Pixels(nn.Module):
    """Logits (N,K) of pictures (N,C,H,W) in [0,1], in whatever memory format they come."""

    def __init__(self, clf: Classifier) -> None:
        super().__init__()
        self.module, self.mean, self.std = clf.module, clf.mean, clf.std

    def forward(self, x: Tensor) -> Tensor:
        answer: Tensor = self.module((x - self.mean) / self.std)
        return answer


@dataclass(frozen=True)
class Contender:
    """One implementation of a technique. ``prepare`` sets up what is not measured and returns what is.

    ``package`` is the module it needs, beside vizcore's own. ``batched``: the caller chooses how many pictures go
    through the network at once, and the fastest choice is measured. ``agreement`` is how its map is compared with ours:
    by the ``largest`` difference where the definitions coincide, by the ``correlation`` where both draw samples of
    their own, or ``none``, for the reason in ``remark``. ``like`` brings our map into the form and shape of theirs.
    """

    prepare: Callable[[Stage], Work]
    package: str | None = None
    tuned: bool = True
    batched: bool = False
    agreement: Literal["largest", "correlation", "none"] = "none"
    remark: str = ""
    like: Callable[[Map, tuple[int, ...]], Map] = field(default=lambda found, shape: found)


@dataclass(frozen=True)
class Technique:
    """A technique, its settings, a small trial of it, what it costs, and along which setting its time is followed."""

    title: str
    settings: Settings
    contenders: Mapping[str, Contender]
    passes: Callable[[Settings, int], int]  # settings and side of the picture -> passes of one picture
    trial: Callable[[Settings, int], Settings]
    backward: bool = False  # each pass is forward and backward
    growth: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    scaled: Callable[[Settings, int], Settings] | None = None  # settings for a picture of another side


def bare(count: Callable[[Settings, int], int], backward: bool = False) -> Callable[[Stage], Work]:
    """As many passes as the technique needs, in channels-last batches of one picture made beforehand, and no more."""

    def prepare(stage: Stage) -> Work:
        clf = stage.clf
        z = clf.normalise(stage.image[None])

        def work(settings: Settings, at_once: int) -> None:
            passes = count(settings, stage.image.shape[-1])
            batch = z.repeat(min(at_once, passes), 1, 1, 1).contiguous(memory_format=torch.channels_last)
            for done in range(0, passes, len(batch)):
                part = batch[: passes - done]
                if backward:
                    leaf = part.detach().requires_grad_()
                    torch.autograd.grad(clf.logits_of_input(leaf)[:, stage.target].sum(), leaf)
                else:
                    with torch.no_grad():
                        clf.logits_of_input(part)

        return work

    return prepare
