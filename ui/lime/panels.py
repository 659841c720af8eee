"""What the page of LIME shows besides its map: how well the line fits, its samples, the best superpixels, switches."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
import streamlit as st
import torch
from streamlit.delta_generator import DeltaGenerator
from torch import Tensor

from ui.frame import marks
from ui.frame.layout import Frame
from ui.running import play
from ui.texts import number, t
from ui.viewer import show, shown
from ui.viewer.bars import bars
from ui.viewer.cards import cards
from ui.viewer.viewer import Event, viewer
from vizcore.pictures import cutouts, figures, panels
from vizcore.pictures.colours import CATEGORICAL
from vizcore.techniques import adaline, lime

_OFF = "lime.off"  # in the link
_CARD = 140  # pixels: four beside the settings, two in a row on a telephone
_SHOWN = 8  # sub-images
_ROWS = 48  # of the picture of vectors: more would be thinner than a line of text is high
_POINTS = 200  # of a curve
_SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


@dataclass(frozen=True, eq=False)
class Settings:
    """The technique's parameters, and the superpixels that they lead to."""

    params: lime.Lime
    segments: Tensor  # (H,W) of 0..l-1

    @property
    def count(self) -> int:
        """How many superpixels there are."""
        return int(self.segments.max()) + 1


def draw(page: Frame, params: lime.Lime, result: lime.LimeMap | None = None, start: str = "") -> Event:
    """The weights over the picture; until there is a result the picture, with a button ``start``."""
    return viewer(
        "lime",
        page.image,
        t("lime.map", name=page.class_name),
        heat=None if result is None else result.heat(),
        unit=t(f"viewer.unit_{params.output}"),
        meaning=t("lime.meaning"),
        waiting=result is None,
        start=start,
        parts=None if result is None else result.segments,
        part=t("viewer.superpixel"),
    )


def outlines(page: Frame, chosen: Settings) -> None:
    """The picture with the borders of its superpixels."""
    title = t("lime.segments", count=chosen.count)
    show.title(title)
    scale = max(1, show.DISPLAY // page.image.shape[1])
    picture = cutouts.outlines(page.image, chosen.segments, scale=scale)
    shown.keep("lime-segments", title, lambda: panels.Tile(title, picture))
    show.picture(picture, alt=title)


def weights(result: lime.LimeMap) -> None:
    """The superpixels' weights as bars, the largest first."""
    order = result.weights.argsort(descending=True)
    values, errors = result.weights[order].tolist(), result.errors[order].tolist()
    known = errors if not math.isnan(result.error) else None  # unknown while there are too few samples
    part, label = t("viewer.superpixel"), t("lime.bars")
    bars("lime-bars", order.tolist(), values, label, part=part, group="page", curve="w{n}", errors=known)


def trust(result: lime.LimeMap) -> None:
    """How far to trust the linear model: R^2 always, and what to beware of."""
    st.markdown(t("lime.r2", value=result.r2, percent=100 * max(0.0, result.r2)))
    if not math.isnan(result.error):
        st.caption(t("lime.error", percent=100 * result.error))
    if result.step == result.of < result.params.samples:
        st.caption(t("lime.settled", samples=result.step))
    if result.samples.kind is not None and result.rounding is not None:
        st.caption(t("lime.half", percent=100 * result.rounding))
    for name in result.warnings:
        text = t(
            f"lime.warn_{name}",
            samples=result.step,
            count=len(result.weights),
            r2=result.r2,
            rate=result.params.learning_rate,
            used=result.learning_rate or 0.0,
            percent=100 * (result.rounding or 0.0),
        )
        st.warning(text, icon=":material/warning:")


def fit(_page: Frame, result: lime.LimeMap) -> None:
    """Predicted against actual, and how ADALINE came to its weights."""
    left, right = st.columns(2)
    with left:
        st.caption(t("lime.scatter"))
        titles = (t("lime.actual"), t("lime.predicted"))
        show.chart(
            figures.scatter(result.predicted, result.scores, titles=titles, height=300),
            "lime-scatter",
            title=t("lime.scatter"),
        )
    if result.history is None:
        return
    at = _epochs(result.history)
    epoch, weight = t("lime.epoch_title"), t("lime.weight_title")
    with right:
        st.caption(t("lime.history"))
        errors = {"ADALINE": result.history.error[at].clamp(min=1e-30)}  # the axis is logarithmic
        chart = figures.lines(at, errors, x_title=epoch, y_title=t("lime.error_title"), height=300)
        curve = errors["ADALINE"]
        whole = {"dtick": 1} if float(curve.max() / curve.min()) > 100 else {"nticks": 6}  # whole decades
        chart.update_yaxes(type="log", exponentformat="power", **whole)
        show.chart(chart, "lime-history", title=t("lime.history"))
    st.caption(t("lime.growth"))
    largest = result.weights.abs().argsort(descending=True)[: len(CATEGORICAL)].tolist()
    curves = {f"w{str(k).translate(_SUBSCRIPTS)}": result.history.weights[at, k] for k in largest}
    chart = figures.lines(at, curves, x_title=epoch, y_title=weight, height=320)
    chart.update_layout(margin_t=60).update_yaxes(exponentformat="power")
    show.chart(chart, "lime-growth", title=t("lime.growth"))


def _epochs(history: adaline.History) -> list[int]:
    last = len(history.error) - 1
    return sorted({round(epoch) for epoch in np.linspace(0, last, min(last + 1, _POINTS)).tolist()})


def samples(page: Frame, result: lime.LimeMap) -> None:
    """A few of the sub-images with the network's answer and the model's, and the vectors that they are drawn from."""
    order = result.scores.argsort(stable=True)
    ranks = np.linspace(0, len(order) - 1, min(_SHOWN, len(order))).round().astype(int)
    heading = t("lime.samples", count=len(ranks), of=result.step)
    st.caption(heading)
    with cards("samples", len(ranks), _CARD):
        for k in order[ranks].tolist():
            with st.container():
                picture = lime.reconstruct(page.clf, page.image, result.segments, result.vectors[k], result.params.fill)
                caption = f"{number(float(result.scores[k]), '.4g')} / {number(float(result.predicted[k]), '.4g')}"
                show.picture(picture, caption, keep=f"sample-{k}", within=("lime-samples", heading))
    rows = np.linspace(len(order) - 1, 0, min(_ROWS, len(order))).round().astype(int)
    columns = result.weights.argsort(descending=True)
    st.caption(t("lime.vectors"))
    drawn = cutouts.vectors(result.vectors[order[rows]][:, columns], (5 * len(rows), 1024))
    show.picture(drawn, alt=t("lime.vectors"), keep="lime-vectors")


def best(page: Frame, result: lime.LimeMap) -> None:
    """Only the superpixels that speak most for the class, and only those that speak most against it."""
    most = min(20, len(result.weights))
    key = "look.lime.best"
    st.session_state[key] = min(st.session_state.get(key, 5), most)  # other settings may leave fewer superpixels
    count = st.slider(t("lime.best"), 1, most, key=key) if most > 1 else 1
    for favour, place in zip((True, False), st.columns(2), strict=True):
        signed = result.weights if favour else -result.weights
        taken = [k for k in signed.argsort(descending=True)[:count].tolist() if signed[k] > 0]
        on = torch.zeros(len(signed), dtype=torch.bool)
        on[taken] = True
        total = float(result.weights[taken].sum())
        with place:
            text = t(f"lime.best_{'for' if favour else 'against'}", count=len(taken), name=page.class_name, sum=total)
            picture = cutouts.best(page.image, result.segments, on, favour=favour, scale=2)
            group = ("lime-best", t("options.lime.best"))
            show.picture(picture, text if taken else t("lime.best_none"), keep=f"best-{favour}", within=group)


@dataclass(frozen=True, eq=False)
class Switches:
    """Which superpixels are on, bool (l,), and where the answers to that are to be shown."""

    on: Tensor
    place: DeltaGenerator


def off(page: Frame, chosen: Settings) -> frozenset[int]:
    """The superpixels that are switched off by hand; none, and none in the link, once there are others."""
    return frozenset(marks.numbers(marks.marked(_OFF, _of(page, chosen.params)), chosen.count, chosen.count))


def _of(page: Frame, params: lime.Lime) -> tuple[Hashable, ...]:
    return page.picture_key, params.settings()


def switch(page: Frame, params: lime.Lime, segments: Tensor, off: frozenset[int]) -> Switches:
    """The superpixels to click at: each click switches one off or on again."""
    of = _of(page, params)
    scale = max(1, 256 // page.image.shape[2])

    def draw() -> Event:
        picture = cutouts.chosen(page.image, segments, _on(off, segments), scale)
        pixels = torch.from_numpy(picture).permute(2, 0, 1) / 255  # (H,W,3) -> (3,H,W)
        look = {"pixelated": True, "group": "switch", "subject": page.source.digest}
        return viewer("lime-switch", pixels, t("lime.switch_label"), mode="click", **look)  # type: ignore[arg-type]

    left, right = st.columns([3, 2])
    with left:
        st.markdown(f"**{t('lime.switch')}**")
        event = draw()
        if event.x is not None and event.y is not None:
            off = off ^ {int(segments[event.y // scale, event.x // scale])}
            draw()
        marks.mark(_OFF, of, marks.written(sorted(off)))
        icon = ":material/restart_alt:"
        st.button(t("lime.switch_all"), key="lime.switch_all", icon=icon, on_click=marks.mark, args=(_OFF, of, ""))
    return Switches(_on(off, segments), right)


def _on(off: frozenset[int], segments: Tensor) -> Tensor:
    on = torch.ones(int(segments.max()) + 1, dtype=torch.bool)
    on[list(off)] = False
    return on


def compare(page: Frame, result: lime.LimeMap, switches: Switches) -> None:
    """The network's answer to what is left on beside the linear model's, each against its answer to the whole."""
    on, output = switches.on, result.params.output
    picture = lime.reconstruct(page.clf, page.image, result.segments, on, result.params.fill)
    name = hashlib.sha256(picture.contiguous().numpy().tobytes()).hexdigest()
    answer: Tensor = play.once(
        ("switched", *page.picture_key, output, name), lambda: page.clf.all_scores(picture[None], output)[0]
    )
    now = {"actual": float(answer[page.target]), "predicted": float(lime.predict(result, on))}
    whole = {"actual": result.score, "predicted": float(lime.predict(result, torch.ones_like(on)))}
    with switches.place:
        st.markdown(f"**{t('lime.switch_seen')}**")
        show.picture(picture, t("lime.switch_state", off=int((~on).sum()), count=len(on)), keep="lime-switched")
        for place, which in zip(st.columns(2), ("actual", "predicted"), strict=True):
            change = now[which] - whole[which]
            text = t("lime.switch_whole", change=change) if change else t("lime.switch_same")
            place.metric(t(f"lime.{which}"), number(now[which], ".3g"), border=True)
            place.caption(text)
        st.caption(t("lime.switch_hint"))
