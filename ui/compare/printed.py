"""The page's figures for print: the grid of all maps, every map by itself, and what the part below shows."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ui.compare import several
from ui.compare.choice import Choice, Row, method_name
from ui.compare.maps import Maps, limits, pool, unit
from ui.compare.maps import drawn as drawn_map
from ui.frame import network_cache, printed, sources
from ui.frame.printed import Heading, Printed
from ui.texts import t
from ui.viewer.viewer import pooled_unit
from vizcore.evaluation import faithfulness, sanity, stability
from vizcore.pictures import figures as colours
from vizcore.pictures.panels import Sheet, Tile, blended

_OPACITY = 0.5  # of the maps on the page, at first
# Figures of the parts that have settings of their own, by how their names begin after the page's.
_PARTS: dict[str, tuple[type, str]] = {
    "deletion": (faithfulness.Faithfulness, "faithfulness"),
    "insertion": (faithfulness.Faithfulness, "faithfulness"),
    "sanity": (sanity.Randomisation, "randomisation"),
    "mean": (stability.Repeats, "repeats"),
    "deviation": (stability.Repeats, "repeats"),
    "heat": (stability.Sensitivity, "sensitivity"),
    "worst_heat": (stability.Sensitivity, "sensitivity"),
}


def figures(what: Choice, maps: Maps) -> list[Printed]:
    """All of them, the grid first; nothing is drawn yet."""
    score = f"{t('compare.output')}: {t(f'options.output.{what.output}')}"
    scale = f"{t('compare.scale')}: {t(f'options.compare_scale.{what.scale}')}"
    settings = {method: f"{method_name(method)}: {_settings(what, method)}" for method in what.methods}
    foot = printed.provenance(what.page)
    lines = (_of(what, what.rows), f"{score} · {scale}")
    whole = Heading(lines, (*settings.values(), foot))

    def heading(name: str) -> Heading | None:
        """Of one map its own row and settings, of everything else all."""
        _, _, rest = name.partition("compare-")
        number, _, method = rest.partition("-")
        if not number.isdigit():
            part = next((one for name_, one in _PARTS.items() if rest.startswith(name_)), None)
            own = () if part is None else (printed.settings(several.settings(*part)),)
            return Heading((*lines, *own), whole.notes)
        if method not in settings:
            return None  # the picture alone, which is in the grid
        return Heading((_of(what, (what.rows[int(number)],)), f"{settings[method]} · {score}"), (foot,))

    grid = partial(_grid, t("compare.title"), whole, _rows(what, maps))
    return [Printed("maps", t("figure.grid"), grid), *printed.on_page(t("compare.title"), heading)]


def _of(what: Choice, rows: tuple[Row, ...]) -> str:
    networks = ", ".join(dict.fromkeys(network_cache.title(row.clf.name) for row in rows))
    targets = ", ".join(dict.fromkeys(row.name for row in rows))
    of = {"network": networks, "picture": sources.label(what.page.source.id), "class": targets}
    return " · ".join(printed.told(name, value) for name, value in of.items())


def _settings(what: Choice, method: str) -> str:
    """The settings of a method that are its own, and the layer where it has one."""
    params = what.params[method]
    layer = getattr(params, "layer", "")
    return printed.settings(params) + (f" · {layer}" if layer else "")


Drawn = tuple[str, Tensor, tuple[tuple[str, NDArray[np.float32], float, str], ...]]


def _unit(what: Choice, method: str, image: Tensor) -> str:
    return pooled_unit(unit(what, method), pool(what, method, image))


def _rows(what: Choice, maps: Maps) -> list[Drawn]:
    """Of each row its title, its picture, and (name, map, limit, unit) of its maps."""
    scales, found = limits(what, maps), []
    for number, row in enumerate(what.rows):
        of_row = maps.of_row(number)
        drawn = [
            (method_name(m), drawn_map(what, m, of_row[m].heat), scales[number, m], _unit(what, m, row.image))
            for m in what.methods
            if m in of_row
        ]
        found.append((row.title, row.image, tuple(drawn)))
    return found


def _grid(title: str, what: Heading, rows: list[Drawn]) -> Sheet:
    lines = []
    for name, image, maps in rows:
        tiles = [Tile("", colours.picture(image))]
        for method, heat, limit, meaning in maps:
            blend = blended(image, heat, signed=True, limit=limit, opacity=_OPACITY)
            tiles.append(Tile(method, blend, limit, True, meaning))
        lines.append((name, tuple(tiles)))
    return Sheet(title, what.lines, tuple(lines), what.notes, what.mark)
