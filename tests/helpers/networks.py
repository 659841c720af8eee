"""Networks of other shapes than the catalogue's, as an operator brings them: ``tests.helpers.networks:grey``."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from vizcore.networks.classifier import Classifier, Preprocess


def grey() -> Classifier:
    """Grey digits, 28 x 28: one channel, ten classes."""
    torch.manual_seed(0)
    module = nn.Sequential(
        nn.Conv2d(1, 8, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 8, 3), nn.ReLU(), nn.Flatten(),
        nn.Linear(8 * 12 * 12, 10),
    )  # fmt: skip
    return Classifier(module, Preprocess((28, 28), (0.13,), (0.31,)), [str(k) for k in range(10)], title="Digits")


def wide() -> Classifier:
    """Colour pictures twice as wide as high."""
    torch.manual_seed(0)
    module = nn.Sequential(
        nn.Conv2d(3, 8, 3, stride=2), nn.ReLU(), nn.AdaptiveAvgPool2d((2, 4)), nn.Flatten(), nn.Linear(64, 3)
    )
    return Classifier(module, Preprocess((48, 96), (0.5,) * 3, (0.5,) * 3), ["left", "middle", "right"])


def transformer() -> Classifier:
    """torchvision's vision transformer, as small as it gets: its patches are a convolution, the rest is attention."""
    from vizcore.networks.installed_torchvision import torchvision_models

    torch.manual_seed(0)
    module = torchvision_models().VisionTransformer(
        image_size=64, patch_size=16, num_layers=2, num_heads=2, hidden_dim=32, mlp_dim=64, num_classes=5
    )
    nn.init.normal_(module.heads.head.weight)  # zero at first
    return Classifier(module, Preprocess((64, 64), (0.5,) * 3, (0.5,) * 3), [f"thing {k}" for k in range(5)])


class FrozenFeatures(nn.Module):
    """Features without gradients, as of a frozen backbone, beside the mean colour; they run in another order."""

    def __init__(self) -> None:
        super().__init__()
        self.head, self.colour = nn.Linear(8, 4), nn.Linear(3, 4)
        self.deep, self.stem = nn.Conv2d(6, 8, 3), nn.Conv2d(3, 6, 5)

    def forward(self, z: Tensor) -> Tensor:
        with torch.no_grad():
            features = self.deep(self.stem(z).relu()).relu().mean(dim=(2, 3))
        return self.head(features) + self.colour(z.mean(dim=(2, 3)))


def frozen() -> Classifier:
    """A network without a gradient to its convolutions, which run in another order than they are defined."""
    torch.manual_seed(0)
    return Classifier(FrozenFeatures(), Preprocess((64, 64), (0.5,) * 3, (0.5,) * 3), [f"sort {k}" for k in range(4)])


class Patches(nn.Module):
    """Attention over patches that are cut by reshaping: no convolution anywhere."""

    def __init__(self, side: int = 8, width: int = 32, classes: int = 4) -> None:
        super().__init__()
        self.side = side
        self.embed = nn.Linear(3 * side * side, width)
        self.attend = nn.MultiheadAttention(width, 2, batch_first=True)
        self.head = nn.Linear(width, classes)

    def forward(self, z: Tensor) -> Tensor:
        patches = nn.functional.unfold(z, self.side, stride=self.side).transpose(1, 2)  # (N,3*s*s,L) -> (N,L,3*s*s)
        words = self.embed(patches)
        return self.head(self.attend(words, words, words, need_weights=False)[0].mean(dim=1))


def attention() -> Classifier:
    """A network without any convolution."""
    torch.manual_seed(0)
    return Classifier(Patches(), Preprocess((64, 64), (0.5,) * 3, (0.5,) * 3), [f"kind {k}" for k in range(4)])


class NaNWhereDark(nn.Module):
    """Logits that are no numbers as soon as a part of the picture is black, as after a division by a local mean."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Conv2d(3, 4, 3, stride=4)
        self.head = nn.Linear(4, 3)

    def forward(self, z: Tensor) -> Tensor:
        logits = self.head(self.features(z).relu().mean(dim=(2, 3)))
        dark = (nn.functional.avg_pool2d(z, 8) == 0).flatten(1).any(dim=1, keepdim=True)
        black = dark & (z != 0).flatten(1).any(dim=1, keepdim=True)  # all black is fine: with it the network is tried
        return torch.where(black, torch.nan, logits)


def fragile() -> Classifier:
    """A network that answers photographs, and NaN where something is covered in black."""
    torch.manual_seed(0)
    return Classifier(NaNWhereDark(), Preprocess((64, 64), (0.0,) * 3, (1.0,) * 3), ["one", "two", "three"])


def broken() -> Classifier:
    """A network that answers every picture with NaN since it was examined."""

    class Broken(nn.Module):
        told = False

        def forward(self, z: Tensor) -> Tensor:
            y = z.flatten(1)[:, :3].abs()
            return torch.log(-y - 1) if self.told else y

    module = Broken()
    clf = Classifier(module, Preprocess((32, 32), (0.0,) * 3, (1.0,) * 3), ["one", "two", "three"])
    module.told = True
    return clf


class Starving(nn.Module):
    """Runs out of memory on every picture from when it is told to."""

    told = False

    def forward(self, z: Tensor) -> Tensor:
        if self.told:
            raise torch.OutOfMemoryError("pretended")
        return z.flatten(1)[:, :3]


def starving() -> Classifier:
    """A network for whose answers there is never enough memory."""
    module = Starving()
    clf = Classifier(module, Preprocess((32, 32), (0.0,) * 3, (1.0,) * 3), ["one", "two", "three"])
    module.told = True
    return clf


def hopeless() -> Classifier:
    """A network that does not even fit into the memory itself."""
    raise torch.OutOfMemoryError("pretended")


def folded() -> Classifier:
    """A network whose first convolution sees pieces of 2 x 2 pixels as twelve channels, which have no colours."""
    torch.manual_seed(0)
    module = nn.Sequential(
        nn.PixelUnshuffle(2), nn.Conv2d(12, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 3)
    )
    return Classifier(module, Preprocess((64, 64), (0.5,) * 3, (0.5,) * 3), ["one", "two", "three"])


def hopelessly_random() -> Classifier:
    """A network that answers otherwise every time, and is refused."""

    class Random(nn.Module):
        def forward(self, z: Tensor) -> Tensor:
            return torch.rand(len(z), 3)

    return Classifier(Random(), Preprocess((32, 32), (0.0,) * 3, (1.0,) * 3), ["one", "two", "three"], title="Random")
