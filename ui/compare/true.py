"""Truth: on scenes, how well each map finds the object whose true place is known."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from PIL import Image

from ui import play, sources
from ui.compare import several
from ui.compare.choice import Choice, Row, method_name
from ui.compare.maps import Maps
from ui.frame import class_name
from ui.results import RESULTS
from ui.texts import quoted, t, t_or
from vizcore import cutouts, figures, truth

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
        st.warning(t("compare.other_class", name=quoted(class_name(row.clf, named))), icon=":material/help:")
    found = figures_of(what, row, maps, number, inside)
    several.table(_records(found), _formats(), "compare-truth")
    st.caption(t("compare.truth_chance", share=float(inside.mean())))
    with st.container(horizontal=True):
        for method, one in found.items():
            picture = pointed(row, np.asarray(maps.by_place[number, method].heat), inside, one.peak)
            with st.container(width=CARD, gap="xsmall"):
                name = t("compare.points", method=method_name(method))
                st.image(picture, caption=method_name(method), width="stretch", output_format="PNG", alt=name)


def object_of(what: Choice, row: Row) -> NDArray[np.bool_] | None:
    """The object's mask (H,W) as this network sees it; None where the picture is no scene, or nothing of it is seen."""
    scene = sources.scene(what.page.source.id)
    if scene is None:
        return None
    white = Image.fromarray(scene.mask.astype(np.uint8) * 255)
    inside = np.asarray(row.clf.pixels(white)[0] > 0.5)
    return inside if 0 < inside.mean() < 1 else None


def figures_of(what: Choice, row: Row, maps: Maps, number: int, inside: NDArray[np.bool_]) -> dict[str, truth.Truth]:
    """The figures of every method of the row."""
    found = {}
    for method, mapped in maps.of_row(number).items():
        found[method] = play.once(("truth", *what.key(row, method)), partial(truth.truth, mapped.heat, inside))
    return found


def known(what: Choice, row: Row, method: str) -> dict[str, Any]:
    """The figures of one map, if they were looked at."""
    one: truth.Truth | None = RESULTS.get(("truth", *what.key(row, method)))
    return {} if one is None else {"hit": one.hit, "away": one.away, "mass": one.mass, "precision": one.precision}


def pointed(row: Row, heat: NDArray[Any], inside: NDArray[np.bool_], peak: tuple[int, int]) -> figures.Picture:
    """The map over its picture, with the outline of the object and a cross where the map points."""
    base = figures.overlay(row.image, heat, signed=True, opacity=0.8)
    scale = max(1, 2 * CARD // max(inside.shape))
    drawn = cutouts.outlines(np.moveaxis(base, -1, 0) / 255, inside, scale=scale)
    return cutouts.cross(drawn, (int((peak[0] + 0.5) * scale), int((peak[1] + 0.5) * scale)))


def _records(found: dict[str, truth.Truth]) -> list[dict[str, Any]]:
    return [
        {
            t("compare.method"): method_name(method),
            t("compare.pointing"): t("compare.hit") if one.hit else t("compare.miss", away=one.away),
            t("compare.mass"): None if math.isnan(one.mass) else one.mass,
            t("compare.precision"): one.precision,
        }
        for method, one in found.items()
    ]


def _formats() -> dict[str, str]:
    return {t("compare.mass"): "%.3f", t("compare.precision"): "%.3f"}
