"""What the page of input maximisation shows besides the picture: curves, the frames of the ascent, several lambdas."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from torch import Tensor

from ui.frame import controls
from ui.frame.layout import Frame
from ui.running import play
from ui.running.results import RESULTS
from ui.texts import t
from ui.viewer import player, show
from ui.viewer.viewer import viewer
from vizcore import params as declared
from vizcore.pictures import figures
from vizcore.techniques import maximize

FRAMES = 30
LAMBDAS = (0.0, 1e-4, 1e-3, 3e-3, 1e-2, 3e-2)  # from a picture without bounds to one that stays nearly grey
STRIP_STEPS = 80  # of each ascent of the strip: enough to tell the lambdas apart, not to finish the pictures
CARD = 168  # pixels: two in a row on a telephone, three beside the settings


@dataclass(frozen=True, eq=False)
class Film:
    """Pictures (n,h,w,3) of bytes of an ascent, about evenly spread over its steps, with both scores of each."""

    pictures: NDArray[np.uint8]
    steps: tuple[int, ...]
    probabilities: tuple[float, ...]
    logits: tuple[float, ...]
    step: int
    of: int


@dataclass(frozen=True, eq=False)
class Ascending:
    """What the page climbs: the settings, the picture it starts from (if any), the result's key, and how to climb."""

    page: Frame
    params: maximize.Maximisation
    start: Tensor | None
    key: tuple[Hashable, ...]
    climb: Callable[[], Iterator[maximize.Ascent]]

    @classmethod
    def of(cls, page: Frame, params: maximize.Maximisation) -> Ascending:
        """What ``params`` ask for; the page's picture matters only where the ascent starts from it."""
        start = page.image if params.start == "picture" else None
        key = ("maximise", *page.key[::2], params, page.source.digest if start is not None else "")
        return cls(page, params, start, key, lambda: maximize.maximize(page.clf, page.target, params, start))

    @property
    def pace(self) -> Hashable:
        """Under which name the time of a step is remembered."""
        return ("maximisation", self.page.clf.checksum)


def draw(page: Frame, ascent: maximize.Ascent | None) -> None:
    """The picture as it is now; the mean colour until there is one."""
    shown = ascent.image if ascent is not None else show.blank(page.clf)
    viewer("maximisation", shown, t("maximisation.picture", name=page.class_name))


@dataclass(frozen=True, eq=False)
class Strip:
    """The same ascent under each of ``LAMBDAS``, all of them equally far."""

    ascents: tuple[maximize.Ascent, ...]
    step: int
    of: int


def filmed(ascents: Iterator[maximize.Ascent], key: tuple[Hashable, ...]) -> Iterator[maximize.Ascent]:
    """The same ascents; some of their pictures are kept beside the results, from the first one on."""
    for ascent, film in _filming(ascents):
        if film is not None:
            # A film that was stopped half-way lies under a name of its own: the whole one counts as a result.
            RESULTS.put(_film_key(key, film.step >= film.of), film)
        yield ascent


def _filming(ascents: Iterator[maximize.Ascent]) -> Iterator[tuple[maximize.Ascent, Film | None]]:
    kept: list[tuple[NDArray[np.uint8], int, float, float]] = []
    for ascent in ascents:
        due = ascent.step * (FRAMES - 1) // ascent.of > (ascent.step - 1) * (FRAMES - 1) // ascent.of
        if not (due or not kept):
            yield ascent, None
            continue
        kept.append((figures.picture(ascent.image), ascent.step, ascent.probability, ascent.logit))
        pictures, steps, probabilities, logits = zip(*kept, strict=True)
        yield ascent, Film(np.stack(pictures), steps, probabilities, logits, ascent.step, ascent.of)


def _recorded(ascents: Iterator[maximize.Ascent]) -> Iterator[Film]:
    yield from (film for _, film in _filming(ascents) if film is not None)


def _film_key(key: tuple[Hashable, ...], whole: bool) -> tuple[Hashable, ...]:
    return ("film" if whole else "film so far", *key)


def curves(result: maximize.Ascent, params: maximize.Maximisation, box: Any, number: int) -> None:
    """Where the ascent stands: both meanings of the score as numbers, and score, penalty and objective as curves.

    ``number`` counts the drawings in one run of the script, in which no chart's key may come twice.
    """
    with box, st.container():
        here, there = (t("maximisation.probability"), t("maximisation.logit"))
        if params.output == "logit":
            there = f"{there} {t('maximisation.climbed')}"
        else:
            here = f"{here} {t('maximisation.climbed')}"
        with st.container(horizontal=True):  # side by side on a telephone, too
            st.metric(here, f"{100 * result.probability:.1f} %")
            st.metric(there, f"{result.logit:.2f}")
        score = t(f"options.output.{params.output}")
        lines: dict[str, tuple[float, ...]] = {score: result.scores, t("maximisation.penalty"): result.penalties}
        lines[t("maximisation.objective")] = result.objectives
        st.caption(t("maximisation.curves"))
        figure = _over_steps(result, lines, 320).update_layout(margin_t=56)  # the legend may need two rows here
        show.chart(figure, f"maximisation-curves-{number}")


def scores(_: Ascending, result: maximize.Ascent) -> None:
    """Probability beside logit, step by step: the one saturates, the other goes on."""
    left, right = st.columns(2)
    for place, name, values in (
        (left, "probability", result.probabilities),
        (right, "logit", result.logits),
    ):
        with place:
            st.caption(t(f"maximisation.{name}"))
            show.chart(_over_steps(result, {name: values}, 240), f"maximisation-{name}")
    st.markdown(t("maximisation.scores"))


def _over_steps(result: maximize.Ascent, lines: dict[str, tuple[float, ...]], height: int) -> Any:
    steps = range(len(result.scores))
    return figures.lines(
        steps, lines, x_title=t("maximisation.step_title"), x_range=(0.0, float(result.of)), height=height
    )


def frames(what: Ascending, result: maximize.Ascent) -> None:
    """The ascent as a film. Where a result has outlived its film, the ascent is climbed once more."""
    key = what.key
    film = RESULTS.get(_film_key(key, True))
    if film is None and result.step >= result.of:
        film = play.play(
            "maximisation-film",
            _film_key(key, True),
            lambda: _recorded(what.climb()),
            lambda _: None,
            unit="units.steps",
            cost=result.of,
            pace=what.pace,
        )
    film = film or RESULTS.get(_film_key(key, False))
    if film is None:
        return
    name = hashlib.sha256(repr((key, len(film.steps))).encode()).hexdigest()
    captions = [
        t("maximisation.frame_caption", step=step, of=film.of, percent=100 * probability, logit=logit)
        for step, probability, logit in zip(film.steps, film.probabilities, film.logits, strict=True)
    ]
    sheet = play.once(("sheet", name), lambda: player.sheet(film.pictures))
    size = (film.pictures.shape[1], film.pictures.shape[2])
    player.player("maximisation-film-player", name, sheet, size, captions, t("maximisation.film"))


def lambdas(what: Ascending, _: maximize.Ascent) -> None:
    """The lambda strip: one seed under several lambdas, climbed side by side; a press on one takes its lambda."""
    page, start, short = what.page, what.start, shortened(what.params)
    st.markdown(t("maximisation.strip", steps=short.steps))
    boxes = []
    with st.container(horizontal=True):
        for value in LAMBDAS:
            with st.container(width=CARD, gap="xsmall"):
                boxes.append(st.empty())
                st.button(
                    f"λ = {controls.level(value)}",
                    key=f"maximisation.lambda.{value:g}",
                    on_click=_take,
                    args=(value,),
                    type="primary" if value == what.params.lambda_ else "secondary",
                    help=t("maximisation.take"),
                    width="stretch",
                )
    drawn = [0.0]

    def draw(strip: Strip) -> None:
        if strip.step < strip.of and time.monotonic() - drawn[0] < 0.5:
            return
        drawn[0] = time.monotonic()
        for box, ascent in zip(boxes, strip.ascents, strict=True):
            caption = t("maximisation.strip_caption", percent=100 * ascent.probability, logit=ascent.logit)
            box.image(figures.picture(ascent.image), caption=caption, width="stretch", alt=caption)

    key = ("strip", *page.key[::2], page.source.digest if start is not None else "", short)
    if RESULTS.get(key) is None:
        for box in boxes:  # the place of each picture, so that nothing jumps when they come
            box.image(figures.picture(start if start is not None else show.blank(page.clf)), width="stretch")
    play.play(
        "maximisation-strip",
        key,
        lambda: side_by_side(page, short, start),
        draw,
        unit="units.steps",
        cost=short.steps * len(LAMBDAS),
        pace=what.pace,
    )


def shortened(params: maximize.Maximisation) -> maximize.Maximisation:
    """The settings for the strip: fewer steps, as much longer as that asks for (within reason), and no lambda yet."""
    steps = min(params.steps, STRIP_STEPS)
    sizes = declared.specs(maximize.Maximisation)["step_size"]
    size = sizes.nearest(min(max(0.1, params.step_size), params.step_size * params.steps / steps))
    return replace(params, lambda_=0.0, steps=steps, step_size=float(size))


def side_by_side(page: Frame, params: maximize.Maximisation, start: Tensor | None) -> Iterator[Strip]:
    """One step of every ascent in turn, so that all pictures of the strip come out together."""
    runs = [maximize.maximize(page.clf, page.target, replace(params, lambda_=value), start) for value in LAMBDAS]
    for ascents in zip(*runs, strict=True):
        yield Strip(ascents, ascents[0].step * len(runs), ascents[0].of * len(runs))


PARTS: dict[str, Callable[[Ascending, maximize.Ascent], None]] = {
    "frames": frames,
    "lambdas": lambdas,
    "scores": scores,
}


def _take(value: float) -> None:
    st.session_state["param.maximisation.lambda_"] = value
