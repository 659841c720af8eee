"""What a page must show of a picture, computed by the engine directly: the other side of the load test."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from vizcore import params as declared
from vizcore.jobs.run import Run
from vizcore.networks.catalogue import load
from vizcore.networks.classifier import Classifier
from vizcore.pictures import figures, scenes
from vizcore.techniques import lime, maximize, occlusion, saliency

SCENE_SIZE = 256
TOLERANCE = 1e-3  # of the largest value: another order of sums is no mix-up, another picture is


@cache
def network() -> Classifier:
    """The bundled network, on the device that the server picks, too."""
    return load("mini-alexnet")


@cache
def scene(seed: int) -> Image.Image:
    """The picture ``scene:SEED``."""
    return Image.fromarray(scenes.scene(seed, size=SCENE_SIZE).picture)


def pixels(picture: Image.Image) -> NDArray[np.uint8]:
    """The bytes (H,W,3) of what the network sees of a picture."""
    return figures.picture(network().pixels(picture))


def _saliency(image: Tensor, target: int, params: Any) -> NDArray[Any]:
    result = Run(saliency.smoothgrad(network(), image, target, params)).finish()
    return saliency.absolute_max(result).numpy()


def _occlusion(image: Tensor, target: int, params: Any) -> NDArray[Any]:
    return np.asarray(Run(occlusion.occlude(network(), image, target, params)).finish().heat())


def _lime(image: Tensor, target: int, params: Any) -> NDArray[Any]:
    return np.asarray(Run(lime.explain(network(), image, target, params)).finish().heat())


def _maximisation(_: Tensor, target: int, params: Any) -> NDArray[Any]:
    return figures.picture(Run(maximize.maximize(network(), target, params)).finish().image)


RESULTS: dict[str, tuple[str, str, type, Callable[[Tensor, int, Any], NDArray[Any]]]] = {
    # page: (viewer, which of its arrays, parameters, how it is computed)
    "saliency": ("saliency-smoothgrad", "map", saliency.SmoothGrad, _saliency),
    "occlusion": ("occlusion", "map", occlusion.Occlusion, _occlusion),
    "lime": ("lime", "map", lime.Lime, _lime),
    "maximisation": ("maximisation", "picture", maximize.Maximisation, _maximisation),
}


def result(page: str, picture: Image.Image, address: Mapping[str, str]) -> NDArray[Any]:
    """What the page's viewer must hold at last, for a picture and for the settings that stand in its address."""
    _, _, technique, compute = RESULTS[page]
    given = {key.split(".", 1)[1]: value for key, value in address.items() if key.startswith(f"{page}.")}
    params: Any
    base = maximize.defaults(network()) if technique is maximize.Maximisation else None
    params, _ = declared.from_json(technique, given, base)
    image = network().pixels(picture)
    target = int(address["class"]) if address.get("class") else int(network().all_scores(image[None])[0].argmax())
    return compute(image, target, params)


def same(shown: NDArray[Any], wanted: NDArray[Any]) -> bool:
    """Whether two pictures are equal within a level of brightness, or two maps within the tolerance."""
    if shown.shape != wanted.shape:
        return False
    near = 1.0 if shown.dtype == np.uint8 else TOLERANCE * max(float(np.abs(wanted).max()), 1e-12)
    return bool(np.abs(shown.astype(float) - wanted.astype(float)).max() <= near)
