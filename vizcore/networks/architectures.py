"""torchvision's architectures without weights, for networks that somebody trained on classes of their own."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from vizcore.networks.installed_torchvision import torchvision_models
from vizcore.networks.weights import WeightsError

# Listed here so that a page can offer them before torchvision, which costs seconds, is imported; a test compares.
_FAMILIES = {
    "alexnet": "",
    "convnext_": "base large small tiny",
    "densenet": "121 161 169 201",
    "efficientnet_": "b0 b1 b2 b3 b4 b5 b6 b7 v2_l v2_m v2_s",
    "googlenet": "",
    "inception_v3": "",
    "maxvit_t": "",
    "mnasnet": "0_5 0_75 1_0 1_3",
    "mobilenet_v": "2 3_large 3_small",
    "regnet_x_": "16gf 1_6gf 32gf 3_2gf 400mf 800mf 8gf",
    "regnet_y_": "128gf 16gf 1_6gf 32gf 3_2gf 400mf 800mf 8gf",
    "resnet": "101 152 18 34 50",
    "resnext": "101_32x8d 101_64x4d 50_32x4d",
    "shufflenet_v2_x": "0_5 1_0 1_5 2_0",
    "squeezenet1_": "0 1",
    "swin_": "b s t v2_b v2_s v2_t",
    "vgg": "11 11_bn 13 13_bn 16 16_bn 19 19_bn",
    "vit_": "b_16 b_32 h_14 l_16 l_32",
    "wide_resnet": "101_2 50_2",
}
NAMES: tuple[str, ...] = tuple(family + one for family, sizes in _FAMILIES.items() for one in sizes.split() or [""])

RESCALING = ("googlenet", "inception_v3")  # may rescale their input themselves; no state_dict tells whether they do


def blank(
    name: str, classes: int, size: tuple[int, int] = (224, 224), channels: int = 3, rescaling: bool = False
) -> nn.Module:
    """The architecture ``name`` with ``classes`` outputs for inputs (channels, *size), on the meta device: no memory.

    ``channels`` is 3, or 1 for grey pictures, for which the first convolution is made anew. GoogLeNet and Inception v3
    come without the heads that only training needs; with ``rescaling`` they take their input to be normalised by
    ImageNet's mean and deviation and bring it to -1..1 (torchvision's ``transform_input``).
    Raises ValueError for an unknown name and :class:`WeightsError` for a size that it cannot take.
    """
    if name not in NAMES:
        raise ValueError(f"architecture is {name!r}; accepted: one of torchvision's, {', '.join(NAMES)}.")
    options: dict[str, Any] = {}
    if name in RESCALING:
        options = {"aux_logits": False, "transform_input": rescaling, "init_weights": False}
    elif name.startswith("vit_"):
        if size[0] != size[1]:
            raise WeightsError(f"{name} takes square pictures only; {size[0]} × {size[1]} is not square.")
        options = {"image_size": size[0]}
    elif name.startswith("maxvit_"):
        options = {"input_size": size}
    make = getattr(torchvision_models(), name)
    try:
        with torch.device("meta"), _CountedOnCpu() if name.startswith("regnet_") else nullcontext():
            module: nn.Module = make(weights=None, num_classes=classes, **options)
    except (AssertionError, RuntimeError, ValueError) as error:
        raise WeightsError(f"{name} cannot take pictures of {size[0]} × {size[1]} pixels: {error}") from error
    return _grey(module) if channels == 1 else module


def _grey(module: nn.Module) -> nn.Module:
    """The network with a first convolution of one input channel instead of three."""
    path, first = next((name, layer) for name, layer in module.named_modules() if isinstance(layer, nn.Conv2d))
    parent, _, last = path.rpartition(".")
    single = nn.Conv2d(
        1,
        first.out_channels,
        first.kernel_size,  # type: ignore[arg-type]
        first.stride,  # type: ignore[arg-type]
        first.padding,  # type: ignore[arg-type]
        bias=first.bias is not None,
        device="meta",
    )
    setattr(module.get_submodule(parent), last, single)
    return module


class _CountedOnCpu(TorchFunctionMode):
    """RegNet works its widths out with small tensors while it is built; on the meta device they have no numbers."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        if func in (torch.arange, torch.tensor):
            kwargs.setdefault("device", "cpu")
        return func(*args, **kwargs)
