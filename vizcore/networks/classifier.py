"""An image classifier: what it sees, what it answers, and where it runs.

Everything else in ``vizcore`` talks to a :class:`Classifier` and never to a particular architecture. The networks that
:func:`vizcore.networks.catalogue.load` knows are listed there.
"""

from __future__ import annotations

import copy
import hashlib
import math
import time
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from vizcore import targets
from vizcore.acceleration import interface
from vizcore.networks import answers, order
from vizcore.networks.batches import first_batch_size, in_batches, work_of
from vizcore.networks.devices import pick_device
from vizcore.networks.errors import NetworkError
from vizcore.networks.examination import examine
from vizcore.networks.findings import Finding
from vizcore.networks.preprocessing import Preprocess
from vizcore.networks.taking import taken
from vizcore.pictures import decoding
from vizcore.targets import Contrast, Output, Target, check_output, pick

__all__ = [
    "Classifier", "Contrast", "NetworkError", "Output", "Preprocess", "Target", "check_output", "pick", "pick_device",
]  # fmt: skip

_WIDER = 64  # the widest layers of a network hold about so many times as many numbers as its input


class Classifier:
    """y = f(I): a network in eval mode with frozen parameters, safe to share between threads.

    ``module`` is what was handed over; nothing in ``vizcore`` hooks, trains or alters it, but for eval mode and frozen
    weights. ``network`` maps the normalised input (N,C,H,W) to logits (N,K): the module, or the module and what its
    answers need. ``passes`` does the same, fastest. ``examination`` tells what was found of all this. ``squash`` is how
    logits become probabilities. ``weights`` is how many there are. ``classes`` names the K outputs; a network of a
    single one has two, the second being that with the name. ``checksum`` is its identity, found when first asked for.

    ``multi_label``: each class has a probability by itself. Raises ValueError where the number of classes is not what
    the network answers, and :class:`NetworkError` where nothing can be explained, see
    :func:`vizcore.networks.examination.examine`. Whatever is asked later raises that, too, for what is no number.
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
        multi_label: bool | None = None,
    ) -> None:
        self.name, self.title, self.summary = name, title or name, summary
        self.preprocess = preprocess
        self.device = pick_device(device)
        self._given = checksum
        self._checksum: tuple[tuple[int, ...], str] | None = None
        with torch.inference_mode(False):  # whose tensors would know no gradient, ever
            module, said = taken(module, self.title)
            self.module: Any = module.to(self.device)
            found = examine(
                module, preprocess, list(classes), title=self.title, device=self.device, multi_label=multi_label
            )
            self.network, self.classes, self.squash = found.module, found.classes, found.squash
            begun = time.perf_counter()
            self.passes = self._proven = interface.forward(self.network, self.device, self.input_shape)
            mean, std = (torch.tensor(v, dtype=torch.float32) for v in (preprocess.mean, preprocess.std))
        self._mean, self._std = (v.view(1, -1, 1, 1).to(self.device) for v in (mean, std))  # (1,C,1,1)
        remarks = [Finding("module", one) for one in said] + [Finding("speed", *one) for one in self._proven.remarks()]
        self.examination = found.examination.with_findings(remarks, time.perf_counter() - begun)
        self.weights = sum(parameter.numel() for parameter in module.parameters())
        self.kernels = sum(parameter.numel() for parameter in module.parameters() if parameter.dim() == 4)  # (O,C,h,w)
        self.work = work_of(self.network, self.input_shape, self.device)  # operations for one picture
        self.batch_size = first_batch_size(self.device, preprocess.size, self.weights, self.passes.kept, self.work)

    def twin(self, module: nn.Module) -> Classifier:
        """A classifier of ``module``, which has the structure of this one's: what was found of the answers holds."""
        other = copy.copy(self)
        other.module = taken(module, self.title)[0].to(self.device)
        other.network = answers.around(self.network, other.module)
        other.passes = other._proven = interface.forward(other.network, self.device, self.input_shape)
        other._given = other._checksum = None
        return other

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
    def exclusive(self) -> bool:
        """Whether the classes exclude each other, so that their probabilities sum to one."""
        return self.squash == "softmax" or getattr(self.network, "single", False)

    @property
    def dtype(self) -> torch.dtype:
        """The numbers that the network computes with: float32, unless it was changed since."""
        first = next(self.module.parameters(), None)
        return torch.float32 if first is None or not first.is_floating_point() else first.dtype

    @property
    def version(self) -> tuple[int, ...]:
        """Another one once the network was changed: what was kept of it is stale."""
        return self._proven.version

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
        if self._given is None and (self._checksum is None or self._checksum[0] != self.version):
            read = "" if self.squash == "softmax" else self.squash  # the same weights answer otherwise by it
            digest = hashlib.sha256(f"{self.network!r} {self.preprocess!r}{read}".encode())
            for key, value in sorted(self.module.state_dict().items()):
                digest.update(key.encode())
                digest.update(value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
            self._checksum = self.version, digest.hexdigest()
        return self._given or self._checksum[1]  # type: ignore[index]

    def pixels(self, picture: decoding.Readable) -> Tensor:
        """Exactly what the network sees of ``picture``, and what is shown: (C,H,W) in [0,1], on the CPU.

        ``picture`` is the path of a file, its bytes, or a picture of Pillow's. It is read and converted by
        :func:`vizcore.pictures.decoding.read`, as the pages do it, with the same limits and errors.
        """
        return self.preprocess.pixels(decoding.read(picture).picture)

    def normalise(self, x: Tensor) -> Tensor:
        """(x - mean) / std: from pixels in [0,1] to the network's zero-centred input; (N,C,H,W) on the device."""
        return ((x.to(self.device) - self._mean) / self._std).to(self.dtype)

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
        z = z.to(self.device, self.dtype)
        with torch.inference_mode(False):
            z = (z.clone() if z.is_inference() else z).contiguous(memory_format=self.layout)
            answer: Tensor = self.passes(z) if kind is None else self.passes(z, kind)
        return self.finite(answer.float())

    def probabilities(self, logits: Tensor) -> Tensor:
        """p (N,K) in [0,1] from logits (N,K), by ``squash``: they sum to one unless each class stands by itself."""
        return targets.probabilities(logits, self.squash)

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
        """y (N,K) of every class: :meth:`probabilities` in [0,1], or logits; no gradient; on the CPU.

        Computed in batches of ``batch_size``. When the device runs out of memory they are halved for good and only the
        one that failed is computed again.
        """
        check_output(output)

        def work(part: Tensor) -> Tensor:
            with torch.no_grad():
                answer = self.logits(part)
                return (self.probabilities(answer) if output == "probability" else answer).cpu()

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
        self.preprocess.check(image)

    def first_convolution(self) -> nn.Conv2d:
        """The first convolution that runs for a picture and changes the logits; NetworkError if there is none.

        See :func:`vizcore.networks.order.convolutions`.
        """
        for name in order.convolutions(self):
            layer = self.module.get_submodule(name)
            if isinstance(layer, nn.Conv2d):
                return layer
        raise NetworkError(f"{self.title} has no two-dimensional convolution, so it has no filters to show.")
