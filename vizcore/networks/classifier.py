"""An image classifier: what it sees, what it answers, and where it runs.

Everything else in ``vizcore`` talks to a :class:`Classifier` and never to a particular architecture. The networks that
:func:`vizcore.networks.catalogue.load` knows are listed there.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn

from vizcore import targets
from vizcore.acceleration import interface
from vizcore.networks.batches import in_batches
from vizcore.networks.preprocessing import Preprocess
from vizcore.targets import Contrast, Output, Target, check_output, pick

__all__ = [
    "Classifier",
    "Contrast",
    "Output",
    "Preprocess",
    "Target",
    "check_output",
    "pick",
    "pick_device",
]

# Activations of a batch up to which doubling it pays: so many times the weights, and so many at all.
_FEW, _MOST = 6, 100_000_000
# The widest layers of a network hold about so many times as many numbers as its input.
_WIDER = 64


class NetworkError(ValueError):
    """What cannot be asked of this network; the message is a sentence for the user."""


class Classifier:
    """y = f(I): a network in eval mode with frozen parameters, safe to share between threads.

    ``module`` maps the normalised input (N,C,H,W) to logits (N,K). Nothing in ``vizcore`` hooks, trains or alters it.
    ``passes`` does the same, fastest. ``weights`` is how many there are. ``classes`` names the K outputs.
    ``checksum`` is the network's identity, computed when first asked for.

    Raises ValueError where the number of classes is not what the network answers. Whatever is asked of it later raises
    :class:`NetworkError` where the answer is not finite: no technique can explain a score that is none.
    """

    def __init__(
        self,
        module: nn.Module,
        preprocess: Preprocess,
        classes: Sequence[str],
        *,
        name: str = "own",
        title: str | None = None,
        summary: str = "",
        device: str | torch.device = "cpu",
        checksum: str | None = None,
    ) -> None:
        self.name, self.title, self.summary = name, title or name, summary
        self.preprocess = preprocess
        self.classes = list(classes)
        self.device = pick_device(device)
        self._checksum = checksum
        self.module: Any = module.eval().requires_grad_(False).to(self.device)
        channels = len(preprocess.mean)
        self.passes = self._proven = interface.forward(self.module, self.device, self.input_shape)
        self._mean = torch.tensor(preprocess.mean, device=self.device).view(1, channels, 1, 1)
        self._std = torch.tensor(preprocess.std, device=self.device).view(1, channels, 1, 1)
        self.weights = sum(parameter.numel() for parameter in module.parameters())
        self.kernels = sum(parameter.numel() for parameter in module.parameters() if parameter.dim() == 4)  # (O,C,h,w)
        self.batch_size = _first_batch_size(self.device, preprocess.size, self.weights, self.passes.kept)
        with torch.no_grad():
            answers = self.logits(torch.zeros(1, channels, *preprocess.size)).shape
        if tuple(answers) != (1, len(self.classes)):
            raise ValueError(
                f"The network answers with shape {tuple(answers)} but {len(self.classes)} class names were given; "
                f"it must answer (N, K) with one name for each of the K classes."
            )

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of one input."""
        return (len(self.preprocess.mean), *self.preprocess.size)

    @property
    def picture_bytes(self) -> int:
        """What a forward pass needs for each picture, about."""
        kept = self.passes.kept  # for a backward pass; the forward pass alone lets go of most on the way
        return 2 * kept if kept else 4 * math.prod(self.input_shape) * _WIDER

    @property
    def at_once(self) -> int:
        """How many pictures to ask about at once to be answered fastest: a batch for each that is computed beside."""
        return self.batch_size * interface.workers_for(self.device, self.batch_size * self.picture_bytes)

    @property
    def short_format(self) -> torch.dtype | None:
        """The short numbers that the device multiplies faster than float32; None where there are none."""
        return interface.short_format(self.device)

    @property
    def layout(self) -> torch.memory_format:
        """How the network's input is laid out in memory: channels last where the network stands it."""
        return self._proven.layout

    @property
    def mean(self) -> Tensor:
        """Per-channel mean (1,C,1,1) on the device: x = mean is the zero of the network's input."""
        return self._mean

    @property
    def std(self) -> Tensor:
        """Per-channel standard deviation (1,C,1,1) on the device."""
        return self._std

    @property
    def checksum(self) -> str:
        """SHA-256 of structure, preprocessing, parameters and buffers: the network's identity in keys and exports."""
        if self._checksum is None:
            # The same weights answer otherwise with another activation or another normalisation.
            digest = hashlib.sha256(f"{self.module!r} {self.preprocess!r}".encode())
            for key, value in sorted(self.module.state_dict().items()):
                digest.update(key.encode())
                digest.update(value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
            self._checksum = digest.hexdigest()
        return self._checksum

    def pixels(self, picture: Image.Image) -> Tensor:
        """Exactly what the network sees of ``picture``, and what is shown: (C,H,W) in [0,1], on the CPU."""
        return self.preprocess.pixels(picture)

    def normalise(self, x: Tensor) -> Tensor:
        """(x - mean) / std: from pixels in [0,1] to the network's zero-centred input; (N,C,H,W) on the device."""
        return (x.to(self.device) - self._mean) / self._std

    def denormalise(self, z: Tensor) -> Tensor:
        """z * std + mean: from the network's zero-centred input back to pixels; not clamped."""
        return z.to(self.device) * self._std + self._mean

    def logits(self, x: Tensor) -> Tensor:
        """Logits (N,K) of pictures x (N,C,H,W) in [0,1]; differentiable in x."""
        return self.logits_of_input(self.normalise(x))

    def logits_of_input(self, z: Tensor, *, kind: torch.dtype | None = None) -> Tensor:
        """Logits (N,K) of the zero-centred input z (N,C,H,W), for techniques that work in the network's own space.

        ``kind`` is a short floating-point format (half precision); the logits are float32 in any case.
        """
        z = z.to(self.device).contiguous(memory_format=self.layout)
        answer: Tensor = self.passes(z) if kind is None else self.passes(z, kind)
        return self.finite(answer.float())

    def finite(self, values: Tensor) -> Tensor:
        """``values`` themselves: logits or their gradient. Raises :class:`NetworkError` if one is infinite or NaN."""
        plain = values.detach()
        if not (bool(plain.sum().isfinite()) or bool(plain.isfinite().all())):  # the sum is faster, but may overflow
            raise NetworkError(
                f"{self.title} computes numbers here that are infinite or none at all (NaN), so there is nothing to "
                "explain. Choose another picture, other settings or another network."
            )
        return values

    def all_scores(self, x: Tensor, output: Output = "probability") -> Tensor:
        """y (N,K) of every class: softmax probabilities in [0,1], or logits; no gradient; on the CPU.

        Computed in batches of ``batch_size``. When the device runs out of memory they are halved for good and only the
        one that failed is computed again.
        """
        check_output(output)

        def work(part: Tensor) -> Tensor:
            with torch.no_grad():
                answer = self.logits(part)
                return (answer.softmax(dim=1) if output == "probability" else answer).cpu()

        parts = in_batches(self, x, work, lambda: self.batch_size, self.picture_bytes)
        return torch.cat(parts) if parts else torch.zeros(0, len(self.classes))

    def scores(self, x: Tensor, target: Target, output: Output = "probability") -> Tensor:
        """y_target (N,) of pictures x (N,C,H,W) in [0,1]; no gradient; on the CPU."""
        self.check_target(target)
        return targets.value(self.all_scores(x, output), target)

    def top(self, pixels: Tensor, count: int = 5) -> list[tuple[int, float]]:
        """The ``count`` most probable classes of one picture (C,H,W), as (class index, probability), best first."""
        values, indices = self.all_scores(pixels[None])[0].topk(min(count, len(self.classes)))
        return [(int(i), float(v)) for i, v in zip(indices, values, strict=True)]

    def check_target(self, target: Target) -> None:
        """Raise ValueError unless ``target`` is the index of a class, or a contrast of two different ones."""
        targets.check_target(target, len(self.classes))

    def check_image(self, image: Tensor) -> None:
        """Raise ValueError unless ``image`` is one (C,H,W) input of this network with values in [0,1]."""
        if tuple(image.shape) != self.input_shape:
            raise ValueError(
                f"image has shape {tuple(image.shape)}; accepted: {self.input_shape}, as made by Classifier.pixels."
            )
        if not bool(((image >= 0) & (image <= 1)).all()):
            raise ValueError(
                f"image has values from {float(image.min()):g} to {float(image.max()):g}; accepted: 0 to 1."
            )

    def first_convolution(self) -> nn.Conv2d:
        """The first convolution in the network's order. Raises ValueError if there is none."""
        for layer in self.module.modules():
            if isinstance(layer, nn.Conv2d):
                return layer
        raise NetworkError(f"{self.title} has no two-dimensional convolution, so it has no filters to show.")


def pick_device(wanted: str | torch.device = "auto") -> torch.device:
    """``auto`` is CUDA where there is one, else MPS, else the CPU; any other name is taken as it is."""
    if wanted != "auto":
        return torch.device(wanted)
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def _first_batch_size(device: torch.device, size: tuple[int, int], weights: int, kept: int | None) -> int:
    """As many pictures as eight of 224 x 224 pixels on a CPU (more only spills its caches), a few hundred on a GPU.

    Up to four times as many on a CPU where these have few activations beside the network's ``weights`` (``kept`` of one
    picture, where known): a batch reads each weight once, so that the reading is then shared by more pictures.
    It follows from the network and the device alone, and is never timed: the same settings give the same map, bit for
    bit, on every start.
    """
    pictures = 8 if device.type == "cpu" else 256
    usual = max(1, min(512, round(pictures * 224 * 224 / (size[0] * size[1]))))
    batch = usual
    while device.type == "cpu" and kept and batch < 4 * usual and batch * kept < min(_FEW * weights, _MOST):
        batch *= 2
    return batch
