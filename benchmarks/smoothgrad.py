"""SmoothGrad: the mean of signed gradients of the logit over noisy copies, by ours, Captum and PAIR saliency."""

from __future__ import annotations

import numpy as np
import torch

from benchmarks.contender import Contender, Map, Stage, Technique, Work, bare
from benchmarks.job import Settings
from benchmarks.pair import gradient_function
from vizcore.jobs.run import Run
from vizcore.techniques.saliency import SmoothGrad, smoothgrad

NOISE = 0.15


def passes(settings: Settings, side: int) -> int:
    return settings["copies"]


def trial(settings: Settings, side: int) -> Settings:
    return {"copies": 32}


def ours(stage: Stage) -> Work:
    def work(settings: Settings, at_once: int) -> Map:
        params = SmoothGrad(noise=NOISE, copies=settings["copies"], output="logit")
        return Run(smoothgrad(stage.clf, stage.image, stage.target, params)).finish().gradient.numpy()

    return work


def captum(stage: Stage) -> Work:
    from captum.attr import NoiseTunnel, Saliency

    model, image = stage.pixels, stage.batch
    sigma = NOISE * float(stage.image.max() - stage.image.min())

    def work(settings: Settings, at_once: int) -> Map:
        torch.manual_seed(0)
        found: torch.Tensor = NoiseTunnel(Saliency(model)).attribute(
            image,
            nt_type="smoothgrad",
            nt_samples=settings["copies"],
            nt_samples_batch_size=at_once,
            stdevs=sigma,
            target=stage.target,
            abs=False,
        )
        return found[0].detach().cpu().numpy()

    return work


def pair(stage: Stage) -> Work:
    from saliency.core import GradientSaliency

    picture, ask = stage.image.permute(1, 2, 0).numpy(), gradient_function(stage)  # (C,H,W) -> (H,W,C)

    def work(settings: Settings, at_once: int) -> Map:
        np.random.seed(0)
        found: np.ndarray = GradientSaliency().GetSmoothedMask(
            picture, ask, stdev_spread=NOISE, nsamples=settings["copies"], magnitude=False
        )
        return found.transpose(2, 0, 1)  # (H,W,C) -> (C,H,W)

    return work


_NOISE = "draws its own noise"
TECHNIQUE = Technique(
    title="SmoothGrad",
    settings={"copies": 50},
    contenders={
        "ours": Contender(ours),
        "bare": Contender(bare(passes, backward=True), batched=True),
        "Captum": Contender(captum, "captum", tuned=False, batched=True, agreement="correlation", remark=_NOISE),
        "Captum, tuned": Contender(captum, "captum", batched=True, agreement="correlation", remark=_NOISE),
        "PAIR": Contender(pair, "saliency", tuned=False, agreement="correlation", remark=_NOISE),
    },
    passes=passes,
    trial=trial,
    backward=True,
    growth={"copies": (25, 50, 100, 200), "size": (112, 168, 224, 336)},
)
