"""Networks of one's own: a function that the operator names, or an architecture with weights that a visitor brings.

The first is the operator's own code and is imported; the second is data from a stranger, and nothing of it is run.
"""

from __future__ import annotations

import hashlib
import importlib
import math
import os
import re
import warnings
from dataclasses import dataclass
from functools import partial

import torch
from torch import nn

from vizcore.acceleration import interface
from vizcore.networks import architectures, checkpoints, pace, weights
from vizcore.networks.classifier import Classifier, NetworkError, Preprocess, pick_device
from vizcore.networks.preprocessing import for_unit_pixels
from vizcore.networks.weights import WeightsError

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet, which most networks were trained with
SIDES = (16, 512)  # pixels: the activations of larger inputs take gigabytes
MOST_CLASSES = 20_000
MOST_PARAMETERS = 100_000_000
_PRIME = 1009  # no layer is as wide, so the one that is has the classes
VARIABLE = "VIZCORE_NETWORK"


@dataclass(frozen=True)
class Design:
    """What a ``state_dict`` does not say: the architecture, the input (H, W), its normalisation, and the classes.

    ``mean`` and ``std`` have three entries, or one for a network of grey pictures. Without names of ``classes`` there
    are ``count`` of them, or where that is 0 as many as the last layer in the file has outputs.

    ``transform_input`` is for GoogLeNet and Inception v3 only: whether the network brings its input from ImageNet's
    normalisation to -1..1 by itself. True for torchvision's published weights and what was trained on from them, False
    for ``googlenet(weights=None)``. With None, True is assumed where ``mean`` and ``std`` are ImageNet's, and said.
    """

    architecture: str
    size: tuple[int, int] = (224, 224)
    mean: tuple[float, ...] = MEAN
    std: tuple[float, ...] = STD
    classes: tuple[str, ...] = ()
    count: int = 0
    transform_input: bool | None = None
    multi_label: bool = False

    @property
    def rescaling(self) -> bool:
        """Whether the network rescales its input by itself: ``transform_input``, or what is assumed without it."""
        if self.transform_input is not None or self.architecture not in architectures.RESCALING:
            return bool(self.transform_input)
        return (self.mean, self.std) == (MEAN, STD)

    def check(self) -> None:
        """Raise :class:`WeightsError` for the first entry that cannot be."""
        low, high = SIDES
        if self.architecture not in architectures.NAMES:
            raise WeightsError(f"There is no architecture called {self.architecture[:40]!r} in torchvision.")
        if not all(low <= side <= high for side in self.size):
            raise WeightsError(f"The input has {self.size[0]} × {self.size[1]} pixels; accepted: {low} to {high} each.")
        if len(self.mean) != len(self.std) or len(self.mean) not in (1, 3):
            raise WeightsError(
                f"There are {len(self.mean)} means and {len(self.std)} deviations; accepted: three of each (red, "
                "green, blue), or one of each for grey pictures."
            )
        if not all(math.isfinite(value) and abs(value) <= 1000 for value in (*self.mean, *self.std)):
            raise WeightsError(
                "A mean or a deviation is no number; accepted: numbers like 0.485, for pixels in 0 to 1."
            )
        mean, std = for_unit_pixels(self.mean, self.std)
        if (mean, std) != (self.mean, self.std):
            raise WeightsError(
                f"The mean {listed(self.mean)} and the deviation {listed(self.std)} are for pixels in 0 to 255; for "
                f"pixels in 0 to 1, as they are here, the mean is {listed(mean)} and the deviation {listed(std)}."
            )
        if self.transform_input and self.architecture not in architectures.RESCALING:
            raise WeightsError(f"{self.architecture} has no transform_input; only GoogLeNet and Inception v3 have it.")
        if self.transform_input and len(self.mean) != 3:
            raise WeightsError("transform_input is for colours; switch it off for a network of grey pictures.")
        if not all(value > 0 for value in self.std):
            raise WeightsError("A deviation is not above 0; accepted: numbers like 0.229, for pixels in 0 to 1.")
        if max(len(self.classes), self.count) > MOST_CLASSES or self.count < 0:
            raise WeightsError(f"The number of classes is not within 1 and {MOST_CLASSES}.")
        if self.classes and self.count and self.count != len(self.classes):
            raise WeightsError(
                f"There are {len(self.classes)} class names for {self.count} classes; one each is needed."
            )


def numbers_of(text: str) -> tuple[float, ...]:
    """The numbers in a text such as "0.485, 0.456, 0.406" or "0,485; 0,456; 0,406"; NaN for what is none.

    The one comma between two digits is a decimal one, unless a point stands there, too.
    """
    words = [word.strip(",") for word in re.split(r"[\s;]+", text.strip(" \t\n()[]"))]
    pieces = (word.replace(",", ".") if re.fullmatch(r"[-+]?\d+,\d+", word) else word for word in words)
    return tuple(_number(piece) for piece in ",".join(pieces).split(",")[:10] if piece)


def listed(values: tuple[float, ...]) -> str:
    """The numbers as they stand in a text: "0.485, 0.456, 0.406"."""
    return ", ".join(f"{value:g}" for value in values)


def network(
    data: bytes, design: Design, *, title: str = "own", source: str = "The file", device: str | torch.device = "auto"
) -> Classifier:
    """The classifier that ``design`` describes, with the weights in the bytes of a .pth or .safetensors file.

    Raises :class:`WeightsError`, whose message is a sentence for the user, for everything that does not
    fit: the file, its shapes, values that are no numbers, an input that the architecture cannot take.
    """
    design.check()
    if len(data) > most_bytes():
        raise WeightsError(f"{source} has {len(data) / 2**20:.0f} MB; accepted: up to {most_bytes() >> 20} MB.")
    count = len(design.classes) or design.count
    wide = architectures.blank(design.architecture, _PRIME, design.size, len(design.mean)).state_dict()
    last = next(key for key, value in reversed(wide.items()) if value.dim() > 1 and len(value) == _PRIME)
    state = checkpoints.renamed(weights.parse(data, source), wide)
    if design.architecture in architectures.RESCALING:  # heads that only training needs
        state = {key: value for key, value in state.items() if not key.startswith(("aux1.", "aux2.", "AuxLogits."))}
    found = len(state[last]) if last in state and state[last].dim() else 0
    count = 1 if found == 1 and count == 2 else count or min(found, MOST_CLASSES) or 1  # one output tells two classes
    module = architectures.blank(design.architecture, count, design.size, len(design.mean), design.rescaling)
    parameters = sum(one.numel() for one in module.state_dict().values())
    if parameters > MOST_PARAMETERS:
        raise WeightsError(
            f"{design.architecture} has {parameters / 1e6:.0f} million parameters; accepted: up to "
            f"{MOST_PARAMETERS / 1e6:.0f} million."
        )
    try:
        weights.fit(module, state, source)
    except WeightsError as error:
        if found and found != count:
            outputs = "output" if found == 1 else "outputs"
            raise WeightsError(
                f"{error} Its last layer, {last}, has {found} {outputs}: set the number of classes to {found}."
            ) from error
        raise
    _check_values(module, source)
    names = design.classes or tuple(f"class {k}" for k in range(count))
    summary = ""
    if design.architecture in architectures.RESCALING and design.transform_input is None:
        summary = (
            f"The weights do not say whether {design.architecture} was trained with transform_input; "
            f"{design.rescaling} is assumed. Set Design.transform_input to what it was."
        )
        warnings.warn(summary, stacklevel=2)
    preprocess = Preprocess(design.size, design.mean, design.std)
    # With everything that a result or an error may tell, so that shared results carry nobody's words to somebody else.
    named_as = f"{title!r} {design!r} ".encode()
    checksum = hashlib.sha256(named_as + hashlib.sha256(data).digest()).hexdigest()
    name = f"own:{checksum[:12]}"
    module.to(memory_format=interface.layout())  # type: ignore[call-overload]  # else its kernels would be held twice
    make = partial(Classifier, module, preprocess, names, name=name, title=title, summary=summary, checksum=checksum)
    make = partial(make, multi_label=design.multi_label or None)
    try:
        made = make()  # on the CPU first: an index beyond its table is an error here, and would end all work on a GPU
        if (found_device := pick_device(device)).type != "cpu":
            made = make(device=found_device)
    except NetworkError as error:
        if error.__cause__ is None:
            raise WeightsError(f"{source} cannot be used: {error}") from error
        raise WeightsError(
            f"{design.architecture} cannot take pictures of {design.size[0]} × {design.size[1]} pixels: "
            f"{error.__cause__}"
        ) from error
    seconds = pace.seconds(made)
    if seconds > pace.most_seconds():
        raise WeightsError(
            f"One picture of {design.size[0]} × {design.size[1]} pixels takes {design.architecture} {seconds:.1f} "
            f"seconds here, and everybody else waits meanwhile; accepted: up to {pace.most_seconds():g}. "
            "Choose a smaller input."
        )
    return made


def most_bytes() -> int:
    """The largest file that is taken: 400 MB, or what ``VIZCORE_OWN_MEGABYTES`` says; with 0 nobody brings any."""
    limit = os.environ.get("VIZCORE_OWN_MEGABYTES", "")
    return (int(limit) if limit.isascii() and limit.isdigit() and len(limit) < 7 else 400) * 2**20


def size_of(clf: Classifier) -> int:
    """Bytes that the weights of a network take."""
    return sum(one.numel() * one.element_size() for one in clf.module.state_dict().values())


def named() -> list[str]:
    """The networks that the operator brings: ``module:function`` for each one in ``VIZCORE_NETWORK``, by comma."""
    return [name.strip() for name in os.environ.get(VARIABLE, "").split(",") if name.strip()]


def call(name: str) -> Classifier:
    """The classifier that the operator's function ``module:function`` returns; it takes no arguments.

    Only names that the operator gave are imported, never one from an address or a form. Raises ValueError for any other
    and :class:`WeightsError` where the function is not there, fails, or returns something else.
    """
    if name not in named():
        raise ValueError(f"name is {name!r}; accepted: what the operator set {VARIABLE} to.")
    if not re.fullmatch(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*", name):
        raise WeightsError(f"{VARIABLE} names {name}; accepted: module:function, such as my_networks:digits.")
    module, _, function = name.partition(":")
    try:
        made = getattr(importlib.import_module(module), function)()
    except (torch.OutOfMemoryError, MemoryError):
        raise
    except NetworkError as error:
        raise WeightsError(f"{name} cannot be used: {error}") from error
    except Exception as error:  # the operator's code may raise anything
        raise WeightsError(f"{VARIABLE} names {name}, which failed: {type(error).__name__}: {error}") from error
    if not isinstance(made, Classifier):
        raise WeightsError(f"{VARIABLE} names {name}, which returned {type(made).__name__}; accepted: a Classifier.")
    if made.title == made.name:
        made.title = function
    made.name = name
    return made


def _check_values(module: nn.Module, source: str) -> None:
    for name, value in module.state_dict().items():
        if not bool(value.isfinite().all()):
            raise WeightsError(
                f"{source} has values in {name} that are infinite or no numbers (NaN): the training diverged, or the "
                "file is damaged."
            )


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
