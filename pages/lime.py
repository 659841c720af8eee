"""LIME: superpixels switched off at random, and a linear model that learns what each one is worth."""

import streamlit as st

from ui.frame import controls, export, formulas, layout
from ui.lime import panels
from ui.running import play
from ui.texts import t
from ui.viewer import show
from ui.viewer.viewer import viewer
from vizcore.pictures import cutouts
from vizcore.techniques import lime, superpixels

SEGMENTATION = {
    "slic": ("segments", "compactness", "smoothing"),
    "quickshift": ("kernel_size", "max_dist", "ratio"),
    "felzenszwalb": ("scale", "smoothing", "min_size"),
}
CLOSER = {"fit": panels.fit, "samples": panels.samples, "best": panels.best}
MODEL = {"adaline": ("learning_rate", "epochs", "alpha"), "ridge": ("alpha",)}

with layout.page("lime") as page:
    params = page.params(lime.Lime)
    right, left = st.columns([2, 1], gap="large")
    with left, st.container(key="settings"):
        st.subheader(t("controls.heading"), anchor=False)
        params = controls.choose("lime", params, ("samples", "algorithm"))
        params = controls.choose("lime", params, SEGMENTATION[params.algorithm])
        params = controls.choose("lime", params, ("fill", "model"))
        sooner = ("half",) * (params.half or page.clf.short_format is not None)
        params = controls.choose("lime", params, (*MODEL[params.model], "output", "seed", *sooner))
        controls.reset("lime", lime.Lime)
    segments = play.once(
        ("segments", *page.picture_key, params.settings()), lambda: superpixels.segment(page.image, params)
    )
    count = int(segments.max()) + 1

    def draw(result: lime.LimeMap | None = None) -> None:
        viewer(
            "lime",
            page.image,
            t("lime.map", name=page.class_name),
            heat=None if result is None else result.heat(),
            unit=t(f"options.output.{params.output}"),
            meaning=t("lime.meaning"),
            waiting=result is None,
        )

    with right:
        weights, cut = st.columns(2)
        with weights:
            st.markdown(f"**{t('lime.map', name=page.class_name)}**")
            draw()
        with cut:
            st.markdown(f"**{t('lime.segments', count=count)}**")
            show.picture(
                cutouts.outlines(page.image, segments, scale=max(1, show.DISPLAY // page.image.shape[1])),
                alt=t("lime.segments", count=count),
            )
        status = st.container()
        closer = controls.look("lime.closer", (*CLOSER, "switch"), t("lime.closer"), "lime", flat=True)
        below = st.container()
        if closer == "switch":
            with below:  # before the map, which may take long: a click is answered at once
                switches = panels.switch(page, params, segments)
        earlier = play.previous("lime")
        with status:
            result = play.play(
                "lime",
                ("lime", *page.key, params),
                lambda: lime.explain(
                    page.clf, page.image, page.target, params, samples=getattr(earlier, "samples", None)
                ),
                draw,
                unit="units.samples",
                cost=params.samples,
                pace=("lime", page.clf.checksum),
            )
        if result is not None:
            with status:
                panels.trust(result)
            with below:
                if closer == "switch":
                    panels.compare(page, result, switches)
                else:
                    CLOSER[closer](page, result)
    page.formula(formulas.lime(params, count))
    with left:
        export.offer(page, params, result)
        show.explain("lime")
