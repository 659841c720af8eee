"""LIME: the same superpixels, filled with grey, and as many random sub-images, by ours, lime and Captum."""

from __future__ import annotations

import io
import random
from contextlib import redirect_stderr
from dataclasses import replace
from functools import partial

import numpy as np
import torch

from benchmarks.contender import Contender, Map, Stage, Technique, Work, bare
from benchmarks.job import Settings
from vizcore.jobs.run import Run
from vizcore.techniques.lime import Lime, explain, fit
from vizcore.techniques.superpixels import segment


def passes(settings: Settings, side: int) -> int:
    return settings["samples"]


def trial(settings: Settings, side: int) -> Settings:
    return {"samples": 32}


def ours(stage: Stage, half: bool = False) -> Work:
    """Superpixels, samples, and all estimates on the way; the map is that of the reference's linear model."""

    def work(settings: Settings, at_once: int) -> Map:
        given = Lime(samples=settings["samples"], fill="grey", half=half)
        found = Run(explain(stage.clf, stage.image, stage.target, given)).finish()
        return fit(found.vectors, found.scores, replace(given, model="ridge")).weights.numpy()

    return work


def lime(stage: Stage) -> Work:
    from lime.lime_image import LimeImageExplainer

    model, device = stage.pixels, stage.clf.device
    picture = stage.image.permute(1, 2, 0).double().numpy()  # (C,H,W) -> (H,W,C)
    segments = segment(stage.image, Lime()).numpy()

    def ask(pictures: np.ndarray) -> np.ndarray:
        batch = torch.from_numpy(pictures).float().permute(0, 3, 1, 2).to(device)  # (n,H,W,C) -> (n,C,H,W)
        with torch.no_grad():
            answer: np.ndarray = model(batch).softmax(1).cpu().numpy()
        return answer

    def work(settings: Settings, at_once: int) -> Map:
        with redirect_stderr(io.StringIO()):  # its progress bar
            found = LimeImageExplainer(random_state=0).explain_instance(
                picture,
                ask,
                labels=(stage.target,),
                top_labels=None,
                hide_color=0.5,
                num_samples=settings["samples"],
                batch_size=at_once,
                segmentation_fn=lambda _: segments,
            )
        weights = np.zeros(int(segments.max()) + 1)
        for number, weight in found.local_exp[stage.target]:
            weights[number] = weight
        return weights

    return work


def captum(stage: Stage) -> Work:
    """Captum's attribution with its default linear model and kernel."""
    from captum.attr import Lime as CaptumLime

    model, image = stage.pixels, stage.batch
    segments = segment(stage.image, Lime()).to(stage.clf.device)

    def probabilities(x: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            answer: torch.Tensor = model(x).softmax(1)
        return answer

    def work(settings: Settings, at_once: int) -> None:
        torch.manual_seed(0)  # it draws from the global generators: the same samples in every repeat
        np.random.seed(0)
        random.seed(0)
        CaptumLime(probabilities).attribute(
            image,
            baselines=0.5,
            target=stage.target,
            feature_mask=segments[None, None],
            n_samples=settings["samples"],
            perturbations_per_eval=at_once,
        )

    return work


HALF = "ours, half precision"
_LASSO = "its linear model is a lasso with another kernel"
TECHNIQUE = Technique(
    title="LIME",
    settings={"samples": 500},
    contenders={
        "ours": Contender(ours),
        HALF: Contender(partial(ours, half=True), agreement="correlation", remark="of the same samples"),
        "bare": Contender(bare(passes), batched=True),
        "lime": Contender(lime, "lime", tuned=False, batched=True, agreement="correlation", remark="draws its own"),
        "Captum": Contender(captum, "captum", tuned=False, batched=True, remark=_LASSO),
        "Captum, tuned": Contender(captum, "captum", batched=True, remark=_LASSO),
    },
    passes=passes,
    trial=trial,
    growth={"samples": (125, 250, 500, 1000), "size": (112, 168, 224, 336)},
)
