"""The networks and the picture that all contenders are asked about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import torch
from PIL import Image
from torch import nn

from vizcore.networks import zoo
from vizcore.networks.catalogue import load
from vizcore.networks.classifier import Classifier, Preprocess
from vizcore.networks.installed_torchvision import torchvision_models

DEFAULT = ("mini-alexnet", "squeezenet1_0", "alexnet", "vgg16", "resnet18", "resnet50")


def weights_of(name: str) -> str:
    """ "its own" where the network's weights are on disk, else "random"."""
    return "its own" if name not in zoo.NAMES or zoo.entry(name).on_disk else "random"


def classifier(name: str, device: str = "cpu", size: int | None = None) -> Classifier:
    """The network with its own weights where they are on disk, else with random ones: the same arithmetic.

    The random ones are drawn with seed 0 at the scale of He et al. 2015, so that the answers stay of the order of one.
    ``size`` is the side of the input where it shall not be the network's usual one; raises ValueError where the network
    takes no other.
    """
    clf = load(name, device) if weights_of(name) == "its own" else _random(name, device)
    if size is None or (size, size) == clf.preprocess.size:
        return clf
    preprocess = replace(clf.preprocess, size=(size, size), resize=None)
    try:
        return Classifier(clf.module, preprocess, clf.classes, name=name, device=device)
    except RuntimeError as error:
        raise ValueError(f"size is {size}; accepted: {clf.preprocess.size[0]}, the one that {name} takes.") from error


@cache
def side(name: str) -> int:
    """The side of the network's usual input, in pixels; torchvision's are not loaded for it."""
    return 224 if name in zoo.NAMES else classifier(name).preprocess.size[0]


def picture(path: str = "") -> Image.Image:
    """The file, or else scikit-image's cat."""
    if path:
        return Image.open(Path(path))
    from skimage.data import cat

    return Image.fromarray(cat())


def as_installed(module: nn.Module) -> nn.Module:
    """The module as torchvision makes it: contiguous weights that take gradients. In place, and returned."""
    plain: nn.Module = module.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    return plain.requires_grad_(True)


def _random(name: str, device: str) -> Classifier:
    options = {"aux_logits": False, "transform_input": True, "init_weights": False} if name == "googlenet" else {}
    torch.manual_seed(0)
    module: nn.Module = getattr(torchvision_models(), name)(weights=None, **options)
    for layer in module.modules():
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            nn.init.kaiming_normal_(layer.weight)
    classes: Sequence[str] = [str(k) for k in range(1000)]
    preprocess = Preprocess(size=(224, 224), mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225), resize=256)
    return Classifier(module, preprocess, classes, name=name, device=device)
