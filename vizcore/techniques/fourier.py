"""Coordinates in which a picture is climbed: its pixels, or Fourier coefficients with decorrelated colours.

Another basis moves no optimum of y(I) - lambda * ||I||^2: it only changes which way is steepest (Olah, Mordvintsev,
Schubert 2017, "Feature Visualization", section "Preconditioning and Parameterization").
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from vizcore.networks.classifier import Classifier
from vizcore.techniques.blurring import blurred
from vizcore.techniques.maximisation import Maximisation

# Covariance of red, green and blue, in [0,1]: mean of scikit-image's chelsea, coffee, astronaut, rocket and
# motorcycle, each as large as it is. A test measures it again.
COVARIANCE = ((0.0518, 0.0416, 0.0349), (0.0416, 0.0464, 0.0435), (0.0349, 0.0435, 0.0458))


class Coordinates(Protocol):
    """x, what is climbed, and the zero-centred input I (N,C,H,W) that it stands for."""

    def picture(self, x: Tensor) -> Tensor:
        """I of x; linear, differentiable, and one to one."""

    def slopes(self, g: Tensor) -> Tensor:
        """dy/dx of dy/dI, g (N,C,H,W): the transpose of what :meth:`picture` does."""

    def noise(self, generator: torch.Generator) -> Tensor:
        """x of independent standard normal numbers; its picture has a deviation of about 1, too."""

    def smoothed(self, step: Tensor, sigma: float) -> Tensor:
        """A step of x, less what is finer in its picture than ``sigma`` pixels."""


@dataclass(frozen=True)
class Pixels:
    """x = I."""

    shape: tuple[int, int, int]
    device: torch.device

    def picture(self, x: Tensor) -> Tensor:
        return x

    def slopes(self, g: Tensor) -> Tensor:
        return g

    def noise(self, generator: torch.Generator) -> Tensor:
        return torch.randn((1, *self.shape), generator=generator).to(self.device)

    def smoothed(self, step: Tensor, sigma: float) -> Tensor:
        return blurred(step, sigma)


@dataclass(frozen=True, eq=False)
class Fourier:
    """I = M F^-1(a x): a falls with the frequency f like f^-p, F is orthonormal, M mixes decorrelated colours.

    a is scaled to a mean square of 1, and so are the rows of M. x is (N,C,H,W//2+1,2): real and imaginary parts.
    """

    amplitudes: Tensor  # (H,W//2+1)
    counted: Tensor  # (H,W//2+1): the amplitudes, twice where a coefficient stands for its mirror image, too
    colours: Tensor  # (C,C)
    shape: tuple[int, int, int]

    @classmethod
    def of_network(cls, clf: Classifier, decay: float) -> Fourier:
        """With the colours of photographs where the network takes three channels, each by itself where it does not."""
        channels, height, width = clf.input_shape
        colours = colour_axes(clf.std.cpu().flatten()) if channels == 3 else torch.eye(channels)
        amplitudes = falling(height, width, decay)
        counted = amplitudes * mirrored(width)
        return cls(amplitudes.to(clf.device), counted.to(clf.device), colours.to(clf.device), clf.input_shape)

    def picture(self, x: Tensor) -> Tensor:
        spectrum = torch.view_as_complex(x) * self.amplitudes  # (N,C,H,W//2+1)
        planes = torch.fft.irfft2(spectrum, s=self.shape[1:], norm="ortho")  # (N,C,H,W)
        return mixed(self.colours, planes)

    def slopes(self, g: Tensor) -> Tensor:
        planes = mixed(self.colours.T.to(g.dtype), g)
        return torch.view_as_real(torch.fft.rfft2(planes, norm="ortho") * self.counted)

    def noise(self, generator: torch.Generator) -> Tensor:
        white = torch.randn((1, *self.shape), generator=generator).to(self.colours.device)
        return torch.view_as_real(torch.fft.rfft2(white, norm="ortho"))

    def smoothed(self, step: Tensor, sigma: float) -> Tensor:
        radius = frequencies(*self.shape[1:]).to(step.device)
        return step * torch.exp(-2 * (math.pi * sigma * radius).square())[..., None]


def coordinates(clf: Classifier, params: Maximisation) -> Coordinates:
    """The coordinates that ``params`` name, for inputs of this network."""
    if params.coordinates == "fourier":
        return Fourier.of_network(clf, params.decay)
    return Pixels(clf.input_shape, clf.device)


def mixed(colours: Tensor, planes: Tensor) -> Tensor:
    """sum_c colours_dc planes_nc (N,C,H,W): the channels of each of the pictures, mixed by a matrix (C,C)."""
    return torch.bmm(colours.expand(len(planes), -1, -1), planes.flatten(2)).view_as(planes)


def frequencies(height: int, width: int) -> Tensor:
    """|f| (H,W//2+1) in cycles per pixel, of each coefficient of a real picture."""
    return torch.hypot(torch.fft.fftfreq(height)[:, None], torch.fft.rfftfreq(width)[None]).float()


def falling(height: int, width: int, decay: float) -> Tensor:
    """a = max(f, 1 / max(H,W))^-decay (H,W//2+1), scaled so that the mean of a^2 over all coefficients is 1."""
    amplitudes = frequencies(height, width).clamp(min=1 / max(height, width)) ** -decay
    return amplitudes * (height * width / (amplitudes.square() * mirrored(width)).sum()).sqrt()


def mirrored(width: int) -> Tensor:
    """How many coefficients each column (W//2+1) stands for: 2 where also for their mirror images."""
    counted = torch.full((width // 2 + 1,), 2.0)
    counted[0] = 1.0
    if width % 2 == 0:
        counted[-1] = 1.0
    return counted


def colour_axes(std: Tensor) -> Tensor:
    """M (3,3) with M M^T proportional to the covariance of photographs' colours divided by ``std`` (3,) of each.

    Its columns are the covariance's axes (about grey, blue against yellow, green against purple) by their deviations.
    """
    values, axes = torch.linalg.eigh(torch.tensor(COVARIANCE, dtype=torch.float64))
    largest = axes.gather(0, axes.abs().argmax(0, keepdim=True))  # (1,3): an axis has no sign of its own
    mixed = axes * largest.sign() * values.sqrt() / std.double()[:, None]
    return (mixed * (3 / mixed.square().sum()).sqrt()).float()
