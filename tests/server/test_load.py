"""The load test, kept short: it runs, its visitors get what is theirs, and it would notice if they did not."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest

from benchmarks import expected, load
from benchmarks.student import Answer, wrong

ADDRESS = {"network": "mini-alexnet", "picture": "scene:7", "occlusion.stride": "32"}


@pytest.fixture(scope="module")
def answer() -> Answer:
    """What a visitor would be shown of scene 7, made without a server."""
    picture = expected.scene(7)
    own = expected.pixels(picture)
    return Answer(
        "occlusion",
        "link",
        picture,
        time.monotonic(),
        address=ADDRESS,
        wanted=ADDRESS,
        seen=own,
        shown=expected.result("occlusion", picture, ADDRESS),
        views={"occlusion": own},
    )


def test_what_belongs_to_the_visitor_passes(answer: Answer) -> None:
    assert wrong(answer) == []


def test_what_belongs_to_somebody_else_is_noticed(answer: Answer) -> None:
    other = expected.scene(8)
    pixels = expected.pixels(other)
    assert wrong(replace(answer, seen=pixels)) != []
    assert wrong(replace(answer, views={"occlusion": pixels})) != []
    assert wrong(replace(answer, shown=expected.result("occlusion", other, ADDRESS))) != []
    finer = expected.result("occlusion", answer.picture, {**ADDRESS, "occlusion.stride": "16"})
    assert wrong(replace(answer, shown=finer)) != []
    assert wrong(replace(answer, address={**ADDRESS, "picture": "scene:8"})) == [
        "picture is scene:8 instead of scene:7"
    ]
    assert wrong(replace(answer, address={**ADDRESS, "occlusion.stride": "16"})) != []


def test_maps_are_equal_up_to_the_order_of_sums_only() -> None:
    one = np.linspace(-1, 1, 100, dtype=np.float32).reshape(10, 10)
    assert expected.same(one * (1 + 1e-5), one)
    assert not expected.same(one * 1.01, one)
    assert not expected.same(one[:5], one)


def test_a_few_visitors_each_get_their_own() -> None:
    report = load.run(sessions=4, seconds=10, think=0.5, seed=1)
    assert report.errors == []
    assert report.mixed_up == []
    assert report.compared >= 4
    assert "| **all** |" in report.table
