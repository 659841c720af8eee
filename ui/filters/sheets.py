"""Sheets of kernels, and what there is to see of one of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import streamlit as st
import torch
from numpy.typing import NDArray
from torch import Tensor

from ui.filters import arithmetic
from ui.frame.layout import Frame
from ui.running import play
from ui.texts import t
from ui.viewer import show
from ui.viewer.bars import bars
from ui.viewer.viewer import viewer
from vizcore.pictures import figures
from vizcore.techniques import filters
from vizcore.techniques.kernel_answer import KernelAnswer

MOST_KERNELS = 512  # of a deep layer: more would be smaller than a screen's pixels


@dataclass(frozen=True, eq=False)
class Settings:
    """Which kernels are shown, in which order and colours; ``channel`` where they have more than three of them."""

    kernels: filters.Kernels
    scaling: filters.Scaling
    by: filters.Order
    channel: int | None

    @property
    def order(self) -> Tensor:
        """The kernels' numbers, as they are shown."""
        return filters.order(self.kernels, self.by)[:MOST_KERNELS]

    def sheet(self) -> Sheet:
        """The kernels as one picture."""
        return Sheet(tiles(self.kernels, self.order, self.scaling, self.channel))

    def title(self) -> str:
        """How many kernels of what size, and of which layer where they are deep."""
        n, _, height, width = self.kernels.weights.shape
        key = "filters.grid" if self.channel is None else "filters.deep"
        return t(key, count=n, layer=self.kernels.layer, height=height, width=width, channel=self.channel)

    def meaning(self) -> str:
        """What the sheet's colours stand for."""
        return t("filters.grid_meaning" if self.channel is None else "filters.deep_meaning")

    def bars(self) -> None:
        """The kernels' lengths as bars, in the sheet's order."""
        lengths = filters.norms(self.kernels)[self.order].tolist()
        label = t("filters.bars")
        bars("filters-bars", self.order.tolist(), lengths, label, part=t("viewer.kernel"), group="kernels")


class Sheet:
    """Tiles (n,h,w,3) of bytes laid out as one picture, and which tile lies where."""

    def __init__(self, tiles: NDArray[np.uint8]) -> None:
        self.count, height, width, _ = tiles.shape
        self.columns = int(np.ceil(np.sqrt(self.count)))
        self._scale = max(1, round(640 / (self.columns * width)))
        self._height, self._width = height * self._scale, width * self._scale
        self._gap = max(1, self._scale // 2)
        self.picture = figures.grid(tiles, self.columns, self._gap, self._scale)

    @property
    def pixels(self) -> Tensor:
        """(3,H,W) in [0,1]."""
        return torch.from_numpy(self.picture).permute(2, 0, 1) / 255

    def numbers(self, order: Tensor) -> NDArray[np.int32]:
        """(H,W): the number in ``order`` of the kernel to which each pixel belongs; -1 between the tiles."""
        found = np.full(self.picture.shape[:2], -1, dtype=np.int32)
        for index in range(self.count):
            top, left, bottom, right = self.box(index)
            found[top:bottom, left:right] = int(order[index])
        return found

    def box(self, index: int) -> tuple[int, int, int, int]:
        """Top, left, bottom and right edge of a tile."""
        row, column = divmod(index, self.columns)
        top, left = row * (self._height + self._gap), column * (self._width + self._gap)
        return top, left, top + self._height, left + self._width

    def at(self, y: int | None, x: int | None, otherwise: int) -> int:
        """The tile at a pixel; ``otherwise`` where there is none."""
        if y is None or x is None:
            return otherwise
        index = y // (self._height + self._gap) * self.columns + x // (self._width + self._gap)
        return index if 0 <= index < self.count else otherwise


def tiles(kernels: filters.Kernels, order: Tensor, scaling: filters.Scaling, channel: int | None) -> NDArray[np.uint8]:
    """Kernels as colour pictures (n,h,w,3), or one of their channels in the colours of signed maps."""
    if channel is None:
        return (filters.rgb(kernels, scaling)[order] * 255).round().byte().numpy()
    weights = kernels.weights[order, channel]  # (n,kh,kw)
    largest = weights.abs().amax(dim=(1, 2), keepdim=True)
    if scaling == "common":
        largest = largest.amax().expand_as(largest)
    return figures.signed_colours(weights / largest.clamp(min=1e-12), limit=1.0)


def kernel(page: Frame, kernels: filters.Kernels, index: int) -> KernelAnswer | None:
    """One kernel: its weights per channel, and where it answers on the picture; the place there that is chosen."""
    weights = kernels.weights[index]  # (C,kh,kw)
    length = t("filters.norm", value=float(filters.norms(kernels)[index]))
    st.markdown(f"**{t('filters.one', index=index)}** · {length}")
    if len(weights) <= 3:
        caption = t("filters.channels" if len(weights) > 1 else "filters.channel_of_one")
        st.caption(caption)
        planes = figures.signed_colours(weights, limit=float(weights.abs().max()) or 1.0)
        drawn = figures.grid(planes, len(planes), 1, max(1, 480 // (len(planes) * weights.shape[-1])))
        show.picture(drawn, alt=caption, keep="filters-weights")
    responses: Tensor = play.once(
        ("activations", *page.picture_key, kernels.layer),
        lambda: filters.activations(page.clf, page.image, kernels.layer),
    )
    answer = responses[index]  # (h,w)
    size = page.image.shape[1:]
    heat = torch.nn.functional.interpolate(answer[None, None], size=size, mode="nearest")[0, 0]
    place = arithmetic.chosen(page, kernels, answer, index)
    event = viewer(
        "filters-activation",
        page.image,
        t("filters.activation"),
        heat=heat,
        meaning=t("filters.activation"),
        mode="inspect" if place is None else "click",
        box=None if place is None else place.box,
        hint="" if place is None else t("filters.sum_hint"),
    )
    if event.x is not None and event.y is not None:
        arithmetic.choose(page, answer, event.y, event.x)
        st.rerun()
    return place


def spectrum(kernels: filters.Kernels, index: int) -> None:
    """Which spatial frequencies one kernel lets through; nothing for kernels too small to have any."""
    if kernels.weights.shape[-1] <= 2:
        return
    caption = t("filters.spectrum", index=index)
    st.caption(caption)
    energy = filters.spectrum(kernels)[index].sqrt()
    picture = figures.unsigned_colours(energy, limit=float(energy.max()) or 1.0)
    show.picture(figures.enlarge(picture, 192), alt=caption, keep="filters-spectrum")
