"""Truth: on scenes, how well each map finds the object whose true place is known."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from PIL import Image

from ui.compare import several
from ui.compare.choice import Choice, Row, method_name
from ui.compare.maps import Maps, drawn
from ui.frame import navigation, sources, tables
from ui.frame.classes import class_name
from ui.running import play
from ui.running.results import RESULTS
from ui.texts import inert, t, t_or
from ui.viewer import shown
from ui.viewer.cards import cards
from vizcore.evaluation import interventions, truth
from vizcore.pictures import cutouts, figures, panels

CARD = 200


def part(what: Choice, maps: Maps) -> None:
    """Pointing, mass and precision of every method of one row, and where each of them points."""
    number = several.row_of(what)
    row = what.rows[number]
    scene = sources.scene(what.page.source.id)
    inside = object_of(what, row)
    if scene is None or inside is None:
        st.info(t("compare.no_truth"), icon=":material/landscape:")
        return
    st.markdown(t("compare.object", name=t_or(f"classes.{scene.label}", scene.label), percent=100 * inside.mean()))
    named = row.target if isinstance(row.target, int) else row.target.of
    if row.clf.classes[named] != scene.label:
        st.warning(t("compare.other_class", name=inert(class_name(row.clf, named))), icon=":material/help:")
    found = figures_of(what, row, maps, number, inside)
    stamp = stamp_of(what, row)
    on_stamp = {}
    if stamp is not None:
        on_stamp = {m: truth.mass(maps.by_place[number, m].heat, stamp) for m in found}
    agreed = {m: effects_of(what, row, maps, number, m) for m in found}
    tables.table(_records(found, on_stamp, agreed), _columns(), "compare-truth")
    st.caption(t("compare.truth_chance", share=float(inside.mean())))
    st.caption(t("compare.effects_meaning"))
    navigation.to("interventions", t("compare.interventions"))
    if stamp is not None:
        st.caption(t("compare.stamp_chance", share=float(stamp.mean())))
    with cards("truth", len(found), CARD):
        for method, one in found.items():
            picture = pointed(row, drawn(what, method, maps.by_place[number, method].heat), inside, one.peak)
            with st.container(gap="xsmall"):
                name = t("compare.points", method=method_name(method))
                tile = partial(panels.Tile, method_name(method), picture)
                shown.keep(method, name, tile, within="compare-truth", heading=t("options.compare_part.truth"))
                st.image(picture, caption=method_name(method), width="stretch", output_format="PNG", alt=name)


def object_of(what: Choice, row: Row) -> NDArray[np.bool_] | None:
    """The object's mask (H,W) as this network sees it; None where the picture is no scene, or nothing of it is seen."""
    scene = sources.scene(what.page.source.id)
    if scene is None:
        return None
    white = Image.fromarray(scene.mask.astype(np.uint8) * 255)
    inside = np.asarray(row.clf.pixels(white)[0] > 0.5)
    return inside if 0 < inside.mean() < 1 else None


def stamp_of(what: Choice, row: Row) -> NDArray[np.bool_] | None:
    """Where the date stamp lies (H,W), as this network sees it; None where there is none."""
    scene = sources.scene(what.page.source.id)
    if scene is None or scene.mark_box is None:
        return None
    left, top, right, bottom = scene.mark_box
    plate = np.zeros(scene.mask.shape, dtype=np.uint8)
    plate[top:bottom, left:right] = 255
    stamp = np.asarray(row.clf.pixels(Image.fromarray(plate))[0] > 0.5)
    return stamp if stamp.any() else None


def figures_of(what: Choice, row: Row, maps: Maps, number: int, inside: NDArray[np.bool_]) -> dict[str, truth.Truth]:
    """The figures of every method of the row."""
    found = {}
    for method, mapped in maps.of_row(number).items():
        found[method] = play.once(("truth", *what.key(row, method)), partial(truth.truth, mapped.heat, inside))
    return found


def effects_of(what: Choice, row: Row, maps: Maps, number: int, method: str) -> float:
    """How far a map's mass on each part agrees with the part's true effect, in the score that is explained."""
    identifier, clf, output = what.page.source.id, row.clf, what.output

    def compute() -> float:
        compose = partial(sources.composed, identifier)
        key = ("effects", *row.key, output)
        true = RESULTS.get_or(key, lambda: interventions.effects(clf, compose, row.target, output))
        claimed = interventions.claims(maps.by_place[number, method].heat, true.regions)
        return interventions.agreement(claimed, true.by_part)

    return play.once(("agreement with effects", *what.key(row, method)), compute)


def known(what: Choice, row: Row, method: str) -> dict[str, Any]:
    """The figures of one map, if they were looked at."""
    one: truth.Truth | None = RESULTS.get(("truth", *what.key(row, method)))
    if one is None:
        return {}
    figures = {"hit": one.hit, "away": one.away, "mass": one.mass, "precision": one.precision}
    return figures | {"effects": RESULTS.get(("agreement with effects", *what.key(row, method)))}


def pointed(row: Row, heat: NDArray[Any], inside: NDArray[np.bool_], peak: tuple[int, int]) -> figures.Picture:
    """The map over its picture, with the outline of the object and a cross where the map points."""
    base = figures.overlay(row.image, heat, signed=True, opacity=0.8)
    scale = max(1, 2 * CARD // max(inside.shape))
    drawn = cutouts.outlines(np.moveaxis(base, -1, 0) / 255, inside, scale=scale)
    return cutouts.cross(drawn, (int((peak[0] + 0.5) * scale), int((peak[1] + 0.5) * scale)))


def _records(
    found: dict[str, truth.Truth], on_stamp: dict[str, float], agreed: dict[str, float]
) -> list[dict[str, Any]]:
    records = []
    for method, one in found.items():
        record = {
            t("compare.method"): method_name(method),
            t("compare.pointing"): t("compare.hit") if one.hit else t("compare.miss", away=one.away),
            t("compare.mass"): _number(one.mass),
            t("compare.precision"): one.precision,
            t("compare.effects"): _number(agreed[method]),
        }
        records.append(record | ({t("compare.on_stamp"): _number(on_stamp[method])} if on_stamp else {}))
    return records


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value


def _columns() -> list[str]:
    return [t(f"compare.{name}") for name in ("mass", "precision", "effects", "on_stamp")]
