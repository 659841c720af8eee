"""One step of a walk from the picture, and the whole walk as curves."""

from __future__ import annotations

import hashlib

import streamlit as st
from torch import Tensor

from ui.frame.classes import class_name
from ui.frame.layout import Frame
from ui.running import play
from ui.texts import inert, t
from ui.viewer import show
from vizcore.pictures import figures
from vizcore.techniques.smallest_change import GREY, levels, size
from vizcore.techniques.walk import WalkAnswers, along

__all__ = ["chart", "levels", "step"]
_ROWS = 5


def step(page: Frame, change: Tensor, target: int, answers: WalkAnswers, at: int, output: str) -> None:
    """The picture at the size number ``at`` of the walk, what has changed in it, and what the network answers."""
    picture = along(page.image, change, float(answers.sizes[at]))
    moved = picture - page.image
    most, root = levels(moved)
    st.markdown(t("changes.sizes", most=most, root=root, length=size(moved, "l2")))
    pictures, bars = st.columns([4, 3])
    with pictures, st.container(key="pair-changes"):
        seen, difference = st.columns(2)
    with seen:
        show.picture(picture, t("changes.picture"), keep="saliency-changed")
    with difference:
        largest = max(float(moved.abs().max()), 1e-12)
        times = 0.5 / largest if most > 0 else 1.0
        show.picture(0.5 + times * moved, t("changes.difference", times=times), keep="saliency-difference")
    with bars:
        _bars(page, target, answers, at)
    _verdict(page, target, answers, at, output)
    _rounded(page, picture, target)


def _bars(page: Frame, target: int, answers: WalkAnswers, at: int) -> None:
    """Five classes that keep their places on the whole way: those that answer most somewhere on it."""
    peaks = answers.probabilities.max(0).values  # (K,)
    ranked = [k for k in peaks.argsort(descending=True).tolist() if k != target][: _ROWS - 1]
    here = page.probabilities
    rows = sorted([target, *ranked], key=lambda k: -float(here[k]))
    now = answers.probabilities[at]
    show.bars(t("changes.bars"), [(class_name(page.clf, k), float(now[k]), k == target) for k in rows])


def _verdict(page: Frame, target: int, answers: WalkAnswers, at: int, output: str) -> None:
    """The linear promise, the network's answer, and what noise of the same size does."""
    zero = int((answers.sizes == 0).nonzero()[0])
    before = float(answers.actual[zero])
    noise = answers.noise[at] - before
    st.markdown(
        t(
            f"changes.verdict_{output}",
            name=inert(class_name(page.clf, target)),
            before=before,
            promised=float(answers.promised[at]) - before,
            actual=float(answers.actual[at]) - before,
            noise=float(noise.mean()),
            spread=float(noise.std(correction=0)),
            count=len(noise),
        )
    )


def _rounded(page: Frame, picture: Tensor, target: int) -> None:
    """What the network answers to the picture as a file keeps it."""
    whole = (picture * GREY).round() / GREY
    digest = hashlib.sha256(whole.contiguous().numpy().tobytes()).hexdigest()
    probabilities = play.once(
        ("rounded answer", *page.picture_key, digest), lambda: page.clf.all_scores(whole[None])[0]
    )
    best = int(probabilities.argmax())
    values = {"best": inert(class_name(page.clf, best)), "percent": 100 * float(probabilities[best])}
    st.caption(t("changes.file", **values))


def chart(way: str, answers: WalkAnswers, output: str) -> None:
    """The score on the way, the line that the gradient promises, and noise of the same sizes."""
    y = t(f"saliency.change_{output}")
    before = answers.actual[answers.sizes == 0]
    curves = {
        t("saliency.real"): answers.actual - before,
        t("saliency.line"): answers.promised - float(before),
        t("changes.noise"): answers.noise.mean(1) - before,
    }
    reach = _reach(answers, before)
    figure = figures.lines(
        answers.sizes[reach], {name: curve[reach] for name, curve in curves.items()},
        x_title=t(f"changes.axis_{way}"), y_title=y, height=260,
    )  # fmt: skip
    st.caption(t("changes.chart"))
    show.chart(figure, "saliency-changes", title=t("changes.chart"))


def _reach(answers: WalkAnswers, before: Tensor) -> Tensor:
    """Which sizes are drawn: where the line has left the network far behind, it would leave no room for it."""
    rise = (answers.actual - before).abs().max()
    return ((answers.promised - float(before)).abs() <= 3 * max(float(rise), 1e-9)) | (answers.sizes == 0)
