"""A mask of one's own on the page of occlusion: brushed over the picture, and what the network answers to the rest."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import streamlit as st
import torch
from numpy.typing import NDArray

from ui.frame import marks, state
from ui.frame.layout import Frame
from ui.occlusion.panels import answer, fall, top_five
from ui.texts import t
from ui.viewer import show
from ui.viewer.viewer import viewer
from vizcore.techniques import occlusion

_MASK = "look.occlusion.mask"
_BRUSHED = "occlusion.mask"  # in the link


@dataclass(frozen=True, eq=False)
class _Mask:
    """What is brushed over one picture; ``round`` counts how often it was replaced from here, not by the brush."""

    picture: tuple[str, str]
    round: int
    covered: NDArray[np.bool_] | None  # (H,W)


def brush(page: Frame, params: occlusion.Occlusion) -> None:
    """A mask of one's own: brush over the picture, and see what the network answers to the rest."""
    st.markdown(f"**{t('occlusion.brush')}**")
    height, width = page.image.shape[1:]
    place, answers = st.columns([3, 2])
    mask = _mask(page)
    with place:
        key, largest = "look.occlusion.brush", max(2, min(height, width) // 5)
        st.session_state[key] = min(st.session_state.get(key, largest // 3 or 1), largest)  # as pictures differ in size
        size = st.slider(t("occlusion.brush_size"), 1, largest, key=key)
        event = viewer(
            "occlusion-brush",
            page.image,
            t("occlusion.brush_label"),
            mode="brush",
            mask=mask.covered,
            round=mask.round,
            brush=size,
            group="brush",
        )
        if event.mask is not None:
            mask = _hold(_Mask(page.picture_key, mask.round, event.mask))
        with st.container(horizontal=True):
            for name, icon in (("clear", "ink_eraser"), ("invert", "invert_colors")):
                st.button(
                    t(f"occlusion.{name}"),
                    key=f"occlusion.{name}",
                    icon=f":material/{icon}:",
                    on_click=_replace,
                    args=(mask, name == "invert", (height, width)),
                )
    with answers:
        _under_mask(page, params, mask.covered)


def _mask(page: Frame) -> _Mask:
    held, linked = st.session_state.get(_MASK), _BRUSHED in state.choices().linked
    text = marks.marked(_BRUSHED, (page.picture_key,))
    if isinstance(held, _Mask) and held.picture == page.picture_key and not linked:
        return held
    # Another picture begins with an empty mask or a link's, which the browser must take over.
    height, width = page.image.shape[1:]
    covered = marks.unpacked(text, (height, width))
    return _hold(_Mask(page.picture_key, held.round + 1 if isinstance(held, _Mask) else 0, covered))


def _hold(mask: _Mask) -> _Mask:
    st.session_state[_MASK] = mask
    marks.mark(_BRUSHED, (mask.picture,), marks.packed(mask.covered))
    return mask


def _replace(mask: _Mask, invert: bool, size: tuple[int, int]) -> None:
    covered = mask.covered if mask.covered is not None else np.zeros(size, dtype=bool)
    _hold(_Mask(mask.picture, mask.round + 1, ~covered if invert else None))


def _under_mask(page: Frame, params: occlusion.Occlusion, covered: NDArray[np.bool_] | None) -> None:
    if covered is None or not covered.any():
        st.info(t("occlusion.brush_hint"), icon=":material/brush:")
        return
    paint = occlusion.filling(page.clf, page.image, params.fill)
    picture = occlusion.cover(page.image, torch.from_numpy(covered), paint)
    drop, probabilities = answer(page, picture, params)
    show.picture(picture, t("occlusion.brush_covered", share=100 * covered.mean()), keep="occlusion-brushed")
    fall(drop)
    top_five(page, probabilities, t("occlusion.brush_top_five"))
