"""The true effect of each part of the scene as it was: by how much the answer falls without it."""

from __future__ import annotations

from functools import partial
from typing import Any

import streamlit as st

from ui.frame import network_cache, sources, tables
from ui.frame.layout import Frame
from ui.running import play
from ui.texts import inert, t
from ui.viewer import show
from ui.viewer.cards import cards
from ui.viewer.viewer import viewer
from vizcore.evaluation import interventions
from vizcore.evaluation.interventions import Effects
from vizcore.networks.bundled.network import NAMES
from vizcore.networks.classifier import Classifier
from vizcore.pictures.scene_parts import PARTS, Part
from vizcore.targets import Output

CARD = 190


def of(clf: Classifier, picture: str, target: int, output: Output) -> Effects:
    """The effects in the scene called ``picture``, remembered as long as other results are."""
    compose = partial(sources.composed, picture)
    key = ("effects", f"{clf.checksum}@{clf.device.type}", picture, target, output)
    return play.once(key, lambda: interventions.effects(clf, compose, target, output))


def networks(page: Frame) -> list[Classifier]:
    """The page's network, and beside a bundled one the other two, which know the same classes."""
    others = [name for name in NAMES if name != page.clf.name] if page.clf.name in NAMES else []
    found = [page.clf, *(clf for clf in map(network_cache.network, others) if clf is not None)]
    return [clf for clf in found if clf.classes == page.clf.classes]


def part_name(part: Part) -> str:
    """How a part is called."""
    return t(f"options.part.{part}")


def part(page: Frame, output: Output) -> dict[str, Effects]:
    """The table of all parts and networks, and each part's picture without it; the effects by network."""
    found = {clf.name: of(clf, page.source.id, page.target, output) for clf in networks(page)}
    titles = {name: network_cache.title(name) for name in found}
    records: list[dict[str, Any]] = [
        {t("interventions.part"): part_name(one)}
        | {titles[name]: effects.by_part.get(one) for name, effects in found.items()}
        for one in PARTS
        if any(one in effects.by_part for effects in found.values())
    ]
    records.append(
        {t("interventions.part"): t("interventions.whole")}
        | {titles[name]: effects.score for name, effects in found.items()}
    )
    tables.table(records, list(titles.values()), "interventions-effects")
    own = found[page.clf.name]
    st.caption(t("interventions.unit", name=inert(page.class_name), output=t(f"options.output.{output}")))
    if own.missing:
        st.caption(t("interventions.missing", parts=", ".join(map(part_name, own.missing))))
    st.markdown(f"**{t('interventions.without')}**")
    with cards("without", len(own.parts), CARD):
        for one in own.parts:
            with st.container(gap="xsmall"):
                name = t("interventions.without_part", part=part_name(one.part))
                show.picture(
                    one.without, keep=f"without-{one.part}", alt=name, within=("without", t("interventions.without"))
                )
                st.caption(t("interventions.effect", part=part_name(one.part), effect=one.effect))
    return found


def card(key: str, page: Frame, own: Effects, values: dict[Part, float], limit: float, title: str, unit: str) -> None:
    """One map whose regions are filled with the parts' values, on a scale that all such maps share."""
    heat = interventions.painted(values, own.regions)
    label = t("interventions.map_of", name=title)
    scale = {"heat": heat, "limit": limit, "unit": unit, "opacity": 0.7}
    viewer(key, own.image, label, controls="compact", follow=True, group="interventions", **scale)  # type: ignore[arg-type]


def limit(own: Effects) -> float:
    """The end of the colour scale: the largest effect."""
    return max(map(abs, own.by_part.values()), default=1.0) or 1.0
