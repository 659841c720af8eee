"""Taking a comparison along: the maps, a table, every setting, and a Python snippet that computes the same maps."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import numpy as np
import streamlit as st

from ui.compare import faithfulness, sanity, stability, truth
from ui.compare.choice import Choice, Row, constructor
from ui.compare.maps import Maps
from ui.frame import export
from ui.texts import t
from vizcore import params as declared
from vizcore.targets import Contrast


def offer(what: Choice, maps: Maps | None) -> None:
    """A closed box with the downloads and the snippet; before there is a result, it says so."""
    with st.popover(t("export.title"), icon=":material/download:"):
        if maps is None:
            st.caption(t("export.nothing"))
            return
        export.download("compare.npz", lambda: npz(what, maps), t("export.npz"), "application/octet-stream")
        lines = table(what, maps)  # now: what is known belongs to this session, which a later thread cannot ask
        export.download("compare.csv", lambda: lines.encode(), t("compare.csv"), "text/csv")
        settings = json.dumps(record(what), indent=2, ensure_ascii=False)
        export.download("compare.json", lambda: settings.encode(), t("export.json"), "application/json")
        st.caption(t("export.snippet"))
        st.code(snippet(what), language="python")


def npz(what: Choice, maps: Maps) -> bytes:
    """Every map (H,W) as float32, named ``method.number_of_the_row``, as a NumPy archive."""
    arrays = {
        f"{method}.{number}": np.asarray(mapped.heat)
        for (number, method), mapped in maps.by_place.items()
        if mapped.found is not None
    }
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


def table(what: Choice, maps: Maps) -> str:
    """One line for each map, as CSV, with all figures of it that were computed so far."""
    lines = records(what, maps)
    columns = list(dict.fromkeys(name for one in lines for name in one))
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, columns, restval="")
    writer.writeheader()
    writer.writerows(lines)
    return buffer.getvalue()


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


def record(what: Choice) -> dict[str, Any]:
    """Everything that the maps depend on; the rows in the order of the archive's numbers."""
    common = export.record(what.page, None)
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
    needs, picture = export.picture_of(what.page.source.id)
    networks = list(dict.fromkeys(row.clf for row in what.rows))
    loading = [export.network_of(clf) for clf in networks]
    imports = ["import numpy as np", "from vizcore import methods", "from vizcore.jobs.run import Run", *needs]
    imports += [line for lines, _ in loading for line in lines]
    if any(isinstance(row.target, Contrast) for row in what.rows):
        imports.append("from vizcore.targets import Contrast")
    lines = [*export.import_block(imports), "", f"picture = {picture}", "params = {"]
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
                lines.append(f"explain(clf, {number}, {row.target!r})  # {' '.join(row.name.split())}")
    lines.append('np.savez("compare.npz", **maps)')
    return "\n".join(lines) + "\n"
