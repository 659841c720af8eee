"""The maps of all methods side by side: computed one after the other, each kept by itself, drawn as they come."""

from __future__ import annotations

import time
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from torch import Tensor

from ui.compare.choice import Choice, Row, method_name
from ui.frame import network_cache
from ui.running import play
from ui.running.results import RESULTS
from ui.texts import inert, quoted, t
from ui.texts.sentences import translated
from ui.viewer.cards import cards
from ui.viewer.viewer import pooled_meaning, viewer
from vizcore import methods
from vizcore.methods import Attribution
from vizcore.pictures import figures, pooling
from vizcore.techniques.lime import Known

CARD, LEAST = 160, 150  # pixels: five beside each other, two on a telephone; legends need as much
Place = tuple[int, str]  # number of the row, method


@dataclass(frozen=True, eq=False)
class Mapped:
    """A method's map, how long it took to compute, and what stood in the way where there is none."""

    found: Attribution | None
    seconds: float
    error: str = ""

    @property
    def heat(self) -> Tensor:
        assert self.found is not None
        return self.found.heat


@dataclass(frozen=True, eq=False)
class Maps:
    """All maps that there are so far, by row and method; ``step`` of ``of`` are finished."""

    step: int
    of: int
    by_place: dict[Place, Mapped]

    def of_row(self, number: int) -> dict[str, Mapped]:
        """The maps of one row by method, without those that could not be had."""
        return {m: found for (row, m), found in self.by_place.items() if row == number and found.found is not None}


def computed(what: Choice, row: Row, method: str) -> Iterator[Mapped]:
    """One method's estimates for one row, with the time spent on them; the last one is kept."""
    key = what.key(row, method)
    known: Mapped | None = RESULTS.get(key)
    if known is not None:
        yield known
        return
    seconds, found = 0.0, None
    begun = time.perf_counter()
    sampled = ("sub-images", *row.key[:2])  # of all classes
    sub_images = Known(RESULTS.get(sampled))
    try:
        for found in methods.explain(row.clf, row.image, row.target, method, what.params[method], sub_images):
            seconds += time.perf_counter() - begun
            yield Mapped(found, seconds)
            begun = time.perf_counter()
        last = Mapped(found, seconds)
    except ValueError as error:  # the engine's own sentence, such as of a network without feature maps
        last = Mapped(None, seconds, str(error))
        yield last
    RESULTS.put(key, last)
    if sub_images.samples is not None:
        RESULTS.put(sampled, sub_images.samples)


def compute(what: Choice) -> Iterator[Maps]:
    """All maps of the choice, one after the other, those that take least first; what is known already costs nothing."""
    places = sorted(what.maps, key=lambda place: methods.BY_COST.index(place[1]))
    found: dict[Place, Mapped] = {}
    for done, (number, method) in enumerate(places):
        for estimate in computed(what, what.rows[number], method):
            found[number, method] = estimate
            yield Maps(done, len(places), {place: found[place] for place in what.maps if place in found})
    yield Maps(len(places), len(places), {place: found[place] for place in what.maps})


class Board:
    """The cards of all maps: made once in a run of the page, filled as the maps come."""

    def __init__(self, what: Choice) -> None:
        self.what = what
        self.notes: dict[Place, Any] = {}
        self.drawn: dict[Place, tuple[Mapped, float]] = {}
        for number, row in enumerate(what.rows):
            st.markdown(f"**{inert(row.name)} · {inert(network_cache.title(row.clf.name))}**")
            names = ["", *self.what.methods]
            with cards(f"maps-{number}", len(names), CARD, least=LEAST, few=3, most=5):
                for method in names:
                    with st.container(gap="xsmall"):
                        self._card(number, row, method)

    def _card(self, number: int, row: Row, method: str) -> None:
        if not method:
            score = play.once(
                ("score", *row.key, self.what.output),
                lambda: float(row.clf.scores(row.image[None], row.target, self.what.output)[0]),
            )
            st.markdown(t("compare.score", score=score, output=t(f"options.output.{self.what.output}")))
            label = t("compare.picture", name=row.title)
            controls: Literal["remote", "compact"] = "compact" if number else "remote"  # one for all rows
            viewer(f"compare-{number}-picture", row.image, label, controls=controls, follow=True, group="compare")
            return
        st.markdown(f"**{method_name(method)}**")
        self._view(number, row, method, None, 1.0)
        self.notes[number, method] = st.empty()

    def _view(self, number: int, row: Row, method: str, heat: Tensor | None, limit: float) -> None:
        viewer(
            f"compare-{number}-{method}",
            row.image,
            t("compare.map", method=method_name(method), name=row.title),
            heat=heat,
            limit=limit,
            unit=unit(self.what, method),
            pool=pool(self.what, method, row.image),
            meaning=t("compare.meaning"),
            waiting=heat is None,
            controls="compact",
            follow=True,
            group="compare",
        )

    def draw(self, maps: Maps) -> None:
        """Show what is new, and again what now has another scale."""
        scales = limits(self.what, maps)
        for (number, method), mapped in maps.by_place.items():
            note = self.notes[number, method]
            if mapped.found is None:
                note.caption(inert(translated(mapped.error)))
                continue
            state = (mapped, scales[number, method])
            if self.drawn.get((number, method)) == state:
                continue
            self.drawn[number, method] = state
            self._view(number, self.what.rows[number], method, mapped.heat, scales[number, method])
            note.caption(passes(mapped))


def show(what: Choice) -> Maps | None:
    """Compute and show all maps; None, or what there is so far, until all are there."""
    board = Board(what)
    work = len(what.maps)
    return play.play(
        "compare",
        what.whole_key,
        lambda: compute(what),
        board.draw,
        unit="units.maps",
        cost=work,
        pace=("compare", *sorted({row.clf.checksum for row in what.rows})),
    )


def limits(what: Choice, maps: Maps) -> dict[Place, float]:
    """The end of each map's colour scale, locked where values can be compared.

    That is for one method among the rows whose networks answer alike, with the same classes and the same size of
    input, or with ``scale`` "one" for all methods in units of the score. What has another unit (Grad-CAM, the
    baselines, a gradient that is not multiplied by the input) keeps its own.
    """
    own: dict[Place, tuple[Hashable, float]] = {}
    for (number, method), mapped in maps.by_place.items():
        if mapped.found is not None:
            clf = what.rows[number].clf
            shared = what.scale == "one" and in_units_of_the_score(what, method)
            group: Hashable = ("" if shared else method, tuple(clf.classes), clf.preprocess.size)
            own[number, method] = (group, figures.robust_limit(drawn(what, method, mapped.heat)))
    common: dict[Hashable, float] = {}
    for name, limit in own.values():  # the largest: a percentile of all values together would favour the finer maps
        common[name] = max(limit, common.get(name, 0.0))
    return {place: common[name] for place, (name, _) in own.items()}


def in_units_of_the_score(what: Choice, method: str) -> bool:
    """Whether a value of the map is a part of the score."""
    if method in (*methods.BASELINES, "gradcam"):
        return False
    return getattr(what.params[method], "view", "times_input") == "times_input"


def pool(what: Choice, method: str, image: Tensor) -> int:
    """The side of the blocks in which a method's map is shown: single pixels' signs are specks on a large picture."""
    if method not in methods.PIXELWISE or getattr(what.params[method], "view", "") == "absolute":
        return 1
    return pooling.block(*image.shape[-2:])


def drawn(what: Choice, method: str, heat: Tensor) -> NDArray[np.float32]:
    """A method's map (H,W) as it is shown."""
    return pooling.means(heat, pool(what, method, heat))


def meaning(what: Choice) -> str:
    """What the colours of all maps mean, on which scales, and in which blocks where some are pooled."""
    pools = {pool(what, method, row.image) for row in what.rows for method in what.methods} - {1}
    text = f"{t('compare.meaning')} {t(f'compare.scale_{what.scale}')}"
    return pooled_meaning(text, max(pools, default=1))


def unit(what: Choice, method: str) -> str:
    """The unit of a method's map, as the legend names it."""
    output = t(f"viewer.unit_{what.output}")
    if method in methods.BASELINES:
        return ""
    if in_units_of_the_score(what, method):
        return output
    return t("compare.per_place", output=output) if method == "gradcam" else t(f"saliency.unit_{what.output}")


def passes(mapped: Mapped) -> str:
    """What a map cost, and of which layer it is."""
    assert mapped.found is not None
    backward, forward = mapped.found.backward, mapped.found.forward
    name = "compare.cost_backward" if backward else "compare.cost" if forward else "compare.cost_known"
    cost = t(name, seconds=mapped.seconds, forward=forward, backward=backward)
    return f"{t('compare.of_layer', layer=quoted(mapped.found.layer))} · {cost}" if mapped.found.layer else cost
