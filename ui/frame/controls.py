"""Sliders, switches and choices made from a technique's declared parameters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import streamlit as st

from ui.frame import state, steps
from ui.texts import LANGUAGES, inert, language, number, t, t_or, worded
from vizcore import params as declared

P = TypeVar("P")
C = TypeVar("C", bound=str)


def choose(name: str, params: P, only: tuple[str, ...] | None = None) -> P:
    """Draw one control per declared parameter (or those in ``only``) and return the parameters as set now."""
    changed: dict[str, Any] = {}
    for field, spec in declared.specs(type(params)).items():
        if only is None or field in only:
            changed[field] = _control(name, type(params), field, spec, getattr(params, field))
    result = replace(params, **changed)  # type: ignore[type-var]
    state.choices().params[name] = result
    return result


def put(name: str, field: str, value: Any) -> None:
    """Set one parameter from elsewhere than its control."""
    params = state.choices().params
    params[name] = replace(params[name], **{field: value})
    state.forget(f"param.{name}.")


def more(name: str, params: P, fields: tuple[str, ...], label: str = "") -> P:
    """As :func:`choose`, for the controls that are not needed at first: in a box, open where one was changed."""
    usual = state.choices().bases.get(name) or type(params)()
    specs = declared.specs(type(params))
    changed = False
    for field in fields:
        value, default = getattr(params, field), getattr(usual, field)
        # What held before there was such a choice is what an older link means: nobody has chosen it here.
        changed = changed or value not in (default, declared.unnamed(field, specs[field]).get(field, default))
    with st.expander(label or t("controls.more"), expanded=stays_open(f"{name}.{fields[0]}", changed)):
        return choose(name, params, fields)


def stays_open(name: str, wanted: bool) -> bool:
    """Whether a box is to stand open: once it was, what is done in it does not close it under the pointer."""
    key = f"vizcore.open.{name}"
    st.session_state[key] = wanted or bool(st.session_state.get(key))
    return bool(st.session_state[key])


def _control(name: str, technique: type, field: str, spec: declared.Spec, value: Any) -> Any:
    key = f"param.{name}.{field}"
    if isinstance(spec, (declared.Levels, declared.Choice)) or (isinstance(spec, declared.Number) and not spec.integer):
        key = worded(key)
    label, tip = label_of(technique, field, spec), spec.help
    for owner in technique.__mro__:
        tip = t_or(f"params.{owner.__name__}.{field}.help", tip)
    if getattr(spec, "unit", ""):
        label = f"{label} [{spec.unit}]"  # type: ignore[union-attr]
    if key not in st.session_state:
        st.session_state[key] = spec.nearest(value)
    if isinstance(spec, declared.Number):
        if spec.integer:
            return st.slider(label, int(spec.low), int(spec.high), step=int(spec.step), key=key, help=tip)
        return st.select_slider(label, _stops(spec), key=key, help=tip, format_func=level)
    if isinstance(spec, declared.Levels):
        return st.select_slider(label, list(spec.levels), key=key, help=tip, format_func=level)
    if isinstance(spec, declared.Flag):
        return st.toggle(label, key=key, help=tip)
    return st.selectbox(
        label, spec.options, key=key, help=tip, format_func=lambda option: t_or(f"options.{field}.{option}", option)
    )


def _stops(spec: declared.Number) -> list[float]:
    """Every value that a slider for decimals can take: Streamlit's own slider knows no decimal comma."""
    return [spec.nearest(spec.low + k * spec.step) for k in range(round((spec.high - spec.low) / spec.step) + 1)]


def label_of(technique: type, field: str, spec: declared.Spec) -> str:
    """How a parameter is called in the session's language; an inherited one has its name from where it is declared."""
    for owner in technique.__mro__:
        label = t_or(f"params.{owner.__name__}.{field}.label", "")
        if label:
            return label
    return spec.label


def look(
    name: str,
    options: Sequence[C],
    label: str,
    field: str | None = None,
    *,
    flat: bool = False,
    names: Callable[[str], str] | None = None,
    tip: str | None = None,
) -> C:
    """Choose how a result is looked at; the first option is the default. Nothing is computed anew by it.

    ``field`` names the group of texts for the options, or ``names`` each of them; without either they are shown as they
    are. Up to three options lie open side by side, more of them only where ``flat`` asks for it.
    """
    key, looks = worded(f"look.{name}"), state.choices().looks
    held = state.choices().linked.pop(name, looks.get(name, options[0]))
    if st.session_state.get(key) not in options:
        st.session_state[key] = held if held in options else options[0]
    name_of = option(field) if field else names or str
    if flat or len(options) <= 3:
        shown = name_of if field else lambda one: inert(name_of(one))  # a button's words are Markdown, a list's are not
        chosen = st.segmented_control(label, options, key=key, format_func=shown, required=True, help=tip)
    else:
        chosen = st.selectbox(label, options, key=key, format_func=name_of, help=tip)
    taken = options[0] if chosen is None else chosen
    if taken == options[0]:
        looks.pop(name, None)
    else:
        looks[name] = taken
    return taken


def closer(page: str, name: str, options: Sequence[C], label: str, field: str) -> C:
    """As :func:`look`, for what the page looks at closer: in a presentation each is a step."""
    steps.offer_looks(page, name, list(options))
    return look(name, options, label, field, flat=True)


def several(
    name: str,
    options: Sequence[str],
    default: Sequence[str],
    label: str,
    names: Callable[[str], str],
    *,
    flat: bool = False,
    most: int | None = None,
) -> tuple[str, ...]:
    """Choose any of the options, in their order; at most ``most``. ``flat`` lays them open side by side."""
    key, looks = worded(f"look.{name}"), state.choices().looks
    held = state.choices().linked.pop(name, looks.get(name))
    wanted = st.session_state.get(key, default if held is None else held.split(","))
    st.session_state[key] = [one for one in options if one in wanted][:most]
    if flat:
        chosen = st.pills(label, options, key=key, format_func=names, selection_mode="multi")
    else:
        chosen = st.multiselect(
            label, options, key=key, format_func=names, max_selections=most, placeholder=t("controls.none")
        )
    taken = tuple(one for one in options if one in chosen)
    if taken == tuple(default):
        looks.pop(name, None)
    else:
        looks[name] = ",".join(taken)
    return taken


def kept(name: str, most: int) -> int:
    """The number that was put aside under ``name``, by a click or a link, within 0..most; at first 0."""
    looks = state.choices().looks
    held = state.choices().linked.pop(name, looks.get(name, ""))
    number = min(int(held), most) if held.isascii() and held.isdigit() and len(held) < 9 else 0
    keep(name, number)
    return number


def keep(name: str, number: int) -> None:
    """Put a number aside under ``name``, for this session and for the link."""
    if number:
        state.choices().looks[name] = str(number)
    else:
        state.choices().looks.pop(name, None)


def whole(name: str, low: int, high: int, label: str, usual: int | None = None) -> int:
    """Choose a whole number, ``usual`` at first; it is no parameter of a technique."""
    key = f"look.{name}"
    held = state.choices().linked.pop(name, state.choices().looks.get(name, ""))
    start = int(held) if held.isascii() and held.isdigit() and len(held) < 9 else low if usual is None else usual
    st.session_state[key] = min(max(int(st.session_state.get(key, start)), low), high)
    chosen = int(st.number_input(label, low, high, step=1, key=key))
    state.choices().looks[name] = str(chosen)
    if chosen == usual:
        del state.choices().looks[name]
    return chosen


def option(field: str) -> Callable[[str], str]:
    """How a page names the options of ``field``."""
    return lambda one: t(f"options.{field}.{one}")


def reset(name: str, technique: type, *looks: str) -> None:
    """A button that puts every parameter of the technique, and what is chosen by ``looks``, back to its default."""

    def back() -> None:
        state.choices().params.pop(name, None)
        for one in looks:
            state.choices().looks.pop(one, None)
        state.forget(f"param.{name}.", *(f"look.{one}" for one in looks))

    st.button(t("controls.reset"), key=f"reset.{name}", on_click=back, icon=":material/restart_alt:")


def level(value: float) -> str:
    """A number as it stands beside a control: powers of ten where it is very small or very large."""
    return number(value, "g" if value == 0 or 0.01 <= abs(value) < 10000 else ".0e")


def choose_language() -> None:
    """The language of all pages, for this session."""
    st.session_state.setdefault("frame.language", language())

    def change() -> None:
        before = language()
        st.session_state["language"] = st.session_state["frame.language"]
        state.forget_worded(before)

    if len(LANGUAGES) > 1:
        st.selectbox(
            t("frame.language"),
            list(LANGUAGES),
            key="frame.language",
            format_func=LANGUAGES.__getitem__,
            on_change=change,
        )
