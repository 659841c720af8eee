"""How long a study will take: each method is tried on one picture for a moment, and its pace counted up."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import Any

from vizcore import methods
from vizcore.evaluation import faithfulness
from vizcore.networks.classifier import Classifier
from vizcore.study import sources, work
from vizcore.study.local import Load
from vizcore.study.plan import Plan, Study, parameters

BUDGET = 1.0  # seconds for which a method is tried, where its first two estimates take no longer
_PATIENCE = 3  # budgets after which the first estimate has to do
_SHORT = 0.25  # seconds of which what is made only once may be a large part


@dataclass(frozen=True, eq=False)
class Forecast:
    """``seconds`` for one picture of the study, by the ``step`` of ``of`` methods and networks tried so far."""

    step: int
    of: int
    seconds: float


def forecast(plan: Plan, load: Load) -> Iterator[Forecast]:
    """seconds = sum over networks and methods of map + curves, and of the second map for the share that is checked.

    Measured on this machine as busy as it is at that moment, on the plan's first picture that can be read: an estimate
    and no promise. Yields after each method of each network.
    """
    total, of = 0.0, len(plan.networks) * len(plan.methods)
    for at, (name, _) in enumerate(plan.networks):
        clf = load(name)
        shown = _first(plan, clf)
        if shown is None:  # nothing can be computed, so nothing takes time
            yield Forecast(of, of, 0.0)
            return
        identifier, seen = shown
        image, target = seen.image, clf.top(seen.image)[0][0]
        curves: float | None = None
        begun, blank = time.perf_counter(), None
        if plan.study.sanity > 0:
            blank = work.unlearned(clf, seen, identifier)
            total += plan.study.sanity * (time.perf_counter() - begun)
        for number, method in enumerate(plan.methods):
            params = parameters(method, plan.study, identifier)
            try:
                seconds, heat = lasting(_start(clf, image, target, method, params))
                curves = _curves(clf, image, target, heat, plan.study) if curves is None else curves
                total += seconds + curves
                if blank is not None:
                    again, _ = lasting(_start(blank, image, target, method, params))
                    total += plan.study.sanity * again
            except ValueError:
                pass  # a method that this network has no maps for fails at once
            yield Forecast(at * len(plan.methods) + number + 1, of, total)


def lasting(start: Callable[[], Generator[Any, None, None]], budget: float = BUDGET) -> tuple[float, Any]:
    """Seconds that a generator of estimates takes to its end, and the last estimate that was waited for.

    Carried on at the pace between its first estimate and the last one within the budget. What is short is run again,
    since the first time also pays for what is made only once.
    """
    seconds, latest, whole = _tried(start, budget)
    if whole and seconds < _SHORT:
        again, latest, _ = _tried(start, budget)
        seconds = min(seconds, again)
    return seconds, latest


def _tried(start: Callable[[], Generator[Any, None, None]], budget: float) -> tuple[float, Any, bool]:
    begun, marks = time.perf_counter(), []
    run = start()
    try:
        for estimate in run:
            marks.append((estimate.step, time.perf_counter() - begun))
            if marks[-1][1] > (budget if len(marks) > 1 else _PATIENCE * budget):
                break
    finally:
        run.close()
    (first, early), (step, now) = marks[0], marks[-1]
    left = estimate.of - step
    pace = (now - early) / (step - first) if step > first else now / max(1, step)
    return now + pace * left, estimate, left == 0


def _start(
    clf: Classifier, image: Any, target: int, method: str, params: Any
) -> Callable[[], Generator[Any, None, None]]:
    def start() -> Generator[Any, None, None]:
        yield from methods.explain(clf, image, target, method, params)

    return start


def _curves(clf: Classifier, image: Any, target: int, found: methods.Attribution, study: Study) -> float:
    wanted = faithfulness.Faithfulness(fill=study.fill, steps=study.steps)

    def start() -> Generator[Any, None, None]:
        yield from faithfulness.curves(clf, image, target, found.heat, wanted)

    return lasting(start)[0]


def _first(plan: Plan, clf: Classifier) -> tuple[str, sources.Shown] | None:
    """The first picture that can be read, as the network sees it; a study may begin with broken files."""
    for picture in plan.pictures[:10]:
        try:
            return picture.id, sources.see(clf, picture.id, picture.content())
        except (OSError, ValueError):
            work.LOG.debug("%s cannot be read, and is not tried", picture.id)
    return None
