"""torchvision's networks: the only room that knows torchvision, and it is entered only when one of them is loaded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from vizcore.acceleration import interface
from vizcore.networks import weights
from vizcore.networks.classifier import Classifier, Preprocess
from vizcore.networks.installed_torchvision import torchvision_models


@dataclass(frozen=True)
class _Network:
    """What must be known of a network before torchvision, which costs a second, is imported. Tests compare the two."""

    title: str
    summary: str
    enum: str  # torchvision.models.<enum>.DEFAULT
    file: str
    megabytes: float  # of 2**20 bytes, as in torchvision's metadata


HOST = "https://download.pytorch.org/models/"
_NETWORKS = {
    "alexnet": _Network(
        "AlexNet",
        "The network that began it all in 2012: five convolutions, the first with large 11 × 11 kernels.",
        "AlexNet_Weights",
        "alexnet-owt-7be5be79.pth",
        233.087,
    ),
    "vgg16": _Network(
        "VGG16",
        "Thirteen plain 3 × 3 convolutions and three huge linear layers: simple, slow and much explained.",
        "VGG16_Weights",
        "vgg16-397923af.pth",
        527.796,
    ),
    "resnet18": _Network(
        "ResNet18",
        "Eighteen layers with shortcuts past every two of them, so that gradients reach the first one.",
        "ResNet18_Weights",
        "resnet18-f37072fd.pth",
        44.661,
    ),
    "resnet50": _Network(
        "ResNet50",
        "Fifty layers of bottleneck blocks with shortcuts, trained by the modern recipe.",
        "ResNet50_Weights",
        "resnet50-11ad3fa6.pth",
        97.79,
    ),
    "squeezenet1_0": _Network(
        "SqueezeNet 1.0",
        "As accurate as AlexNet with fifty times fewer weights, and the smallest download.",
        "SqueezeNet1_0_Weights",
        "squeezenet1_0-b66bff10.pth",
        4.778,
    ),
    "googlenet": _Network(
        "GoogLeNet",
        "Inception blocks look at every scale at once: 1 × 1, 3 × 3 and pooled in parallel.",
        "GoogLeNet_Weights",
        "googlenet-1378be20.pth",
        49.731,
    ),
    "mobilenet_v3_large": _Network(
        "MobileNetV3 Large",
        "Made for telephones: depthwise convolutions found by architecture search, fast on a CPU.",
        "MobileNet_V3_Large_Weights",
        "mobilenet_v3_large-5c1a4163.pth",
        21.107,
    ),
    "convnext_tiny": _Network(
        "ConvNeXt-Tiny",
        "A convolutional network redesigned after vision transformers: 4 × 4 patches, then 7 × 7 kernels.",
        "ConvNeXt_Tiny_Weights",
        "convnext_tiny-983f1562.pth",
        109.119,
    ),
}
NAMES: list[str] = list(_NETWORKS)


@dataclass(frozen=True)
class Entry:
    """A line of the catalogue: what a user reads before choosing a network."""

    name: str
    title: str
    summary: str
    megabytes: float  # size of the download, in units of 2**20 bytes
    on_disk: bool


def entry(name: str) -> Entry:
    """What there is to say of network ``name`` before loading it; quick, and without importing torchvision.

    Raises ValueError where the name is not one of ``NAMES``.
    """
    network = _known(name)
    on_disk = weights.find(name, HOST + network.file) is not None
    return Entry(name, network.title, network.summary, network.megabytes, on_disk)


def fetch(name: str, progress: Callable[[int, int], None] | None = None, *, host: str = HOST) -> Path:
    """Make sure that the weights of network ``name`` are on disk, downloading them where needed; their path.

    ``progress(done, total)`` is called with bytes; ``host`` is where the files are. Raises as :func:`load` does.
    """
    network = _known(name)
    return weights.find_or_download(name, host + network.file, progress, size=round(network.megabytes * 2**20))


def load(
    name: str,
    device: str | torch.device = "auto",
    progress: Callable[[int, int], None] | None = None,
    *,
    host: str = HOST,
) -> Classifier:
    """The classifier ``name`` of torchvision, with its published weights, preprocessing and class names.

    ``progress(done, total)`` is called with bytes while weights are downloaded. Raises ValueError for an unknown name
    and :class:`WeightsError`, whose message is a sentence for the user, where weights cannot be had.
    """
    network = _known(name)
    path = fetch(name, progress, host=host)
    meta = metadata(name)
    module = build(name, weights.read(path), path)
    module.to(memory_format=interface.layout())  # type: ignore[call-overload]
    return Classifier(
        module,
        preprocess_of(meta),
        meta.meta["categories"],
        name=name,
        title=network.title,
        summary=network.summary,
        device=device,
    )


def build(name: str, state: dict[str, Tensor], source: str | Path = "the given weights") -> nn.Module:
    """The architecture ``name`` around the tensors of ``state``, which it takes over without copying them.

    Raises :class:`WeightsError`, naming ``source`` and what does not fit, where it holds other weights.
    """
    _known(name)
    options: dict[str, Any] = {}
    if name == "googlenet":
        # Its weights come from the original, normalised otherwise, and include two heads that only training needs.
        heads = any(key.startswith(("aux1.", "aux2.")) for key in state)
        options = {"transform_input": True, "aux_logits": heads, "init_weights": False}
    make = getattr(torchvision_models(), name)
    with torch.device("meta"):  # no memory and no random numbers for parameters that are replaced at once
        module: nn.Module = make(weights=None, **options)
    weights.fit(module, state, source)
    if name == "googlenet":
        module.aux_logits, module.aux1, module.aux2 = False, None, None  # type: ignore[assignment]
    return module


def metadata(name: str) -> Any:
    """torchvision's default weights entry of network ``name``: ``.url``, ``.meta`` and ``.transforms()``."""
    return getattr(torchvision_models(), _known(name).enum).DEFAULT


def preprocess_of(meta: Any) -> Preprocess:
    """The preprocessing that a torchvision weights entry declares: resize, centre crop, mean and deviation."""
    preset = meta.transforms()
    (crop,), (resize,) = preset.crop_size, preset.resize_size
    return Preprocess(size=(crop, crop), mean=tuple(preset.mean), std=tuple(preset.std), resize=resize)


def _known(name: str) -> _Network:
    if name not in _NETWORKS:
        raise ValueError(f"name is {name!r}; accepted: one of {', '.join(NAMES)}.")
    return _NETWORKS[name]
