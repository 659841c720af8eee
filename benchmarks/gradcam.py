"""Grad-CAM at the same layer: one forward pass and the way back to that layer, by ours and three others."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from benchmarks.contender import Contender, Map, Stage, Technique, Work, bare
from benchmarks.job import Settings
from vizcore.networks.installed_torchvision import torchvision_models
from vizcore.techniques.gradcam import grad_cam, last_maps


def passes(settings: Settings, side: int) -> int:
    return 1


def trial(settings: Settings, side: int) -> Settings:
    return {}


def ours(stage: Stage) -> Work:
    def work(settings: Settings, at_once: int) -> Map:
        return grad_cam(stage.clf, stage.image, stage.target).map.numpy()

    return work


def captum(stage: Stage) -> Work:
    from captum.attr import LayerGradCam

    model, image = stage.pixels, stage.batch
    layer = stage.clf.module.get_submodule(last_maps(stage.clf))

    def work(settings: Settings, at_once: int) -> Map:
        found: torch.Tensor = LayerGradCam(model, layer).attribute(image, stage.target, relu_attributions=True)
        return found[0, 0].detach().cpu().numpy()

    return work


def torchcam(stage: Stage) -> Work:
    from torchcam.methods import GradCAM

    model, image, name = stage.pixels, stage.batch, f"module.{last_maps(stage.clf)}"

    def work(settings: Settings, at_once: int) -> Map:
        with GradCAM(model, name) as extractor:
            (found,) = extractor(stage.target, model(image), normalized=False)
        answer: Map = found[0].detach().cpu().numpy()
        return answer

    return work


def pytorch_grad_cam(stage: Stage) -> Work:
    torchvision_models()  # which it imports, too, and which needs help where it was built for another torch
    from pytorch_grad_cam import GradCAM
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    model, image = stage.pixels, stage.batch
    layer = stage.clf.module.get_submodule(last_maps(stage.clf))

    def work(settings: Settings, at_once: int) -> Map:
        with GradCAM(model=model, target_layers=[layer]) as cam:
            found: Map = cam(input_tensor=image, targets=[ClassifierOutputTarget(stage.target)])[0]
        return found

    return work


def stretched(found: Map, shape: tuple[int, ...]) -> Map:
    """The map as pytorch-grad-cam gives it: from 0 to 1, bilinearly as large as the picture, and from 0 to 1 again."""
    large = F.interpolate(_from_0_to_1(torch.from_numpy(found))[None, None], size=shape, mode="bilinear")[0, 0]
    answer: Map = _from_0_to_1(large).numpy()
    return answer


def _from_0_to_1(values: torch.Tensor) -> torch.Tensor:
    above = values - values.min()
    return above / (1e-7 + above.max())


TECHNIQUE = Technique(
    title="Grad-CAM",
    settings={},
    contenders={
        "ours": Contender(ours),
        "bare": Contender(bare(passes, backward=True), batched=True),
        "Captum": Contender(captum, "captum", tuned=False, agreement="largest"),
        "torchcam": Contender(torchcam, "torchcam", tuned=False, agreement="largest"),
        "pytorch-grad-cam": Contender(
            pytorch_grad_cam,
            "pytorch_grad_cam",
            tuned=False,
            agreement="largest",
            remark="both scaled to 1",
            like=stretched,
        ),
    },
    passes=passes,
    trial=trial,
    backward=True,
)
