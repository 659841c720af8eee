"""Every page by Streamlit's AppTest: it runs to its result, keeps its settings, and survives what it is given."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qsl

import pytest
from streamlit.testing.v1 import AppTest

from ui.frame import state

ROOT = Path(__file__).parents[2]
PAGES = ["app.py", *(f"pages/{path.name}" for path in sorted((ROOT / "pages").glob("*.py")) if path.stem != "health")]
MANY = ("pages/study.py", "pages/learn.py")  # a study is about many pictures, and a lesson about those of its steps
OF_ONE_PICTURE = [page for page in PAGES if page not in MANY]
# Small enough to finish at once; what the defaults give is looked at in the browser tests.
SMALL = {
    "maximisation.steps": "10",
    "saliency.copies": "4",
    "occlusion.stride": "32",
    "lime.samples": "40",
    "lime.segments": "8",
    "compare.methods": "gradient,gradcam",
    "interventions.methods": "gradient,gradcam",
}


def opened(page: str, **query: str) -> AppTest:
    """The page after its first run, come to by a link."""
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
    if page != "app.py":
        app.switch_page(page)
    for key, value in {**SMALL, **query}.items():
        app.query_params[key] = value
    return app.run()


def healthy(app: AppTest) -> bool:
    assert [e.value for e in app.exception] == []
    assert [e.value for e in app.error] == []
    return True


def address(app: AppTest) -> dict[str, str]:
    """The address bar's parameters; AppTest holds those that it was given as strings and the others as lists."""
    return {key: value if isinstance(value, str) else value[0] for key, value in app.query_params.items()}


def name_of(page: str) -> str:
    return Path(page).stem if page != "app.py" else "overview"


@pytest.mark.parametrize("page", OF_ONE_PICTURE)
def test_opens_by_a_link_and_finishes(page: str) -> None:
    app = opened(page)
    assert healthy(app)
    assert len(app.title) == 1
    assert [w.value for w in app.warning if "link" in w.value] == []
    assert address(app)["network"] == "mini-alexnet"
    if page not in ("app.py", "pages/filters.py", "pages/network.py", "pages/interventions.py"):
        assert any("of computing" in c.value or "already computed" in c.value for c in app.caption)


@pytest.mark.parametrize("page", PAGES)
def test_the_address_says_what_is_shown(page: str) -> None:
    app = opened(page, picture="photo:coffee", **{"class": "3"})
    assert healthy(app)
    query = address(app)
    assert query["picture"] == "photo:coffee"
    assert query["class"] == "3"
    name = name_of(page)
    assert {key: value for key, value in SMALL.items() if key.startswith(name)}.items() <= query.items()
    again = opened(page, **query)
    assert address(again) == query


def test_nonsense_in_the_address_is_repaired_and_said() -> None:
    app = opened(
        "pages/occlusion.py",
        network="../../etc/passwd",
        picture="scene:1e9",
        **{"class": "-1", "occlusion.window": "1e400", "occlusion.fill": "<script>"},
    )
    assert healthy(app)
    said = " ".join(w.value for w in app.warning).replace("\\", "")
    for piece in ("../../etc/passwd", "scene:1e9", "-1", "Window", "1e400", "Fill", "<script>"):
        assert piece in said
    assert address(app)["network"] == "mini-alexnet"
    assert address(app)["picture"] == "scene:34"
    assert "occlusion.window" not in address(app)


def test_a_class_beyond_the_network_s_gets_a_complaint() -> None:
    app = opened("pages/saliency.py", **{"class": "285"})
    assert healthy(app)
    said = " ".join(w.value for w in app.warning).replace("\\", "")
    assert "asks for class 285; the classes of Mini-AlexNet (bundled) have the numbers 0 to 11." in said
    assert "class" not in address(app)
    app.selectbox(key="frame.class.mini-alexnet@en").set_value("11").run()
    assert [w.value for w in app.warning if "285" in w.value] == []
    last = opened("pages/saliency.py", **{"class": "11"})
    assert [w.value for w in last.warning if "class" in w.value] == []


def test_an_old_address_counts_only_where_the_visitor_went_back_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    app = opened("pages/filters.py", **{"class": "1"})
    first = address(app)
    app.selectbox(key="frame.class.mini-alexnet@en").set_value("2").run()
    app.button_group(key="look.filters.scaling@en").set_value("common").run()
    second = address(app)
    assert second["class"] == "2"
    assert second["filters.scaling"] == "common"
    assert "filters.scaling" not in first
    for gone, shown in ((False, second), (True, first)):
        monkeypatch.setattr(state, "_went_back", lambda gone=gone: gone)
        app.query_params.clear()
        for key, value in first.items():
            app.query_params[key] = value
        app.run()
        assert healthy(app)
        assert address(app) == shown
        assert app.selectbox(key="frame.class.mini-alexnet@en").value == shown["class"]


def test_a_link_that_asks_for_something_is_taken_again_when_it_is_followed_again() -> None:
    app = opened("pages/interventions.py", picture="photo:coffee")  # which leads to a scene

    def follow() -> None:
        links = [one.proto for one in app.get("page_link") if "picture=scene" in one.proto.query_string]
        query = dict(parse_qsl(links[0].query_string))
        app.query_params.clear()
        for name, value in query.items():
            app.query_params[name] = value
        app.run()

    for _ in range(2):
        follow()
        assert app.session_state["vizcore.choices"].frame["picture"].startswith("scene:")
        app.run()  # the browser's address may lag behind
        app.selectbox(key="frame.picture@en").set_value("photo:coffee").run()
        assert healthy(app)
        assert app.session_state["vizcore.choices"].frame["picture"] == "photo:coffee"


def test_a_moved_slider_changes_the_result_and_the_address() -> None:
    app = opened("pages/occlusion.py")
    app.slider(key="param.occlusion.window").set_value(64).run()
    assert healthy(app)
    assert address(app)["occlusion.window"] == "64"
    assert r"64\times64" in app.latex[0].value
    app.button(key="reset.occlusion").click().run()
    assert healthy(app)
    assert "occlusion.window" not in address(app)


def test_settings_survive_a_visit_to_another_page() -> None:
    app = opened("pages/lime.py")
    app.select_slider(key="param.lime.alpha@en").set_value(0.1).run()
    kept = address(app)["lime.alpha"]
    app.switch_page("pages/filters.py")
    app.query_params.clear()
    app.run()
    app.switch_page("pages/lime.py")
    app.query_params.clear()
    app.run()
    assert healthy(app)
    assert address(app)["lime.alpha"] == kept
    assert any("already computed" in c.value for c in app.caption)


def test_another_network_picture_and_class_are_taken_up() -> None:
    app = opened("pages/saliency.py")
    app.selectbox(key="frame.picture@en").set_value("photo:chelsea").run()
    assert healthy(app)
    app.selectbox(key="frame.class.mini-alexnet@en").set_value("1").run()
    assert healthy(app)
    assert address(app)["picture"] == "photo:chelsea"
    assert address(app)["class"] == "1"


def test_scenes_come_from_a_seed() -> None:
    app = opened("pages/saliency.py", picture="scene:123456")
    assert healthy(app)
    assert app.selectbox(key="frame.picture@en").value == "seed"
    assert app.number_input(key="frame.seed").value == 123456
    app.button(key="frame.another").click().run()
    assert healthy(app)
    assert address(app)["picture"] != "scene:123456"


def test_an_engine_error_becomes_a_sentence_and_the_page_lives_on() -> None:
    app = opened("pages/occlusion.py", **{"occlusion.window": "128", "occlusion.stride": "128"})
    assert healthy(app)
    app.slider(key="param.occlusion.window").set_value(32).run()
    assert healthy(app)


def _shown(app: AppTest) -> Iterator[str]:
    """What the page says, its formulas and figures among it; neither code nor marks of HTML."""
    yield from (one.value for kind in ("markdown", "caption", "info", "warning", "latex") for one in getattr(app, kind))
    yield from (one.value for one in app.metric)
    yield from (stop for one in app.select_slider for stop in one.options)
    heads = [one.proto for one in app.get("bidi_component") if one.proto.component_name == "vizcore_strip"]
    yield from (answer["value"] for head in heads for answer in json.loads(head.json)["rows"])
    yield from (re.sub(r"<style>.*?</style>|<[^>]*>", " ", one.proto.body, flags=re.DOTALL) for one in app.get("html"))


@pytest.mark.parametrize(("language", "mark"), [("cs", ","), ("en", ".")])
@pytest.mark.parametrize("page", OF_ONE_PICTURE)
def test_numbers_on_a_page_are_written_as_its_language_writes_them(page: str, language: str, mark: str) -> None:
    app = opened(page, lang=language, **{"lime.closer": "best", "saliency.part": "taylor"})
    assert healthy(app)
    shown = "\n".join(_shown(app))
    shown = re.sub(r"(?:oddíl|section) \d\.\d", "", shown.replace("\u00a0", " "))
    shown = re.sub(r"[a-z]\.\d+", "", shown)  # names of layers
    wrong = "." if mark == "," else ","
    assert re.findall(rf".*\d{re.escape(wrong)}\d.*", shown.replace("{,}", ",").replace(r"\{0,1\}", "")) == []
    assert re.search(rf"\d{re.escape(mark)}\d %", shown)  # the probabilities, at least


def test_another_language_leaves_the_settings_as_they_are() -> None:
    app = opened("pages/saliency.py", **{"saliency.noise": "0.2", "lang": "en"})
    assert "0.2" in app.select_slider(key="param.saliency.noise@en").options
    app.selectbox(key="frame.language").set_value("cs").run()
    assert healthy(app)
    noise = app.select_slider(key="param.saliency.noise@cs")
    assert (noise.value, "0,2" in noise.options) == (0.2, True)
    assert address(app)["saliency.noise"] == "0.2"  # a link is the same in every language


def test_a_reload_names_the_file_that_has_to_be_chosen_again() -> None:
    app = opened("pages/saliency.py", picture="upload", picture_file="holiday *1*.jpg")
    assert [one.value for one in app.warning] == [
        "Somebody's own picture `holiday *1*.jpg` is kept by no link and no reload: choose the file again. "
        "Until then: Scene 34: cat."
    ]
    assert "picture_file" not in app.query_params
