"""What one picture costs: every method's map of it by one network, and every figure of that map."""

from __future__ import annotations

import logging
import math
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cache, partial
from typing import Any, TypeVar

import torch
from torch import Tensor

from vizcore import methods
from vizcore.evaluation import faithfulness, interventions, randomisation, sanity, truth
from vizcore.networks.classifier import Classifier
from vizcore.pictures.decoding import PictureError
from vizcore.study import sources
from vizcore.study.plan import Study, parameters, seed_of
from vizcore.study.rows import Row, line
from vizcore.study.sources import Shown
from vizcore.targets import Output
from vizcore.techniques.lime import Known

LOG = logging.getLogger("vizcore.study")
T = TypeVar("T")


def measure(
    clf: Classifier,
    identifier: str,
    content: Callable[[], bytes | None],
    network: str,
    requested: Sequence[str],
    study: Study,
) -> Iterator[Row]:
    """One row per method in ``asked``, whatever happens: what goes wrong with a picture or a map stands in its rows.

    ``content`` gives the bytes of the picture's file, None for a scene. Nothing else is raised than what ends a
    process. The same arguments give the same rows, up to their seconds.
    """
    try:
        shown = sources.see(clf, identifier, content())
        target, probability = _target(clf, shown, study)
        parts = None if shown.mask is None else _Parts(clf, identifier, target)
    except Exception as error:
        sentence = _sentence(error)
        yield from (Row(identifier, network, method, error=sentence) for method in requested)
        return
    wanted = faithfulness.Faithfulness(fill=study.fill, steps=study.steps)
    ends = cache(lambda: faithfulness.ends(clf, shown.image, target, wanted))

    def curves(heat: Tensor) -> faithfulness.Curves:
        at_once = wanted.steps + 1  # nobody waits for a first estimate
        return last(faithfulness.curves(clf, shown.image, target, heat, wanted, ends(), at_once))

    blank = None
    if seed_of(identifier) < 10_000 * study.sanity:
        blank = (unlearned(clf, shown, identifier), Known())
    for method in requested:
        row = Row(identifier, network, method, target=line(clf.classes[target]), probability=probability)
        try:
            params = parameters(method, study, identifier)
            row = replace(row, **_figures(clf, blank, shown, target, method, params, curves, parts))
        except Exception as error:
            row = replace(row, error=_sentence(error))
        yield row


class _Parts:
    """The true effects of a scene's parts, in the score that a method explains: drawn once for each of the two."""

    def __init__(self, clf: Classifier, identifier: str, target: int) -> None:
        self._clf, self._target = clf, target
        self._compose = partial(sources.compose, identifier, sources.size_for(clf))
        self._known: dict[Output, interventions.Effects] = {}

    def agreement(self, heat: Tensor, output: Output) -> float:
        """How far a map's mass per part agrees with the effects."""
        if output not in self._known:
            self._known[output] = interventions.effects(self._clf, self._compose, self._target, output)
        true = self._known[output]
        return interventions.agreement(interventions.claims(heat, true.regions), true.by_part)


def _target(clf: Classifier, shown: Shown, study: Study) -> tuple[int, float]:
    """The class to explain, by its index, and its probability. Raises ValueError where the true one is not known."""
    if study.target != "top" and shown.label in clf.classes:
        target = clf.classes.index(shown.label)
        return target, float(clf.scores(shown.image[None], target)[0])
    if study.target == "true":
        raise ValueError(f"{clf.title} does not know the picture's true class; choose its most probable class instead.")
    return clf.top(shown.image)[0]


def unlearned(clf: Classifier, shown: Shown, identifier: str) -> Classifier:
    """A network of the same plan that has learned nothing; another one for each picture."""
    layers = randomisation.layers_from_the_top(clf)
    return randomisation.randomised(clf, layers, randomisation.draw(clf, layers, seed_of(identifier), 0), shown.image)


def _figures(
    clf: Classifier,
    blank: tuple[Classifier, Known] | None,
    shown: Shown,
    target: int,
    method: str,
    params: Any,
    curves: Callable[[Tensor], faithfulness.Curves],
    parts: _Parts | None,
) -> dict[str, Any]:
    begun = time.perf_counter()
    found = last(methods.explain(clf, shown.image, target, method, params))
    seconds = time.perf_counter() - begun
    measured = curves(found.heat)
    figures: dict[str, Any] = {
        "deletion": measured.deletion_area,
        "insertion": measured.insertion_area,
        "seconds": seconds,
        "forward": found.forward,
        "backward": found.backward,
    }
    if shown.mask is not None and 0 < float(shown.mask.float().mean()) < 1:
        figures |= _truth(found.heat, shown.mask, shown.stamp)
    if parts is not None:
        figures |= _known(effects=parts.agreement(found.heat, params.output))
    if blank is not None:
        again = last(methods.explain(blank[0], shown.image, target, method, params, blank[1]))
        figures |= _known(sanity=sanity.similarity(found.heat, again.heat)[0])
    return figures


def _truth(heat: Tensor, mask: Tensor, stamp: Tensor | None) -> dict[str, float | None]:
    found = truth.truth(heat, mask)
    on_stamp = None if stamp is None else truth.mass(heat, stamp)
    return _known(pointing=float(found.hit), inside=found.mass, precision=found.precision, on_stamp=on_stamp)


def _known(**figures: float | None) -> dict[str, float | None]:
    """The figures, None where one is not a number: a map without a positive value has no mass to share out."""
    return {name: None if value is None or math.isnan(value) else value for name, value in figures.items()}


def _sentence(error: Exception) -> str:
    """What a row says of an error: the engine's own sentences, and of any other its kind, which the log explains."""
    if isinstance(error, (PictureError, ValueError)):
        return line(str(error))
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return "There was not enough memory for this."
    if isinstance(error, OSError):
        return line(f"The file cannot be read: {error.strerror or type(error).__name__}.")
    LOG.warning("a map failed", exc_info=error)
    return line(f"{type(error).__name__}: {error}")


def last(estimates: Iterable[T]) -> T:
    """The last estimate of a generator: its result."""
    return deque(estimates, maxlen=1)[0]
