"""The classifiers of torchvision and twenty of timm's at random weights, on the smallest pictures that they take."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from tests.fuzz.architectures.case import Case, picture
from tests.fuzz.architectures.compare import NETWORK, Verdict, examine
from tests.fuzz.architectures.run import Examined
from vizcore import machine
from vizcore.networks import architectures
from vizcore.networks.classifier import Preprocess
from vizcore.networks.installed_torchvision import torchvision_models

CLASSES = 5
SIDES = (32, 48, 64, 75, 96, 112, 160, 224, 240)  # of pictures, the smallest that works is taken
BYTES = 40  # for each weight: the engine's network and its copies, and the oracle's in double precision
TIMM = (
    "resnet10t", "seresnet18", "skresnet18", "resnetv2_18", "regnetx_002", "repvgg_a0", "mobilenetv4_conv_small",
    "efficientnet_lite0", "ghostnet_050", "levit_128s", "edgenext_xx_small", "convnext_atto", "convnextv2_atto",
    "deit_tiny_patch16_224", "mixer_s32_224", "poolformer_s12", "mobilevit_xxs", "fastvit_t8", "nf_resnet26",
    "crossvit_tiny_240",
)  # fmt: skip


def torchvision_networks() -> Iterator[Examined]:
    """Every architecture that the product offers."""
    models = torchvision_models()
    for name in architectures.NAMES:

        def make(side: int, name: str = name) -> nn.Module:
            options: dict[str, Any] = {}
            if name in ("googlenet", "inception_v3"):
                options = {"aux_logits": False, "init_weights": False}
            elif name.startswith("vit_"):
                options = {"image_size": side}
            elif name.startswith("maxvit_"):
                options = {"input_size": (side, side)}
            network: nn.Module = getattr(models, name)(weights=None, num_classes=CLASSES, **options)
            return network

        yield _examined(name, make, _weights(architectures.blank(name, CLASSES, (224, 224))))


def timm_networks() -> Iterator[Examined]:
    """Twenty of timm's, of as many families."""
    if importlib.util.find_spec("timm") is None:
        print("timm is not installed, so none of its networks is examined: pip install timm.", file=sys.stderr)
        return
    torchvision_models()  # timm imports torchvision, which may need a hand
    timm = importlib.import_module("timm")
    for name in TIMM:

        def make(side: int, name: str = name) -> nn.Module:
            fixed = {"img_size": side} if name.startswith(("deit_", "mixer_", "levit_")) else {}
            network: nn.Module = timm.create_model(name, pretrained=False, num_classes=CLASSES, **fixed)
            return network

        yield _examined(name, make, _weights(timm.create_model(name, num_classes=CLASSES)))


def _weights(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def _examined(name: str, make: Callable[[int], nn.Module], weights: int) -> Examined:
    total = machine.total()
    if total is not None and weights * BYTES > total:
        reason = f"{weights / 1e6:.0f} million weights need more memory than there is"
        return Examined(name, {NETWORK: Verdict("unclear", reason=reason)})
    begun = time.perf_counter()
    side, errors = 0, ""
    for side in SIDES:
        try:
            with torch.no_grad():
                settled(make, side)
            break
        except Exception as error:
            errors = str(error)
    else:
        return Examined(name, {NETWORK: Verdict("unclear", reason=f"plain torch: {errors[:160]}")})
    size = (side, side)
    case = Case(
        make=lambda: settled(make, side),
        plain=lambda: settled(make, side),
        preprocess=Preprocess(size, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
        classes=CLASSES,
        image=picture("smooth", 3, size, 1),
        others=torch.stack([picture("smooth", 3, size, k) for k in (2, 3, 4)]),
        window=side // 8 * 4,
        stride=side // 2,
        batch=3,
        copies=2,
        samples=10,
    )
    return Examined(name, examine(case), time.perf_counter() - begun)


def settled(make: Callable[[int], nn.Module], side: int) -> nn.Module:
    """The network with weights from a seed, and with the statistics of a few smooth pictures in its batch norms."""
    torch.manual_seed(0)
    network = make(side)
    norms = [layer for layer in network.modules() if isinstance(layer, nn.modules.batchnorm._BatchNorm)]
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.dim() < 2 and not bool(parameter.any()):
                parameter.normal_(std=0.02)
            elif parameter.dim() == 2 and not bool(parameter.any()):  # a head that starts from zero
                parameter.normal_(std=parameter.shape[1] ** -0.5)
        network.eval()
        for norm in norms:
            norm.momentum = None  # the mean over all pictures
            norm.reset_running_stats()
            norm.train()
        network(_pictures(side))
    return network.eval()


def _pictures(side: int) -> Tensor:
    kinds = ("smooth", "noise", "object")
    pictures = torch.stack([picture(kinds[k % 3], 3, (side, side), k) for k in range(10, 25)])
    return (pictures - 0.45) / 0.225
