"""How a presentation goes on: steps within a page, the next page, and other pictures, classes and settings."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import streamlit as st

from ui.frame import course, navigation, playlist, sources, state
from vizcore import params as declared

PAGES = tuple(page for page in navigation.PAGES if page not in ("study", "network"))  # without forms
BEFORE, RESULT, CLOSER = "before", "result", "closer"
SLIDERS = {"maximisation": "lambda_", "saliency": "noise", "occlusion": "window", "lime": "samples"}
_STOPS = 20  # on a slider's way from end to end
_STEP, _LOOKS, _STRIP = "vizcore.step", "vizcore.looks", "vizcore.strip"


def offer_looks(page: str, name: str, options: list[str]) -> None:
    """Tell what the page can look at closer, under ``name``: each is a step of the presentation."""
    st.session_state[f"{_LOOKS}.{page}"] = (name, options)


def offer_classes(indices: list[int]) -> None:
    """Tell which classes stand in the strip."""
    st.session_state[_STRIP] = indices


def now(page: str) -> str:
    """What of the page is shown: what comes before its result, the result, or what looks closer at it."""
    if page == course.PAGE:
        return BEFORE if course.course().waiting else RESULT
    return (BEFORE, RESULT)[_number(page)] if _number(page) < 2 else CLOSER


def _number(page: str) -> int:
    held = st.session_state.get(_STEP)
    return int(held[1]) if held and held[0] == page else 1  # who comes by a link sees the result


def _looks(page: str) -> tuple[str, list[str]]:
    found: tuple[str, list[str]] = st.session_state.get(f"{_LOOKS}.{page}", ("", []))
    return found


def take(page: str, key: str) -> None:
    """Do what a key asks for; another page is shown at once, all else as the run of the script goes on."""
    what, _, value = key.partition(":")
    number = int(value) if value.lstrip("-").isdigit() and len(value) < 3 else 0
    if what in ("forth", "back"):
        _move(page, 1 if what == "forth" else -1)
    elif what == "scene" and 1 <= number <= len(sources.SCENES):
        state.choices().frame["picture"] = f"scene:{sources.SCENES[number - 1]}"
        state.forget("frame.picture", "frame.seed")
    elif what == "class" and number:
        _class(number)
    elif what == "slider" and number:
        _slide(page, number)


def _move(page: str, step: int) -> None:
    if page == course.PAGE and course.move(step):
        return
    name, options = _looks(page)
    first = 1 if page == "overview" else 0  # which has no single result to wait for
    number = _number(page) + step
    if not first <= number < 2 + len(options):
        if playlist.go(step):
            return
        there = PAGES[(PAGES.index(page) + step) % len(PAGES)] if page in PAGES else PAGES[0]
        st.session_state[_STEP] = (there, 0 if step > 0 and there != "overview" else 1)
        navigation.go(there)
    st.session_state[_STEP] = (page, number)
    if number >= 2:
        state.choices().looks[name] = options[number - 2]
        state.forget(f"look.{name}")


def _class(step: int) -> None:
    indices: list[int] = st.session_state.get(_STRIP, [])
    if not indices:
        return
    chosen = state.choices().frame
    held = int(chosen["class"]) if chosen.get("class") else indices[0]
    place = indices.index(held) if held in indices else 0
    there = (place + step) % len(indices)
    chosen["class"] = str(indices[there]) if there else ""  # the most probable one is followed from picture to picture
    state.forget("frame.class.")


def _slide(page: str, step: int) -> None:
    params: Any = state.choices().params.get(page)
    field = SLIDERS.get(page)
    if params is None or field is None:
        return
    spec, value = declared.specs(type(params))[field], getattr(params, field)
    if isinstance(spec, declared.Levels):
        stops = list(spec.levels)
        there = stops[min(max(stops.index(spec.nearest(value)) + step, 0), len(stops) - 1)]
    elif isinstance(spec, declared.Number):
        apart = max(1, round((spec.high - spec.low) / _STOPS / spec.step)) * spec.step
        there = spec.nearest(min(max(value + step * apart, spec.low), spec.high))
    else:
        return
    state.choices().params[page] = replace(params, **{field: there})
    state.forget(f"param.{page}.")
