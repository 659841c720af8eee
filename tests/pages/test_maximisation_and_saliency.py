"""Input maximisation and saliency beyond their first picture: films, strips, the Taylor check, other methods."""

from __future__ import annotations

import io
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from streamlit.testing.v1 import AppTest

from tests.conftest import linear_classifier, random_picture
from tests.pages.test_pages import healthy, opened
from ui.maximisation import ascending, films, panels, strips
from ui.running.results import RESULTS
from ui.saliency import checks, maps
from ui.saliency import taylor as taylor_page
from ui.viewer import player
from vizcore.jobs.run import Run
from vizcore.networks.classifier import Classifier
from vizcore.pictures import figures, pooling
from vizcore.techniques import maximize, saliency, taylor

SLOW = maximize.Maximisation(steps=100)


def asked(app: AppTest, key: str, otherwise: str = "") -> str:
    """A value of the address, which AppTest holds as a list only once the page has rewritten it."""
    value = app.query_params.get(key, otherwise)
    return value[0] if isinstance(value, list) else value


def words(app: AppTest) -> str:
    return (
        " ".join(one.value for one in [*app.header, *app.markdown, *app.caption])
        .replace("\\", "")
        .replace("\u00a0", " ")
    )


def test_a_film_is_kept_beside_the_ascent_and_changes_nothing_in_it() -> None:
    clf = linear_classifier()
    plain = list(maximize.maximize(clf, 0, SLOW))
    kept = list(films.filmed(maximize.maximize(clf, 0, SLOW), ("a film",)))
    assert [a.step for a in kept] == [a.step for a in plain]
    assert torch.equal(kept[-1].image, plain[-1].image)
    film = RESULTS.get(("film", "a film"))
    assert film is not None
    assert len(film.steps) == len(film.pictures) == len(film.logits) == films.FRAMES
    assert (film.steps[0], film.steps[-1], film.of) == (1, 100, 100)
    assert max(np.diff(film.steps)) <= 4
    assert film.logits[-1] == plain[-1].logit
    assert np.array_equal(film.pictures[-1], (plain[-1].image * 255).round().byte().permute(1, 2, 0).numpy())


def test_a_stopped_ascent_leaves_the_film_so_far() -> None:
    run = Run(films.filmed(maximize.maximize(linear_classifier(), 0, SLOW), ("stopped",)))
    for _ in range(50):
        run.advance()
    run.cancel()
    assert RESULTS.get(("film", "stopped")) is None
    film = RESULTS.get(("film so far", "stopped"))
    assert film is not None
    assert 45 < film.step <= 50


@pytest.mark.parametrize("steps", [10, 30, 31, 300])
def test_a_film_is_never_longer_than_its_frames(steps: int) -> None:
    climb = maximize.maximize(linear_classifier(), 0, maximize.Maximisation(steps=steps))
    Run(films.filmed(climb, ("as long", steps))).finish()
    film = RESULTS.get(("film", "as long", steps))
    assert film is not None
    assert len(film.steps) == min(steps, films.FRAMES)
    assert film.step == film.of == steps


def test_the_sheet_holds_the_frames_in_rows() -> None:
    frames = np.zeros((8, 16, 16, 3), dtype=np.uint8)
    frames[7] = (200, 100, 50)
    picture = np.asarray(Image.open(io.BytesIO(player.sheet(frames))))
    assert picture.shape == (32, 16 * player.COLUMNS, 3)
    assert np.abs(picture[16:, 16:32].mean(axis=(0, 1)) - (200, 100, 50)).max() < 4
    assert picture[:16].max() < 8


def test_the_strip_climbs_as_each_lambda_would_alone() -> None:
    clf = linear_classifier()
    page = SimpleNamespace(clf=clf, unit=1)
    short = strips.shortened(maximize.Maximisation(steps=2000, step_size=0.05, seed=3))
    assert (short.steps, short.step_size, short.lambda_, short.seed) == (strips.STRIP_STEPS, 0.1, 0.0, 3)
    values = strips.around(1e-3)
    assert values == (0.0, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2)
    strip = Run(strips.side_by_side(page, [replace(short, lambda_=value) for value in values], None)).finish()  # type: ignore[arg-type]
    assert strip.step == strip.of == strips.STRIP_STEPS * len(values)
    for value, ascent in zip(values, strip.ascents, strict=True):
        alone = Run(maximize.maximize(clf, 1, replace(short, lambda_=value))).finish()
        assert torch.equal(ascent.image, alone.image)
    assert float(strip.ascents[0].input.norm()) > float(strip.ascents[-1].input.norm())


def test_the_verdict_on_a_linear_network_is_that_the_line_always_holds() -> None:
    clf = linear_classifier()
    params = taylor.Taylor()
    found = Run(taylor.taylor_check(clf, random_picture(clf), 0, params)).finish()
    assert taylor_page._verdict(found, params, 3 * 12 * 10).startswith(
        "The linear approximation holds up to a distance of 100:"
    )


def test_the_curves_of_the_taylor_check_meet_at_the_picture(bundled: Classifier) -> None:
    params = taylor.Taylor(directions=1)
    found = Run(taylor.taylor_check(bundled, random_picture(bundled), 0, params)).finish()
    network, line = taylor_page._both_ways(found, "y").data
    middle = list(network.x).index(0.0)
    assert network.y[middle] == line.y[middle] == 0
    assert list(network.x) == sorted(network.x)
    rise = np.diff(np.asarray(line.y)) / np.diff(np.asarray(line.x))
    assert np.allclose(rise, found.slope, rtol=1e-4)
    assert abs(network.y[-1] - line.y[-1]) > params.tolerance * abs(line.y[-1])  # drawn past the break-down


@pytest.mark.parametrize("part", [part for part in panels.PARTS if part != "value"])  # that is of channels
def test_each_part_of_maximisation_opens_by_a_link_twice(part: str) -> None:
    for _ in range(2):  # the second time everything comes from the store
        app = opened("pages/maximisation.py", **{"maximisation.part": part})
        assert healthy(app)
        assert asked(app, "maximisation.part", "scores") == part
    assert "already computed" in words(app)
    assert [m.label for m in app.metric] == ["Probability", "Logit (maximised)"]


def test_a_press_on_a_picture_of_the_strip_takes_its_lambda() -> None:
    app = opened("pages/maximisation.py", **{"maximisation.part": "lambdas"})
    assert len([b for b in app.button if str(b.key).startswith("maximisation.lambda.")]) == 6
    app.button(key="maximisation.lambda.0.001").click().run()
    assert healthy(app)
    assert asked(app, "maximisation.lambda_") == "0.001"
    assert "0.001" in app.latex[0].value


@pytest.mark.parametrize("usual", strips.STOPS[1:])
def test_the_strip_lies_around_the_network_s_own_lambda(usual: float) -> None:
    values = strips.around(usual)
    assert usual in values
    assert values[0] == 0
    assert list(values) == sorted(set(values))
    assert len(values) == 6


def test_a_press_on_another_seed_takes_it() -> None:
    app = opened("pages/maximisation.py", **{"maximisation.part": "seeds", "maximisation.steps": "10"})
    app.button(key="maximisation.seed.2").click().run()
    assert healthy(app)
    assert asked(app, "maximisation.seed") == "2"


def test_the_page_opens_with_what_fits_the_network_and_its_address_is_bare(bundled: Classifier) -> None:
    usual = maximize.defaults(bundled)
    app = opened("pages/maximisation.py", **{"maximisation.steps": str(usual.steps)})
    assert healthy(app)
    assert [key for key in app.query_params if key.startswith("maximisation.")] == []
    assert app.select_slider(key="param.maximisation.lambda_@en").value == usual.lambda_
    assert app.selectbox(key="param.maximisation.coordinates@en").value == "fourier"
    assert any(key[0] == "maximise" and key[3] == usual for key in RESULTS._held if isinstance(key, tuple))
    assert "I as shown, clipped" in words(app)
    assert "mathbb E_T" in app.latex[0].value


def test_the_overview_draws_what_the_page_opens_with(bundled: Classifier) -> None:
    assert healthy(opened("app.py", **{"class": "7"}))  # which no other test here asks for
    usual = maximize.defaults(bundled)
    held = [key for key in RESULTS._held if isinstance(key, tuple) and key[0] in ("maximise", "film") and 7 in key]
    assert {key[0] for key in held} == {"maximise", "film"}  # the page need not climb again for its film
    assert {key[-2] for key in held} == {usual}


def test_a_link_changes_the_settings_that_fit_the_network(bundled: Classifier) -> None:
    app = opened(
        "pages/maximisation.py", **{"maximisation.jitter": "3", "maximisation.steps": "20", "maximisation.blur": "9"}
    )
    assert healthy(app)
    expected = replace(maximize.defaults(bundled), jitter=3, steps=20, blur=2.0)
    assert any(key[0] == "maximise" and key[3] == expected for key in RESULTS._held if isinstance(key, tuple))
    assert ["Blur" in warning.value for warning in app.warning] == [True]


def test_the_formula_alone_has_no_addition_and_climbs_pixels(bundled: Classifier) -> None:
    usual = replace(maximize.defaults(bundled), seed=5, output="probability")
    plain = ascending.alone(usual)
    assert (plain.coordinates, plain.lambda_, plain.steps) == ("pixels", usual.lambda_, usual.steps)
    assert (plain.seed, plain.output) == (5, "probability")
    assert not any(getattr(plain, name) for name in maximize.ADDITIONS)
    assert plain.draws == 1


def test_what_stands_at_its_default_follows_the_network() -> None:
    def script() -> None:
        from dataclasses import replace

        import streamlit as st

        from ui.frame import state
        from vizcore.techniques.maximize import Maximisation

        one, other = Maximisation(lambda_=1e-3, jitter=4), Maximisation(lambda_=1e-2, jitter=8)
        taken, _ = state.take_params("m", Maximisation, None, one)
        assert taken == one
        state.choices().params["m"] = replace(one, seed=3)
        assert state.address_of("m", replace(one, seed=3)) == {"m.seed": "3"}
        assert state.take_params("m", Maximisation, None, one)[0] == replace(one, seed=3)
        assert state.take_params("m", Maximisation, None, other)[0] == replace(other, seed=3)
        assert state.take_params("m", Maximisation, {"m.lambda_": "0.1"}, other)[0] == replace(other, lambda_=0.1)
        st.markdown("done")

    app = AppTest.from_function(script).run()
    assert healthy(app)
    assert "done" in words(app)


@pytest.mark.parametrize("start", ["grey", "picture"])
def test_film_and_strip_begin_where_the_ascent_does(start: str) -> None:
    app = opened("pages/maximisation.py", **{"maximisation.start": start, "maximisation.part": "lambdas"})
    assert healthy(app)
    assert asked(app, "maximisation.start") == start
    keys = [key for key in RESULTS._held if isinstance(key, tuple) and key[0] == "strip" and key[-1][0].start == start]
    assert [bool(key[-2]) for key in keys] == [start == "picture"]  # only then the picture is part of the key
    strip = RESULTS.get(keys[0])
    assert strip is not None
    inputs = [ascent.scores[0] for ascent in strip.ascents]
    assert max(inputs) == min(inputs)  # the start is the same; lambda is not in the score


@pytest.mark.parametrize("part", list(checks.PARTS))
def test_each_part_of_saliency_opens_by_a_link_twice(part: str) -> None:
    for _ in range(2):
        app = opened("pages/saliency.py", **{"saliency.part": part})
        assert healthy(app)
        assert asked(app, "saliency.part", "convergence") == part
    said = words(app)
    expected = {
        "convergence": "Change of the average",
        "taylor": "The linear approximation stays within 10 %",
        "changes": "Random noise of the same size",
        "copies": "The first 4 of the copies",
        "others": "The contributions of the pixels add up",
    }
    assert expected[part] in said
    assert all(text not in said for other, text in expected.items() if other != part)


def test_nonsense_for_a_part_falls_back_to_the_first() -> None:
    app = opened("pages/saliency.py", **{"saliency.part": "../secret"})
    assert healthy(app)
    assert "saliency.part" not in app.query_params


def drawn(monkeypatch: pytest.MonkeyPatch, size: tuple[int, int], scale: str, view: str) -> dict[str, dict[str, Any]]:
    """How the two maps of a linear network were drawn last: the gradient and one that is a tenth of it."""
    last: dict[str, dict[str, Any]] = {}
    monkeypatch.setattr(maps, "viewer", lambda key, *_, **how: last.update({key: how}))
    clf = linear_classifier(size)
    page: Any = SimpleNamespace(clf=clf, image=random_picture(clf), target=0, class_name="a")
    plain = saliency.gradient(clf, page.image, 0)
    pair = maps.Pair(page, maps.Settings(saliency.SmoothGrad(), view, scale))
    pair.gradient(plain)
    for times in (4.0, 0.1):  # an estimate that is larger must not leave its scale behind
        pair.smoothgrad(replace(plain, gradient=times * plain.gradient))
    return last


def test_the_two_maps_have_scales_of_their_own_or_the_larger_one(monkeypatch: pytest.MonkeyPatch) -> None:
    own = drawn(monkeypatch, (12, 10), "own", "signed")
    plain = own["saliency-gradient"]["limit"]
    assert own["saliency-smoothgrad"]["limit"] == pytest.approx(0.1 * plain)
    both = drawn(monkeypatch, (12, 10), "common", "signed")
    assert [both[f"saliency-{name}"]["limit"] for name in ("gradient", "smoothgrad")] == [plain, plain]


def test_signs_of_a_large_picture_are_pooled_and_the_scale_is_of_what_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    signed = drawn(monkeypatch, (224, 224), "own", "signed")["saliency-gradient"]
    shown = pooling.means(signed["heat"], 4)
    assert (signed["pool"], signed["limit"]) == (4, pytest.approx(figures.robust_limit(shown)))
    assert drawn(monkeypatch, (224, 224), "own", "absolute")["saliency-gradient"]["pool"] == 1
    assert drawn(monkeypatch, (128, 128), "own", "signed")["saliency-gradient"]["pool"] == 1


def test_the_common_scale_is_chosen_by_a_link_and_said() -> None:
    said = words(opened("pages/saliency.py", **{"saliency.scale": "common"}))
    assert "One scale for both maps" in said
    assert "Each map has its own scale" in words(opened("pages/saliency.py"))


def test_a_network_without_convolutions_gets_a_sentence_for_grad_cam() -> None:
    def script() -> None:
        from types import SimpleNamespace
        from typing import Any, cast

        from tests.conftest import linear_classifier, random_picture
        from ui.saliency import checks
        from vizcore.techniques import saliency

        clf = linear_classifier()
        page = cast(Any, SimpleNamespace(clf=clf, image=random_picture(clf), target=0, key=("linear", 0)))
        checks._cam(checks.Looking(page, saliency.SmoothGrad(), "signed", cast(Any, None)))

    app = AppTest.from_function(script).run()
    assert healthy(app)
    assert ["no convolution" in info.value for info in app.info] == [True]


CHANNEL = {"maximisation.unit": "features.3:7", "maximisation.lambda_": "1e-05"}


def test_a_channel_is_maximised_by_a_link_and_left_again() -> None:
    app = opened("pages/maximisation.py", **CHANNEL, **{"maximisation.output": "probability"})
    assert healthy(app)
    assert asked(app, "maximisation.unit") == "features.3:7"
    latex = " ".join(element.value for element in app.latex)
    assert r"\sum_{u,v} A_{7}(u,v)" in latex
    assert r"\mathtt{features.3}" in latex
    assert "channel 7 of" in words(app)
    assert [metric.label for metric in app.metric] == ["Value y"]
    code = " ".join(element.value for element in app.code)
    assert code.count("Channel(layer='features.3', channel=7, of='mean')") == 2  # in code, and in the export
    app.button_group(key="look.maximisation.of@en").set_value("centre").run()
    assert healthy(app)
    assert r"A_{7}(\lfloor" in " ".join(element.value for element in app.latex)
    assert asked(app, "maximisation.of") == "centre"
    (back,) = (button for button in app.button if button.label.startswith("Back to the class"))
    back.click().run()
    assert healthy(app)
    assert asked(app, "maximisation.unit") == asked(app, "maximisation.of") == ""
    assert len(app.metric) == 2


@pytest.mark.parametrize(
    "given", ["features.3:128", "features.3:-1", "features.99:0", "nonsense", ":", "a:b:c", "x" * 300]
)
def test_a_channel_that_is_not_there_is_said(given: str) -> None:
    app = opened("pages/maximisation.py", **{"maximisation.unit": given})
    assert healthy(app)
    assert len([w for w in app.warning if "asks for a channel" in w.value]) == 1
    assert asked(app, "maximisation.unit") == ""


@pytest.mark.parametrize("part", ["value", "alone", "seeds", "lambdas"])
def test_each_part_opens_for_a_channel(part: str) -> None:
    app = opened("pages/maximisation.py", **CHANNEL, **{"maximisation.part": part})
    assert healthy(app)
    assert "nan" not in words(app)
