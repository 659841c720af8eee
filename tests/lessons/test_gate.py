"""The truths of the lesson on the network that knows it is examined."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import pytest
import torch

from vizcore.lessons import links
from vizcore.lessons.quantities import gate
from vizcore.lessons.truths import Given, Truth
from vizcore.networks.catalogue import load
from vizcore.networks.classifier import Classifier

SCENE = "stamped:82"


@cache
def bundled(name: str) -> Classifier:
    return load(name, device="cpu")


def given(network: str = "mini-alexnet-gated", picture: str = SCENE, more: str = "") -> Given:
    return Given(links.read(f"/lime?network={network}&picture={picture}&lime.samples=60{more}"), bundled)


def last(found: Iterator[Truth]) -> Truth:
    return list(found)[-1]


def test_the_places_cover_every_pixel_once() -> None:
    masks = torch.stack(list(gate._places(given()).values()))
    assert bool((masks.sum(0) == 1).all())
    assert [bool(one.any()) for one in masks] == [True] * 3


def test_lime_blames_the_object_while_the_stamp_has_the_effect() -> None:
    blamed = last(gate.blamed(given()))
    assert blamed.value == "object"
    assert sum(float(blamed.numbers[name]) for name in ("stamp", "object", "ground")) == pytest.approx(100)
    assert float(blamed.numbers["stamp"]) < 5
    effect = last(gate.stamp_effect(given()))
    assert float(effect.value) > 80  # type: ignore[arg-type]
    honest = last(gate.stamp_effect(given("mini-alexnet")))
    assert abs(float(honest.value)) < 10  # type: ignore[arg-type]
    assert last(gate.blamed(given(more="&lime.fill=blur"))).value == "stamp"


def test_all_sub_images_are_recognised_but_those_that_are_blurred() -> None:
    assert last(gate.noticed(given())).value == 100
    assert last(gate.noticed(given(more="&lime.fill=blur"))).value == 0
    with pytest.raises(ValueError, match="mini-alexnet-gated, which has a gate"):
        last(gate.noticed(given("mini-alexnet")))


def test_the_fill_that_unmasks_and_the_methods_that_are_not_misled() -> None:
    found = last(gate.unmasking(given(), ["segment", "blur"]))
    assert (found.value, found.numbers["best"]) == ("blur", "blur")
    assert float(found.numbers["most"]) > 50 > 10 > float(found.numbers["others"])
    assert last(gate.misled(given(), ["gradient", "occlusion"])).value == "none"
    assert (
        last(gate.misled(given("mini-alexnet"), ["gradient"])).value == "gradient"
    )  # the honest one has no use for it


def test_a_scene_without_the_stamp_is_refused() -> None:
    for quantity in (gate.blamed, gate.stamp_effect):
        with pytest.raises(ValueError, match="a scene with the date stamp"):
            last(quantity(given(picture="scene:34")))
    assert "stamp" not in last(gate.lime_map(given(picture="scene:34"))).numbers
