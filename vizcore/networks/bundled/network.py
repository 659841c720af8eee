"""The bundled networks: a small AlexNet that knows the scenes' classes, a twin that cheats, a robust one."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

NAMES = ("mini-alexnet", "mini-alexnet-shortcut", "mini-alexnet-robust")
FOLDER = Path(__file__).parent


class MiniAlexNet(nn.Module):
    """AlexNet's plan in small: an 11 x 11 first layer with stride 4, four more convolutions, two linear layers.

    Takes (N, 3, 128, 128), normalised with the card's mean and std, and returns logits (N, classes) whose softmax is
    calibrated: the temperature is already divided into the last layer. Krizhevsky et al. 2012, section 3.5, with a
    third of the channels, one tower and no local response normalisation. With `norm=True`, for training only, batch
    normalisation follows convolutions two to five; `folded` turns it into plain weights.
    """

    def __init__(self, classes: int = 12, norm: bool = False) -> None:
        super().__init__()

        def block(into: int, out: int, kernel: int) -> list[nn.Module]:
            conv = nn.Conv2d(into, out, kernel, padding=kernel // 2, bias=not norm)
            return [conv, nn.BatchNorm2d(out), nn.ReLU()] if norm else [conv, nn.ReLU()]

        self.features = nn.Sequential(
            nn.Conv2d(3, 64, 11, stride=4, padding=2),  # (N, 64, 31, 31)
            nn.ReLU(),
            nn.MaxPool2d(3, 2),  # (N, 64, 15, 15)
            *block(64, 128, 5),
            nn.MaxPool2d(3, 2),  # (N, 128, 7, 7)
            *block(128, 192, 3),
            *block(192, 128, 3),
            *block(128, 128, 3),
            nn.MaxPool2d(3, 2),  # (N, 128, 3, 3)
        )
        self.classifier = nn.Sequential(
            nn.Flatten(),  # (N, 1152)
            nn.Dropout(0.4),
            nn.Linear(128 * 3 * 3, 256),
            nn.ReLU(),
            nn.Dropout(0.4),
            nn.Linear(256, classes),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.classifier(self.features(x))


def folded(trained: MiniAlexNet, temperature: float = 1.0) -> MiniAlexNet:
    """The same function without batch normalisation, its logits divided by `temperature`.

    Each normalisation is an affine map per channel in eval mode, so it goes into the convolution before it:
    w' = w * gamma / sigma, b' = beta - mu * gamma / sigma.
    """
    last = trained.classifier[-1]
    assert isinstance(last, nn.Linear)
    plain = MiniAlexNet(last.out_features)
    layers = list(trained.eval().features)
    kept: list[nn.Module] = []
    for layer, following in zip(layers, [*layers[1:], None], strict=True):
        if isinstance(layer, nn.Conv2d):
            kept.append(fuse_conv_bn_eval(layer, following) if isinstance(following, nn.BatchNorm2d) else layer)
        elif not isinstance(layer, nn.BatchNorm2d):
            kept.append(layer)
    with torch.no_grad():
        plain.features.load_state_dict(nn.Sequential(*kept).state_dict())
        plain.classifier.load_state_dict(trained.classifier.state_dict())
        head = plain.classifier[-1]
        assert isinstance(head, nn.Linear)
        head.weight.div_(temperature)
        head.bias.div_(temperature)
    return plain.eval()


@dataclass(frozen=True)
class Card:
    """What a user must know of a bundled network, and what a loader needs: the JSON file beside its weights."""

    classes: tuple[str, ...]
    input_size: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    sha256: str  # of the weights file
    title: str
    summary: str
    figures: dict[str, Any] = field(default_factory=dict)  # what quality.py measured when the weights were made


def read_card(name: str, folder: Path = FOLDER) -> Card:
    """The card `<name>.json`. Raises ValueError when there is no bundled network of that name."""
    if name not in NAMES:
        raise ValueError(f"there is no bundled network {name!r}; there are {', '.join(NAMES)}")
    data = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    for key in ("classes", "mean", "std"):
        data[key] = tuple(data[key])
    return Card(**data)


def load(name: str, folder: Path = FOLDER) -> tuple[nn.Module, Card]:
    """A bundled network in eval mode, float32, and its card. Raises ValueError when the weights are not the card's."""
    card = read_card(name, folder)
    path = folder / f"{name}.pt"
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != card.sha256:
        raise ValueError(f"{path.name} has SHA-256 {found}, its card says {card.sha256}: the file is damaged")
    state = torch.load(path, map_location="cpu", weights_only=True)
    network = MiniAlexNet(len(card.classes))
    network.load_state_dict({key: value.float() for key, value in state.items()})  # stored as float16
    return network.eval(), card


def save(network: MiniAlexNet, name: str, card: dict[str, Any], folder: Path = FOLDER) -> Card:
    """Write `<name>.pt` (half precision) and `<name>.json` into `folder`; the card's sha256 is filled in here."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.pt"
    torch.save({key: value.detach().cpu().half() for key, value in network.state_dict().items()}, path)
    card = {**card, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    (folder / f"{name}.json").write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")
    return read_card(name, folder)
