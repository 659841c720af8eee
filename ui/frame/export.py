"""Taking a result along: raw arrays, every setting as JSON, and a Python snippet that computes the same arrays."""

from __future__ import annotations

import dataclasses
import io
import json
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from operator import attrgetter
from typing import Any

import numpy as np
import streamlit as st
from PIL import Image

from ui.frame import printed, scripts
from ui.frame.layout import Frame
from ui.texts import t
from vizcore import params as declared
from vizcore.pictures.sheets import plain

LIBRARIES = ("torch", "torchvision", "numpy", "scikit-image", "pillow", "streamlit")
Take = Callable[[Any], Any]
_VIEWS = {"absolute": "absolute_max", "signed": "signed", "times_input": "times_input"}


@dataclass(frozen=True)
class Recipe:
    """How one technique is called from Python, and which arrays of its result are worth keeping.

    ``calls`` are lines of Python over ``clf``, ``image``, ``target`` and ``params``; each array is named for what it
    is, with the expression that the lines make it by, and how it is taken from the page's own result. ``run`` says that
    the technique is a generator of estimates.
    """

    module: str
    calls: tuple[str, ...]
    arrays: Mapping[str, tuple[str, Take]]
    run: bool = True


def _fields(*names: str) -> dict[str, tuple[str, Take]]:
    return {name: (f"result.{name}", attrgetter(name)) for name in names}


def _heat() -> dict[str, tuple[str, Take]]:
    return {"heat": ("result.heat()", lambda result: result.heat())}  # (H,W), the map that is drawn


RECIPES = {
    "filters": Recipe("filters", ("result = filters.kernels(clf{layer})",), _fields("weights"), run=False),
    "maximisation": Recipe(
        "maximize",
        ("result = Run(maximize.maximize(clf, target, params, image)).finish()",),
        _fields("image", "input", "scores", "penalties"),
    ),
    "saliency": Recipe(
        "saliency",
        (
            "plain = saliency.gradient(clf, image, target, saliency.Saliency(params.output))",
            "smooth = Run(saliency.smoothgrad(clf, image, target, params)).finish()",
        ),
        {
            "plain_gradient": ("plain.gradient", lambda both: both.plain.gradient),
            "plain_gradient_map": ("saliency.{view}(plain)", lambda both: both.drawn(both.plain)),
            "smoothgrad": ("smooth.gradient", lambda both: both.smooth.gradient),
            "smoothgrad_map": ("saliency.{view}(smooth)", lambda both: both.drawn(both.smooth)),
            "smoothgrad_changes": ("smooth.changes", lambda both: both.smooth.changes),
        },
    ),
    "occlusion": Recipe(
        "occlusion",
        ("result = Run(occlusion.occlude(clf, image, target, params)).finish()",),
        _heat() | _fields("drop", "top_class", "rows", "columns"),
    ),
    "lime": Recipe(
        "lime",
        ("result = Run(lime.explain(clf, image, target, params)).finish()",),
        _heat() | _fields("weights", "segments", "vectors", "scores", "predicted"),
    ),
}


def arrays(name: str, result: Any) -> dict[str, np.ndarray]:
    """The result's raw arrays by name."""
    return {key: np.asarray(take(result)) for key, (_, take) in RECIPES[name].arrays.items()}


def npz(found: Mapping[str, np.ndarray], settings: str) -> bytes:
    """Arrays as a NumPy archive, with the JSON of what they depend on as the text ``settings`` in it."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **found, settings=np.array(settings))  # type: ignore[arg-type]
    return buffer.getvalue()


def record(page: Frame, params: Any | None, result: Any | None = None) -> dict[str, Any]:
    """Everything that the result depends on: network, weights, picture, class, parameters, seed and versions."""
    shape = page.clf.preprocess
    found = {
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
    for name in ("layer", "view", "step", "of"):  # a run that was stopped says how far it came
        if (value := getattr(result, name, None)) is not None:
            found[name] = value
    return found


def _explained(page: Frame) -> dict[str, Any]:
    if page.channel is not None:
        return {"channel": dataclasses.asdict(page.channel)}
    return {"class": {"index": page.target, "name": page.clf.classes[page.target]}}


def snippet(page: Frame, params: Any | None, result: Any | None = None) -> str:
    """A Python script against ``vizcore`` that computes the page's arrays and writes them to an archive.

    ``result`` tells the layer of filters and the view of saliency maps; without it they are the first ones.
    """
    recipe = RECIPES[page.page]
    needs, picture = scripts.picture_of(page.source.id)
    imports, network = scripts.network_of(page.clf)
    wanted = ["import numpy as np", f"from vizcore import {recipe.module}", *imports, *needs]
    if page.channel is not None:
        wanted.append("from vizcore.targets import Channel")
    if recipe.run:
        wanted.append("from vizcore.jobs.run import Run")
    lines = [*scripts.above(page.clf, page.source.id), *scripts.import_block(wanted), "", *network]
    lines.append(f"image = clf.pixels({picture})")
    if page.channel is not None:
        lines.append(f"target = {page.channel!r}")
    else:
        lines.append(f"target = {page.target}  # {plain(page.clf.classes[page.target])}")
    if params is not None:
        lines.append(f"params = {recipe.module}.{params!r}")
    layer, view = getattr(result, "layer", None), getattr(result, "view", "absolute")
    filled = {"layer": f", {json.dumps(layer)}" if layer else "", "view": _VIEWS.get(view, "")}
    lines += [call.format(**filled) for call in recipe.calls]
    kept = ", ".join(f"{key}=np.asarray({how.format(**filled)})" for key, (how, _) in recipe.arrays.items())
    lines.append(f'np.savez("{page.page}.npz", {kept})')
    return "\n".join(lines) + "\n"


def offer(page: Frame, params: Any | None, result: Any | None) -> None:
    """A closed box with the downloads and the snippet; before there is a result, it says so."""
    with st.popover(t("export.title"), icon=":material/download:"):
        name = page.page
        if result is None:  # pictures there may be already, or the only ones: of channels there are no arrays
            figures = printed.on_page(t(f"{name}.title"), printed.heading(page, params))
            printed.offer(figures, name)
            st.caption(t("export.figures_only" if figures else "export.nothing"))
            return
        settings = json.dumps(record(page, params, result), indent=2, ensure_ascii=False)
        script = snippet(page, params, result)
        figures = printed.on_page(t(f"{name}.title"), printed.heading(page, params, result))
        files = {
            f"{name}.npz": lambda: npz(arrays(name, result), settings),
            f"{name}.json": settings.encode,
            f"{name}.py": script.encode,
        }
        offer_all(page, files, figures, script)


def offer_all(
    page: Frame, files: dict[str, Callable[[], bytes]], figures: Sequence[printed.Printed], script: str
) -> None:
    """One figure, everything in one file, the files one by one, and the script; none is made before it is wanted."""
    name, picture = page.page, page.source.picture
    printed.offer(figures, name)
    whole = files if page.source.id != "upload" else {**files, "picture.png": lambda: _png(picture)}
    download(f"{name}.zip", lambda: printed.archive(name, figures, whole), t("figure.zip"), "application/zip")
    for file, data in files.items():
        if (kind := file.rpartition(".")[2]) in _OFFERED:
            label, mime = _OFFERED[kind]
            download(file, data, t(label), mime)
    st.caption(f"{t('export.snippet')} {t('figure.anywhere')}")
    st.code(script, language="python")


_OFFERED = {
    "npz": ("export.npz", "application/octet-stream"),
    "json": ("export.json", "application/json"),
    "csv": ("compare.csv", "text/csv"),
}


def _png(picture: Image.Image) -> bytes:
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


def download(file: str, data: Callable[[], bytes], label: str, mime: str) -> None:
    """A button that saves ``data()`` under the name ``file``; the page is not run again by it."""
    st.download_button(label, data, file_name=file, mime=mime, key=f"export.{file}", on_click="ignore")
