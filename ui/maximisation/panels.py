"""What the page of input maximisation shows of an ascent: the picture, its three scores, curves, and what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from ui.frame.layout import Frame
from ui.maximisation import strips, units
from ui.maximisation.ascending import Ascending
from ui.texts import number, percent, t
from ui.viewer import show
from ui.viewer.viewer import Event, viewer
from vizcore.pictures import figures
from vizcore.techniques import maximize


def draw(page: Frame, ascent: maximize.Ascent | None, *, waiting: bool = False, start: str = "") -> Event:
    """The picture as it is now, dimmed while it is still another one; the mean colour until there is one."""
    shown = ascent.image if ascent is not None else show.blank(page.clf)
    label = t("maximisation.picture", name=units.name(page))
    return viewer("maximisation", shown, label, waiting=waiting, start=start, subject=label)


def curves(page: Frame, result: maximize.Ascent, params: maximize.Maximisation, box: Any, count: int) -> None:
    """Where the ascent stands: both meanings of the score as numbers, and score, penalty and objective as curves.

    A channel's value has one meaning.

    ``count`` counts the drawings in one run of the script, in which no chart's key may come twice.
    """
    with box, st.container():
        here, there = (t("maximisation.probability"), t("maximisation.logit"))
        if params.output == "logit":
            there = f"{there} {t('maximisation.climbed')}"
        else:
            here = f"{here} {t('maximisation.climbed')}"
        with st.container(horizontal=True):  # side by side on a telephone, too
            if page.channel is None:
                st.metric(here, percent(result.probability))
                st.metric(there, number(result.logit, ".2f"))
            else:
                st.metric(t("maximisation.value"), number(result.logit, ".3g"))
        score = t(f"options.output.{params.output}") if page.channel is None else t("maximisation.value")
        lines: dict[str, tuple[float, ...]] = {score: result.scores, t("maximisation.penalty"): result.penalties}
        lines[t("maximisation.objective")] = result.objectives
        st.caption(t("maximisation.curves"))
        figure = _over_steps(result, lines, 320).update_layout(margin_t=56)  # the legend may need two rows here
        show.chart(figure, f"maximisation-curves-{count}", title=t("maximisation.curves"))


def scores(_: Ascending, result: maximize.Ascent) -> None:
    """Probability beside logit, step by step: the one saturates, the other goes on."""
    left, right = st.columns(2)
    for place, name, values in (
        (left, "probability", result.probabilities),
        (right, "logit", result.logits),
    ):
        with place:
            st.caption(t(f"maximisation.{name}"))
            show.chart(
                _over_steps(result, {name: values}, 240), f"maximisation-{name}", title=t(f"maximisation.{name}")
            )
    st.markdown(t("maximisation.scores"))


def value(_: Ascending, result: maximize.Ascent) -> None:
    """A channel's value, step by step."""
    name = t("maximisation.value")
    show.chart(_over_steps(result, {name: result.logits}, 240), "maximisation-value", title=name)


def _over_steps(result: maximize.Ascent, lines: dict[str, tuple[float, ...]], height: int) -> Any:
    steps = range(len(result.scores))
    return figures.lines(
        steps, lines, x_title=t("maximisation.step_title"), x_range=(0.0, float(result.of)), height=height
    )


def gauge(page: Frame, result: maximize.Ascent, params: maximize.Maximisation) -> None:
    """The three scores of the picture, which differ: of I itself, under transformations, and of what one sees."""
    measured = result.measured
    if measured is None:
        return
    if page.channel is not None:
        values = zip(SCORED, measured.logits, strict=True)
        rows = [f"| {t(f'maximisation.{name}')} | {number(value, '.3g')} |" for name, value in values]
        st.markdown("\n".join([f"| | {t('maximisation.value')} |", "| --- | ---: |", *rows]))
        st.caption(t("maximisation.clipped_note"))
        return
    climbed = t("maximisation.climbed")
    heads = [
        t(f"maximisation.{name}") + (f" {climbed}" if name == params.output else "")
        for name in ("probability", "logit")
    ]
    rows = [f"| | {heads[0]} | {heads[1]} |", "| --- | ---: | ---: |"]
    for name, probability, logit in zip(SCORED, measured.probabilities, measured.logits, strict=True):
        rows.append(f"| {t(f'maximisation.{name}')} | {percent(probability)} | {number(logit, '.2f')} |")
    st.markdown("\n".join(rows))
    st.caption(t("maximisation.clipped_note"))


def remarks(result: maximize.Ascent) -> None:
    """Where the start had to be made louder, or nothing in the network answers to I."""
    if not result.answers:
        st.warning(t("maximisation.dead"), icon=":material/notifications_off:")
    elif result.noise > maximize.START_NOISE:
        text = t("maximisation.louder", noise=result.noise, usual=maximize.START_NOISE)
        st.info(text, icon=":material/volume_up:")


SCORED = ("of_itself", "of_moved", "of_clipped")
PARTS: dict[str, Callable[[Ascending, maximize.Ascent], None]] = {
    "scores": scores,  # first: it asks for no further computation
    "value": value,
    "alone": strips.plain,
    "seeds": strips.seeds,
    "lambdas": strips.lambdas,
}


def parts(page: Frame) -> list[str]:
    """Those that can be looked at: a channel has no probability to set beside its value."""
    other = "value" if page.channel is None else "scores"
    return [name for name in PARTS if name != other]
