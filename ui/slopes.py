"""What the saliency page shows below its two maps: convergence, the Taylor check, noisy copies, other methods."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import streamlit as st
import torch
from torch import Tensor

from ui import formulas, play, show
from ui.frame import Frame
from ui.texts import t
from ui.viewer import viewer
from vizcore import figures, gradcam, integrated, saliency, taylor

VIEWS: dict[str, Callable[[saliency.SaliencyMap], Tensor]] = {
    "absolute": saliency.absolute_max,
    "signed": saliency.signed,
    "times_input": saliency.times_input,
}
COPIES = 6
CARD = 168  # pixels: two in a row on a telephone, three beside the settings
REACH = 4.0  # how far past the break-down the line and the network are drawn, in break-down radii


@dataclass(frozen=True, eq=False)
class Looking:
    """What the page shows: its settings, the chosen view of a map, and SmoothGrad's latest estimate."""

    page: Frame
    params: saliency.SmoothGrad
    view: str
    latest: saliency.SaliencyMap


def convergence(what: Looking) -> None:
    """How much each further noisy copy still moves the average."""
    curve = figures.lines(
        torch.arange(1, what.latest.step + 1),
        {t("saliency.smoothgrad"): what.latest.changes},
        x_title=t("saliency.copies_title"),
        y_title=t("saliency.change_title"),
        height=220,
    )
    st.caption(t("saliency.convergence"))
    show.chart(curve, "saliency-convergence")


def check(what: Looking) -> None:
    """The Taylor check: the score on straight ways from the picture against the line that the gradient promises."""
    page, params = what.page, taylor.Taylor(seed=what.params.seed, output=what.params.output)
    st.markdown(t("saliency.taylor"))
    st.latex(formulas.gradient(params.output))
    found = play.play(
        "saliency-taylor",
        ("taylor", *page.key, params),
        lambda: taylor.taylor_check(page.clf, page.image, page.target, params),
        lambda _: None,
        unit="units.passes",
        cost=(2 + params.directions) * taylor.RADII[2],
        pace=("taylor", page.clf.checksum),
    )
    if found is None or found.step < found.of:
        return
    st.markdown(_verdict(found, params, page.image.numel()))
    left, right = st.columns(2)
    y = t(f"saliency.change_{params.output}")
    with left:
        st.caption(t("saliency.taylor_along"))
        show.chart(_both_ways(found, y), "saliency-taylor-along")
    with right:
        st.caption(t("saliency.taylor_sideways"))
        show.chart(_one_way(found, _middle(found), y), "saliency-taylor-sideways")
    st.caption(t("saliency.taylor_error"))
    show.chart(_errors(found, params), "saliency-taylor-error")


def _verdict(found: taylor.TaylorCheck, params: taylor.Taylor, values: int) -> str:
    """Where the line breaks down, and how much that is per value of the picture."""
    if found.slope == 0:
        return t("saliency.taylor_flat")
    up, down, middle = (float(found.radius[k]) for k in (0, 1, _middle(found)))
    text = t(
        "saliency.taylor_radius",
        percent=100 * params.tolerance,
        up=_distance(up),
        down=_distance(down),
        random=_distance(middle),
        count=params.directions,
    )
    rise = abs(float(found.linear[_middle(found), -1]) - found.score) / taylor.RADII[1]  # per unit of distance
    if rise > 0:
        text += " " + t("saliency.taylor_flatter", times=found.slope / rise)
    if math.isfinite(up):
        text += " " + t("saliency.taylor_levels", radius=up, levels=255 * up / math.sqrt(values))
    return text


def _distance(radius: float) -> str:
    return f"{radius:.2g}" if math.isfinite(radius) else t("saliency.taylor_never", last=taylor.RADII[1])


def _middle(found: taylor.TaylorCheck) -> int:
    """The random direction whose radius lies in the middle."""
    return 2 + int(found.radius[2:].argsort()[(len(found.radius) - 3) // 2])


def _reach(found: taylor.TaylorCheck, *directions: int) -> int:
    """How many radii to draw: a little past the break-down in every one of ``directions``."""
    farthest = max(float(found.radius[k]) for k in directions)
    return max(2, int((found.radii <= REACH * farthest).sum()))


def _both_ways(found: taylor.TaylorCheck, y: str) -> Any:
    count = _reach(found, 0, 1)
    radii = found.radii[:count]
    here = torch.zeros(1, dtype=torch.float64)
    distances = torch.cat([-radii.flip(0), here, radii])
    changes = ([side[k, :count] - found.score for k in (1, 0)] for side in (found.actual, found.linear))
    real, line = (torch.cat([down.flip(0), here, up]) for down, up in changes)
    return _against(distances, real, line, y)


def _one_way(found: taylor.TaylorCheck, direction: int, y: str) -> Any:
    count = _reach(found, direction)
    real, line = (side[direction, :count] - found.score for side in (found.actual, found.linear))
    return _against(found.radii[:count], real, line, y)


def _against(distances: Tensor, real: Tensor, line: Tensor, y: str) -> Any:
    curves = {t("saliency.real"): real, t("saliency.line"): line}
    return figures.lines(distances, curves, x_title=t("saliency.distance"), y_title=y, height=260)


def _errors(found: taylor.TaylorCheck, params: taylor.Taylor) -> Any:
    """Relative errors over the distance, both on logarithmic axes; zero has no place there and is left out."""
    error = torch.where(found.error > 0, found.error, torch.nan)
    curves = {
        t("saliency.along"): error[0],
        t("saliency.against"): error[1],
        t("saliency.random"): error[_middle(found)],
        t("saliency.tolerance", percent=100 * params.tolerance): torch.full_like(found.radii, params.tolerance),
    }
    figure = figures.lines(
        found.radii, curves, x_title=t("saliency.distance"), y_title=t("saliency.error_title"), height=280
    )
    return figure.update_xaxes(type="log", dtick=1).update_yaxes(type="log", dtick=1)


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
    st.markdown(t("saliency.copies", count=count))
    one = what.latest
    maps = [VIEWS[what.view](saliency.SaliencyMap(grad, 0.0, one.image, one.reference)) for grad in grads]
    limit = figures.robust_limit(torch.stack(maps))  # one for all: they are to be compared
    with st.container(horizontal=True):
        for k in range(count):
            with st.container(width=CARD, gap="xsmall"):
                caption = t("saliency.copy", number=k + 1, percent=100 * probabilities[k])
                st.image(figures.picture(noisy[k]), width="stretch", output_format="PNG", alt=caption)
                heat = figures.colours(maps[k], signed=what.view != "absolute", limit=limit)
                st.image(heat, caption=caption, width="stretch", output_format="PNG", alt=t("saliency.copy_map"))


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
    page, params = what.page, integrated.IntegratedGradients(output=what.params.output)
    unit = t(f"options.output.{params.output}")

    def draw(result: integrated.PathMap | None = None) -> None:
        viewer(
            "saliency-path",
            page.image,
            t("saliency.map", method=t("saliency.path"), name=page.class_name),
            heat=None if result is None else saliency.times_input(result),
            unit=unit,
            meaning=t("saliency.path_meaning"),
            waiting=result is None,
        )

    draw()
    result = play.play(
        "saliency-path",
        ("path", *page.key, params),
        lambda: integrated.integrated_gradients(page.clf, page.image, page.target, params),
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
    except ValueError:  # picture and class are the network's own, so it can only have no feature maps
        st.info(t("saliency.no_cam"), icon=":material/grid_off:")
        return
    viewer(
        "saliency-cam",
        page.image,
        t("saliency.map", method=t("saliency.cam"), name=page.class_name),
        heat=found.upsampled,
        signed=False,
        unit=t(f"options.output.{params.output}"),
        meaning=t("saliency.cam_meaning", layer=found.layer),
    )
    height, width = found.signed.shape
    st.caption(t("saliency.cam_size", height=height, width=width))


PARTS: dict[str, Callable[[Looking], None]] = {
    "convergence": convergence,
    "taylor": check,
    "copies": copies,
    "others": others,
}
