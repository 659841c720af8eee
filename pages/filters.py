"""Filters: the kernels of the first convolution as colour pictures, and deeper ones channel by channel."""

from typing import get_args

import streamlit as st

from ui.filters import sheets
from ui.frame import controls, export, formulas, layout
from ui.running import play
from ui.texts import t
from ui.viewer import show
from ui.viewer.viewer import viewer
from vizcore.techniques import filters

with layout.page("filters") as page:
    page.clf.first_convolution()  # without one the page says so and ends here
    right, left = st.columns([2, 1], gap="large")
    names = [name for name, _ in filters.layers(page.clf)]
    with left, st.container(key="settings"):
        st.subheader(t("controls.heading"), anchor=False)
        layer = controls.look("filters.layer", names, t("filters.layer"))
        kernels = play.once(("kernels", page.clf.checksum, layer), lambda: filters.kernels(page.clf, layer))
        coloured = kernels.weights.shape[1] in (1, 3)
        scaling = controls.look("filters.scaling", get_args(filters.Scaling), t("filters.scaling"), "scaling")
        orders = get_args(filters.Order) if coloured else get_args(filters.Order)[:3]  # colours need three channels
        by = controls.look("filters.order", orders, t("filters.order"), "order")
        most = kernels.weights.shape[1] - 1
        channel = None if coloured else controls.whole("filters.channel", 0, most, t("filters.channel"))
    order = filters.order(kernels, by)[: sheets.MOST_KERNELS]
    sheet = sheets.Sheet(sheets.tiles(kernels, order, scaling, channel))
    n, _, height, width = kernels.weights.shape
    title = t(
        "filters.grid" if coloured else "filters.deep",
        count=n,
        layer=layer,
        height=height,
        width=width,
        channel=channel,
    )
    with right:
        grid, detail = st.columns([3, 2])
        with grid:
            st.markdown(f"**{title}**")
            chosen = controls.kept("filters.chosen", len(order) - 1)
            event = viewer(
                "filters", sheet.pixels, title, mode="click", box=sheet.box(chosen), pixelated=True, group="kernels"
            )
            if event.x is not None:
                controls.keep("filters.chosen", sheet.at(event.y, event.x, chosen))
                st.rerun()
        with detail:
            sheets.kernel(page, kernels, int(order[chosen]))
    page.formula(formulas.filters(height, width))
    with left:
        export.offer(page, None, kernels, layer)
        show.explain("filters")
