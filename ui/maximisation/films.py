"""The frames of an ascent, kept while it is climbed and played as a film."""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ui.maximisation.ascending import Ascending
from ui.running import play
from ui.running.results import RESULTS
from ui.texts import t
from ui.viewer import player
from vizcore.pictures import figures
from vizcore.techniques import maximize

FRAMES = 30


@dataclass(frozen=True, eq=False)
class Film:
    """Pictures (n,h,w,3) of bytes of an ascent, about evenly spread over its steps, with both scores of each."""

    pictures: NDArray[np.uint8]
    steps: tuple[int, ...]
    probabilities: tuple[float, ...]
    logits: tuple[float, ...]
    step: int
    of: int

    @classmethod
    def still(cls, ascent: maximize.Ascent) -> Film:
        """The one picture of an ascent whose film is no longer kept."""
        pictures = figures.picture(ascent.image)[None]
        return cls(pictures, (ascent.step,), (ascent.probability,), (ascent.logit,), ascent.step, ascent.of)


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


def _film_key(key: tuple[Hashable, ...], whole: bool) -> tuple[Hashable, ...]:
    return ("film" if whole else "film so far", *key)


def draw(what: Ascending, result: maximize.Ascent, label: str) -> None:
    """The result with the way to it: its last picture as it is, and on demand with its contrast stretched."""
    key = what.key
    film = RESULTS.get(_film_key(key, True)) or RESULTS.get(_film_key(key, False))
    if film is None or film.steps[-1] != result.step:
        film = Film.still(result)
    name = hashlib.sha256(repr((key, film.steps)).encode()).hexdigest()
    caption = "frame_caption" if what.page.channel is None else "frame_value"
    captions = [
        t(f"maximisation.{caption}", step=step, of=film.of, percent=100 * probability, logit=logit)
        for step, probability, logit in zip(film.steps, film.probabilities, film.logits, strict=True)
    ]
    sheet = play.once(("sheet", name), lambda: player.sheet(film.pictures))
    last = play.once(("last", name), lambda: player.exact(figures.picture(result.image)))
    full = play.once(("stretched", name), lambda: player.exact(figures.stretched(result.input)))
    size = (film.pictures.shape[1], film.pictures.shape[2])
    player.player("maximisation-film-player", name, player.Pictures(sheet, last, full), size, captions, label)
