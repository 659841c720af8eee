"""The truths of the lesson on maps: deletion and randomisation, on a linear network and on the bundled one."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import pytest
import torch

from tests.conftest import linear_classifier
from vizcore.lessons import links
from vizcore.lessons.quantities import trust
from vizcore.lessons.truths import Given, Map, Truth
from vizcore.networks.catalogue import load
from vizcore.networks.classifier import Classifier


class Pictured(Given):
    """A linear network and a picture of noise, in place of what the link names."""

    image = torch.rand(3, 12, 10, generator=torch.Generator().manual_seed(3))


@cache
def bundled(name: str) -> Classifier:
    return load(name, device="cpu")


def linear() -> Given:
    clf = linear_classifier()
    return Pictured(links.read("/compare?class=1"), lambda _: clf)


def last(found: Iterator[Truth]) -> Truth:
    estimates = list(found)
    assert [one.step for one in estimates] == sorted({one.step for one in estimates})
    assert estimates[-1].step == estimates[-1].of
    assert all(one.value is None for one in estimates[:-1])
    assert all(len(one.before) == len(estimates[-1].before) for one in estimates)
    return estimates[-1]


def test_on_a_linear_network_no_order_deletes_faster_than_that_of_the_contributions() -> None:
    found = last(trust.by_deletion(linear(), ["random", "gradient", "edges"]))
    assert isinstance(found.value, tuple)
    assert found.value[0] == "B"
    assert found.numbers["methodB"] == "gradient"
    areas = [float(found.numbers[f"area{letter}"]) for letter in found.value]
    assert areas == sorted(areas)
    assert last(trust.best_by_deletion(linear(), ["random", "gradient"])).value == "B"


def test_maps_are_shown_without_a_sign_or_a_name_before_the_answer() -> None:
    found = last(trust.by_deletion(linear(), ["gradient", "edges"]))
    for one in found.before:
        assert isinstance(one, Map)
        assert not one.signed
        assert float(one.heat.min()) >= 0
        assert set(one.values) == {"letter"}
    with pytest.raises(ValueError, match="methods has 7 entries"):
        last(trust.by_deletion(linear(), ["gradient"] * 7))
    with pytest.raises(ValueError, match="method is 'tea leaves'"):
        last(trust.against_chance(linear(), "tea leaves"))


def test_what_does_not_look_at_the_weights_is_found() -> None:
    given = Given(links.read("/compare?picture=scene:38"), bundled)
    found = last(trust.blind(given, ["gradient", "edges"]))
    assert found.value == "B"
    assert found.numbers["leftB"] == pytest.approx(1)
    left = last(trust.without_weights(given, "gradient"))
    assert left.value == pytest.approx(found.numbers["leftA"])
    assert abs(float(left.value)) < 0.1  # type: ignore[arg-type]


def test_the_edge_detector_is_worse_than_chance_and_chance_is_not() -> None:
    given = Given(links.read("/compare?picture=scene:38"), bundled)
    found = {method: last(trust.against_chance(given, method)) for method in ("edges", "random")}
    assert {method: one.value for method, one in found.items()} == {"edges": "worse", "random": "alike"}
    one = found["random"].numbers
    assert one["low"] <= one["area"] <= one["high"]  # type: ignore[operator]
