"""What the page of input maximisation climbs, and the defaults that its network has."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, replace

import streamlit as st
from torch import Tensor

from ui.frame.layout import Frame
from ui.running import play
from ui.running.results import RESULTS
from ui.texts import t
from vizcore.techniques import maximize

PLAIN = maximize.Maximisation()


def defaults(page: Frame) -> maximize.Maximisation:
    """``maximize.defaults`` of the page's network or channel, searched for on a worker where not known yet."""
    key = ("maximisation defaults", page.picture_key[0], page.channel)
    found: list[maximize.Search] = []
    with st.spinner(t("maximisation.searching")) if RESULTS.get(key) is None else nullcontext():
        play.quietly("maximisation.defaults", key, lambda: maximize.search(page.clf, page.channel), found.append)
    return found[-1].params if found and found[-1].step >= found[-1].of else PLAIN


def alone(params: maximize.Maximisation) -> maximize.Maximisation:
    """The formula alone: the same lambda, score, seed and start, climbed in pixels without additions."""
    off = {name: getattr(PLAIN, name) for name in maximize.ADDITIONS}
    return replace(params, **off, coordinates="pixels", draws=1, decay=PLAIN.decay, step_size=PLAIN.step_size)


@dataclass(frozen=True, eq=False)
class Ascending:
    """What the page climbs: the settings, the picture it starts from (if any), the result's key, and how to climb."""

    page: Frame
    params: maximize.Maximisation
    start: Tensor | None
    key: tuple[Hashable, ...]
    climb: Callable[[], Iterator[maximize.Ascent]]
    usual: maximize.Maximisation

    @classmethod
    def of(cls, page: Frame, params: maximize.Maximisation, usual: maximize.Maximisation) -> Ascending:
        """What ``params`` ask for; the page's picture matters only where the ascent starts from it."""
        start = page.image if params.start == "picture" else None
        key = ("maximise", page.picture_key[0], page.unit, params, page.source.digest if start is not None else "")
        return cls(page, params, start, key, lambda: maximize.maximize(page.clf, page.unit, params, start), usual)

    @property
    def pace(self) -> Hashable:
        """Under which name the time of a step is remembered."""
        return ("maximisation", self.page.clf.checksum, getattr(self.page.channel, "layer", ""))
