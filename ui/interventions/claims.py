"""What each method claims of the parts, beside their true effects and on the same scale."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st
from torch import Tensor

from ui.frame import tables
from ui.frame.layout import Frame
from ui.interventions import effects
from ui.interventions.choice import method_name
from ui.running import play
from ui.running.results import RESULTS
from ui.texts import inert, t
from ui.texts.sentences import translated
from ui.viewer.cards import cards
from vizcore import methods
from vizcore.evaluation import interventions
from vizcore.evaluation.interventions import Effects
from vizcore.pictures.scene_parts import Part
from vizcore.targets import Output

CARD, LEAST = 170, 150


@dataclass(frozen=True, eq=False)
class Heats:
    """The maps (H,W) of all methods that are finished, or the sentence why there is none; ``step`` of ``of``."""

    step: int
    of: int
    found: dict[str, Tensor | str]


def compute(page: Frame, asked: Sequence[str], output: Output) -> Iterator[Heats]:
    """One method after the other, those that take least first; what is known already costs nothing."""
    order = sorted(asked, key=methods.BY_COST.index)
    found: dict[str, Tensor | str] = {}
    for done, method in enumerate(order):
        key = _key(page, method, output)
        heat: Tensor | str | None = RESULTS.get(key)
        if heat is None:
            params = methods.with_output(methods.defaults(method), output)
            try:
                for estimate in methods.explain(page.clf, page.image, page.target, method, params):
                    heat = estimate.heat
                    yield Heats(done, len(order), dict(found))
            except ValueError as error:  # the engine's own sentence, such as of a network without feature maps
                heat = str(error)
            RESULTS.put(key, heat)
        assert heat is not None
        found[method] = heat
        yield Heats(done + 1, len(order), dict(found))


def part(page: Frame, own: Effects, asked: tuple[str, ...], output: Output) -> Heats | None:
    """The table and the maps of all methods, each drawn as soon as it is there."""
    st.markdown(t("interventions.claims_lead"))
    table, maps = st.empty(), st.container()
    with maps:
        slots = _slots(page, own, asked, output)
    drawn: set[str] = set()

    def draw(latest: Heats) -> None:
        for method, heat in latest.found.items():
            if method not in drawn:
                drawn.add(method)
                with slots[method]:
                    _card(page, own, method, heat, output)
        if latest.step == latest.of:
            with table.container():
                _table(own, latest, asked)

    key: Hashable = ("claims", *page.key, asked, output)
    return play.play(
        "claims",
        key,
        lambda: compute(page, asked, output),
        draw,
        unit="units.maps",
        cost=len(asked),
        pace=("claims", page.clf.checksum),
    )


def agreement(own: Effects, heat: Tensor) -> float:
    """How far a map agrees with the effects."""
    return interventions.agreement(interventions.claims(heat, own.regions), own.by_part)


def claimed(own: Effects, heat: Tensor) -> dict[Part, float]:
    """What a map claims of each part, on the scale of the effects."""
    return interventions.scaled(interventions.claims(heat, own.regions), own.by_part)


def _slots(page: Frame, own: Effects, asked: tuple[str, ...], output: Output) -> dict[str, Any]:
    found = {}
    with cards("claims", 1 + len(asked), CARD, least=LEAST):
        with st.container(gap="xsmall"):
            st.markdown(f"**{t('interventions.truth')}**")
            unit = t(f"viewer.unit_{output}")
            effects.card("claims-truth", page, own, own.by_part, effects.limit(own), t("interventions.truth"), unit)
        for method in asked:
            with st.container(gap="xsmall"):
                st.markdown(f"**{method_name(method)}**")
                found[method] = st.container(gap="xsmall")
    return found


def _card(page: Frame, own: Effects, method: str, heat: Tensor | str, output: Output) -> None:
    if isinstance(heat, str):
        st.caption(inert(translated(heat)))
        return
    values = claimed(own, heat)
    if any(map(math.isnan, values.values())):
        st.caption(t("interventions.says_nothing"))
        return
    unit = t(f"viewer.unit_{output}")
    effects.card(f"claims-{method}", page, own, values, effects.limit(own), method_name(method), unit)


def _table(own: Effects, latest: Heats, asked: Sequence[str]) -> None:
    name, score = t("compare.method"), t("interventions.agreement")
    columns = {part: effects.part_name(part) for part in own.by_part}
    true = {columns[part]: value for part, value in own.by_part.items()}
    records = [{name: t("interventions.truth")} | true | {score: 1.0}]
    for method in asked:
        heat = latest.found.get(method)
        if isinstance(heat, str) or heat is None:
            continue
        values = {columns[part]: _known(value) for part, value in claimed(own, heat).items()}
        records.append({name: method_name(method)} | values | {score: _known(agreement(own, heat))})
    tables.table(records, [*columns.values(), score], "interventions-claims")


def _known(value: float) -> Any:
    return None if math.isnan(value) else value


def _key(page: Frame, method: str, output: Output) -> Hashable:
    return ("claims of", *page.key, method, output)
