"""Occlusion: a square slides over the picture, and the map shows where covering it lowers the score."""

import streamlit as st

from ui import controls, details, export, formulas, frame, play, show
from ui.texts import t
from ui.viewer import Event, viewer
from vizcore import occlusion

with frame.page("occlusion") as page:
    params = page.params(occlusion.Occlusion)
    right, left = st.columns([2, 1], gap="large")
    with left, st.container(key="settings"):
        st.subheader(t("controls.heading"), anchor=False)
        params = controls.choose("occlusion", params)
        controls.reset("occlusion", occlusion.Occlusion)

    def draw(result: occlusion.OcclusionMap | None = None) -> Event:
        return viewer(
            "occlusion",
            page.image,
            t("occlusion.map", name=page.class_name),
            heat=None if result is None else result.heat(),
            unit=t(f"options.output.{params.output}"),
            meaning=t("occlusion.meaning"),
            mode="click",
            waiting=result is None,
        )

    with right:
        drop, detail = st.columns([3, 2])
        with drop:
            st.markdown(f"**{t('occlusion.map', name=page.class_name)}**")
            event = draw()
        if event.x is not None:
            st.session_state["look.occlusion.cell"] = (page.source.digest, event.y, event.x)
        result = play.play(
            "occlusion",
            ("occlusion", *page.key, params),
            lambda: occlusion.occlude(page.clf, page.image, page.target, params),
            draw,
            unit="units.windows",
            cost=occlusion.passes(page.clf, params),
            pace=("occlusion", page.clf.checksum),
        )
        with detail:
            details.covered(page, params, result)
        if result is not None:
            details.classes_under_occlusion(page, result)
    page.formula(formulas.occlusion(params))
    with left:
        export.offer(page, params, result)
        show.explain("occlusion")
