"""A step's truth: computed once for everybody, by the queue that all pages share."""

from __future__ import annotations

import json
from collections.abc import Callable

import streamlit as st

from ui.frame import network_cache
from ui.running import play
from ui.texts import inert
from ui.texts.sentences import translated
from vizcore.lessons import checking
from vizcore.lessons.lesson import Step
from vizcore.lessons.truths import Truth
from vizcore.networks import catalogue
from vizcore.networks.classifier import Classifier


def truth(step: Step, draw: Callable[[Truth], object]) -> Truth | None:
    """The truth, ``draw`` called with each estimate of it; None where it cannot be had, which is said."""
    networks = _networks(step)
    if networks is None:
        return None
    arguments = json.dumps(step.question.arguments, sort_keys=True, default=str)
    checksums = tuple(f"{clf.checksum}@{clf.device.type}" for clf in networks.values())
    key = ("lesson", step.question.quantity, arguments, step.link.address(), checksums)
    found: list[Truth] = []
    progress = st.empty()

    def take(estimate: Truth) -> None:
        found.append(estimate)
        if estimate.step < estimate.of:
            progress.progress(estimate.step / estimate.of)
        draw(estimate)

    play.quietly("learn", key, lambda: checking.estimates(step, networks.__getitem__), take)
    progress.empty()
    if not found or found[-1].step < found[-1].of:
        return None
    unfit = checking.unfit(step.question.answer, found[-1])
    if unfit:
        st.error(inert(translated(unfit)), icon=":material/error:")
        return None
    return found[-1]


def _networks(step: Step) -> dict[str, Classifier] | None:
    """The networks that the link and the truth's arguments name: a worker cannot load what all pages share."""
    known, named = catalogue.names(), [step.link.network]
    for given in step.question.arguments.values():
        named += [one for one in (given if isinstance(given, list) else [given]) if one in known]
    found: dict[str, Classifier] = {}
    for name in dict.fromkeys(named):
        clf = network_cache.network(name)
        if clf is None:
            return None
        found[name] = clf
    return found
