"""How a picture becomes what the network sees: its size, its channels and its numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor


@dataclass(frozen=True)
class Preprocess:
    """How a picture becomes the network's input: resize the shorter side, crop the centre, scale to [0,1], normalise.

    ``size`` is (H, W) of the input; ``resize`` the length in pixels of the shorter side before the crop (None: just
    large enough to cover ``size``); ``mean`` and ``std`` have one entry per channel (3 for RGB, 1 for grey).
    """

    size: tuple[int, int]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    resize: int | None = None

    @property
    def mode(self) -> str:
        """Pillow's name for the pictures that the network takes."""
        return "L" if len(self.mean) == 1 else "RGB"

    def check(self, image: Tensor) -> None:
        """Raise ValueError unless ``image`` is one (C,H,W) input with values in [0,1]."""
        shape = (len(self.mean), *self.size)
        if tuple(image.shape) != shape:
            raise ValueError(f"image has shape {tuple(image.shape)}; accepted: {shape}, as made by Classifier.pixels.")
        if not bool(((image >= 0) & (image <= 1)).all()):
            low, high = float(image.min()), float(image.max())
            raise ValueError(f"image has values from {low:g} to {high:g}; accepted: 0 to 1.")

    def pixels(self, picture: Image.Image) -> Tensor:
        """The (C,H,W) input in [0,1] that the network sees of ``picture``, on the CPU."""
        height, width = self.size
        if picture.mode != self.mode:
            picture = picture.convert(self.mode)
        # What lies far beyond the crop goes first: a strip of 1600 x 1 would else take 300 MB once its height is 256.
        longest = 64 * -(-max(self.size) // min(self.size)) * min(picture.size)
        if max(picture.size) > longest:
            x, y = max(0, picture.width - longest) // 2, max(0, picture.height - longest) // 2
            picture = picture.crop((x, y, picture.width - x, picture.height - y))
        if self.resize is None:  # cover the input exactly, whatever its shape
            scale = max(height / picture.height, width / picture.width)
            shape = (max(width, round(picture.width * scale)), max(height, round(picture.height * scale)))
        elif picture.width <= picture.height:  # the convention of torchvision: the shorter side, then int()
            shape = (self.resize, max(1, int(self.resize * picture.height / picture.width)))
        else:
            shape = (max(1, int(self.resize * picture.width / picture.height)), self.resize)
        if picture.size != shape:
            picture = picture.resize(shape, Image.Resampling.BILINEAR)
        left, top = round((picture.width - width) / 2.0), round((picture.height - height) / 2.0)
        array = np.array(picture.crop((left, top, left + width, top + height)), dtype=np.float32) / 255.0
        if array.ndim == 2:
            array = array[..., None]
        return torch.from_numpy(array).permute(2, 0, 1).contiguous()  # (H,W,C) -> (C,H,W)


def for_unit_pixels(mean: tuple[float, ...], std: tuple[float, ...]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and deviation for pixels in [0,1], where the given ones are for pixels in 0 to 255: each is 1/255 of it.

    No mean of pixels in [0,1] is above 1, and no deviation above 0.5. What is on the right scale stays as it is.
    """
    if not mean or not std or not all(0 <= value <= 255 for value in (*mean, *std)):
        return mean, std
    if max(mean) <= 1 and min(std) <= 2:  # a deviation of 1 leaves the pixels as they are, on either scale
        return mean, std
    return (
        tuple(float(f"{value / 255:.6g}") for value in mean) if max(mean) > 1 else mean,
        tuple(float(f"{value / 255:.6g}") for value in std) if min(std) >= 1 else std,
    )
