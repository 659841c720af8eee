"""The settings of a page of interventions, and the changes of a scene that they stand for."""

from __future__ import annotations

import pytest

from vizcore.evaluation.arrangement import DATE, Arrangement
from vizcore.params import ParameterError, from_json, to_json
from vizcore.pictures.scene_parts import UNCHANGED, Change, Changes
from vizcore.pictures.scenes import scene


def test_the_defaults_change_nothing() -> None:
    assert Arrangement().changes() == UNCHANGED


def test_each_setting_is_a_change_of_its_part() -> None:
    asked = Arrangement(object="coin", distractor="remove", shadow="down", stamp="other", background="other", ground=7)
    assert asked.changes() == Changes(
        object=Change(instead="coin"),
        distractor=Change(remove=True),
        shadow=Change(instead=90),
        stamp=Change(instead=DATE),
        background=Change(instead=7),
    )
    assert Arrangement(stamp_x=-25, stamp_y=50).changes() == Changes(stamp=Change(shift=(-0.25, 0.5)))
    assert Arrangement(ground=9).changes() == UNCHANGED  # of no use unless the background is exchanged


def test_every_setting_can_be_drawn() -> None:
    asked = Arrangement(object="cat", distractor="coin", shadow="left", stamp="other", background="remove", object_x=9)
    made = scene(34, size=64, changes=asked.changes())
    assert (made.label, made.distractor) == ("cat", "coin")
    assert made.mark_box is not None


def test_a_link_carries_it_and_nonsense_falls_back() -> None:
    asked = Arrangement(object="remove", shadow_y=-12)
    assert from_json(Arrangement, to_json(asked)) == (asked, [])
    repaired, complaints = from_json(Arrangement, {"object": "dog", "stamp_x": "900", "ground": "many"})
    assert repaired == Arrangement(stamp_x=100)
    assert [one.name for one in complaints] == ["object", "ground", "stamp_x"]
    with pytest.raises(ParameterError, match="object"):
        Arrangement(object="dog")
