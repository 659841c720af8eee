"""The control by which a step is answered, for each kind of answer; every one works by keys alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from ui.frame import marks
from ui.learn import words
from ui.texts import number, t, worded
from ui.viewer.viewer import viewer
from vizcore.lessons.answers import Choose, Draw, Number, Order
from vizcore.lessons.truths import Map, Picture, Truth


def choose(answer: Choose, key: str) -> str | None:
    """The option that is chosen; None as long as there is none."""
    names = {one.id: words.called(one) for one in answer.options}
    short = all(len(one) <= 12 for one in names.values())
    found = st.radio(
        t("learn.choose"),
        list(names),
        index=None,
        key=worded(key),
        format_func=names.__getitem__,
        horizontal=short,
    )
    return None if found is None else str(found)


def guess_number(answer: Number, key: str) -> float | None:
    """The number at the slider, which begins at its low end: a middle would be a hint."""
    stops = answer.stops()
    whole = all(float(one).is_integer() for one in stops)
    shown: list[Any] = [int(one) for one in stops] if whole else stops
    held = worded(key)
    if st.session_state.get(held) not in shown:
        st.session_state[held] = shown[0]
    label = (
        t("learn.number") if not answer.unit else t("learn.number_in", unit=t(f"learn.unit_{words.UNITS[answer.unit]}"))
    )
    found = st.select_slider(label, shown, key=held, format_func=lambda one: number(float(one), ".4g"))
    return float(found)


def order(answer: Order, key: str) -> tuple[str, ...] | None:
    """The options in the order in which they were pressed; None until all of them are."""
    names = {one.id: words.called(one) for one in answer.options}
    found = st.pills(
        t("learn.order"),
        list(names),
        key=worded(key),
        format_func=names.__getitem__,
        selection_mode="multi",
        help=t("learn.order_help"),
    )
    given = " > ".join(names[one] for one in found)
    st.caption(t("learn.order_given", names=given) if given else t("learn.order_none"))
    return tuple(found) if len(found) == len(names) else None


def draw(answer: Draw, key: str, truth: Truth) -> NDArray[np.bool_] | None:
    """The pixels that are marked by the brush; None as long as there are none."""
    canvas = next(one for one in truth.before if isinstance(one, Picture | Map))
    height, width = canvas.pixels.shape[1:]
    held, turn = f"{key}.mask", f"{key}.round"
    before = marks.unpacked(str(st.session_state.get(held, "")), (height, width))
    largest = max(2, min(height, width) // 4)
    st.session_state.setdefault(f"{key}.brush", min(answer.brush, largest))
    size = st.slider(t("learn.brush"), 1, largest, key=f"{key}.brush")
    event = viewer(
        f"{key}-brush".replace(".", "-"),
        canvas.pixels,
        t("learn.draw"),
        mode="brush",
        hint=t("learn.draw_hint"),
        mask=before,
        round=int(st.session_state.get(turn, 0)),
        brush=size,
        group=key,
    )
    mask = before if event.mask is None else event.mask
    if event.mask is not None:
        st.session_state[held] = marks.packed(event.mask)

    def clear() -> None:
        st.session_state[held] = ""
        st.session_state[turn] = int(st.session_state.get(turn, 0)) + 1

    st.button(t("learn.clear"), key=f"{key}.clear", on_click=clear, icon=":material/ink_eraser:")
    return mask if mask is not None and mask.any() else None
