"""Which unit the page of input maximisation climbs: the class, or a channel that a link names as ``layer:number``."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import streamlit as st

from ui.frame import controls, navigation, state
from ui.frame.layout import Frame
from ui.texts import inert, quoted, t
from vizcore.networks.classifier import NetworkError
from vizcore.targets import Channel, Part
from vizcore.techniques import maximize

_UNIT, _PART = "maximisation.unit", "maximisation.of"


def chosen(page: Frame) -> Frame:
    """The page with the channel that was asked for, if any; one that the network has not is complained of."""
    choices = state.choices()
    asked = choices.linked.pop(_UNIT, choices.looks.get(_UNIT, ""))
    choices.looks.pop(_UNIT, None)
    if not asked:
        return page
    layer, _, number = asked.rpartition(":")
    digits = number.isascii() and number.isdigit() and len(number) < 9
    try:
        unit = Channel(layer, int(number) if digits else -1)
        maximize.check_unit(page.clf, unit)
    except (ValueError, NetworkError):
        text = t("maximisation.no_unit", given=quoted(asked), name=inert(page.class_name))
        page.remarks.warning(text, icon=":material/link_off:")
        return page
    choices.looks[_UNIT] = asked
    return replace(page, channel=replace(unit, of=_part(page, layer)))


def name(page: Frame, markdown: bool = False) -> str:
    """How the unit is called; its layer made harmless for ``markdown``."""
    if page.channel is None:
        return t("maximisation.of_class", name=inert(page.class_name) if markdown else page.class_name)
    layer = quoted(page.channel.layer) if markdown else page.channel.layer
    return t(f"maximisation.of_{page.channel.of}", channel=page.channel.channel, layer=layer)


def _part(page: Frame, layer: str) -> Part:
    """The part of a channel's map that is to be climbed, and beside that choice the ways to other units."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        part = controls.look(_PART, get_args(Part), t("maximisation.part_of_map"), "channel_part")
        st.button(t("maximisation.to_class", name=inert(page.class_name)), on_click=_leave, icon=":material/undo:")
        navigation.to(
            "filters", t("maximisation.to_channels"), {"filters.view": "channels", "filters.map_layer": layer}
        )
    return part


def _leave() -> None:
    for name in (_UNIT, _PART):
        state.choices().looks.pop(name, None)
    state.forget(f"look.{_PART}")
