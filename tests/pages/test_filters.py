"""The page of filters beyond kernels: channels of deeper layers, drawn, kept, and opened large."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
import torch
from streamlit.testing.v1 import AppTest

from tests.helpers.contract import check_contract
from tests.pages.test_pages import address, healthy, opened
from ui.filters import channels
from ui.running.results import RESULTS
from vizcore.networks.classifier import Classifier
from vizcore.targets import Channel
from vizcore.techniques import maximize

DEEP = {"filters.view": "channels", "filters.map_layer": "features.3"}


@pytest.fixture(autouse=True)
def _few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channels, "AT_ONCE", 3)
    monkeypatch.setattr(channels, "STEPS", 10)
    monkeypatch.setattr(channels, "SCENES_EACH", 0)


def said(app: AppTest) -> str:
    return (
        " ".join(one.value for one in [*app.header, *app.markdown, *app.caption])
        .replace("\\", "")
        .replace("\u00a0", " ")
    )


def test_channels_are_shown_page_by_page() -> None:
    app = opened("pages/filters.py", **DEEP)
    assert healthy(app)
    assert "Channels 0 to 2 of 128" in said(app)
    assert said(app).count("y here:") == 3
    assert "of computing" in said(app)
    assert r"\mathtt{features.3}" in " ".join(element.value for element in app.latex)
    app.number_input(key="look.filters.page").set_value(43).run()
    assert healthy(app)
    assert "Channels 126 to 127 of 128" in said(app)
    assert address(app)["filters.page"] == "43"
    app.selectbox(key="look.filters.map_layer@en").set_value("features").run()
    assert healthy(app)
    assert address(app)["filters.map_layer"] == "features"
    app.button_group(key="look.filters.view@en").set_value("kernels").run()
    assert healthy(app)
    assert "64 filters · features.0" in said(app)


def test_a_layer_of_nowhere_falls_back_to_the_first() -> None:
    app = opened("pages/filters.py", **{**DEEP, "filters.map_layer": "features.99", "filters.page": "9999"})
    assert healthy(app)
    assert "of 64 in `features" in said(app).replace("\\", "")


def test_what_is_drawn_is_what_the_engine_draws_and_is_kept(
    bundled: Classifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channels, "TOGETHER", 2)
    units = [Channel("features.3", channel) for channel in (5, 6, 7)]
    *_, drawn = channels.climbed(bundled, units, ("here",))
    settings = [replace(maximize.defaults(bundled, unit), steps=10) for unit in units]
    *_, (first, second) = maximize.together(bundled, list(zip(units, settings, strict=True))[:2])
    *_, third = maximize.maximize(bundled, units[2], settings[2])
    for ascent, picture, value in zip((first, second, third), drawn.pictures, drawn.values, strict=True):
        assert value == ascent.score
        assert picture is not None
        assert np.array_equal(picture, (ascent.image * 255).round().byte().permute(1, 2, 0).numpy())
    again = list(channels.climbed(bundled, [*units[:2], Channel("features.3", 10)], ("here",)))
    assert again[0].step == 2 * channels.EACH  # known, so nothing is computed for them
    assert all(one is other for one, other in zip(again[0].pictures[:2], drawn.pictures, strict=False))


def test_a_stopped_run_keeps_what_is_finished(bundled: Classifier, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channels, "TOGETHER", 1)
    units = [Channel("features.3", channel) for channel in (8, 9)]
    run = channels.climbed(bundled, units, ("stopped",))
    first = next(each for each in run if each.step == channels.EACH)
    list(islice(run, 3))
    run.close()  # type: ignore[attr-defined]
    kept = RESULTS.get(("stopped", (units[0],), channels.STEPS))
    assert kept is not None
    assert kept[0][0] is first.pictures[0]
    assert RESULTS.get(("stopped", (units[1],), channels.STEPS)) is None


def test_generator_contract(bundled: Classifier) -> None:
    names = iter(range(10**6))
    units = [Channel("features.0", channel) for channel in range(5)]  # more than climb together
    check_contract(lambda: channels.climbed(bundled, units, ("contract", next(names))), same)


def same(one: channels.Drawn, other: channels.Drawn) -> bool:
    pairs = zip(one.pictures, other.pictures, strict=True)
    return one.values == other.values and all(np.array_equal(a, b) for a, b in pairs)  # type: ignore[arg-type]


def test_crops_stand_beside_each_other_and_grey_where_there_are_none() -> None:
    row = channels._row(torch.full((2, 1, 8, 8), 200, dtype=torch.uint8))
    side = 2 * channels.CARD // channels.CROPS
    assert row.shape == (side, channels.CROPS * side + 4 * (channels.CROPS - 1), 3)
    assert (row[:, :side] == 200).all()
    assert (row[:, -side:] == 128).all()


def test_one_answer_is_written_out_as_a_sum_whose_place_is_in_the_link() -> None:
    app = opened("pages/filters.py", **{"filters.chosen": "7"})
    assert healthy(app)
    assert "The sum at one place" in said(app)
    assert any("answer" in one.value and "bias" in one.value for one in app.markdown)
    other = opened("pages/filters.py", **{"filters.chosen": "7", "filters.place": "5"})
    assert healthy(other)
    sums = [next(m.value for m in one.markdown if "bias" in m.value) for one in (app, other)]
    assert sums[0] != sums[1]
    products = other.dataframe[0].value
    assert products.shape == (11, 11)
