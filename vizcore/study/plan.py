"""What a study asks, of which pictures, networks and methods, and the fingerprint under which its rows are kept."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal, get_args, overload

import numpy as np
from numpy.typing import NDArray

from vizcore import methods
from vizcore import params as declared
from vizcore.evaluation import faithfulness
from vizcore.networks import catalogue
from vizcore.networks.classifier import Classifier
from vizcore.params import choice, number
from vizcore.study.sources import Picture, StudyError, distinct

Target = Literal["auto", "true", "top"]
BASELINE = "random"  # without it an area says little: it is part of every study
LISTED = 100_000  # pictures that a study's settings name one by one
FORMAT = 2  # of the rows; another number where their columns change meaning


@dataclass(frozen=True)
class Study:
    """What is computed for every picture, network and method; all else has the techniques' defaults."""

    target: Target = choice(  # noqa: RUF009
        "auto",
        get_args(Target),
        label="Class",
        help="The class explained: a scene's true class where the network knows it, else its most probable one (auto).",
    )
    steps: int = number(
        16, 4, 256, 4, label="Curve steps", help="Equal parts in which deletion and insertion take the pixels."
    )
    fill: faithfulness.Fill = choice(  # noqa: RUF009
        "blur", get_args(faithfulness.Fill), label="Fill", help="What removed pixels show on the two curves."
    )
    samples: int = number(250, 50, 5000, 50, label="LIME samples", help="Sub-images for each of LIME's two models.")
    sanity: float = number(
        0.0,
        0.0,
        1.0,
        0.05,
        label="Sanity checks",
        help="Share of the pictures that are explained again with random weights. At 1 the maps take twice the time.",
    )

    def __post_init__(self) -> None:
        declared.check(self)


@dataclass(frozen=True)
class Task:
    """The unit of work, and of loss: all methods on one picture, seen by one network."""

    picture: Picture
    network: str


@dataclass(frozen=True)
class Tasks(Sequence[Task]):
    """The tasks of a plan, or those of them that ``numbers`` names; none is kept, since there may be millions."""

    pictures: tuple[Picture, ...]
    networks: tuple[str, ...]
    numbers: Sequence[int] | NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.numbers)

    @overload
    def __getitem__(self, at: int) -> Task: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Task]: ...
    def __getitem__(self, at: int | slice) -> Task | Sequence[Task]:
        if isinstance(at, slice):
            return [self[one] for one in range(*at.indices(len(self)))]
        picture, network = divmod(int(self.numbers[at]), len(self.networks))
        return Task(self.pictures[picture], self.networks[network])


@dataclass(frozen=True)
class Plan:
    """Pictures x networks x methods; ``networks`` are (name, checksum) of the weights. Made by :func:`make`."""

    study: Study
    pictures: tuple[Picture, ...]
    networks: tuple[tuple[str, str], ...]
    methods: tuple[str, ...]

    @property
    def tasks(self) -> Tasks:
        """Picture by picture, so that a study that was stopped has the same pictures for all networks."""
        return Tasks(self.pictures, tuple(name for name, _ in self.networks), range(self.count))

    @property
    def count(self) -> int:
        """How many tasks there are."""
        return len(self.pictures) * len(self.networks)

    def number(self, picture: str, network: str) -> int:
        """The place of a task in ``tasks``. Raises KeyError where the plan has none of that picture and network."""
        return self._pictures[picture] * len(self.networks) + self._networks[network]

    @cached_property
    def _pictures(self) -> dict[str, int]:
        return {one.id: at for at, one in enumerate(self.pictures)}

    @cached_property
    def _networks(self) -> dict[str, int]:
        return {name: at for at, (name, _) in enumerate(self.networks)}

    @property
    def rows(self) -> int:
        """How many rows the finished table has."""
        return self.count * len(self.methods)

    @cached_property
    def settings(self) -> dict[str, Any]:
        """All that the rows depend on, as plain JSON values."""
        return {
            "format": FORMAT,
            "study": declared.to_json(self.study),
            "networks": [list(one) for one in self.networks],
            "methods": {one: declared.to_json(parameters(one, self.study, "")) for one in self.methods},
            "pictures": _named(self.pictures),
        }

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the settings, in hexadecimal."""
        return hashlib.sha256(json.dumps(self.settings, sort_keys=True).encode()).hexdigest()


def _named(pictures: Sequence[Picture]) -> list[list[str]] | dict[str, int | str]:
    """Each picture's id and digest; of very many, their number and the SHA-256 of that."""
    if len(pictures) <= LISTED:
        return [[one.id, one.digest] for one in pictures]
    whole = hashlib.sha256()
    for one in pictures:
        whole.update(json.dumps([one.id, one.digest]).encode())
    return {"count": len(pictures), "sha256": whole.hexdigest()}


def make(
    study: Study,
    pictures: Sequence[Picture],
    networks: Iterable[str],
    requested: Iterable[str],
    load: Callable[[str], Classifier] = catalogue.load,
) -> Plan:
    """The plan of a study; the baseline of random maps is added where it is not asked for.

    Raises :class:`StudyError` for an unknown or missing method or network, and what ``load`` raises.
    """
    names, kinds = tuple(dict.fromkeys(networks)), tuple(dict.fromkeys((*requested, BASELINE)))
    unknown = [one for one in kinds if one not in methods.METHODS]
    if unknown:
        raise StudyError(f"There is no method called {unknown[0]!r}; accepted: {', '.join(methods.METHODS)}.")
    if not names or not pictures:
        raise StudyError("A study wants at least one picture and one network.")
    try:
        loaded = tuple((name, load(name).checksum) for name in names)
    except ValueError as error:  # there is no such network
        raise StudyError(str(error)) from None
    return Plan(study, distinct(pictures), loaded, kinds)


def parameters(method: str, study: Study, picture: str) -> Any:
    """The parameters of a method on one picture: its defaults, the study's samples, and chance of the picture's own.

    One random map for all pictures would make their errors one error; so what is random begins with each picture's id.
    """
    found = methods.defaults(method)
    if method in ("adaline", "ridge"):
        found = replace(found, samples=study.samples)
    if method in methods.SEEDED:
        found = methods.with_seed(found, seed_of(picture) if picture else 0)
    return found


def seed_of(picture: str) -> int:
    """0 to 9999, from the picture's id alone."""
    return int.from_bytes(hashlib.sha256(picture.encode("utf-8", "surrogateescape")).digest()[:4]) % 10_000
