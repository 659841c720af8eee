"""What a visitor sees first: a window over the picture, the answer that follows it, and an invitation."""

from __future__ import annotations

from html import escape

import numpy as np
import streamlit as st
from PIL import Image
from streamlit.delta_generator import DeltaGenerator

from ui.frame import navigation, sources
from ui.frame.classes import class_name
from ui.frame.layout import Frame
from ui.running import play
from ui.running.results import RESULTS
from ui.running.seat import QUEUE
from ui.texts import t
from ui.viewer import show
from ui.viewer.gliding import gliding
from vizcore.lessons.shelf import shelf
from vizcore.networks.classifier import Classifier
from vizcore.techniques.occlusion import Occlusion, passes
from vizcore.techniques.window_answers import WindowAnswers, window_answers

# Operations that may be spent before the techniques' cards are drawn, and after them.
AT_ONCE, LATER = 1e11, 1.5e12
_SHARES = (64, 32, 16, 8)  # of the shorter side: how fine the grid may be
_COARSE = 16
_PART = 0.35  # of the shorter side: a window that large takes away enough to change the answer
_SMALL = 128  # pixels
LESSON = "lab"
CHEATS = f"stamped:{sources.STAMPED[0]}"  # of which both bundled networks say: horse


class Window:
    """The picture at first; then the window over it, on a coarse grid, and when the page is done on the finest."""

    def __init__(self, page: Frame) -> None:
        self.page = page
        self.coarse, self.fine = settings(page.clf)
        known: WindowAnswers | None = RESULTS.get(self._key(self.fine))
        self._draw(RESULTS.get(self._key(self.coarse)) if known is None else known)
        self._done = known is not None

    def begin(self) -> None:
        """The coarse grid, where that takes no longer than a moment."""
        if not self._done and passes(self.page.clf, self.coarse) * self.page.clf.work <= AT_ONCE:
            self._compute(self.coarse)

    def refine(self) -> None:
        """The finest grid that the network allows; on a server that has others to serve, the coarse one at least."""
        if not self._done:
            counts = QUEUE.counts()
            self._compute(self.coarse if counts["running"] + counts["waiting"] else self.fine)

    def _compute(self, params: Occlusion) -> None:
        page = self.page
        known = play.finished(self._key(self.coarse)) and params != self.coarse
        play.quietly(
            f"first.{params.stride}",
            self._key(params),
            lambda: window_answers(page.clf, page.image, params),
            lambda found: self._draw(found, known),
        )

    def _key(self, params: Occlusion) -> tuple[object, ...]:
        return ("windows", *self.page.picture_key, params)

    def _draw(self, found: WindowAnswers | None, known: bool = False) -> None:
        if found is not None and known and found.step < found.of:
            return  # a finer grid than what is shown comes last
        page = self.page
        names = [class_name(page.clf, k) for k in range(len(page.clf.classes))]
        subject = "/".join(page.picture_key)
        gliding("first", subject, page.image, names, page.target, page.probabilities, self.coarse.window, found)


def settings(clf: Classifier) -> tuple[Occlusion, Occlusion]:
    """Occlusion as by default but for a larger window: on a coarse grid, and on the finest that may be computed."""
    side = min(clf.input_shape[1:])
    usual = Occlusion()
    window = min(max(4, 4 * round(_PART * side / 4)), 128, side)
    grids = [Occlusion(window, max(1, side // share), usual.fill, usual.output) for share in _SHARES]
    affordable = [one for one in grids if passes(clf, one) * clf.work <= LATER]
    fine = affordable[0] if affordable else grids[-1]
    return max(grids[_SHARES.index(_COARSE)], fine, key=lambda one: one.stride), fine


def invite() -> None:
    """Two networks that are both sure, of which one cheats; and the way to find out."""
    small = sources.picture(CHEATS).picture.resize((_SMALL, _SMALL), Image.Resampling.LANCZOS)
    address = show.inline(np.asarray(small))
    st.html(f'<img class="vz-invitation" alt="{escape(t("first.horse"))}" src="{address}">')
    st.markdown(t("first.invitation"))
    if shelf().find(LESSON) is not None:
        navigation.to("learn", t("first.look"), {"lesson": LESSON})
    else:
        navigation.to("compare", t("first.look"), {"network": "mini-alexnet", "picture": CHEATS, "class": ""})


def place() -> tuple[DeltaGenerator, DeltaGenerator]:
    """Where the window goes, and where the invitation."""
    left, right = st.columns([3, 1], vertical_alignment="center")
    return left.container(key="first-sight"), right.container(border=True, key="invitation")
