"""Occlusion: a square slides over the picture, and the map shows where covering it lowers the score."""

import streamlit as st

from ui.frame import controls, export, formulas, layout
from ui.occlusion import panels
from ui.running import play
from ui.texts import t
from ui.viewer import show
from ui.viewer.viewer import Event, viewer
from vizcore.techniques import occlusion

CLOSER = ("classes", "brush", "sizes")

with layout.page("occlusion") as page:
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
            box=panels.box(page, params),
            waiting=result is None,
        )

    with right:
        drop, detail = st.columns([3, 2])
        with drop:
            st.markdown(f"**{t('occlusion.map', name=page.class_name)}**")
            event = draw()
        if event.x is not None and event.y is not None:
            panels.click(page, event.y, event.x)
            draw()
        with detail:
            panels.square(page, params)
        status = st.container()
        closer = controls.look("occlusion.closer", CLOSER, t("occlusion.closer"), "occlusion")
        below = st.container()
        if closer == "brush":
            with below:  # before the map, which may take long: brushing is answered at once
                panels.brush(page, params)
        with status:
            result = play.play(
                "occlusion",
                ("occlusion", *page.key, params),
                lambda: occlusion.occlude(page.clf, page.image, page.target, params),
                draw,
                unit="units.windows",
                cost=occlusion.passes(page.clf, params),
                pace=("occlusion", page.clf.checksum),
            )
        with below:
            if closer == "classes" and result is not None:
                panels.classes(page, result)
            elif closer == "sizes":
                panels.sizes(page, params)
    page.formula(formulas.occlusion(params))
    with left:
        export.offer(page, params, result)
        show.explain("occlusion")
