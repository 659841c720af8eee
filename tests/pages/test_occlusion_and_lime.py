"""What can be looked at closer on the pages of occlusion and LIME, by AppTest, and the pictures that these draw."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
import streamlit as st
import torch
from PIL import Image
from streamlit.testing.v1 import AppTest

from tests.pages.test_pages import address, healthy, opened
from ui.frame import marks, sources, technique
from ui.frame.bottom_sheet import bottom_sheet
from vizcore.networks.catalogue import load
from vizcore.pictures import cutouts
from vizcore.study.sources import compose
from vizcore.techniques import occlusion


def translated(app: AppTest) -> str:
    """All sentences of the page."""
    found = [*(c.value for c in app.caption), *(m.value for m in app.markdown), *(i.value for i in app.info)]
    return "\n".join(found).replace("\u00a0", " ")


@pytest.mark.parametrize(
    ("page", "choice", "sentence"),
    [
        ("occlusion", "classes", "“cat” wins wherever the square is"),
        ("occlusion", "brush", "Your own mask over the picture"),
        ("occlusion", "sizes", "on one scale"),
        ("lime", "fit", "ADALINE's error over the epochs"),
        ("lime", "samples", "8 of 40 sub-images"),
        ("lime", "best", "Number of superpixels"),
        ("lime", "switch", "Where the two numbers differ"),
    ],
)
def test_each_closer_look_can_be_linked_to(page: str, choice: str, sentence: str) -> None:
    app = opened(f"pages/{page}.py", **{f"{page}.closer": choice})
    assert healthy(app)
    assert sentence in translated(app) + "".join(s.label for s in app.slider)
    if choice not in ("brush", "fit"):  # the defaults are left out
        assert choice in app.query_params[f"{page}.closer"]


def test_the_map_of_classes_is_drawn_where_there_is_more_than_one() -> None:
    whole = {"occlusion.closer": "classes", "occlusion.window": "96", "picture": "scene:34"}
    app = opened("pages/occlusion.py", **whole)
    assert healthy(app)
    assert "Most probable class with the square at each place" in translated(app)


def test_the_strongest_square_is_looked_at_until_another_is_chosen() -> None:
    clf = load("mini-alexnet")
    image = clf.pixels(Image.fromarray(compose(sources.DEFAULT, sources.SCENE_SIZE).picture))
    target = int(clf.all_scores(image[None])[0].argmax())
    *_, result = occlusion.occlude(clf, image, target, occlusion.Occlusion(stride=32))
    row, column = divmod(int(result.drop.argmax()), result.drop.shape[1])
    app = opened("pages/occlusion.py")
    place = f"row {int(result.rows[row])}, column {int(result.columns[column])}"
    assert f"The strongest square: {place}." in translated(app)
    assert f"The score falls by {float(result.drop.max()):.3g}." in translated(app)
    assert "Select a place in the map" in translated(app)
    chosen = opened("pages/occlusion.py", **{"occlusion.square": "0.0"})
    assert "Square at row 0, column 0." in translated(chosen)
    assert "strongest" not in translated(chosen)


def test_r2_is_there_whatever_is_looked_at_and_few_samples_are_warned_of() -> None:
    for choice in ("fit", "samples", "best", "switch"):
        app = opened("pages/lime.py", **{"lime.closer": choice})
        assert "R² = " in translated(app)
        assert any("fewer than ten for each" in warning.value for warning in app.warning)


def test_ridge_has_no_epochs_to_show() -> None:
    app = opened("pages/lime.py", **{"lime.model": "ridge"})
    assert healthy(app)
    assert "linear model predicts" in translated(app)
    assert "epochs" not in translated(app)


def test_maps_of_several_sizes_are_computed_when_asked_for_and_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    from ui.running.results import RESULTS

    monkeypatch.setattr(RESULTS, "_entries", 10_000)  # other tests may have filled it
    app = opened("pages/occlusion.py", picture="photo:coffee", **{"occlusion.closer": "sizes"})
    before = len(RESULTS)
    app.toggle(key="look.occlusion.strip").set_value(True).run()
    assert healthy(app)
    assert len(RESULTS) >= before + 4
    after = len(RESULTS)
    app.run()
    assert healthy(app)
    assert len(RESULTS) == after


def test_inverting_nothing_covers_everything_and_clearing_uncovers_it() -> None:
    app = opened("pages/occlusion.py", **{"occlusion.closer": "brush"})
    app.button(key="occlusion.invert").click().run()
    assert healthy(app)
    assert "The score falls by" in translated(app)
    app.selectbox(key="frame.picture@en").set_value("photo:coffee").run()
    assert "Drag over the picture" in translated(app), "a mask belongs to its picture"
    app.button(key="occlusion.invert").click().run()
    app.button(key="occlusion.clear").click().run()
    assert healthy(app)
    assert "Drag over the picture" in translated(app)


def test_a_clicked_place_belongs_to_its_picture() -> None:
    app = opened("pages/occlusion.py", **{"occlusion.square": "60.70"})
    assert healthy(app)
    assert "Select a place in the map" not in translated(app)
    assert app.query_params["occlusion.square"] == "60.70"
    app.selectbox(key="frame.picture@en").set_value("photo:coffee").run()
    assert "Select a place in the map" in translated(app)
    assert "occlusion.square" not in app.query_params


def test_a_link_carries_what_is_brushed_and_what_is_switched_off() -> None:
    covered = np.zeros((128, 128), dtype=bool)
    covered[20:60, 30:90] = True
    app = opened("pages/occlusion.py", **{"occlusion.closer": "brush", "occlusion.mask": marks.packed(covered)})
    assert healthy(app)
    assert "Drag over the picture" not in translated(app)
    assert app.query_params["occlusion.mask"] == marks.packed(covered)
    app.button(key="occlusion.clear").click().run()
    assert "occlusion.mask" not in app.query_params
    app = opened("pages/lime.py", **{"lime.closer": "switch", "lime.off": "2.5"})
    assert healthy(app)
    assert app.query_params["lime.off"] == "2.5"
    app.button(key="lime.switch_all").click().run()
    assert "lime.off" not in app.query_params
    for name in ("occlusion.mask", "occlusion.square", "lime.off"):
        app = opened(f"pages/{name.partition('.')[0]}.py", **{name: "nonsense.99999999.-1"})
        assert healthy(app)


def test_a_links_mask_that_was_not_looked_at_is_gone_with_its_picture() -> None:
    covered = marks.packed(np.ones((128, 128), dtype=bool))
    for picture, left in (("scene:34", False), ("photo:coffee", True)):
        app = opened("pages/occlusion.py", **{"occlusion.closer": "classes", "occlusion.mask": covered})
        app.selectbox(key="frame.picture@en").set_value(picture).run()
        app.button_group(key="look.occlusion.closer@en").set_value("brush").run()
        assert healthy(app)
        assert ("Drag over the picture" in translated(app)) == left, picture


@pytest.mark.parametrize("text", ["", "A", "!!!", "eJw", marks.packed(np.ones((4, 4), dtype=bool)), "é" * 40])
def test_only_a_mask_of_the_pictures_shape_is_taken(text: str) -> None:
    assert marks.unpacked(text, (128, 128)) is None


def test_a_mask_comes_back_as_it_was() -> None:
    mask = np.random.default_rng(0).random((13, 22)) < 0.3
    back = marks.unpacked(marks.packed(mask), (13, 22))
    assert back is not None
    assert (back == mask).all()
    bomb = base64.urlsafe_b64encode(zlib.compress(bytes(10**7))).decode()
    assert marks.unpacked(bomb, (13, 22)) is None


def test_as_many_superpixels_as_there_still_are() -> None:
    app = opened("pages/lime.py", **{"lime.closer": "best", "lime.segments": "20"})
    app.slider(key="look.lime.best").set_value(12).run()
    assert healthy(app)
    app.slider(key="param.lime.segments").set_value(6).run()
    assert healthy(app)
    assert int(str(app.slider(key="look.lime.best").value)) <= 6


def test_one_superpixel_leaves_nothing_to_choose() -> None:
    for choice in ("fit", "samples", "best", "switch"):
        app = opened(
            "pages/lime.py",
            **{"lime.closer": choice, "lime.algorithm": "felzenszwalb", "lime.scale": "2000", "lime.min_size": "1000"},
        )
        assert healthy(app)


def test_what_is_off_is_grey_and_what_is_on_is_as_it_was() -> None:
    pixels = torch.rand(3, 4, 6, generator=torch.Generator().manual_seed(0))
    segments = np.repeat([[0, 0, 1, 1, 2, 2]], 4, axis=0)
    drawn = cutouts.best(pixels, segments, [1, 0, 0], favour=True)
    bare = (pixels.permute(1, 2, 0) * 255).round().byte().numpy()
    assert (drawn[:, :1] == bare[:, :1]).all()
    assert (drawn[:, 3:] == drawn[:, 3:, :1]).all(), "grey"
    assert not (drawn[:, 1] == bare[:, 1]).all(), "the border of what is on"
    assert not (drawn[:, 1] == cutouts.best(pixels, segments, [1, 0, 0], favour=False)[:, 1]).all()
    assert cutouts.chosen(pixels, segments, [1, 1, 0], scale=3).shape == (12, 18, 3)
    with pytest.raises(ValueError, match=r"accepted: \(3,\)"):
        cutouts.chosen(pixels, segments, [1, 1])


def test_vectors_are_light_where_they_are_one() -> None:
    drawn = cutouts.vectors(torch.tensor([[True, False], [False, False]]), (4, 8))
    assert drawn.shape == (4, 8, 3)
    assert drawn[:2, :4].min() > drawn[2:].max()
    assert (drawn[:2, 4:] == drawn[2:, 4:]).all()
    with pytest.raises(ValueError, match="at least one"):
        cutouts.vectors(torch.zeros(0, 3), (4, 8))


def test_a_link_is_taken_though_its_first_run_is_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    runs: list[int] = []

    @contextmanager
    def interrupted() -> Iterator[None]:
        runs.append(len(runs))
        if len(runs) == 1:  # as by a part of the page that reports something as soon as it is there
            st.rerun()
        with bottom_sheet():
            yield

    monkeypatch.setattr(technique, "bottom_sheet", interrupted)
    app = opened("pages/occlusion.py", **{"occlusion.window": "48"})
    assert healthy(app)
    assert len(runs) > 1
    assert address(app)["occlusion.window"] == "48"
    assert app.slider(key="param.occlusion.window").value == 48


def test_superpixels_switched_off_leave_the_link_with_their_segmentation() -> None:
    app = opened("pages/lime.py", **{"lime.closer": "switch", "lime.off": "1.3"})
    assert address(app)["lime.off"] == "1.3"
    app.segmented_control(key="look.lime.closer@en").set_value("fit").run()
    assert address(app)["lime.off"] == "1.3"  # who comes back finds them again
    app.slider(key="param.lime.segments").set_value(20).run()
    assert "lime.off" not in address(app)
