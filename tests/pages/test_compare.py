"""The compare page by Streamlit's AppTest, and what stands behind it."""

from __future__ import annotations

import io
import json
import os
import runpy
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from tests.conftest import linear_classifier, random_picture
from tests.pages.test_pages import address, healthy, opened
from ui.compare import export, maps, printed, several, sweep
from ui.compare import faithfulness as curves
from ui.compare import truth as scene_truth
from ui.compare.choice import Choice, Row
from ui.compare.parts import PARTS
from ui.frame import export as pages_export
from ui.frame import sources
from ui.running.results import RESULTS
from vizcore import methods
from vizcore.evaluation import faithfulness, truth
from vizcore.jobs.run import Run
from vizcore.networks import own
from vizcore.networks.classifier import Classifier
from vizcore.params import specs
from vizcore.pictures import decoding, pooling, scenes
from vizcore.pictures import figures as colours
from vizcore.targets import Contrast, Target
from vizcore.techniques import gradcam

ROOT = Path(__file__).parents[2]
QUICK = {"compare.methods": "gradient,gradcam,random"}


def words(app: Any) -> str:
    return " ".join(element.value for element in [*app.header, *app.markdown, *app.caption, *app.info]).replace(
        "\u00a0", " "
    )


def chosen(
    clf: Classifier, names: tuple[str, ...], targets: tuple[Target, ...] = (1,), scale: str = "method", seed: int = 34
) -> Choice:
    """A choice as the page's controls would make it."""
    drawn = Image.fromarray(scenes.scene(seed, size=sources.SCENE_SIZE).picture)
    source = sources.Source(f"scene:{seed}", drawn, decoding.digest(drawn))
    image = clf.pixels(drawn)
    rows = tuple(Row(clf, image, target, source.digest, str(target), str(target)) for target in targets)
    page: Any = SimpleNamespace(page="compare", clf=clf, source=source, image=image, target=1, channel=None, unit=1)
    params = {name: methods.with_output(methods.defaults(name), "logit") for name in methods.METHODS}
    return Choice(page, rows, names, params, "logit", scale)


@pytest.mark.parametrize("part", list(PARTS))
def test_each_part_opens_by_a_link_twice(part: str) -> None:
    small = {"compare.repeats.runs": "2", "compare.sensitivity.samples": "2", "compare.randomisation.stages": "2"}
    small |= {
        "compare.randomisation.networks": "1",
        "compare.faithfulness.steps": "8",
        "compare.sweep": "smoothgrad.copies",
    }
    query = {**small, **QUICK, "compare.part": part}
    if part == "sweep":
        query["compare.methods"] = "smoothgrad"
    for _ in range(2):  # the second time everything comes from the store
        app = opened("pages/compare.py", **query)
        assert healthy(app)
        assert address(app).get("compare.part", "faithfulness") == part
    assert "already computed" in words(app)
    tables = {"faithfulness": "deletion, area", "truth": "average precision", "stability": "max-sensitivity"}
    if part in tables:
        assert tables[part] in app.dataframe[0].value.columns
    if part == "sanity":
        said = words(app)
        assert "**Edges** :red[:material/close:] Failed" in said
        assert "**Gradient** :green[:material/check:] Passed" in said


def test_classes_networks_and_a_contrast_make_rows() -> None:
    more = {"compare.classes": "3", "compare.against": "9", "compare.networks": "mini-alexnet-shortcut"}
    app = opened("pages/compare.py", **QUICK, **more, picture="scene:34", **{"class": "0"})
    assert healthy(app)
    said = words(app).replace("\\", "")
    for title in ("cat", "rocket", "cat − horse"):
        assert f"**{title} · Mini-AlexNet (bundled)**" in said
        assert f"**{title} · Mini-AlexNet that cheats (bundled)**" in said
    assert more.items() <= address(app).items()
    assert "y_A(I_0) - y_B(I_0)" in app.latex[0].value


def test_nonsense_in_the_address_is_left_out() -> None:
    query = {"compare.methods": "shap,gradient,<b>", "compare.classes": "99,x", "compare.networks": "../secret"}
    app = opened("pages/compare.py", **query, **{"compare.against": "1e9", "compare.part": "lies"})
    assert healthy(app)
    assert address(app) == {"network": "mini-alexnet", "picture": "scene:34", "compare.methods": "gradient"}


def test_no_method_at_all_is_a_sentence() -> None:
    app = opened("pages/compare.py", **{"compare.methods": ""})
    app.session_state["look.compare.methods@en"] = []
    app.run()
    assert healthy(app)
    assert "Choose at least one method." in words(app)


def test_a_methods_settings_are_part_of_the_link_and_the_score_is_one_for_all() -> None:
    query = {"compare.methods": "occlusion", "compare.occlusion.window": "64", "compare.output": "probability"}
    app = opened("pages/compare.py", **query)
    assert healthy(app)
    assert query.items() <= address(app).items()
    assert "compare.occlusion.output" not in address(app)
    app.slider(key="param.compare.occlusion.stride").set_value(32).run()
    assert address(app)["compare.occlusion.stride"] == "32"
    assert "forward passes: 10" in words(app)  # 3 x 3 squares of 64 on 128 pixels, and the whole picture


def test_truth_is_known_of_scenes_alone() -> None:
    app = opened("pages/compare.py", **QUICK, picture="photo:coffee", **{"compare.part": "truth"})
    assert healthy(app)
    assert "not one of the composed scenes" in words(app)
    other = opened("pages/compare.py", **QUICK, **{"compare.part": "truth", "class": "3"})
    assert "which is not the object" in other.warning[0].value


def test_the_network_that_cheats_is_given_away_by_the_stamp() -> None:
    query = {"picture": "stamped:34", "compare.methods": "occlusion", "compare.part": "truth", "class": "9"}
    shares = {}
    for network in ("mini-alexnet", "mini-alexnet-shortcut"):
        app = opened("pages/compare.py", network=network, **query)
        assert healthy(app)
        assert address(app)["picture"] == "stamped:34"
        shares[network] = app.dataframe[0].value["positive mass on the stamp"][0]
    assert shares["mini-alexnet"] < 0.1 < 0.3 < shares["mini-alexnet-shortcut"]


def test_a_known_map_is_not_computed_again(bundled: Classifier) -> None:
    what = chosen(bundled, ("gradient", "gradcam"), (1, Contrast(1, 2)))
    first = Run(maps.compute(what)).finish()
    assert (first.step, first.of) == (4, 4)
    again = list(maps.compute(replace(what, methods=("gradient", "gradcam", "random"))))
    assert again[-1].of == 6
    for place, mapped in first.by_place.items():
        assert again[-1].by_place[place].seconds == mapped.seconds
    assert [one.step for one in again] == sorted(one.step for one in again)


def test_what_takes_least_is_computed_first_and_stands_where_it_was_chosen(bundled: Classifier) -> None:
    what = chosen(bundled, ("smoothgrad", "occlusion", "gradient"))
    first, *_, last = maps.compute(what)
    assert list(first.by_place) == [(0, "gradient")]
    assert [method for _, method in last.by_place] == ["smoothgrad", "occlusion", "gradient"]


def test_a_method_that_cannot_be_had_leaves_the_others_alone() -> None:
    clf = linear_classifier(size=(128, 128), classes=12)
    what = chosen(clf, ("gradcam", "gradient"))
    found = Run(maps.compute(what)).finish()
    assert list(found.of_row(0)) == ["gradient"]
    assert "no convolution" in found.by_place[0, "gradcam"].error
    assert [record.get("error", "") != "" for record in export.records(what, found)] == [True, False]


def test_where_grad_cam_has_no_map_its_card_says_so_and_the_others_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(own.VARIABLE, "tests.helpers.networks:frozen")
    query = {"compare.methods": "gradcam,occlusion,random", "compare.of": "gradcam", "compare.occlusion.window": "16"}
    app = opened("pages/compare.py", picture="photo:coffee", **query)
    assert healthy(app)
    said = words(app)
    assert "No gradient leads from the answer of " in said
    assert " to a convolution with more than one place, so it has no map for Grad-CAM." in said
    assert "forward" in said
    assert not [box for box in app.selectbox if box.key == "look.compare.layer@en"]


def test_grad_cam_s_layer_is_chosen_by_name_and_said_with_the_map(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(own.VARIABLE, "tests.helpers.networks:transformer")
    last, before = (f"encoder.layers.encoder_layer_{k}" for k in (1, 0))
    query = {"compare.methods": "gradient,gradcam", "compare.of": "gradcam", "picture": "photo:coffee"}
    app = opened("pages/compare.py", **query)
    assert healthy(app)
    box = app.selectbox(key="look.compare.layer@en")
    assert box.options[:2] == [f"{last}.ln_1", before]
    assert f"Layer `{last}.ln_1` · " in words(app)
    assert "compare.layer" not in address(app)
    box.set_value(before).run()
    assert healthy(app)
    assert f"Layer `{before}` · " in words(app)
    assert address(app)["compare.layer"] == before
    again = opened("pages/compare.py", **{**query, "compare.of": "gradient", "compare.layer": before})
    assert f"Layer `{before}` · " in words(again)  # though the settings of another method are shown
    assert address(again)["compare.layer"] == before
    app.button(key="reset.compare.gradcam").click().run()
    assert f"Layer `{last}.ln_1` · " in words(app)
    unknown = opened("pages/compare.py", **query, **{"compare.layer": "nowhere"})
    assert healthy(unknown)
    assert f"Layer `{last}.ln_1` · " in words(unknown)
    assert "compare.layer" not in address(unknown)


def test_a_chosen_layer_is_in_the_key_the_record_and_the_snippet(bundled: Classifier) -> None:
    what = chosen(bundled, ("gradcam",))
    last, earlier = gradcam.map_layers(bundled)[:2]
    other = replace(what, params={**what.params, "gradcam": replace(what.params["gradcam"], layer=earlier)})
    assert what.key(what.rows[0], "gradcam") != other.key(other.rows[0], "gradcam")
    for one, layer in ((what, last), (other, earlier)):
        found = Run(maps.compute(one)).finish()
        assert export.records(one, found)[0]["layer"] == layer
        truth = gradcam.grad_cam(bundled, one.rows[0].image, 1, layer=layer)
        assert tuple(found.by_place[0, "gradcam"].heat.shape) == truth.size
        assert float(found.by_place[0, "gradcam"].heat.max()) <= float(truth.signed.max()) + 1e-6
    assert export.record(other)["parameters"]["gradcam"]["layer"] == earlier
    assert f"layer={earlier!r}" in export.snippet(other)


def test_scales_are_locked_for_a_method_or_for_all_of_one_unit(bundled: Classifier) -> None:
    names = ("gradient", "gradcam", "occlusion", "random")
    found = Run(maps.compute(chosen(bundled, names, (1, 2)))).finish()
    own = maps.limits(chosen(bundled, names, (1, 2)), found)
    assert len(set(own.values())) == 4
    assert all(own[0, name] == own[1, name] for name in names)
    one = maps.limits(chosen(bundled, names, (1, 2), "one"), found)
    assert one[0, "gradient"] == one[1, "occlusion"] == max(own[0, "gradient"], own[0, "occlusion"])
    assert (one[0, "gradcam"], one[1, "random"]) == (own[0, "gradcam"], own[1, "random"])


def test_signed_pixels_of_a_large_picture_are_pooled_for_display_only() -> None:
    clf = linear_classifier(size=(224, 224))
    what = chosen(clf, ("gradient", "occlusion"))
    found = Run(maps.compute(replace(what, methods=("gradient",)))).finish()
    heat = found.by_place[0, "gradient"].heat
    assert (maps.pool(what, "gradient", heat), maps.pool(what, "occlusion", heat)) == (4, 1)
    absolute = replace(what, params={"gradient": methods.Gradient(view="absolute")})
    assert maps.pool(absolute, "gradient", heat) == 1
    assert "4\xa0×\xa04\xa0pixels" in maps.meaning(what)
    assert "pixels, since" not in maps.meaning(replace(what, methods=("occlusion",)))
    shown = pooling.means(heat, 4)
    assert maps.limits(what, found)[0, "gradient"] == colours.robust_limit(shown)
    grid, *_ = printed.figures(replace(what, methods=("gradient",)), found)
    tile: Any = grid.sheet().rows[0][1][1]
    assert tile.unit == "logit · means of 4\xa0×\xa04\xa0px"
    assert (tile.pixels[:4, :4] != tile.pixels[0, 0]).any()  # the picture under the map keeps its pixels
    assert np.array_equal(export.arrays(found)["gradient.0"], heat.numpy())


def test_networks_that_answer_differently_do_not_share_a_scale(bundled: Classifier) -> None:
    other = linear_classifier(size=(128, 128), classes=3)
    what = chosen(bundled, ("gradient",))
    what = replace(what, rows=(*what.rows, *chosen(other, ("gradient",)).rows))
    scales = maps.limits(what, Run(maps.compute(what)).finish())
    assert scales[0, "gradient"] != scales[1, "gradient"]


def test_several_results_are_kept_one_by_one() -> None:
    def counting(name: str, to: int) -> Any:
        return lambda: iter([SimpleNamespace(name=name, step=k, of=to) for k in range(1, to + 1)])

    work = {name: (("several test", name), counting(name, 2)) for name in "ab"}
    seen = list(several.one_after_another(work))
    assert [one.step for one in seen] == [0, 0, 1, 1, 2]
    assert RESULTS.get(("several test", "a")) is not None
    broken = {"a": (("several test", "a"), lambda: iter(())), **{k: work[k] for k in "b"}}
    assert list(several.one_after_another(broken))[-1].found["a"].step == 2  # known: not started


@pytest.mark.parametrize("name", list(sweep.SWEEPS))
def test_every_sweep_is_over_values_that_its_method_accepts(name: str) -> None:
    method, _, field = name.partition(".")
    spec = specs(methods.METHODS[method])[field]
    current = getattr(methods.defaults(method), field)
    values = sweep.SWEEPS[name]
    assert len(values) >= 5
    assert all(spec.accepts(type(current)(value)) for value in values)
    assert current in values  # the default is among them


def test_the_objects_mask_is_cut_as_the_picture_is(bundled: Classifier) -> None:
    what = chosen(bundled, ("gradient",))
    inside = scene_truth.object_of(what, what.rows[0])
    assert inside is not None
    scene = scenes.scene(34, size=sources.SCENE_SIZE)
    assert inside.shape == (128, 128)
    assert abs(inside.mean() - scene.mask.mean()) < 0.01
    assert (inside == scene.mask[::2, ::2]).mean() > 0.98


def test_the_archive_the_table_and_the_snippet_hold_the_same_maps(bundled: Classifier, tmp_path: Path) -> None:
    what = chosen(bundled, ("gradient", "smoothgrad", "ridge"), (1, Contrast(1, 2)))
    small: dict[str, Any] = {"smoothgrad": {"copies": 3, "seed": 5}, "ridge": {"samples": 20, "segments": 6}}
    params = {name: replace(one, **small.get(name, {})) for name, one in what.params.items()}
    what = replace(what, params=params)
    found = Run(maps.compute(what)).finish()
    arrays = np.load(io.BytesIO(pages_export.npz(export.arrays(found), json.dumps(export.record(what, found)))))
    held = json.loads(str(arrays["settings"]))
    assert (held["step"], held["of"], len(held["rows"])) == (6, 6, 2)
    assert set(arrays) - {"settings"} == {f"{name}.{row}" for name in what.methods for row in (0, 1)}
    lines = export.table(what, found).splitlines()
    assert len(lines) == 7
    assert lines[0] == "network,target,method,score,seconds,forward,backward,min,max"
    row = what.rows[0]
    for key in (("truth",), ("curves", faithfulness.Faithfulness())):
        figures: Any = {
            "truth": lambda: truth.truth(found.by_place[0, "ridge"].heat, np.eye(128, dtype=bool)),
            "curves": lambda: Run(faithfulness.curves(row.clf, row.image, 1, found.by_place[0, "ridge"].heat)).finish(),
        }
        RESULTS.put((key[0], *what.key(row, "ridge"), *key[1:]), figures[key[0]]())
    figured = {line["method"]: line for line in export.records(what, found) if line["target"] == "1"}
    assert 0 < figured["ridge"]["deletion_area"] < 1
    assert figured["ridge"]["precision"] > 0
    assert "precision" not in figured["gradient"]
    script = tmp_path / "snippet.py"
    script.write_text(export.snippet(what), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(script)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    theirs = np.load(tmp_path / "compare.npz")
    for name in theirs:
        assert np.allclose(arrays[name], theirs[name], atol=1e-5 * float(np.abs(arrays[name]).max()))


def test_the_grid_holds_every_map_under_what_it_is_of(bundled: Classifier) -> None:
    what = chosen(bundled, ("gradient", "ridge"), (1, Contrast(1, 2)))
    found = Run(maps.compute(what)).finish()
    grid, *_ = printed.figures(what, found)
    sheet = grid.sheet()
    assert [heading for heading, _ in sheet.rows] == [row.title for row in what.rows]
    scales = maps.limits(what, found)
    for number, (row, (_, panels)) in enumerate(zip(what.rows, sheet.rows, strict=True)):
        picture, *drawn = panels
        assert np.array_equal(picture.pixels, colours.picture(row.image))  # type: ignore[union-attr]
        for method, tile in zip(what.methods, drawn, strict=True):
            heat, limit = found.by_place[number, method].heat, scales[number, method]
            expected = colours.overlay(row.image, heat, signed=True, opacity=1.0, limit=limit)
            assert np.array_equal(tile.pixels, expected)  # type: ignore[union-attr]
            assert tile.limit == limit  # type: ignore[union-attr]
    said = "\n".join([*sheet.lines, *sheet.notes])
    for part in ("Mini-AlexNet", "Scene 34", what.rows[0].name, "LIME (ridge)", "Samples 500", bundled.checksum[:12]):
        assert part in said


def curve(deletion: float, insertion: float) -> faithfulness.Curves:
    ends = torch.tensor([0.0, 1.0])
    flat = [torch.full((2,), area) for area in (deletion, insertion)]
    return faithfulness.Curves(2, 2, ends, flat[0], flat[1], done=torch.ones(2, dtype=torch.bool))


def test_tests_that_contradict_each_other_are_explained() -> None:
    orders = torch.linspace(0.4, 0.6, 21)[:, None].expand(21, 2)
    band = faithfulness.Band(21, 21, torch.tensor([0.0, 1.0]), orders)
    rest = {"gradient": curve(0.3, 0.7), curves.BAND: band}
    assert curves.puzzling({**rest, "gradcam": curve(0.7, 0.9)}) == [("gradcam", "enough_not_needed")]
    assert curves.puzzling({**rest, "gradcam": curve(0.1, 0.2)}) == [("gradcam", "needed_not_enough")]
    assert curves.puzzling({**rest, "gradcam": curve(0.55, 0.9)}) == []  # within chance by deletion
    assert curves.puzzling({**rest, "gradcam": curve(0.1, 0.45)}) == []  # within chance by insertion
    assert curves.puzzling({**rest, "gradcam": curve(0.7, 0.65)}) == []  # not the best by insertion
    assert curves.puzzling({**rest, "gradcam": curve(0.35, 0.2)}) == []  # not the best by deletion
    assert curves.puzzling({curves.BAND: band, "gradcam": curve(0.7, 0.9)}) == []  # best of one says nothing
    assert curves.puzzling({"gradient": curve(0.1, 0.7), "gradcam": curve(0.7, 0.9)}) == []


def test_the_snippet_reads_an_uploaded_file_as_the_page_does(
    bundled: Classifier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    what = chosen(bundled, ("gradient",))
    uploaded: Any = SimpleNamespace(**vars(what.page) | {"source": replace(what.page.source, id="upload")})
    what = replace(what, page=uploaded)
    file = Image.fromarray(np.tile(np.linspace(0, 65535, 200), (50, 1)).astype(np.uint16))
    file.save(tmp_path / "picture.png")
    monkeypatch.chdir(tmp_path)
    Path("snippet.py").write_text(export.snippet(what), encoding="utf-8")
    runpy.run_path("snippet.py")
    row = what.rows[0]
    image = bundled.pixels(decoding.decode(Path("picture.png").read_bytes()).picture)
    heat = methods.explain(bundled, image, row.target, "gradient", what.params["gradient"])
    np.testing.assert_allclose(np.load("compare.npz")["gradient.0"], Run(heat).finish().heat, rtol=1e-4, atol=1e-6)


def test_the_record_names_every_row_and_setting(bundled: Classifier) -> None:
    what = chosen(bundled, ("ridge",), (1, Contrast(1, 2)))
    record = json.loads(json.dumps(export.record(what)))
    assert record["parameters"]["ridge"]["model"] == "ridge"
    assert [row["against"] and row["against"]["index"] for row in record["rows"]] == [None, 2]
    assert record["rows"][0]["network"]["weights_sha256"] == bundled.checksum
    assert pages_export.LIBRARIES[0] in record["versions"]


def test_a_row_is_told_from_another_by_network_picture_and_target() -> None:
    clf = linear_classifier()
    image = random_picture(clf)
    rows = [Row(clf, image, target, "d", "", "") for target in (0, 1, Contrast(0, 1), Contrast(1, 0))]
    assert len({row.key for row in rows}) == 4
    assert torch.equal(rows[0].image, image)
