"""What lessons ask about the parts of a scene, against the engine's own effects."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from vizcore.evaluation import interventions
from vizcore.lessons import checking, links
from vizcore.lessons.quantities import parts
from vizcore.lessons.truths import Bars, Given, Truth
from vizcore.study.sources import compose


def given(address: str) -> Given:
    return Given(links.read(address), checking.loaded)  # type: ignore[arg-type]


def last(estimates: Iterator[Truth]) -> Truth:
    return list(estimates)[-1]


def test_an_effect_is_the_engines_in_points() -> None:
    asked = given("/interventions?picture=stamped:34&network=mini-alexnet-shortcut")
    found = last(parts.effect(asked, "stamp"))
    true = interventions.effects(asked.clf, lambda changes: compose("stamped:34", 256, changes), asked.target)
    assert found.value == pytest.approx(100 * true.by_part["stamp"], abs=1e-3)
    assert found.numbers["before"] == pytest.approx(100 * true.score, abs=1e-3)
    with pytest.raises(ValueError, match="part is 'distractor'; accepted: one of object, shadow, stamp, background"):
        last(parts.effect(asked, "distractor"))


def test_the_winner_is_that_of_the_scene_as_the_link_changes_it() -> None:
    plain = last(parts.changed_winner(given("/interventions?picture=scene:34")))
    other = last(parts.changed_winner(given("/interventions?picture=scene:34&interventions.object=coin")))
    assert (plain.value, other.value) == ("cat", "coin")
    assert (plain.numbers["label"], other.numbers["label"]) == ("cat", "coin")


def test_the_least_true_method_is_the_one_with_the_lowest_agreement() -> None:
    asked = given("/interventions?picture=stamped:34&network=mini-alexnet-shortcut")
    found = last(parts.least_true(asked, ["gradient", "gradcam"]))
    bars = next(one for one in found.after if isinstance(one, Bars))
    assert found.value == "gradcam" == min(bars.rows, key=lambda pair: pair[1])[0]
    assert found.step == found.of == 3


def test_only_scenes_have_parts() -> None:
    for quantity in (lambda one: parts.effect(one, "object"), parts.changed_winner):
        with pytest.raises(ValueError, match="accepted: a scene"):
            last(quantity(given("/interventions?picture=photo:coffee")))
    with pytest.raises(ValueError, match="networks has 1 names"):
        last(parts.cheat(given("/interventions?picture=stamped:34"), ["mini-alexnet"]))
