"""Interventions: what is changed, what the parts do, what methods claim of them, and what is taken along."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

import pandas
import pytest
from streamlit.testing.v1 import AppTest

from tests.pages.test_pages import address, healthy, opened
from ui.interventions import export, mover
from ui.interventions.mover import Move
from vizcore.evaluation.arrangement import Arrangement

PAGE = "pages/interventions.py"
TWIN = {"network": "mini-alexnet-shortcut", "picture": "stamped:34"}


def table(app: AppTest) -> pandas.DataFrame:
    (found,) = app.dataframe
    frame: pandas.DataFrame = found.value
    return frame.set_index(frame.columns[0])


def test_the_twins_stamp_has_the_effect_and_the_honest_networks_object() -> None:
    app = opened(PAGE, **TWIN)
    assert healthy(app)
    effects = table(app)
    assert list(effects.index) == ["Object", "Shadow", "Stamp", "Background", "score of the scene"]
    cheating, honest = "Mini-AlexNet that cheats (bundled)", "Mini-AlexNet (bundled)"
    assert list(effects.columns) == [cheating, honest, "Mini-AlexNet, robust (bundled)"]
    assert effects.loc["Stamp", cheating] > 0.5 > abs(effects.loc["Stamp", honest])
    assert effects.loc["Object", honest] > 0.5 > abs(effects.loc["Object", cheating])
    assert any("Second object" in one.value and "Not in this scene" in one.value for one in app.caption)


def test_a_removed_stamp_changes_the_answer_and_not_the_effects() -> None:
    plain, changed = opened(PAGE, **TWIN), opened(PAGE, **TWIN, **{"interventions.stamp": "remove"})
    assert healthy(changed)
    assert table(plain).equals(table(changed))
    assert address(changed)["interventions.stamp"] == "remove"
    said = {
        app: next(one.proto.body for one in app.get("html") if "vz-changes" in one.proto.body)
        for app in (plain, changed)
    }
    assert "98.3" in said[plain]
    assert "−9" in said[changed]  # percentage points


def test_claims_stand_beside_the_truth_on_one_scale() -> None:
    app = opened(PAGE, **TWIN, **{"interventions.part": "claims", "interventions.methods": "gradient,gradcam,edges"})
    assert healthy(app)
    claims = table(app)
    assert list(claims.index) == ["True effect", "Gradient", "Grad-CAM", "Edges"]
    parts = claims.drop(columns="agreement")
    sizes = parts.abs().sum(axis=1)
    assert sizes.max() - sizes.min() < 1e-6
    assert claims.loc["Gradient", "agreement"] > 0.8 > claims.loc["Grad-CAM", "agreement"]
    assert claims.loc["True effect", "agreement"] == 1


def test_settings_come_by_a_link_and_nonsense_is_said() -> None:
    app = opened(PAGE, picture="scene:38", **{"interventions.object": "dog", "interventions.stamp_x": "-400"})
    assert healthy(app)
    assert len(app.warning) == 2
    assert address(app)["interventions.stamp_x"] == "-100"
    assert "interventions.object" not in address(app)


def test_a_box_changes_a_part() -> None:
    app = opened(PAGE, picture="scene:38")
    box = next(one for one in app.selectbox if one.label == "Background")
    box.select("other").run()
    assert healthy(app)
    assert address(app)["interventions.background"] == "other"
    assert any(one.label == "Other background" for one in app.slider)


def test_a_picture_that_is_no_scene_says_so_and_leads_to_one() -> None:
    app = opened(PAGE, picture="photo:coffee")
    assert healthy(app)
    assert any("not one of the composed scenes" in one.value for one in app.info)
    assert not app.dataframe


def test_a_network_that_knows_no_scenes_is_told_of_its_own_class() -> None:
    app = opened(PAGE, picture="scene:38", network="mini-alexnet-robust", **{"class": "0"})
    assert healthy(app)
    assert any("cat" in one.value and "minus without it" in one.value for one in app.caption)


@pytest.mark.parametrize(
    ("message", "move"),
    [
        ({"part": "stamp", "x": 3, "y": -4, "chosen": True, "seq": 5}, Move("stamp", 3, -4, True, 5)),
        ({"part": "stamp", "x": 999, "y": -999, "seq": 0}, Move("stamp", 100, -100, False, 0)),
        ({"part": "wall", "x": 0, "y": 0, "seq": 0}, None),
        ({"part": ["stamp"], "x": 0, "y": 0, "seq": 0}, None),
        ({"part": "stamp", "x": 0.5, "y": 0, "seq": 0}, None),
        ({"part": "stamp", "x": True, "y": 0, "seq": 0}, None),
        ({"part": "stamp", "x": 0, "y": 0, "seq": 10**12}, None),
        ({"part": "stamp"}, None),
        ("stamp", None),
        (None, None),
    ],
)
def test_a_move_is_trusted_no_further_than_its_shape(message: Any, move: Move | None) -> None:
    assert mover.move_of(message) == move


def test_the_script_of_the_export_computes_what_the_page_shows(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    app = opened(PAGE, **TWIN, **{"interventions.stamp": "remove", "interventions.object_x": "10"})
    assert healthy(app)
    (script,) = (one.value for one in app.code if "interventions.effects" in one.value)
    assert "stamp=Change(remove=True" in script
    (tmp_path / "interventions.py").write_text(script)
    runpy.run_path(str(tmp_path / "interventions.py"))
    effects, answer = capsys.readouterr().out.strip().splitlines()
    shown = table(app)["Mini-AlexNet that cheats (bundled)"]
    assert json.loads(effects.replace("'", '"'))["stamp"] == pytest.approx(shown["Stamp"], abs=1e-4)
    assert answer.startswith("[(")


def test_nothing_that_is_unchanged_stands_in_the_script() -> None:
    assert export._changes(Arrangement()) == "Changes()"
