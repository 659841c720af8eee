"""Integrated gradients from black, by the midpoint rule, by ours and Captum; PAIR takes both ends of the path."""

from __future__ import annotations

import torch

from benchmarks.contender import Contender, Map, Stage, Technique, Work, bare
from benchmarks.job import Settings
from benchmarks.pair import gradient_function
from vizcore.jobs.run import Run
from vizcore.techniques.integrated_gradients import IntegratedGradients, integrated_gradients
from vizcore.techniques.saliency import times_input


def passes(settings: Settings, side: int) -> int:
    return settings["steps"]


def trial(settings: Settings, side: int) -> Settings:
    return {"steps": 32}


def ours(stage: Stage) -> Work:
    def work(settings: Settings, at_once: int) -> Map:
        params = IntegratedGradients(steps=settings["steps"], baseline="black", output="logit")
        found = Run(integrated_gradients(stage.clf, stage.image, stage.target, params)).finish()
        return times_input(found).numpy()

    return work


def captum(stage: Stage) -> Work:
    from captum.attr import IntegratedGradients as CaptumPath

    model, image = stage.pixels, stage.batch

    def work(settings: Settings, at_once: int) -> Map:
        found: torch.Tensor = CaptumPath(model).attribute(
            image,
            baselines=0.0,
            target=stage.target,
            n_steps=settings["steps"],
            method="riemann_middle",
            internal_batch_size=at_once,
        )
        return found[0].sum(0).detach().cpu().numpy()  # (C,H,W) -> (H,W)

    return work


def pair(stage: Stage) -> Work:
    from saliency.core import IntegratedGradients as PairPath

    picture, ask = stage.image.permute(1, 2, 0).numpy(), gradient_function(stage)  # (C,H,W) -> (H,W,C)

    def work(settings: Settings, at_once: int) -> Map:
        found: Map = PairPath().GetMask(picture, ask, x_steps=settings["steps"], batch_size=at_once)
        return found.sum(-1)  # (H,W,C) -> (H,W)

    return work


TECHNIQUE = Technique(
    title="Integrated gradients",
    settings={"steps": 64},
    contenders={
        "ours": Contender(ours),
        "bare": Contender(bare(passes, backward=True), batched=True),
        "Captum": Contender(captum, "captum", tuned=False, batched=True, agreement="largest"),
        "Captum, tuned": Contender(captum, "captum", batched=True, agreement="largest"),
        "PAIR": Contender(
            pair, "saliency", tuned=False, batched=True, agreement="correlation", remark="other points on the path"
        ),
    },
    passes=passes,
    trial=trial,
    backward=True,
)
