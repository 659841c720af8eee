"""LIME: superpixels switched off at random, and a linear model that learns what each one is worth."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from ui.frame import controls, formulas, layout
from ui.frame.technique import technique
from ui.lime import panels
from ui.running import play
from ui.texts import t
from ui.viewer import show
from vizcore.techniques import lime, superpixels

SEGMENTATION = {
    "slic": ("segments", "compactness", "smoothing"),
    "quickshift": ("kernel_size", "max_dist", "ratio"),
    "felzenszwalb": ("scale", "smoothing", "min_size"),
}
CLOSER = {"fit": panels.fit, "samples": panels.samples, "best": panels.best}
MODEL = {"adaline": ("learning_rate", "epochs", "alpha"), "ridge": ("alpha",)}

with layout.page("lime") as page:

    def settings() -> panels.Settings:
        params = controls.choose("lime", page.params(lime.Lime), ("samples", "algorithm"))
        first, *others = SEGMENTATION[params.algorithm]
        params = controls.choose("lime", params, (first, "fill"))
        offered = ("half",) * (params.half or page.clf.short_format is not None)
        params = controls.more(
            "lime", params, (*others, "model", "output", "sampling", "seed", "settled", *offered, *MODEL[params.model])
        )
        segments = play.once(
            ("segments", *page.picture_key, params.settings()), lambda: superpixels.segment(page.image, params)
        )
        return panels.Settings(params, segments)

    def results(chosen: panels.Settings, closer: DeltaGenerator) -> lime.LimeMap | None:
        params, off = chosen.params, panels.off(page, chosen)
        with st.container(key="pair"):
            weights, cut = st.columns(2)
        with weights:
            show.title(t("lime.map", name=page.class_name))
            event = panels.draw(page, params)
        if event.started:
            play.begin("lime")
        with cut:
            panels.outlines(page, chosen)
            beneath = st.container(key="part-bars")
        status = st.container()
        with closer:
            part = controls.closer("lime", "lime.closer", (*CLOSER, "switch"), t("lime.closer"), "lime")
            below = st.container()
        if part == "switch":
            with below:  # before the map, which may take long: a click is answered at once
                switches = panels.switch(page, params, chosen.segments, off)
        earlier = play.previous("lime")
        with status:
            result = play.play(
                "lime",
                ("lime", *page.key, params),
                lambda: lime.explain(
                    page.clf, page.image, page.target, params, samples=getattr(earlier, "samples", None)
                ),
                lambda estimate: panels.draw(page, params, estimate),
                unit="units.samples",
                cost=params.samples,
                pace=("lime", page.clf.checksum),
                ask=lambda start: panels.draw(page, params, start=start),
                later=below if part != "switch" else None,
            )
        if result is not None:
            with beneath:
                panels.weights(result)
            with status:
                panels.trust(result)
            with below:
                if part == "switch":
                    panels.compare(page, result, switches)
                else:
                    CLOSER[part](page, result)
        return result

    technique(page, settings, results, formula=lambda chosen: formulas.lime(chosen.params, chosen.count), of=lime.Lime)
