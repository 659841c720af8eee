"""Occlusion: a square slides over the picture, and the map shows where covering it lowers the score."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from ui.frame import controls, formulas, layout
from ui.frame.technique import beside, technique
from ui.occlusion import brushing, panels, sizes
from ui.running import play
from ui.texts import t
from ui.viewer import show
from vizcore.techniques import occlusion

CLOSER = ("brush", "classes", "sizes")

with layout.page("occlusion") as page:

    def settings() -> occlusion.Occlusion:
        return controls.choose("occlusion", page.params(occlusion.Occlusion))

    def results(params: occlusion.Occlusion, closer: DeltaGenerator) -> occlusion.OcclusionMap | None:
        drop, detail = beside()
        with drop:
            show.title(t("occlusion.map", name=page.class_name))
            event = panels.draw(page, params)
        if event.started:
            play.begin("occlusion")
        if event.x is not None and event.y is not None:
            panels.click(page, event.y, event.x)
            panels.draw(page, params)
        chosen = panels.cell(page, params)
        with detail:
            square = st.container(key="square")
            if chosen is None:
                st.caption(t("occlusion.cell"))
        if chosen is not None:
            with square:  # before the map, which may take long: a click is answered at once
                panels.square(page, params, chosen, "occlusion.covered")
        status = st.container()
        with closer:
            part = controls.closer("occlusion", "occlusion.closer", CLOSER, t("occlusion.closer"), "occlusion")
            below = st.container()
        if part == "brush":
            with below:  # before the map, which may take long: brushing is answered at once
                brushing.brush(page, params)
        with status:
            result = play.play(
                "occlusion",
                ("occlusion", *page.key, params),
                lambda: occlusion.occlude(page.clf, page.image, page.target, params),
                lambda estimate: panels.draw(page, params, estimate),
                unit="units.windows",
                cost=occlusion.passes(page.clf, params),
                pace=("occlusion", page.clf.checksum),
                ask=lambda start: panels.draw(page, params, start=start),
                later=below if part == "classes" else None,
            )
        strongest = None if result is None else panels.strongest(result)
        if chosen is None and strongest is not None:
            with square:
                panels.square(page, params, strongest, "occlusion.strongest")
        with below:
            if part == "classes" and result is not None:
                panels.classes(page, result)
            elif part == "sizes":
                sizes.sizes(page, params)
        return result

    technique(page, settings, results, formula=formulas.occlusion, of=occlusion.Occlusion)
