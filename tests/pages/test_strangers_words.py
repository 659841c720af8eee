"""Wherever a page shows a stranger's words they are text: no picture, link, icon, colour or formula comes of them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from tests.helpers import hostile
from tests.pages.test_pages import OF_ONE_PICTURE, opened
from ui.frame import network_cache
from ui.texts import inert, quoted
from vizcore.networks import own

NETWORK = "tests.helpers.hostile:network"
# What the browser shows as it is. Whatever is not named here is taken for Markdown.
PLAIN = (
    "Selectbox.options",
    "MultiSelect.options",
    "Selectbox.raw_value",
    "TextInput.",
    "TextArea.",
    "Code.code_text",
    "Text.body",
    "ImageList.imgs.alt",  # read out
    "ImageList.alt",
    "PageLink.query_string",
    "PageLink.page",
    "BidiComponent.",  # ours, which sets text
    "DownloadButton.url",
    "FileUploader.",
    "Arrow.",
    "Dataframe.",
    ".id",
    ".key",
    "block_id",
)
_IN_FORMULA = re.compile(r"\\mathtt\{(?:[\w.]|\\_)*\}")  # letters and nothing else
_BOLD = re.compile(r"^\*\*(.+)\*\*$")  # by the page itself, the whole line
_NUMBER = re.compile(r"\*\*([^*A-Za-z]+)\*\*")  # by the page itself, too
PARTS = {
    "app.py": ({},),
    "pages/filters.py": ({}, {"filters.view": "channels"}),
    "pages/maximisation.py": (
        {},
        {"maximisation.unit": f"{hostile.LAYERS[1]}:1"},
        {"maximisation.unit": f"{hostile.NAMES[1]}:1"},
    ),
    "pages/saliency.py": ({"saliency.part": "others"}, {"saliency.part": "changes"}),
    "pages/occlusion.py": ({"occlusion.part": "classes"}, {"occlusion.part": "square"}),
    "pages/lime.py": ({"lime.part": "best"},),
    "pages/compare.py": (
        {"compare.classes": "1,2", "compare.against": "3"},
        {"compare.part": "agreement", "compare.classes": "1,2"},
        {"compare.part": "sanity", "compare.methods": "gradient"},
        {"compare.part": "truth", "picture": "scene:34"},
    ),
    "pages/interventions.py": ({"picture": "scene:34"}, {"picture": "scene:34", "interventions.part": "claims"}),
    "pages/network.py": ({},),
}


@pytest.fixture(autouse=True, scope="module")
def named() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(own.VARIABLE, NETWORK)
        yield
    network_cache._load.clear()


def sent(node: Any) -> Iterator[tuple[str, str]]:
    """Every text on a page, and the field that it is sent in."""
    proto = getattr(node, "proto", None)
    if proto is not None:
        yield from hostile.words(proto)
    for child in getattr(node, "children", {}).values():
        yield from sent(child)


def alive(app: AppTest) -> tuple[list[tuple[str, str]], int]:
    """What would be drawn as more than text, and how often a stranger's words stand on the page."""
    assert [one.value for one in app.exception] == []
    found, count = [], 0
    for field, text in sent(app._tree):
        if "evil" not in text.lower():
            continue
        count += 1
        if field.endswith("PlotlyChart.spec"):
            found += [(field, one) for one in strings(json.loads(text)) if "evil" in one and "<" in one]
        elif field.startswith("Html."):
            found += [(field, text)] if "<img" in text or "<a " in text or "<b>evil" in text else []
        elif not any(plain in field if not plain.startswith(".") else field.endswith(plain) for plain in PLAIN):
            found += [
                (field, line) for line in hostile.live(_BOLD.sub(r"\1", _NUMBER.sub(r"\1", _IN_FORMULA.sub("", text))))
            ]
    return found, count


def strings(value: Any) -> Iterator[str]:
    """The texts that a chart draws: not what a click tells."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from (one for name, inner in value.items() if name != "customdata" for one in strings(inner))
    elif isinstance(value, list):
        yield from (one for inner in value for one in strings(inner))


@pytest.mark.parametrize(("page", "query"), [(page, query) for page, all_of in PARTS.items() for query in all_of])
def test_a_networks_own_names_are_text(page: str, query: dict[str, str]) -> None:
    found, count = alive(opened(page, network=NETWORK, **{"class": "1", **query}))
    assert found == []
    assert count > 3


def test_every_page_is_walked() -> None:
    assert set(PARTS) == set(OF_ONE_PICTURE)


@pytest.mark.parametrize("name", hostile.NAMES)
def test_a_links_values_are_text(name: str) -> None:
    query = {"network": name, "picture": name, "class": name, "occlusion.window": name, "occlusion.fill": name}
    found, count = alive(opened("pages/occlusion.py", **query))
    assert found == []
    assert count > 3
    files = {"network": "own:0", "network_file": name, "picture": "upload", "picture_file": name}
    found, count = alive(opened("pages/occlusion.py", **files))
    assert found == []
    assert count > 1


def test_a_studys_table_is_text() -> None:
    app = opened("pages/study.py", **{"study.source": "finished"})
    app.file_uploader(key="study.table").upload("evil.csv", hostile.table().encode()).run()
    assert [one.value for one in app.error] == []
    found, count = alive(app)
    assert found == []
    assert count > 10


def test_an_uploaded_networks_names_are_text() -> None:
    from tests.networks.test_own import saved, state_of
    from tests.pages.test_network import brings
    from vizcore.networks.own import Design

    design = Design("squeezenet1_1", size=(64, 64))
    state = state_of(design)
    names = {"Name": hostile.NAMES[0], "Class names, one per line": "\n".join(hostile.NAMES[:5])}
    app = brings(opened("pages/network.py"), saved(state), **names)
    assert [one.value for one in app.error] == []
    found, count = alive(app)
    assert found == []
    assert count > 3
    for name in hostile.NAMES:  # of a tensor, in the sentence that refuses the file
        app = brings(opened("pages/network.py"), saved({**state, name: state["classifier.1.bias"]}))
        assert len(app.error) == 1
        found, _ = alive(app)
        assert found == []


def test_the_walk_knows_what_is_alive() -> None:
    for name in hostile.NAMES[:-1]:
        assert hostile.live(name) != [], name
        assert hostile.live(quoted(name)) == [], name
        assert hostile.live(inert(name)) == [], name
        assert hostile.live(f"a {quoted(name)} and **{inert(name)}** b".replace("**", "")) == []
    assert quoted(" ") == inert(" ") == ""
