"""What a step's truth is computed from, and what it comes to: a value, numbers to speak of, and pictures to show."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from vizcore.lessons.links import Link
from vizcore.networks.classifier import Classifier
from vizcore.pictures import decoding
from vizcore.pictures.scenes import Scene
from vizcore.study.sources import compose

SCENE_SIZE = 256  # pixels of a scene's side, as on the pages
P = TypeVar("P")
Load = Callable[[str], Classifier]


@dataclass(frozen=True)
class Box:
    """A frame drawn over a picture: its name, and its edges (top, left, bottom, right) in pixels."""

    name: str
    edges: tuple[int, int, int, int]


@dataclass(frozen=True, eq=False)
class Region:
    """A line drawn around pixels (H,W), and the name of what they are."""

    name: str
    mask: Tensor


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture (C,H,W) in [0,1]. ``title`` says what it is: a name that the page has words for, or a short sign."""

    title: str
    pixels: Tensor
    boxes: tuple[Box, ...] = ()
    regions: tuple[Region, ...] = ()
    values: Mapping[str, float | str] = field(default_factory=dict)  # that the title's words fill in


@dataclass(frozen=True, eq=False)
class Map:
    """Heat (H,W) over a picture (C,H,W); ``unit`` is a name, as ``title`` is."""

    title: str
    pixels: Tensor
    heat: Tensor
    signed: bool = True
    unit: str = ""
    limit: float | None = None
    boxes: tuple[Box, ...] = ()
    regions: tuple[Region, ...] = ()
    values: Mapping[str, float | str] = field(default_factory=dict)


@dataclass(frozen=True)
class Bars:
    """Named values, the first on top, in ``unit``; the one called ``highlight`` stands out."""

    title: str
    rows: tuple[tuple[str, float], ...]
    unit: str = ""
    highlight: str = ""


@dataclass(frozen=True)
class Curve:
    """Named curves over a common x."""

    title: str
    x: tuple[float, ...]
    curves: tuple[tuple[str, tuple[float, ...]], ...]
    x_title: str = ""
    y_title: str = ""
    level: float | None = None  # a horizontal line


@dataclass(frozen=True)
class Points:
    """Predicted against actual scores."""

    title: str
    actual: tuple[float, ...]
    predicted: tuple[float, ...]
    values: Mapping[str, float | str] = field(default_factory=dict)


Exhibit = Picture | Map | Bars | Curve | Points
Value = str | float | tuple[str, ...] | Tensor


@dataclass(frozen=True, eq=False)
class Truth:
    """The true answer, as far as it is known after ``step`` of ``of`` units of work.

    ``value`` is an option's id for *choose*, a number for *number*, all ids from the largest on for *order*, a map or a
    mask (H,W) for *draw*; None until it is known. ``before`` is what is shown to guess by, ``after`` what is shown
    beside the guess. ``numbers`` are what a lesson's texts may name: numbers, and names of classes and options.
    """

    value: Value | None
    before: tuple[Exhibit, ...] = ()
    after: tuple[Exhibit, ...] = ()
    numbers: Mapping[str, float | str] = field(default_factory=dict)
    step: int = 1
    of: int = 1


@dataclass(frozen=True, eq=False)
class Given:
    """What a link shows: its network, its picture as that network sees it, the class, and the settings."""

    link: Link
    load: Load

    @cached_property
    def clf(self) -> Classifier:
        """The network that the link names."""
        return self.load(self.link.network)

    @cached_property
    def scene(self) -> Scene | None:
        """The scene with its masks, None where the picture is none."""
        return scene_of(self.link.picture)

    @cached_property
    def image(self) -> Tensor:
        """The picture (C,H,W) in [0,1]."""
        return seen(self.clf, self.link.picture)

    @cached_property
    def probabilities(self) -> Tensor:
        """(K,) of the picture."""
        return self.clf.all_scores(self.image[None])[0]

    @cached_property
    def target(self) -> int:
        """The class that the link names, or the most probable one. Raises ValueError where there is none such."""
        given = self.link.target
        if given is None:
            return int(self.probabilities.argmax())
        self.clf.check_target(given)
        return given

    @property
    def name(self) -> str:
        """The name of that class."""
        return self.clf.classes[self.target]

    def params(self, technique: type[P], base: P | None = None) -> P:
        """The settings of the link's page; what it does not say, as in ``base``."""
        return self.link.params(technique, self.link.page, base)

    def mask(self) -> Tensor:
        """The pixels (H,W) of the scene's object, as the network sees them. Raises ValueError for other pictures."""
        if self.scene is None:
            raise ValueError(f"picture is {self.link.picture!r}; accepted: a scene, whose object is known.")
        grey = Image.fromarray((self.scene.mask * 255).astype(np.uint8))
        return torch.as_tensor(self.clf.preprocess.pixels(grey)[0] > 0.5)


Quantity = Callable[..., Iterator[Truth]]


def scene_of(picture: str) -> Scene | None:
    """The scene called so; None for a photograph."""
    return compose(picture, SCENE_SIZE) if picture.partition(":")[0] in ("scene", "stamped") else None


def seen(clf: Classifier, picture: str) -> Tensor:
    """The picture called so (C,H,W) in [0,1], as the network sees it."""
    found = scene_of(picture)
    if found is not None:
        return clf.pixels(Image.fromarray(found.picture))
    return clf.pixels(decoding.sample_photographs()[picture.partition(":")[2]]())
