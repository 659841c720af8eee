"""What the saliency page shows below its two maps: convergence, the Taylor check, small changes, copies, others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import streamlit as st
import torch
from torch import Tensor

from ui.frame.layout import Frame
from ui.running import play
from ui.saliency import changes, taylor
from ui.saliency.maps import VIEWS, pool, unit
from ui.texts import t
from ui.texts.sentences import translated
from ui.viewer import show, shown
from ui.viewer.cards import cards
from ui.viewer.viewer import pooled_meaning, pooled_unit, viewer
from vizcore.networks.classifier import NetworkError
from vizcore.pictures import figures, panels, pooling
from vizcore.techniques import gradcam, integrated_gradients, saliency

COPIES = 6
CARD = 168  # pixels: two in a row on a telephone, three beside the settings


@dataclass(frozen=True, eq=False)
class Looking:
    """What the page shows: its settings, the chosen view of a map, and SmoothGrad's latest estimate."""

    page: Frame
    params: saliency.SmoothGrad
    view: str
    latest: saliency.SaliencyMap


def convergence(what: Looking) -> None:
    """How much each further noisy copy still moves the average, and how far off each pixel of it may be."""
    curve = figures.lines(
        torch.arange(1, what.latest.step + 1),
        {t("saliency.smoothgrad"): what.latest.changes},
        x_title=t("saliency.copies_title"),
        y_title=t("saliency.change_title"),
        height=220,
    )
    left, right = st.columns([3, 2])
    with left:
        st.caption(t("saliency.convergence"))
        show.chart(curve, "saliency-convergence", title=t("saliency.convergence"))
    found = what.latest.covariance
    if found is None or found.count < 2:
        return
    error = saliency.standard_error(what.latest, what.view)
    with right:
        viewer(
            "saliency-error",
            what.page.image,
            t("saliency.error"),
            heat=error,
            signed=False,
            limit=figures.robust_limit(error),
            unit=unit(what.view, what.params.output),
            meaning=t("saliency.error_meaning"),
            opacity=1.0,
        )
        st.caption(t("saliency.error_share", percent=100 * found.share()))


def copies(what: Looking) -> None:
    """A few of SmoothGrad's noisy copies, each with the map it gives by itself."""
    page, params = what.page, what.params
    count = min(COPIES, params.copies)

    def compute() -> tuple[Tensor, Tensor, list[float]]:
        noisy = saliency.noisy_copies(page.image, params, range(count))
        grads, _ = saliency.gradients(page.clf, noisy, page.target, params.output)
        return noisy.clamp(0, 1), grads, page.clf.scores(noisy, page.target, "probability").tolist()

    noisy, grads, probabilities = play.once(
        ("noisy", *page.key, params.noise, params.seed, params.output, count), compute
    )
    side = pool(page, what.view)
    st.markdown(pooled_meaning(t("saliency.copies", count=count), side))
    one = what.latest
    raw = [VIEWS[what.view](saliency.SaliencyMap(grad, 0.0, one.image, one.reference)) for grad in grads]
    maps = [pooling.means(heat, side) for heat in raw]
    end = figures.robust_limit(np.stack(maps))  # one for all: they are to be compared
    with cards("copies", count, CARD):
        for k in range(count):
            with st.container(gap="xsmall"):
                caption = t("saliency.copy", number=k + 1, percent=100 * probabilities[k])
                pair = (
                    figures.picture(noisy[k]),
                    figures.colours(maps[k], signed=what.view != "absolute", limit=end),
                )
                _keep_copy(k, caption, pair, (end, what.view != "absolute", pooled_unit("", side)))
                st.image(pair[0], width="stretch", output_format="PNG", alt=caption)
                st.image(pair[1], caption=caption, width="stretch", output_format="PNG", alt=t("saliency.copy_map"))


def _keep_copy(
    k: int, caption: str, pair: tuple[figures.Picture, figures.Picture], scale: tuple[float, bool, str]
) -> None:
    """Let one noisy copy and its map be taken along with the others."""
    t_map = t("saliency.copy_map")
    group = {"within": "saliency-copies", "heading": t("options.saliency_part.copies")}
    shown.keep(f"copy-{k}", caption, lambda: panels.Tile(caption, pair[0]), **group)
    shown.keep(f"map-{k}", caption, lambda: panels.Tile(t_map, pair[1], *scale), **group)


def others(what: Looking) -> None:
    """Integrated gradients and Grad-CAM on the same picture and class, for comparison."""
    st.markdown(t("saliency.others"))
    left, right = st.columns(2)
    with left:
        st.markdown(f"**{t('saliency.path')}**")
        _path(what)
    with right:
        st.markdown(f"**{t('saliency.cam')}**")
        _cam(what)


def _path(what: Looking) -> None:
    page, params = what.page, integrated_gradients.IntegratedGradients(output=what.params.output)
    score_unit = t(f"viewer.unit_{params.output}")

    def draw(result: integrated_gradients.PathMap | None = None) -> None:
        viewer(
            "saliency-path",
            page.image,
            t("saliency.map", method=t("saliency.path"), name=page.class_name),
            heat=None if result is None else saliency.times_input(result),
            unit=score_unit,
            meaning=t("saliency.path_meaning"),
            waiting=result is None,
            pool=pool(page, "times_input"),
        )

    draw()
    result = play.play(
        "saliency-path",
        ("path", *page.key, params),
        lambda: integrated_gradients.integrated_gradients(page.clf, page.image, page.target, params),
        draw,
        unit="units.steps",
        cost=params.steps,
        pace=("path", page.clf.checksum),
    )
    if result is not None and result.step >= result.of:
        total, rise = float(saliency.times_input(result).sum()), result.score - result.reference_score
        st.caption(t("saliency.path_sum", sum=total, rise=rise))


def _cam(what: Looking) -> None:
    page, params = what.page, gradcam.GradCam(output=what.params.output)
    try:
        found = play.once(
            ("cam", *page.key, params), lambda: gradcam.grad_cam(page.clf, page.image, page.target, params)
        )
    except NetworkError as error:
        st.info(translated(str(error)), icon=":material/grid_off:")
        return
    viewer(
        "saliency-cam",
        page.image,
        t("saliency.map", method=t("saliency.cam"), name=page.class_name),
        heat=found.upsampled,
        signed=False,
        unit=t(f"viewer.unit_{params.output}"),
        meaning=t("saliency.cam_meaning", layer=found.layer),
    )
    height, width = found.signed.shape
    st.caption(t("saliency.cam_size", height=height, width=width))


PARTS: dict[str, Callable[[Looking], None]] = {
    "convergence": convergence,
    "taylor": lambda what: taylor.check(what.page, what.params.output, what.params.seed),
    "changes": lambda what: changes.small_changes(what.page, what.params),
    "copies": copies,
    "others": others,
}
