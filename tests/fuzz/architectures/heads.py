"""The end of a network: feature maps to logits, and the form in which the network hands them over."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.fuzz.architectures.kinds import Shape, kind
from tests.fuzz.architectures.tokens import Multihead

Parts = Sequence[nn.Module]

POOLS = (
    "mean", "mean", "adaptive", "adaptive max", "amax", "avg_pool2d", "rows then columns", "logsumexp", "power mean",
    "mean and deviation", "flatten", "view", "reshape", "einsum", "attention", "class token", "LSTM", "bilinear",
    "share", "squeeze", "sum", "median", "mlp",
)  # fmt: skip


class Vector(nn.Module):
    """Feature maps (n,c,h,w) to one vector (n,D) for each picture, by one of the POOLS."""

    def __init__(self, shape: Shape, how: str) -> None:
        super().__init__()
        channels, self.how = shape[0], how
        if how == "attention":
            self.ask = nn.Conv2d(channels, 1, 1)
        elif how == "class token":
            self.token, self.mix = nn.Parameter(torch.zeros(1, 1, channels)), Multihead(channels, 1, False, False)
        elif how == "LSTM":
            self.read = nn.LSTM(channels, 6, bidirectional=True, batch_first=True)
        elif how == "mlp":
            self.mlp = nn.Sequential(nn.Linear(channels, 12), nn.BatchNorm1d(12), nn.ReLU(True), nn.Dropout(0.5))

    def forward(self, x: Tensor) -> Tensor:
        n, channels, height, width = x.shape
        match self.how:
            case "adaptive" | "adaptive max":
                pool = F.adaptive_avg_pool2d if self.how == "adaptive" else F.adaptive_max_pool2d
                return torch.flatten(pool(x, 1), 1)
            case "amax":
                return x.amax((2, 3))
            case "avg_pool2d":
                return F.avg_pool2d(x, x.shape[2:]).view(n, -1)
            case "rows then columns":
                return x.mean(3).mean(2)
            case "logsumexp":
                return x.flatten(2).logsumexp(2)
            case "mean and deviation":
                return torch.cat([x.mean((2, 3)), (x.var((2, 3), correction=0) + 1e-3).sqrt()], 1)
            case "power mean":
                return F.adaptive_avg_pool2d(x.clamp(min=1e-3).pow(3), 1).pow(1 / 3).flatten(1)
            case "flatten" | "reshape":
                return x.flatten(1) if self.how == "flatten" else x.reshape(-1, channels * height * width)
            case "view":
                return x.view(x.size(0), -1)
            case "einsum":
                return torch.einsum("nchw,nchw->nc", x, x.softmax(1)) / (height * width)
            case "attention":
                weights = self.ask(x).flatten(2).softmax(2)  # (n,1,hw)
                return (x.flatten(2) * weights).sum(2)
            case "class token":
                words = torch.cat([self.token.expand(n, -1, -1), x.flatten(2).transpose(1, 2)], 1)
                return self.mix(words)[:, 0]
            case "LSTM":
                return self.read(x.mean(2).transpose(1, 2))[0][:, -1]
            case "bilinear":
                places = x.flatten(2)
                products = (places @ places.transpose(1, 2) / (height * width)).flatten(1)
                return F.normalize(products.sign() * (products.abs() + 1e-3).sqrt(), dim=1)
            case "share":
                means = x.relu().mean((2, 3))
                return 3 * means / (means.sum(1, keepdim=True) + 1e-6)
            case "squeeze":
                return x.mean((2, 3), keepdim=True).squeeze(-1).squeeze(-1)
            case "sum":
                return x.sum([-1, -2]) / (height * width)
            case "median":
                return x.flatten(2).median(2).values
            case "mlp":
                return self.mlp(x.mean((2, 3)))
        return x.mean((2, 3))


class Cosine(nn.Module):
    """Cosines to one direction for each class."""

    def __init__(self, width: int, classes: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(classes, width))

    def forward(self, x: Tensor) -> Tensor:
        return 5 * F.linear(F.normalize(x, dim=1, eps=1e-3), F.normalize(self.weight, dim=1))


class Nearest(nn.Module):
    """Minus the distance to one prototype for each class."""

    def __init__(self, width: int, classes: int) -> None:
        super().__init__()
        self.prototypes = nn.Parameter(torch.zeros(classes, width))

    def forward(self, x: Tensor) -> Tensor:
        return -torch.cdist(x, self.prototypes)


@kind("head", often=8, pool=POOLS, end=("linear", "linear", "linear", "cosine", "nearest", "two", "wide"))
def vector(shape: Shape, parts: Parts, classes: int, pool: str, end: str) -> nn.Module:
    """A pool and a classifier on its vector."""
    made = Vector(shape, pool).eval()
    width = made(torch.rand(1, *shape)).shape[1]
    ends: dict[str, Any] = {
        "linear": lambda: nn.Linear(width, classes),
        "cosine": lambda: Cosine(width, classes),
        "nearest": lambda: Nearest(width, classes),
        "two": lambda: nn.Sequential(nn.Linear(width, 8), nn.Hardswish(), nn.Linear(8, classes)),
        "wide": lambda: nn.Sequential(
            nn.Linear(width, 130), nn.ReLU(), nn.Linear(130, 140), nn.ReLU(), nn.Linear(140, classes)
        ),
    }
    return nn.Sequential(made, ends[end]())


class OfPlaces(nn.Module):
    """Logits of places or of copies of the picture, and their mean or maximum at the end."""

    def __init__(self, channels: int, classes: int, how: str) -> None:
        super().__init__()
        self.how, self.classes = how, classes
        self.logits = nn.Conv2d(channels, classes, 1) if how == "map" else nn.Linear(channels, classes)

    def forward(self, x: Tensor) -> Tensor:
        channels, height, width = x.shape[1:]
        if self.how == "map":
            return F.adaptive_avg_pool2d(self.logits(x), 1).flatten(1)
        if self.how == "stacked":
            x = torch.cat([x, x.flip(3) * torch.linspace(0, 1, width, dtype=x.dtype)])
            return self.logits(x.amax((2, 3))).view(2, -1, self.classes).mean(0)
        if self.how == "last":
            return self.logits(x.permute(0, 2, 3, 1)).mean((1, 2))
        words = x.flatten(2).permute(2, 0, 1)  # (L,n,c)
        return self.logits(words.reshape(-1, channels)).view(height * width, -1, self.classes).amax(0)


@kind("head", often=4, how=("map", "stacked", "tokens first", "last"))
def of_places(shape: Shape, parts: Parts, classes: int, how: str) -> nn.Module:
    """A classifier on each place (network in network), on stacked copies, or with the places before the pictures."""
    return OfPlaces(shape[0], classes, how)


class Named(NamedTuple):
    logits: Any
    features: Any


# The form of the answer, and why the engine may refuse it with a sentence ("" : it may not).
ANSWERS: dict[str, str] = {
    "logits": "",
    "log-probabilities": "",
    "probabilities": "it answers with probabilities",
    "sigmoids": "it answers with probabilities",
    "tuple": "it does not answer with one tensor",
    "dictionary": "it does not answer with one tensor",
    "named tuple": "it does not answer with one tensor",
    "object": "it does not answer with one tensor",
    "squeezed": "it does not answer with (N, K)",
    "(N, K, 1, 1)": "it does not answer with (N, K)",
    "float64": "",
    "logits beside a mask": "",
    "no gradient": "it has no gradient",
}


class Network(nn.Module):
    """A body of layers, a head, and one form of answer. The head may be defined first, as in some networks it is."""

    def __init__(self, body: nn.Module, head: nn.Module, channels: int, answer: str, head_first: bool) -> None:
        super().__init__()
        self.answer = answer
        if head_first:
            self.head, self.features = head, body
        else:
            self.features, self.head = body, head
        if answer == "logits beside a mask":
            self.side = nn.Conv2d(channels, 2, 1)
            self.mask: Any = None

    def forward(self, x: Tensor) -> Any:
        if self.answer == "no gradient":
            with torch.no_grad():
                return self.head(self.features(x))
        features = self.features(x)
        logits = self.head(features)
        match self.answer:
            case "logits beside a mask":  # which nothing reads
                self.mask = self.side(features).detach()
            case "log-probabilities":
                return F.log_softmax(logits, 1)
            case "probabilities":
                return logits.softmax(1)
            case "sigmoids":
                return logits.sigmoid()
            case "tuple":
                return logits, x
            case "dictionary":
                return {"logits": logits, "features": x}
            case "named tuple":
                return Named(logits, x)
            case "object":
                return SimpleNamespace(logits=logits, features=x)
            case "squeezed":
                return logits.squeeze()
            case "(N, K, 1, 1)":
                return logits[..., None, None]
            case "float64":
                return logits.double()
        return logits
