"""The class that a page explains: chosen from a list or in the strip, else the one that the network finds likeliest."""

from __future__ import annotations

from functools import partial

import streamlit as st
from torch import Tensor

from ui.frame import sources, state, steps
from ui.frame.strip import Answer
from ui.frame.strip import strip as draw_strip
from ui.texts import inert, percent, t, t_or, worded
from vizcore.networks.classifier import Classifier

SHOWN = 5  # of the most probable classes


def class_name(clf: Classifier, index: int) -> str:
    """The name of a class; those of the bundled networks are translated."""
    name = clf.classes[index]
    return t_or(f"classes.{name}", name) if len(clf.classes) < 100 else name


def choose(clf: Classifier, probabilities: Tensor) -> int:
    """The class to explain: the most probable one unless the user (or a link) names another, by index."""
    chosen = state.choices().frame
    best = int(probabilities.argmax())
    wanted = chosen.get("class", "")
    index = int(wanted) if wanted.isdigit() and int(wanted) < len(clf.classes) else None
    options = ["auto", *map(str, range(len(clf.classes)))]
    key = _key(clf)
    st.session_state.setdefault(key, "auto" if index is None else str(index))
    # Streamlit keeps what formats its options for as long as the session: that must not be a network. And the browser
    # keeps an option's words: they must not depend on the picture.
    names = {str(k): class_name(clf, k) for k in range(len(clf.classes))}
    names["auto"] = t("frame.top_class")
    picked = st.selectbox(
        t("frame.class"), options, key=key, format_func=lambda one: names[one], help=t("frame.class_help")
    )
    chosen["class"] = "" if picked == "auto" else str(picked)
    return best if picked == "auto" else int(picked)


def strip(clf: Classifier, image: Tensor, probabilities: Tensor, target: int, source: sources.Source) -> None:
    """The picture and its most probable classes, the chosen one among them, and what the network cannot know."""
    best = probabilities.topk(min(SHOWN, len(clf.classes))).indices.tolist()
    answers = []
    for index in best if target in best else [*best, target]:
        name, share = class_name(clf, index), float(probabilities[index])
        tip = t("frame.explained", name=name) if index == target else t("frame.explain", name=name)
        answers.append(Answer(index, name, share, percent(share), index == target, tip))
    steps.offer_classes([one.index for one in answers])
    draw_strip(image, answers, partial(_take, _key(clf), best[0]))
    if target != best[0]:
        st.caption(t("frame.not_top", name=inert(class_name(clf, target)), top=inert(class_name(clf, best[0]))))
    if not clf.exclusive:
        st.caption(t("frame.each_by_itself"))
    elif len(clf.classes) < 100 and sources.scene(source.id) is None:
        every = ", ".join(inert(class_name(clf, k)) for k in range(len(clf.classes)))
        st.caption(t("frame.knows_only", classes=every))


def _key(clf: Classifier) -> str:
    return worded(f"frame.class.{clf.name}")


def _take(key: str, best: int, index: int) -> None:
    """Explain class ``index``; the most probable one is followed from picture to picture."""
    st.session_state[key] = "auto" if index == best else str(index)
