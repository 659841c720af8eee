"""How long a reader waits for the first estimate of every technique, and for LIME under another regularisation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from benchmarks.contender import Contender, Stage, Technique, Work
from benchmarks.job import Settings
from vizcore.jobs.run import Run
from vizcore.techniques.filters import kernels, rgb
from vizcore.techniques.gradcam import grad_cam
from vizcore.techniques.integrated_gradients import integrated_gradients
from vizcore.techniques.lime import Lime, explain
from vizcore.techniques.maximize import maximize
from vizcore.techniques.occlusion import Occlusion, occlude
from vizcore.techniques.saliency import gradient, smoothgrad

# Seconds of CPU time on one thread that a page may take to show something.
TARGETS = {"mini-alexnet": 0.5, "squeezenet1_0": 1.0}
REFIT_TARGET = 0.1
REFIT = "LIME, another regularisation"


def _first(start: Callable[[Stage], Iterator[object]]) -> Contender:
    return _once(lambda stage: next(start(stage)))


def _once(ask: Callable[[Stage], object]) -> Contender:
    def prepare(stage: Stage) -> Work:
        def work(settings: Settings, at_once: int) -> None:
            ask(stage)

        return work

    return Contender(prepare)


def _refit(stage: Stage) -> Work:
    """The answers of 500 sub-images are there; only the linear model is fitted again."""
    params = Lime(samples=500)
    kept = Run(explain(stage.clf, stage.image, stage.target, params)).finish().samples
    other = replace(params, alpha=10.0 if params.alpha != 10.0 else 1.0)

    def work(settings: Settings, at_once: int) -> None:
        Run(explain(stage.clf, stage.image, stage.target, other, samples=kept)).finish()

    return work


TECHNIQUE = Technique(
    title="First estimate",
    settings={},
    contenders={
        "Filters": _once(lambda stage: rgb(kernels(stage.clf))),
        "Input maximisation": _first(lambda stage: maximize(stage.clf, stage.target)),
        "Gradient": _once(lambda stage: gradient(stage.clf, stage.image, stage.target)),
        "SmoothGrad": _first(lambda stage: smoothgrad(stage.clf, stage.image, stage.target)),
        "Occlusion": _first(lambda stage: occlude(stage.clf, stage.image, stage.target, Occlusion())),
        "LIME": _first(lambda stage: explain(stage.clf, stage.image, stage.target, Lime())),
        "Integrated gradients": _first(lambda stage: integrated_gradients(stage.clf, stage.image, stage.target)),
        "Grad-CAM": _once(lambda stage: grad_cam(stage.clf, stage.image, stage.target)),
        REFIT: Contender(_refit),
    },
    passes=lambda settings, side: 5,
    trial=lambda settings, side: {},
)
