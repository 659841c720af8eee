"""What is done with each part of the scene, and which score and methods are looked at."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, get_args

import streamlit as st

from ui.frame import controls, state
from ui.frame.layout import Frame
from ui.texts import t, t_or, worded
from vizcore import methods
from vizcore import params as declared
from vizcore.evaluation.arrangement import OTHER, Arrangement
from vizcore.pictures.scene_parts import PARTS
from vizcore.pictures.scenes import CLASSES
from vizcore.targets import Output

OUTPUTS: tuple[Output, ...] = get_args(Output)
DEFAULT = ("gradient", "smoothgrad", "integrated", "gradcam", "occlusion", "ridge", "edges")
SHIFTS = tuple(f"{part}_{axis}" for part in PARTS for axis in "xy")


def changes(page: Frame) -> Arrangement:
    """Draw one box for each part, and behind a further one where the parts lie, in numbers."""
    params = page.params(Arrangement)
    chosen: dict[str, Any] = {part: _what(part, getattr(params, part)) for part in PARTS}
    params = replace(params, **chosen)
    if params.background == OTHER:
        params = controls.choose(page.page, params, ("ground",))
    with st.expander(t("interventions.places")):  # not opened by dragging: what is below would move away
        params = controls.choose(page.page, params, SHIFTS)
    state.choices().params[page.page] = params
    controls.reset(page.page, Arrangement)
    return params


def _what(part: str, now: str) -> str:
    spec: Any = declared.specs(Arrangement)[part]
    key = worded(f"param.interventions.{part}")
    if st.session_state.get(key) not in spec.options:
        st.session_state[key] = now
    tip = t_or(f"params.Arrangement.{part}.help", spec.help)
    label = t(f"options.part.{part}")
    return str(st.selectbox(label, spec.options, key=key, help=tip, format_func=_named))


def _named(option: str) -> str:
    if option in CLASSES:
        return t("interventions.instead", name=t_or(f"classes.{option}", option))
    return t(f"options.change.{option}")


def output() -> Output:
    """Which score the effects are effects on."""
    return controls.look("interventions.output", OUTPUTS, t("interventions.output"), "output")


def known_output() -> str:
    """The score that was chosen, for what is drawn before its control."""
    key = worded("look.interventions.output")
    looks = {**state.choices().looks, **state.choices().linked}
    return str(st.session_state.get(key) or looks.get("interventions.output", OUTPUTS[0]))


def chosen() -> tuple[str, ...]:
    """The methods whose maps are held against the effects."""
    return controls.several(
        "interventions.methods", list(methods.METHODS), DEFAULT, t("compare.methods"), method_name, flat=True
    )


def remember() -> None:
    """Keep what a link sets, where there is no scene to set it for."""
    chosen()
    output()


def method_name(method: str) -> str:
    """How a method is called."""
    return t(f"options.method.{method}")
