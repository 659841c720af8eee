"""Taking a comparison along: the maps, a table, every setting, and a Python snippet that computes the same maps."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import streamlit as st

from ui.compare import faithfulness, printed, sanity, stability, truth
from ui.compare.choice import Choice, Row, constructor
from ui.compare.maps import Maps
from ui.frame import export, scripts
from ui.texts import t
from vizcore import params as declared
from vizcore.pictures.sheets import plain
from vizcore.study import cells
from vizcore.targets import Contrast


def offer(what: Choice, maps: Maps | None) -> None:
    """A closed box with the downloads and the snippet; before there is a result, it says so."""
    with st.popover(t("export.title"), icon=":material/download:"):
        if maps is None:
            st.caption(t("export.nothing"))
            return
        # Written now: what is known belongs to this session, which a later thread cannot ask.
        lines, script, found = table(what, maps), snippet(what), arrays(maps)
        settings = json.dumps(record(what, maps), indent=2, ensure_ascii=False)
        files = {
            "compare.npz": lambda: export.npz(found, settings),
            "compare.csv": lines.encode,
            "compare.json": settings.encode,
            "compare.py": script.encode,
        }
        export.offer_all(what.page, files, printed.figures(what, maps), script)


def arrays(maps: Maps) -> dict[str, np.ndarray]:
    """Every map (H,W) as float32, named ``method.number_of_the_row``."""
    return {
        f"{method}.{number}": np.asarray(mapped.heat)
        for (number, method), mapped in maps.by_place.items()
        if mapped.found is not None
    }


def table(what: Choice, maps: Maps) -> str:
    """One line for each map, as CSV, with all figures of it that were computed so far."""
    lines = records(what, maps)
    columns = list(dict.fromkeys(name for one in lines for name in one))
    return cells.table(columns, lines)


def records(what: Choice, maps: Maps) -> list[dict[str, Any]]:
    """What each map is of, its score, what it cost, its extremes, and what the parts of the page found out about it."""
    found: list[dict[str, Any]] = []
    for (number, method), mapped in maps.by_place.items():
        row = what.rows[number]
        one: dict[str, Any] = {"network": row.clf.name, "target": row.name, "method": method}
        if mapped.found is None:
            found.append(one | {"error": mapped.error})
            continue
        one |= {"score": mapped.found.score, "seconds": mapped.seconds, "forward": mapped.found.forward}
        one |= {"backward": mapped.found.backward, "min": float(mapped.heat.min()), "max": float(mapped.heat.max())}
        one |= {"layer": mapped.found.layer} if mapped.found.layer else {}
        for part in (faithfulness, stability, sanity, truth):
            one |= part.known(what, row, method)
        found.append(one)
    return found


def record(what: Choice, maps: Maps | None = None) -> dict[str, Any]:
    """Everything that the maps depend on; the rows in the order of the archive's numbers."""
    common = export.record(what.page, None, maps)
    common["parameters"] = {method: declared.to_json(what.params[method]) for method in what.methods}
    common["rows"] = [_row(row) for row in what.rows]
    return {name: value for name, value in common.items() if name not in ("network", "preprocessing", "class")}


def _row(row: Row) -> dict[str, Any]:
    indices = [row.target.of, row.target.against] if isinstance(row.target, Contrast) else [row.target]
    classes = [{"index": index, "name": row.clf.classes[index]} for index in indices]
    return {
        "network": {"name": row.clf.name, "weights_sha256": row.clf.checksum, "device": str(row.clf.device)},
        "class": classes[0],
        "against": classes[1] if len(classes) > 1 else None,
    }


def snippet(what: Choice) -> str:
    """A Python script against ``vizcore`` that computes the page's maps and writes them to an archive."""
    needs, picture = scripts.picture_of(what.page.source.id)
    networks = list(dict.fromkeys(row.clf for row in what.rows))
    loading = [scripts.network_of(clf) for clf in networks]
    imports = ["import numpy as np", "from vizcore import methods", "from vizcore.jobs.run import Run", *needs]
    imports += [line for lines, _ in loading for line in lines]
    if any(isinstance(row.target, Contrast) for row in what.rows):
        imports.append("from vizcore.targets import Contrast")
    above = dict.fromkeys(line for clf in networks for line in scripts.above(clf, what.page.source.id))
    lines = [*above, *scripts.import_block(imports), "", f"picture = {picture}", "params = {"]
    for method in what.methods:
        kind = f'methods.METHODS["{method}"]'
        lines.append(f'    "{method}": {kind}({constructor(what.params[method])}),')
    lines += ["}", "maps = {}", "", "", "def explain(clf, number, target):", "    image = clf.pixels(picture)"]
    lines.append("    for method, settings in params.items():")
    lines.append("        result = Run(methods.explain(clf, image, target, method, settings)).finish()")
    lines += ['        maps[f"{method}.{number}"] = result.heat.numpy()', "", ""]
    for clf, (_, load) in zip(networks, loading, strict=True):
        lines += load
        for number, row in enumerate(what.rows):
            if row.clf is clf:
                lines.append(f"explain(clf, {number}, {row.target!r})  # {plain(row.name)}")
    lines.append('np.savez("compare.npz", **maps)')
    return "\n".join(lines) + "\n"
