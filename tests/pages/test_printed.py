"""Every map and chart that a page shows can be taken along: each is drawn for print from what the page has kept."""

from __future__ import annotations

from typing import Any

import pytest

from tests.pages.test_pages import healthy, opened
from vizcore.pictures import sheets
from vizcore.pictures.panels import Sheet

SMALL = {"compare.methods": "gradient,occlusion", "compare.occlusion.stride": "32", "compare.faithfulness.steps": "4"}
CASES = [
    (
        "saliency",
        {"saliency.part": "convergence"},
        {"saliency-gradient", "saliency-smoothgrad", "saliency-convergence"},
    ),
    ("saliency", {"saliency.part": "taylor"}, {"saliency-taylor-along", "saliency-taylor-error"}),
    ("saliency", {"saliency.part": "copies"}, {"saliency-copies"}),
    ("occlusion", {"occlusion.closer": "classes", "occlusion.stride": "32"}, {"occlusion"}),
    ("lime", {"lime.closer": "fit", "lime.samples": "40"}, {"lime", "lime-segments", "lime-scatter", "lime-history"}),
    ("maximisation", {"maximisation.steps": "10"}, {"maximisation", "maximisation-curves"}),
    ("filters", {}, {"filters", "filters-activation", "filters-weights", "filters-spectrum"}),
    ("lime", {"lime.closer": "samples", "lime.samples": "40"}, {"lime-samples", "lime-vectors"}),
    ("lime", {"lime.closer": "best", "lime.samples": "40"}, {"lime-best"}),
    ("compare", {**SMALL, "compare.part": "faithfulness"}, {"compare-0-gradient", "compare-deletion"}),
    ("compare", {**SMALL, "compare.part": "agreement"}, {"compare-agreement"}),
    ("compare", {**SMALL, "compare.part": "truth"}, {"compare-truth"}),
    ("compare", {**SMALL, "compare.part": "sweep", "compare.sweep": "occlusion.stride"}, {"compare-sweep"}),
]


@pytest.mark.parametrize(
    ("page", "query", "names"), CASES, ids=[f"{page}-{'-'.join(q.values())}" for page, q, _ in CASES]
)
def test_everything_that_is_shown_can_be_printed(page: str, query: dict[str, str], names: set[str]) -> None:
    app = opened(f"pages/{page}.py", **query)
    assert healthy(app)
    shown = app.session_state["vizcore.shown"]
    assert names <= set(shown)
    for one in shown.values():
        assert one.title
        assert "\\" not in one.title  # what Markdown would need is nothing for print
        drawn = tuple(draw() for draw in one.panels.values())
        assert sheets.save(Sheet(one.title, (), (("", drawn),)), "svg").startswith(b"<?xml")


def test_the_overview_can_be_taken_along_card_by_card_and_as_one() -> None:
    app = opened("app.py")
    assert healthy(app)
    (choice,) = (box for box in app.selectbox if box.label == "Figure")
    assert choice.options == ["All cards", "Filters", "Input maximisation", "Saliency", "Occlusion", "LIME"]
    html: Any = app.get("html")
    legends = [one.value for one in html if "vz-legend" in one.value and "hidden" not in one.value]
    assert len(legends) == 5
    assert sum("<span>0</span>" in one for one in legends) == 4  # in the middle of three, at the left end of one
    tile = app.session_state["vizcore.shown"]["glance-lime"].panels["glance-lime"]()
    assert f"+{tile.limit:.3g}<" in "".join(legends)


def test_pictures_of_channels_can_be_taken_along_though_they_have_no_arrays() -> None:
    app = opened("pages/filters.py", **{"filters.view": "channels", "filters.map_layer": "features.10"})
    assert healthy(app)
    shown = app.session_state["vizcore.shown"]
    assert not any("\\" in one.title for one in shown.values())
    assert {len(shown[name].panels) for name in ("filters-channels", "filters-crops")} == {12}
    (choice,) = (box for box in app.selectbox if box.label == "Figure")
    assert len(choice.options) == 2
