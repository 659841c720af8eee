"""What a hall has answered, shown: counts of the options, numbers in bins, mean ranks, or how many marked a place."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import streamlit as st
from torch import Tensor, as_tensor

from ui.hall import packing, tallies
from ui.learn import exhibits, words
from ui.texts import number, t
from ui.viewer import show
from vizcore.lessons.answers import Choose, Draw, Number, Order
from vizcore.lessons.lesson import Step
from vizcore.lessons.truths import Map, Picture, Truth


def draw(step: Step, truth: Truth, answers: Sequence[str], revealed: bool) -> None:
    """The tally of the ``answers``, as a room keeps them; what is true stands out once it is ``revealed``."""
    answer = step.question.answer
    with st.container(key="tally"):
        if not answers:
            st.info(t("hall.nobody"), icon=":material/hourglass_empty:")
            return
        if isinstance(answer, Choose):
            _options(answer, truth, answers, revealed)
        elif isinstance(answer, Number):
            _numbers(answer, truth, answers, revealed)
        elif isinstance(answer, Order):
            _ranks(answer, answers)
        else:
            _cells(truth, answers)
        if revealed and not isinstance(answer, Draw):
            _outcomes(step, truth, answers)


def _options(answer: Choose, truth: Truth, answers: Sequence[str], revealed: bool) -> None:
    counts = tallies.chosen(answers, [one.id for one in answer.options])
    whole = sum(counts) or 1
    rows = [
        (f"{words.called(one)} ({count})", count / whole, revealed and one.id == truth.value)
        for one, count in zip(answer.options, counts, strict=True)
    ]
    show.bars(t("hall.tally", count=sum(counts)), rows)


def _numbers(answer: Number, truth: Truth, answers: Sequence[str], revealed: bool) -> None:
    found = tallies.guessed(answers, answer.low, answer.high)
    whole, last = sum(found.counts) or 1, len(found.counts) - 1
    true = truth.value if isinstance(truth.value, float | int) else math.nan
    rows = []
    for at, (low, high, count) in enumerate(zip(found.edges, found.edges[1:], found.counts, strict=False)):
        within = low <= true < high or (at == last and true == high)
        rows.append((f"{number(low)} – {number(high)} ({count})", count / whole, revealed and within))
    show.bars(t("hall.tally", count=sum(found.counts)), rows)
    st.markdown(t("hall.median", middle=words.measured(found.median, answer)))


def _ranks(answer: Order, answers: Sequence[str]) -> None:
    """How many put each first, in the order of the mean places."""
    found = tallies.ordered(answers, [one.id for one in answer.options])
    if not found.count:
        return
    names = map(words.called, answer.options)
    ranked = sorted(zip(found.mean, found.first, names, strict=True))
    rows = [(t("hall.place", name=name, mean=mean), first / found.count, False) for mean, first, name in ranked]
    show.bars(t("hall.ranks", count=found.count), rows)


def _cells(truth: Truth, answers: Sequence[str]) -> None:
    canvas = next(one for one in truth.before if isinstance(one, Picture | Map))
    counts = tallies.drawn(answers, packing.SIDE, packing.SIDE)
    height, width = canvas.pixels.shape[1:]
    heat: Tensor = as_tensor(packing.spread(counts / len(answers), (height, width))).float()
    st.markdown(f"**{t('hall.tally', count=len(answers))}**")
    exhibits.draw("tally", (Map("marked_by", canvas.pixels, heat, signed=False, limit=1.0),))


def _outcomes(step: Step, truth: Truth, answers: Sequence[str]) -> None:
    """How many were right, nearly right and wrong."""
    answer = step.question.answer
    guesses = [packing.unpacked(answer, one, (1, 1)) for one in answers]
    scored = Counter(answer.score(one, truth.value).outcome for one in guesses if one is not None)  # type: ignore[arg-type]
    st.markdown(t("hall.outcomes", hits=scored["right"], close=scored["near"], misses=scored["wrong"]))
