"""Occlusion: the same windows, filled with grey, and the drop of the logit, by ours and by Captum."""

from __future__ import annotations

import warnings
from functools import partial

import torch

from benchmarks.contender import Contender, Map, Stage, Technique, Work, bare
from benchmarks.job import Settings
from vizcore.acceleration.activations import Activations
from vizcore.jobs.run import Run
from vizcore.techniques.occlusion import Occlusion, occlude
from vizcore.techniques.windows import starts

SPARING, SPARE = "ours, sparing memory", 21  # times the picture: 12 MiB at 224 px


def passes(settings: Settings, side: int) -> int:
    """Windows, and the picture itself."""
    return len(starts(side, settings["window"], settings["stride"])) ** 2 + 1


def trial(settings: Settings, side: int) -> Settings:
    """Some forty windows."""
    return {"window": side // 4, "stride": side // 7}


def scaled(settings: Settings, side: int) -> Settings:
    """As many windows on a picture of another side, as large in relation to it as 32 px are to 224."""
    return {"window": side // 7, "stride": side // 28}


def ours(stage: Stage, spare: int | None = None) -> Work:
    """Exact and incremental; or with ``spare`` times the picture's memory, by full passes where that is too little."""
    most = None if spare is None else spare * stage.image.nbytes

    def work(settings: Settings, at_once: int) -> Map:
        params = Occlusion(window=settings["window"], stride=settings["stride"], output="logit", fill="grey")
        activations = Activations(stage.clf, stage.image, most)
        return Run(occlude(stage.clf, stage.image, stage.target, params, activations)).finish().heat().numpy()

    return work


def captum(stage: Stage) -> Work:
    from captum.attr import Occlusion as CaptumOcclusion

    model, image = stage.pixels, stage.batch

    def work(settings: Settings, at_once: int) -> Map:
        channels, window, stride = image.shape[1], settings["window"], settings["stride"]
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found: torch.Tensor = CaptumOcclusion(model).attribute(
                image,
                sliding_window_shapes=(channels, window, window),
                strides=(channels, stride, stride),
                baselines=0.5,
                target=stage.target,
                perturbations_per_eval=at_once,
            )
        return found[0, 0].cpu().numpy()

    return work


TECHNIQUE = Technique(
    title="Occlusion",
    settings={"window": 32, "stride": 8},
    contenders={
        "ours": Contender(ours),
        SPARING: Contender(partial(ours, spare=SPARE), agreement="largest"),
        "bare": Contender(bare(passes), batched=True),
        "Captum": Contender(captum, "captum", tuned=False, batched=True, agreement="largest"),
        "Captum, tuned": Contender(captum, "captum", batched=True, agreement="largest"),
    },
    passes=passes,
    trial=trial,
    growth={"stride": (32, 16, 8, 4), "size": (112, 168, 224, 336)},
    scaled=scaled,
)
