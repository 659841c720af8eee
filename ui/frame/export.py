"""Taking a result along: raw arrays, every setting as JSON, and a Python snippet that computes the same arrays."""

from __future__ import annotations

import dataclasses
import io
import json
import platform
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import numpy as np
import streamlit as st

from ui.frame import sources, uploads
from ui.frame.layout import Frame
from ui.texts import t
from vizcore import params as declared
from vizcore.networks import own
from vizcore.networks.classifier import Classifier
from vizcore.pictures.scenes import SHORTCUT

LIBRARIES = ("torch", "torchvision", "numpy", "scikit-image", "pillow", "streamlit")


@dataclass(frozen=True)
class Recipe:
    """How one technique is called from Python, and which arrays of its result are worth keeping.

    ``call`` is an expression over ``clf``, ``image``, ``target`` and ``params``; ``run`` says that it is a generator of
    estimates.
    """

    module: str
    call: str
    arrays: tuple[str, ...]
    run: bool = True


RECIPES = {
    "filters": Recipe("filters", "filters.kernels(clf{layer})", ("weights",), run=False),
    "maximisation": Recipe(
        "maximize", "maximize.maximize(clf, target, params, image)", ("image", "input", "scores", "penalties")
    ),
    "saliency": Recipe("saliency", "saliency.smoothgrad(clf, image, target, params)", ("gradient", "changes")),
    "occlusion": Recipe(
        "occlusion", "occlusion.occlude(clf, image, target, params)", ("drop", "top_class", "rows", "columns")
    ),
    "lime": Recipe(
        "lime", "lime.explain(clf, image, target, params)", ("weights", "segments", "vectors", "scores", "predicted")
    ),
}


def arrays(name: str, result: Any) -> dict[str, np.ndarray]:
    """The result's raw arrays by name."""
    return {key: np.asarray(getattr(result, key)) for key in RECIPES[name].arrays}


def npz(name: str, result: Any) -> bytes:
    """The raw arrays as a NumPy archive."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays(name, result))  # type: ignore[arg-type]
    return buffer.getvalue()


def record(page: Frame, params: Any | None) -> dict[str, Any]:
    """Everything that the result depends on: network, weights, picture, class, parameters, seed and versions."""
    shape = page.clf.preprocess
    return {
        "technique": page.page,
        "network": {"name": page.clf.name, "weights_sha256": page.clf.checksum, "device": str(page.clf.device)},
        "preprocessing": {
            "size": list(shape.size),
            "resize": shape.resize,
            "mean": list(shape.mean),
            "std": list(shape.std),
        },
        "picture": {"id": page.source.id, "sha256": page.source.digest},
        **_explained(page),
        "parameters": {} if params is None else declared.to_json(params),
        "versions": {"python": platform.python_version(), **{name: version(name) for name in LIBRARIES}},
    }


def _explained(page: Frame) -> dict[str, Any]:
    if page.channel is not None:
        return {"channel": dataclasses.asdict(page.channel)}
    return {"class": {"index": page.target, "name": page.clf.classes[page.target]}}


def snippet(page: Frame, params: Any | None, layer: str | None = None) -> str:
    """A Python script against ``vizcore`` that computes the page's arrays and writes them to an archive."""
    recipe = RECIPES[page.page]
    needs, picture = picture_of(page.source.id)
    imports, network = network_of(page.clf)
    wanted = ["import numpy as np", f"from vizcore import {recipe.module}", *imports, *needs]
    if page.channel is not None:
        wanted.append("from vizcore.targets import Channel")
    if recipe.run:
        wanted.append("from vizcore.jobs.run import Run")
    lines = [*import_block(wanted), "", *network]
    lines.append(f"image = clf.pixels({picture})")
    if page.channel is not None:
        lines.append(f"target = {page.channel!r}")
    else:
        lines.append(f"target = {page.target}  # {' '.join(page.clf.classes[page.target].split())}")
    if params is not None:
        lines.append(f"params = {recipe.module}.{params!r}")
    call = recipe.call.format(layer=f', "{layer}"' if layer else "")
    lines.append(f"result = Run({call}).finish()" if recipe.run else f"result = {call}")
    kept = ", ".join(f"{key}=np.asarray(result.{key})" for key in recipe.arrays)
    lines.append(f'np.savez("{page.page}.npz", {kept})')
    return "\n".join(lines) + "\n"


def import_block(lines: Iterable[str]) -> list[str]:
    """Import lines without repetition: other people's first, names that come from one module in one line."""
    plain = sorted({line for line in lines if line.startswith("import ")})
    modules: dict[str, set[str]] = {}
    for line in lines:
        if line.startswith("from "):
            module, _, names = line.removeprefix("from ").partition(" import ")
            modules.setdefault(module, set()).update(names.split(", "))
    named = [f"from {module} import {', '.join(sorted(names))}" for module, names in sorted(modules.items())]
    ours = [line for line in named if line.startswith("from vizcore")]
    return [*plain, *(line for line in named if line not in ours), "", *ours]


def network_of(clf: Classifier) -> tuple[list[str], list[str]]:
    """The imports and the lines of Python that load a network."""
    name, device = clf.name, clf.device.type
    if name in uploads.all_of():
        one = uploads.all_of()[name]
        data = f"Path({one.file!r}).read_bytes()"
        return ["from pathlib import Path", "from vizcore.networks import own"], [
            f"design = own.{one.design!r}",
            f'clf = own.network({data}, design, device="{device}")',
        ]
    if name in own.named():
        module, _, function = name.partition(":")
        return [f"from {module} import {function}"], [f"clf = {function}()"]
    return ["from vizcore import load"], [f'clf = load("{name}", device="{device}")']


def picture_of(identifier: str) -> tuple[list[str], str]:
    """The imports and the expression of Python that make a picture, or the path of one's own file."""
    kind, _, rest = identifier.partition(":")
    scene = ["from PIL import Image", "from vizcore.pictures import scenes"]
    size = sources.SCENE_SIZE
    return {
        "scene": (scene, f"Image.fromarray(scenes.scene({rest}, size={size}).picture)"),
        "stamped": (
            scene,
            f'Image.fromarray(scenes.scene({rest}, label="{SHORTCUT}", mark=True, size={size}).picture)',
        ),
        "photo": (["from vizcore.pictures import decoding"], f'decoding.sample_photographs()["{rest}"]()'),
        "upload": ([], '"picture.png"'),
    }[kind]


def offer(page: Frame, params: Any | None, result: Any | None, layer: str | None = None) -> None:
    """A closed box with the downloads and the snippet; before there is a result, it says so."""
    with st.popover(t("export.title"), icon=":material/download:"):
        if result is None:
            st.caption(t("export.nothing"))
            return
        download(f"{page.page}.npz", lambda: npz(page.page, result), t("export.npz"), "application/octet-stream")
        settings = json.dumps(record(page, params), indent=2, ensure_ascii=False)
        download(f"{page.page}.json", lambda: settings.encode(), t("export.json"), "application/json")
        st.caption(t("export.snippet"))
        st.code(snippet(page, params, layer), language="python")


def download(file: str, data: Callable[[], bytes], label: str, mime: str) -> None:
    """A button that saves ``data()`` under the name ``file``; the page is not run again by it."""
    st.download_button(label, data, file_name=file, mime=mime, key=f"export.{file}", on_click="ignore")
