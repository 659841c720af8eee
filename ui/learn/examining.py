"""Examining two networks that are known by letters alone: any method, on any of a few pictures, beside each other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import streamlit as st
from torch import Tensor

from ui.frame import course, network_cache, sources
from ui.learn import words
from ui.running import play
from ui.texts import inert, t, t_or, worded
from ui.texts.sentences import translated
from ui.viewer import show
from ui.viewer.cards import cards
from vizcore import methods
from vizcore.lessons import dealing
from vizcore.lessons.lesson import Lesson
from vizcore.lessons.truths import seen
from vizcore.networks.classifier import Classifier
from vizcore.pictures import figures
from vizcore.pictures.scenes import SHORTCUT

PICTURES = ("stamped:34", "stamped:38", "scene:3", "scene:34")  # two stamped horses, one without, and a cat
_CARD = 220  # pixels


@dataclass(frozen=True, eq=False)
class _Seen:
    """One network's map of a picture for the horse, and its probability."""

    heat: Tensor
    probability: float
    step: int
    of: int


def examine(lesson: Lesson) -> None:
    """A picture and a method are chosen, and both networks' maps for the horse shown beside each other; it is free."""
    st.markdown(f"**{t('learn.examine')}**")
    left, right = st.columns(2)
    name = t_or(f"classes.{SHORTCUT}", SHORTCUT)
    with left:
        named = {one: sources.label(one) for one in PICTURES}
        picture = st.selectbox(
            t("frame.picture"), PICTURES, key=worded("learn.examine.picture"), format_func=named.__getitem__
        )
    with right:
        method = st.selectbox(
            t("compare.settings_of"),
            list(methods.METHODS),
            key=worded("learn.examine.method"),
            format_func=lambda one: t(f"options.method.{one}"),
        )
    st.caption(t("learn.examine_of", name=name))
    networks = dealing.order(lesson.deal, course.course().deal)
    with cards("examine", len(networks), _CARD, few=2):
        for letter, network in networks.items():
            with st.container(gap="xsmall"):
                st.markdown(f"**{letter}**")
                clf = network_cache.network(network)
                if clf is not None:
                    _show(letter, clf, picture, method, name)


def _show(letter: str, clf: Classifier, picture: str, method: str, name: str) -> None:
    image = seen(clf, picture)
    place, line = st.empty(), st.empty()

    def draw(found: _Seen) -> None:
        limit = figures.robust_limit(found.heat)
        text = t("learn.examined", letter=letter, method=words.named(method))
        with place.container():
            show.picture(figures.overlay(image, found.heat, signed=True, limit=limit), box=st, alt=text)
            show.legend(limit, True, "")
        line.markdown(t("learn.examined_score", name=name, share=100 * found.probability))

    key = ("examined", f"{clf.checksum}@{clf.device.type}", picture, method)
    try:
        play.quietly(f"examine-{letter}", key, lambda: _compute(clf, image, method), draw)
    except ValueError as error:
        place.caption(inert(translated(str(error))))


def _compute(clf: Classifier, image: Tensor, method: str) -> Iterator[_Seen]:
    target = clf.classes.index(SHORTCUT)
    probability = float(clf.scores(image[None], target)[0])
    for found in methods.explain(clf, image, target, method):
        yield _Seen(found.heat, probability, found.step, found.of)
