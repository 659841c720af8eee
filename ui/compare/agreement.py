"""Agreement: how far every map agrees with every other."""

from __future__ import annotations

import numpy as np
import streamlit as st

from ui.compare.choice import Choice, method_name
from ui.compare.maps import Maps
from ui.frame import controls
from ui.running import play
from ui.texts import inert, t
from ui.viewer import show
from vizcore.evaluation import agreement
from vizcore.pictures import charts

MEASURES: tuple[agreement.Measure, ...] = ("spearman", "overlap")
TOPS = ("10", "5", "20", "1")  # per cent of the pixels


def part(what: Choice, maps: Maps) -> None:
    """One matrix over all maps of one size, whichever class or network they are of."""
    left, right = st.columns([1, 1])
    with left:
        measure = controls.look("compare.measure", MEASURES, t("compare.measure"), "measure")
    top = "10"
    if measure == "overlap":
        with right:
            top = controls.look("compare.top", TOPS, t("compare.top"), names=lambda share: f"{share} %", flat=True)
    names, heats = [], []
    for (number, method), mapped in maps.by_place.items():
        if mapped.found is not None and mapped.heat.shape == what.page.image.shape[1:]:
            title = method_name(method)
            names.append(title if len(what.rows) == 1 else f"{title} ({number + 1})")
            heats.append(np.asarray(mapped.heat))
    if len(what.rows) > 1:
        st.caption(" · ".join(f"({number + 1}) {inert(row.title)}" for number, row in enumerate(what.rows)))
    if len(names) < 2:
        st.info(t("compare.one_map"), icon=":material/grid_off:")
        return
    found = play.once(
        ("agreement", what.whole_key, measure, top),
        lambda: agreement.matrix(dict(zip(names, heats, strict=True)), measure, int(top) / 100),
    )
    show.chart(
        charts.matrix(names, found, low=0.0 if measure == "overlap" else -1.0),
        "compare-agreement",
        title=f"{t('options.compare_part.agreement')}: {t(f'options.measure.{measure}')}",
    )
    st.caption(t(f"compare.{measure}_meaning", top=top))
