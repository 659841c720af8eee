"""Strips of small pictures: one ascent under several lambdas, or from several seeds, climbed side by side."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import streamlit as st
from torch import Tensor

from ui.frame import controls
from ui.frame.layout import Frame
from ui.maximisation.ascending import Ascending, alone
from ui.running import play
from ui.running.results import RESULTS
from ui.texts import t
from ui.viewer import show, shown
from ui.viewer.cards import cards
from vizcore import params as declared
from vizcore.pictures import figures, panels
from vizcore.techniques import maximize

STOPS = declared.specs(maximize.Maximisation)["lambda_"].levels  # type: ignore[union-attr]
AROUND = 2  # stops of lambda's slider to either side of the network's own
SEEDS = 4
STRIP_STEPS = 60  # of each ascent of lambda's strip: enough to tell them apart, not to finish the pictures
CARD = 168  # pixels: two in a row on a telephone, three beside the settings


@dataclass(frozen=True, eq=False)
class Strip:
    """The same ascent with one setting changed, all of them equally far."""

    ascents: tuple[maximize.Ascent, ...]
    step: int
    of: int


def lambdas(what: Ascending, _: maximize.Ascent) -> None:
    """One seed under several lambdas around the network's own, and none; a press on one takes it."""
    short = shortened(what.params)
    st.markdown(t("maximisation.strip", steps=short.steps))
    values = around(what.usual.lambda_)
    labels = [f"λ = {controls.level(value)}" for value in values]
    _strip(what, "lambda_", values, labels, [replace(short, lambda_=value) for value in values])


def seeds(what: Ascending, _: maximize.Ascent) -> None:
    """The same ascent from several starts: a class has several faces."""
    st.markdown(t("maximisation.seeds"))
    values = [(what.params.seed + k) % 10000 for k in range(SEEDS)]
    labels = [t("maximisation.seed", seed=value) for value in values]
    _strip(what, "seed", values, labels, [replace(what.params, seed=value) for value in values])


def plain(what: Ascending, _: maximize.Ascent) -> None:
    """The formula alone beside what the settings draw, both in as many steps."""
    st.markdown(t("maximisation.pair"))
    if alone(what.params) == what.params:
        st.info(t("maximisation.is_plain"), icon=":material/info:")
        return
    labels = [t("maximisation.as_set"), t("maximisation.formula_alone")]
    _strip(what, "", ["set", "alone"], labels, [what.params, alone(what.params)], width=2 * CARD)


def around(usual: float) -> tuple[float, ...]:
    """0, and the stops of lambda's slider around the network's own."""
    rising = [stop for stop in STOPS if stop > 0]
    first = min(max(0, rising.index(usual) - AROUND), len(rising) - 2 * AROUND - 1)
    return (0.0, *rising[first : first + 2 * AROUND + 1])


def shortened(params: maximize.Maximisation) -> maximize.Maximisation:
    """The settings for lambda's strip: fewer steps, as much longer as that asks for (within reason), no lambda yet."""
    steps = min(params.steps, STRIP_STEPS)
    sizes = declared.specs(maximize.Maximisation)["step_size"]
    size = sizes.nearest(min(max(0.1, params.step_size), params.step_size * params.steps / steps))
    return replace(params, lambda_=0.0, steps=steps, step_size=float(size))


def side_by_side(page: Frame, variants: Sequence[maximize.Maximisation], start: Tensor | None) -> Iterator[Strip]:
    """Every ascent after the same number of steps, so that all pictures of the strip come out together."""
    for ascents in maximize.together(page.clf, [(page.unit, params) for params in variants], start):
        yield Strip(ascents, ascents[0].step * len(ascents), ascents[0].of * len(ascents))


def _strip(
    what: Ascending,
    field: str,
    values: Sequence[float | str],
    labels: Sequence[str],
    variants: Sequence[maximize.Maximisation],
    width: int = CARD,
) -> None:
    page, start = what.page, what.start
    boxes = []
    with cards(f"strip-{field or 'pair'}", len(values), width):
        for value, label in zip(values, labels, strict=True):
            with st.container(gap="xsmall"):
                boxes.append(st.empty())
                if field:
                    _button(what, field, value, label)
                else:
                    st.markdown(f"**{label}**")
    drawn = [0.0]

    def draw(strip: Strip) -> None:
        if strip.step < strip.of and time.monotonic() - drawn[0] < 0.5:
            return
        drawn[0] = time.monotonic()
        for box, label, ascent in zip(boxes, labels, strip.ascents, strict=True):
            part = "strip_caption" if page.channel is None else "strip_value"
            caption = t(f"maximisation.{part}", percent=100 * ascent.probability, logit=ascent.logit)
            tile = partial(panels.Tile, caption, figures.picture(ascent.image))
            shown.keep(label, label, tile, within="maximisation-strip", heading=t("maximisation.title"))
            box.image(figures.picture(ascent.image), caption=caption, width="stretch", alt=caption)

    key = ("strip", page.picture_key[0], page.unit, page.source.digest if start is not None else "", tuple(variants))
    if RESULTS.get(key) is None:
        for box in boxes:  # the place of each picture, so that nothing jumps when they come
            box.image(figures.picture(start if start is not None else show.blank(page.clf)), width="stretch")
    play.play(
        "maximisation-strip",
        key,
        lambda: side_by_side(page, variants, start),
        draw,
        unit="units.steps",
        cost=sum(params.steps for params in variants),
        pace=what.pace,
    )


def _button(what: Ascending, field: str, value: float | str, label: str) -> None:
    st.button(
        label,
        key=f"maximisation.{field.rstrip('_')}.{value:g}",
        on_click=_take,
        args=(field, value),
        type="primary" if value == getattr(what.params, field) else "secondary",
        help=t(f"maximisation.take_{field.rstrip('_')}"),
        width="stretch",
    )


def _take(field: str, value: float | str) -> None:
    controls.put("maximisation", field, value)
