"""Own networks on the pages: brought by a visitor or named by the operator, seen by nobody else, and explained."""

from __future__ import annotations

import gc
import re
import weakref

import pytest
from streamlit.testing.v1 import AppTest

from tests.networks.test_own import saved, state_of
from tests.pages.test_pages import OF_ONE_PICTURE, PAGES, ROOT, SMALL, address, healthy
from ui.frame import uploads
from vizcore.networks import own
from vizcore.networks.own import Design
from vizcore.networks.weights import WeightsError

PICTURED = OF_ONE_PICTURE
TINY = {**SMALL, "occlusion.stride": "16", "occlusion.window": "16"}


def opened(page: str, **query: str) -> AppTest:
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
    if page != "app.py":
        app.switch_page(page)
    for key, value in {**TINY, **query}.items():
        app.query_params[key] = value
    return app.run()


def to(app: AppTest, page: str) -> AppTest:
    app.switch_page(page)
    app.query_params.clear()
    for key, value in TINY.items():
        app.query_params[key] = value
    app.query_params["network"] = app.session_state["vizcore.choices"].frame["network"]
    return app.run()


def brings(app: AppTest, data: bytes, architecture: str = "squeezenet1_1", **fields: str) -> AppTest:
    """Fill the form and send it."""
    app.selectbox(key="own.name").set_value(architecture)
    app.file_uploader(key="own.file.0").upload("pets.pth", data)
    for number in app.number_input:
        if number.label in ("Height [px]", "Width [px]"):
            number.set_value(64)
    for field in (*app.text_input, *app.text_area):
        if field.label in fields:
            field.set_value(fields[field.label])
    next(button for button in app.button if button.label == "Check and use").click()
    return app.run()


def said(app: AppTest) -> str:
    shown = " ".join(one.value for one in (*app.warning, *app.error))
    return re.sub(r"[\\\u2060]", "", shown).replace("\u00a0", " ")


@pytest.fixture(scope="module")
def data() -> bytes:
    return saved(state_of(Design("squeezenet1_1", size=(64, 64))))


def test_a_brought_network_is_explained_on_every_page_and_seen_by_nobody_else(data: bytes) -> None:
    app = brings(opened("pages/network.py"), data, Name="Pets", **{"Class names, one per line": "a\nb\nc\nd\ne"})
    assert healthy(app)
    name = address(app)["network"]
    assert name.startswith("own:")
    assert app.selectbox(key="frame.network@en").value == name
    assert any("Your own network, of the architecture squeezenet1\\_1" in one.value for one in app.caption)
    assert any("input 3 × 64 × 64" in one.value for one in app.caption)
    for page in PAGES:
        to(app, page)
        assert healthy(app), page
        assert address(app)["network"] == name
    to(app, "pages/occlusion.py")
    assert any("own.Design(architecture='squeezenet1_1'" in one.value for one in app.code)

    other = opened("pages/saliency.py", network=name, network_file=address(app)["network_file"])
    assert "pets" in said(other)
    assert "is kept by no link and no reload: bring its file again. Until then: Mini-AlexNet (bundled)" in said(other)
    assert address(other)["network"] == "mini-alexnet"
    assert healthy(other)
    options = other.selectbox(key="frame.network@en").options
    assert [one for one in options if "Pets" in one or "own:" in one] == []


def test_a_file_that_does_not_fit_leaves_everything_as_it_is(data: bytes) -> None:
    app = brings(opened("pages/network.py"), data, **{"Class names, one per line": "cat\ndog"})
    assert "pets.pth does not fit SqueezeNet" in said(app)
    assert "set the number of classes to 5" in said(app)
    assert address(app)["network"] == "mini-alexnet"
    assert app.session_state[uploads._KEY] == {}


def test_class_names_are_taken_from_a_dictionary(data: bytes) -> None:
    names = '{"1": ["n01443537", "goldfish"], "0": ["n01440764", "tench"], "2": "c", "3": "d", "4": "e"}'
    app = brings(opened("pages/network.py"), data, **{"Class names, one per line": names})
    assert healthy(app)
    (one,) = app.session_state[uploads._KEY].values()
    assert one.clf.classes == ["tench", "goldfish", "c", "d", "e"]
    app = brings(opened("pages/network.py"), data, **{"Class names, one per line": "{1: 'a', 2: 'b'}"})
    assert "The index 0 is missing among the class names" in said(app)


def test_a_normalisation_for_bytes_is_converted_and_said(data: bytes) -> None:
    fields = {
        "Normalisation: mean": "123.675, 116.28, 103.53",
        "Normalisation: standard deviation": "[58.395, 57.12, 57.375]",
    }
    app = brings(opened("pages/network.py"), data, **fields)
    assert healthy(app)
    (one,) = app.session_state[uploads._KEY].values()
    assert (one.design.mean, one.design.std) == (own.MEAN, own.STD)
    assert any(
        "were for pixels in 0 to 255" in text.value and "mean 0.485, 0.456, 0.406" in text.value for text in app.caption
    )


@pytest.mark.parametrize("rescaling", [True, False])
def test_googlenets_rescaling_is_asked_for(rescaling: bool) -> None:
    app = opened("pages/network.py")
    assert [one.label for one in app.toggle if "transform_input" in one.label] == []
    app.selectbox(key="own.name").set_value("googlenet").run()
    switch = app.toggle(key="own.rescaling")
    assert switch.value is True
    if not rescaling:
        switch.set_value(False)
    app = brings(app, saved(state_of(Design("googlenet", size=(64, 64)))), "googlenet")
    assert healthy(app)
    (one,) = app.session_state[uploads._KEY].values()
    assert one.design.transform_input is rescaling
    assert one.clf.module.transform_input is rescaling
    assert any(f"transform_input is {'on' if rescaling else 'off'}" in text.value for text in app.caption)


def test_without_a_file_the_form_asks_for_one() -> None:
    app = opened("pages/network.py")
    next(button for button in app.button if button.label == "Check and use").click().run()
    assert "Choose a file with weights first." in said(app)


def test_a_removed_network_frees_its_memory(data: bytes) -> None:
    app = brings(opened("pages/network.py"), data, Name="To be removed")
    (one,) = app.session_state[uploads._KEY].values()
    gone = weakref.ref(one.clf)
    del one
    to(app, "pages/saliency.py")
    to(app, "pages/network.py")
    next(button for button in app.button if button.label == "Remove").click().run()
    assert healthy(app)
    assert address(app)["network"] == "mini-alexnet"
    to(app, "pages/saliency.py")
    gc.collect()
    assert gone() is None


def test_a_session_keeps_few_networks_and_all_sessions_together_are_bounded(
    data: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads.st, "session_state", {})
    design = Design("squeezenet1_1", size=(64, 64))
    names = [uploads.add(data, design, f"net {k}", "net.pth") for k in range(3)]
    assert list(uploads.all_of()) == names[-uploads.MOST :]
    held = own.size_of(uploads.all_of()[names[-1]].clf)
    monkeypatch.setattr(uploads, "MEGABYTES", 2 * held / 2**20)
    with pytest.raises(WeightsError, match="no more room here"):
        uploads.add(data, design, "one too many", "net.pth")


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("network", ["grey", "wide", "transformer", "attention", "frozen", "folded"])
def test_the_operators_networks_work_on_every_page(network: str, page: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(own.VARIABLE, f"tests.helpers.networks:{network}")
    app = opened(page, picture="photo:coffee", **{"occlusion.window": "8", "saliency.part": "others"})
    assert healthy(app)
    assert address(app)["network"] == f"tests.helpers.networks:{network}", "it is the network of a first visit"
    if network == "attention" and page in ("app.py", "pages/filters.py"):
        assert "has no two-dimensional convolution, so it has no filters to show" in said(app)
    if page == "pages/filters.py":  # a single channel has no colours to be told apart
        assert any("red, green and blue," in one.value for one in app.caption) == (
            network not in ("grey", "attention", "folded")
        )
    if network == "frozen" and page == "pages/filters.py":
        assert any(
            "6 filters · stem · 5 × 5 px" in one.value.replace("\u00a0", " ") for one in app.header
        )  # the first that runs
    if network in ("attention", "frozen") and page == "pages/saliency.py":
        assert any("no map for Grad-CAM" in one.value for one in (*app.caption, *app.info, *app.warning))


def test_an_operators_network_that_fails_is_named_and_others_can_be_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(own.VARIABLE, "tests.helpers.networks:nothing")
    app = opened("pages/saliency.py")
    assert "VIZCORE_NETWORK names tests.helpers.networks:nothing, which failed" in said(app)
    app.selectbox(key="frame.network@en").set_value("mini-alexnet").run()
    assert healthy(app)


@pytest.mark.parametrize("page", OF_ONE_PICTURE)
def test_a_network_that_answers_nan_gets_a_sentence_on_every_page(page: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(own.VARIABLE, "tests.helpers.networks:broken")
    app = opened(page)
    assert "infinite or none at all (NaN)" in said(app)
    assert "Something went wrong" not in said(app)
    assert len(app.title) == 1
    app.selectbox(key="frame.network@en").set_value("mini-alexnet").run()
    assert healthy(app)
    assert said(app) == "" or "means fewer" in said(app)


@pytest.mark.parametrize(("page", "fill"), [("pages/occlusion.py", "occlusion.fill"), ("pages/lime.py", "lime.fill")])
def test_nan_in_the_middle_of_a_run_ends_it_with_a_sentence(
    page: str, fill: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(own.VARIABLE, "tests.helpers.networks:fragile")
    app = opened(page, picture="photo:coffee", **{fill: "black"})
    assert "infinite or none at all (NaN)" in said(app)
    assert not any("already computed" in one.value or "of computing" in one.value for one in app.caption)
    grey = opened(page, picture="photo:coffee", **{fill: "grey"})
    assert healthy(grey)


def test_a_network_that_cannot_be_explained_is_refused_by_its_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(own.VARIABLE, "tests.helpers.networks:hopelessly_random")
    app = opened("pages/saliency.py")
    assert "hopelessly_random cannot be used: Random answers the same picture differently every time" in said(app)
    app = opened("pages/saliency.py", network="mini-alexnet")
    assert healthy(app)


def test_what_was_found_of_a_network_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    app = opened("pages/network.py")
    assert any("It answers the same picture twice alike" in one.value.replace("\\", "") for one in app.markdown)
    assert any("The faster passes answer as its own module does" in one.value.replace("\\", "") for one in app.markdown)


def test_where_networks_of_ones_own_are_switched_off_the_page_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIZCORE_OWN_MEGABYTES", "0")
    app = opened("pages/network.py")
    assert healthy(app)
    assert any("switched off on this server" in one.value for one in app.info)
    assert not app.get("file_uploader")
