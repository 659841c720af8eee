"""What is exported: arrays, settings, and a snippet that computes the very same arrays when it is run."""

from __future__ import annotations

import io
import json
import os
import runpy
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zipfile import ZipFile

import numpy as np
import pytest
from PIL import Image

from ui.frame import code, export, printed, sources
from ui.saliency import maps
from vizcore import params
from vizcore.jobs.run import Run
from vizcore.networks.classifier import Classifier
from vizcore.pictures import decoding, figures, panels
from vizcore.targets import Channel
from vizcore.techniques import filters, lime, maximize, occlusion, saliency

ROOT = Path(__file__).parents[2]
SCENE = 21
SETTINGS: dict[str, Any] = {
    "filters": None,
    "maximisation": maximize.Maximisation(steps=12, seed=3, jitter=2),
    "saliency": saliency.SmoothGrad(copies=5, seed=2, noise=0.2),
    "occlusion": occlusion.Occlusion(window=32, stride=32, fill="blur"),
    "lime": lime.Lime(samples=30, segments=8, model="ridge"),
}


def shown(clf: Classifier, name: str, picture: str) -> Any:
    """What a page knows of itself, as far as the export asks."""
    found = sources.scene(picture)
    if found is None:
        drawn = decoding.sample_photographs()[picture.partition(":")[2]]()
    else:
        drawn = Image.fromarray(found.picture)
    source = sources.Source(picture, drawn, decoding.digest(drawn))
    return SimpleNamespace(page=name, clf=clf, source=source, image=clf.pixels(drawn), target=2, channel=None, unit=2)


def computed(page: Any, settings: Any) -> Any:
    clf, image, target = page.clf, page.image, page.target
    work = {
        "filters": lambda: filters.kernels(clf),
        "maximisation": lambda: Run(maximize.maximize(clf, target, settings)).finish(),
        "saliency": lambda: maps.Both(
            saliency.gradient(clf, image, target, saliency.Saliency(settings.output)),
            Run(saliency.smoothgrad(clf, image, target, settings)).finish(),
            "times_input",
        ),
        "occlusion": lambda: Run(occlusion.occlude(clf, image, target, settings)).finish(),
        "lime": lambda: Run(lime.explain(clf, image, target, settings)).finish(),
    }
    return work[page.page]()


@pytest.mark.parametrize(
    ("name", "picture"),
    [(name, f"scene:{SCENE}") for name in SETTINGS] + [("occlusion", "photo:coffee"), ("saliency", "stamped:34")],
)
def test_the_snippet_gives_the_same_arrays(bundled: Classifier, tmp_path: Path, name: str, picture: str) -> None:
    page = shown(bundled, name, picture)
    result = computed(page, SETTINGS[name])
    script = export.snippet(page, SETTINGS[name], result)
    assert script.startswith("# Runs in any folder once the package is installed")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    (tmp_path / "snippet.py").write_text(script, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "snippet.py"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    settings = json.dumps(export.record(page, SETTINGS[name], result))
    expected = np.load(io.BytesIO(export.npz(export.arrays(name, result), settings)))
    found = np.load(tmp_path / f"{name}.npz")
    assert sorted(found) == sorted(export.RECIPES[name].arrays)
    assert sorted(expected) == sorted([*found, "settings"])
    assert json.loads(str(expected["settings"]))["network"]["weights_sha256"] == bundled.checksum
    for key in found:
        np.testing.assert_allclose(found[key], expected[key], rtol=1e-4, atol=1e-5, err_msg=key)


def file(image: Image.Image, kind: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def uploads() -> dict[str, bytes]:
    """Files that Pillow's Image.open(...).convert("RGB") shows otherwise than the page does."""
    horse, exif = decoding.sample_photographs()["coffee"](), Image.Exif()
    exif[0x0112] = 6
    logo = Image.new("RGBA", (200, 160))
    logo.paste((200, 40, 40, 255), (40, 30, 150, 120))
    return {
        "a 16-bit ramp": file(Image.fromarray(np.tile(np.linspace(0, 65535, 200), (50, 1)).astype(np.uint16)), "PNG"),
        "a logo on transparent ground": file(logo, "PNG"),
        "a JPEG on its side": file(horse, "JPEG", exif=exif),
        "a large photograph": file(horse.resize((2001, 1400), Image.Resampling.NEAREST), "PNG"),
    }


@pytest.mark.parametrize("name", list(uploads()))
def test_both_snippets_make_of_an_uploaded_file_what_the_page_makes_of_it(
    bundled: Classifier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    data = uploads()[name]
    drawn = decoding.decode(data).picture  # as the page takes an upload
    source = sources.Source("upload", drawn, decoding.digest(drawn))
    page: Any = SimpleNamespace(
        page="saliency", clf=bundled, source=source, image=bundled.pixels(drawn), target=2, channel=None, unit=2
    )
    expected = computed(page, SETTINGS["saliency"]).smooth.gradient.numpy()
    monkeypatch.chdir(tmp_path)
    Path("picture.png").write_bytes(data)
    Path("snippet.py").write_text(export.snippet(page, SETTINGS["saliency"]), encoding="utf-8")
    shown_in_code = runpy.run_path("snippet.py")
    assert np.array_equal(shown_in_code["image"], page.image)
    np.testing.assert_allclose(np.load("saliency.npz")["smoothgrad"], expected, rtol=1e-4, atol=1e-5)
    Path("code.py").write_text(code.script(page, SETTINGS["saliency"], None), encoding="utf-8")
    found = runpy.run_path("code.py")
    assert np.array_equal(found["image"], page.image)
    assert np.abs(found["w"].numpy() - expected).max() <= 1e-3 * np.abs(expected).max()
    with Image.open("picture.png") as opened:
        assert not np.array_equal(bundled.preprocess.pixels(opened.convert("RGB")), page.image), "an easy file"


def test_both_snippets_maximise_a_channel(bundled: Classifier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page: Any = shown(bundled, "maximisation", "scene:21")
    page.channel = page.unit = Channel("features.3", 7, "centre")
    settings = maximize.Maximisation(steps=10, lambda_=1e-4)
    expected = Run(maximize.maximize(bundled, page.unit, settings)).finish()
    monkeypatch.chdir(tmp_path)
    Path("snippet.py").write_text(export.snippet(page, settings), encoding="utf-8")
    runpy.run_path("snippet.py")
    np.testing.assert_allclose(np.load("maximisation.npz")["input"], expected.input, rtol=1e-4, atol=1e-5)
    Path("code.py").write_text(code.script(page, settings, expected), encoding="utf-8")
    z = runpy.run_path("code.py")["z"]
    np.testing.assert_allclose(z.detach(), expected.input, rtol=1e-3, atol=1e-3)
    assert export.record(page, settings)["channel"] == {"layer": "features.3", "channel": 7, "of": "centre"}


@pytest.mark.parametrize("identifier", ["scene:007", "stamped:0034", "scene:0"])
def test_a_seed_with_leading_zeros_is_the_number_that_it_means(bundled: Classifier, identifier: str) -> None:
    kind, _, digits = identifier.partition(":")
    assert sources.canonical(identifier) == f"{kind}:{int(digits)}"
    page = shown(bundled, "saliency", sources.canonical(identifier))
    page.source = sources.Source(identifier, page.source.picture, page.source.digest)  # as a link may have it
    for script in (export.snippet(page, SETTINGS["saliency"]), code.script(page, SETTINGS["saliency"], None)):
        compile(script, "snippet.py", "exec")
        assert f"scenes.scene({int(digits)}" in script


def test_what_is_drawn_is_in_the_archive(bundled: Classifier) -> None:
    for name in ("saliency", "occlusion", "lime"):
        result = computed(shown(bundled, name, f"scene:{SCENE}"), SETTINGS[name])
        found = export.arrays(name, result)
        if name == "saliency":
            assert np.array_equal(found["smoothgrad_map"], saliency.times_input(result.smooth))
            assert np.array_equal(found["plain_gradient_map"], saliency.times_input(result.plain))
            assert not np.array_equal(found["smoothgrad"], found["plain_gradient"])
        else:
            assert np.array_equal(found["heat"], result.heat())


def test_one_file_holds_figures_arrays_settings_and_script(bundled: Classifier) -> None:
    page = shown(bundled, "occlusion", f"scene:{SCENE}")
    result = computed(page, SETTINGS["occlusion"])
    heat = result.heat()
    blend = {"signed": True, "limit": figures.robust_limit(heat), "opacity": 0.5}

    def sheet() -> panels.Sheet:
        tile = panels.Tile("drop", panels.blended(page.image, heat, **blend), blend["limit"])  # type: ignore[arg-type]
        heading = printed.heading(page, SETTINGS["occlusion"], result)
        return panels.Sheet("Occlusion", heading.lines, (("", (tile,)),), heading.notes)

    page.class_name = "horse $x$"
    assert any("horse $x$" in line and "Mini-AlexNet" in line and "Scene 21" in line for line in sheet().lines)
    assert any("Window 32 px" in line and "Fill Blur" in line for line in sheet().lines)
    settings = json.dumps(export.record(page, SETTINGS["occlusion"], result))
    script = export.snippet(page, SETTINGS["occlusion"], result)
    files: dict[str, Any] = {
        "occlusion.npz": lambda: export.npz(export.arrays("occlusion", result), settings),
        "occlusion.json": settings.encode,
        "occlusion.py": script.encode,
    }
    whole = printed.archive("occlusion", [printed.Printed("../a/b\\c", "drop", sheet)], files)
    with ZipFile(io.BytesIO(whole)) as packed:
        names = packed.namelist()
        assert names[:3] == [f"occlusion/{name}" for name in files]
        assert names[3:] == ["occlusion/figures/01-a-b-c.png", "occlusion/figures/01-a-b-c.pdf"]
        arrays = np.load(io.BytesIO(packed.read("occlusion/occlusion.npz")))
        assert np.array_equal(arrays["heat"], heat)
        assert json.loads(str(arrays["settings"])) == json.loads(packed.read("occlusion/occlusion.json"))
        assert packed.read("occlusion/occlusion.py").decode() == script
    assert whole == printed.archive("occlusion", [printed.Printed("../a/b\\c", "drop", sheet)], files)


def test_the_snippet_of_a_deeper_layer(bundled: Classifier) -> None:
    layer = filters.layers(bundled)[1][0]
    kernels = filters.kernels(bundled, layer)
    page = shown(bundled, "filters", "scene:1")
    assert f'filters.kernels(clf, "{layer}")' in export.snippet(page, None, kernels)
    assert export.record(page, None, kernels)["layer"] == layer


def test_the_record_names_everything_that_the_result_depends_on(bundled: Classifier) -> None:
    page = shown(bundled, "lime", "photo:coffee")
    record = json.loads(json.dumps(export.record(page, SETTINGS["lime"])))
    assert record["network"]["weights_sha256"] == bundled.checksum
    assert len(record["network"]["weights_sha256"]) == 64
    assert record["picture"] == {"id": "photo:coffee", "sha256": page.source.digest}
    assert record["class"] == {"index": 2, "name": bundled.classes[2]}
    assert record["preprocessing"]["size"] == [128, 128]
    assert set(record["versions"]) >= {"python", "torch", "numpy"}
    assert params.from_json(lime.Lime, record["parameters"]) == (SETTINGS["lime"], [])
