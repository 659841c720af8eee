"""Filters: the kernels of the first convolution as colour pictures, and of deeper layers what their channels draw."""

from typing import get_args

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from ui.filters import arithmetic, channels, sheets
from ui.frame import controls, formulas, layout
from ui.frame.technique import beside, technique
from ui.running import play
from ui.texts import t
from ui.viewer import show
from ui.viewer.viewer import viewer
from vizcore.techniques import filters

VIEWS = ("kernels", "channels")

with layout.page("filters") as page:
    page.clf.first_convolution()  # without one the page says so and ends here

    def settings() -> sheets.Settings | channels.Settings:
        if controls.look("filters.view", VIEWS, t("filters.view"), "filters_view") == "channels":
            return channels.settings(page)
        names = [name for name, _ in filters.layers(page.clf)]
        layer = controls.look("filters.layer", names, t("filters.layer"))
        kernels = play.once(("kernels", page.clf.checksum, layer), lambda: filters.kernels(page.clf, layer))
        coloured = kernels.weights.shape[1] in (1, 3)
        scaling = controls.look("filters.scaling", get_args(filters.Scaling), t("filters.scaling"), "scaling")
        orders = get_args(filters.Order) if coloured else get_args(filters.Order)[:3]  # colours need three channels
        by = controls.look("filters.order", orders, t("filters.order"), "order")
        most = kernels.weights.shape[1] - 1
        channel = None if coloured else controls.whole("filters.channel", 0, most, t("filters.channel"))
        return sheets.Settings(kernels, scaling, by, channel)

    def results(chosen: sheets.Settings | channels.Settings, closer: DeltaGenerator) -> filters.Kernels | None:
        if isinstance(chosen, channels.Settings):
            channels.show_all(page, chosen)
            return None
        sheet, title = chosen.sheet(), chosen.title()
        grid, detail = beside()
        with grid:
            show.title(title)
            index = controls.kept("filters.chosen", sheet.count - 1)
            box = sheet.box(index)
            event = viewer(
                "filters",
                sheet.pixels,
                title,
                mode="click",
                box=box,
                pixelated=True,
                group="kernels",
                parts=sheet.numbers(chosen.order),
                part=t("viewer.kernel"),
            )
            st.caption(chosen.meaning())
            chosen.bars()
            if event.x is not None:
                controls.keep("filters.chosen", sheet.at(event.y, event.x, index))
                st.rerun()
        number = int(chosen.order[index])
        with detail:
            place = sheets.kernel(page, chosen.kernels, number)
        with grid:
            if place is not None:
                arithmetic.draw(place, chosen.kernels, number)
            sheets.spectrum(chosen.kernels, number)
        return chosen.kernels

    def formula(chosen: sheets.Settings | channels.Settings) -> str:
        if isinstance(chosen, channels.Settings):
            return channels.formula(chosen)
        return formulas.filters(*chosen.kernels.weights.shape[2:])

    technique(page, settings, results, formula=formula)
