"""Taking interventions along: the effects as a table, pictures and regions as arrays, settings, and a script."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import streamlit as st

from ui.frame import export, printed, scripts, sources
from ui.frame.layout import Frame
from ui.interventions.claims import Heats, agreement, claimed
from ui.texts import t
from vizcore.evaluation.arrangement import Arrangement
from vizcore.evaluation.interventions import Effects
from vizcore.pictures.scene_parts import Part
from vizcore.pictures.scenes import SHORTCUT
from vizcore.pictures.sheets import plain
from vizcore.study import cells
from vizcore.targets import Output

NAME = "interventions"


def offer(page: Frame, params: Arrangement, found: Effects, heats: Heats | None, output: Output) -> None:
    """A closed box with the downloads and the script."""
    with st.popover(t("export.title"), icon=":material/download:"):
        lines, script = table(page, found, heats), snippet(page, params, output)
        settings = json.dumps(record(page, params, found, output), indent=2, ensure_ascii=False)
        figures = printed.on_page(t(f"{NAME}.title"), printed.heading(page, None))
        files = {
            f"{NAME}.npz": lambda: export.npz(arrays(found, heats), settings),
            f"{NAME}.csv": lines.encode,
            f"{NAME}.json": settings.encode,
            f"{NAME}.py": script.encode,
        }
        export.offer_all(page, files, figures, script)


def table(page: Frame, found: Effects, heats: Heats | None) -> str:
    """One line for the effects and one for the claims of each method that is finished, as CSV."""
    common = {"network": page.clf.name, "picture": page.source.id, "class": page.clf.classes[page.target]}
    lines: list[dict[str, Any]] = [common | {"of": "effect"} | _named(found.by_part)]
    for method, heat in ({} if heats is None else heats.found).items():
        if not isinstance(heat, str):
            lines.append(common | {"of": method, "agreement": agreement(found, heat)} | _named(claimed(found, heat)))
    return cells.table(list(dict.fromkeys(name for one in lines for name in one)), lines)


def _named(values: Mapping[Part, float]) -> dict[str, Any]:
    return {str(part): value for part, value in values.items()}


def arrays(found: Effects, heats: Heats | None) -> dict[str, np.ndarray]:
    """Each part's region and the picture without it, the scene itself, and every finished map."""
    kept = {"picture": np.asarray(found.image)}
    for one in found.parts:
        kept |= {f"region.{one.part}": one.region, f"without.{one.part}": np.asarray(one.without)}
    for method, heat in ({} if heats is None else heats.found).items():
        if not isinstance(heat, str):
            kept[f"heat.{method}"] = np.asarray(heat)
    return kept


def record(page: Frame, params: Arrangement, found: Effects, output: Output) -> dict[str, Any]:
    """Everything that the result depends on, and the effects themselves."""
    effects = {"score": found.score, "effects": found.by_part, "missing": list(found.missing)}
    return export.record(page, params) | {"output": output} | effects


def snippet(page: Frame, params: Arrangement, output: Output) -> str:
    """A Python script against ``vizcore`` that computes the effects, and the answer to the scene as it is changed."""
    kind, _, seed = sources.canonical(page.source.id).partition(":")
    own = f', label="{SHORTCUT}", mark=True' if kind == "stamped" else ""
    imports, network = scripts.network_of(page.clf)
    wanted = [
        "from PIL import Image",
        "from vizcore.evaluation import interventions",
        "from vizcore.pictures import scenes",
    ]
    wanted += ["from vizcore.pictures.scene_parts import Change, Changes", *imports]
    lines = [*scripts.above(page.clf, page.source.id), *scripts.import_block(wanted), "", *network, "", ""]
    lines += [
        "def compose(changes):",
        f"    return scenes.scene({seed}{own}, size={sources.SCENE_SIZE}, changes=changes)",
        "",
        "",
        f"target = {page.target}  # {plain(page.clf.classes[page.target])}",
        f'effects = interventions.effects(clf, compose, target, "{output}")',
        "print(effects.by_part)",
        f"changed = compose({_changes(params)})",
        "print(clf.top(clf.pixels(Image.fromarray(changed.picture))))",
    ]
    return "\n".join(lines) + "\n"


def _changes(params: Arrangement) -> str:
    """The changes as Python, without what changes nothing."""
    changed = {part: change for part, change in vars(params.changes()).items() if change != type(change)()}
    return f"Changes({', '.join(f'{part}={change!r}' for part, change in changed.items())})"
