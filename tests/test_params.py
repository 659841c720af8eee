"""Declared parameters: what they accept, and how values from outside are repaired."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest

from vizcore.params import (
    Choice,
    Flag,
    Levels,
    Number,
    ParameterError,
    check,
    choice,
    flag,
    from_json,
    levels,
    number,
    specs,
    to_json,
)
from vizcore.techniques import lime, maximize, occlusion, saliency

TECHNIQUES = [lime.Lime, maximize.Maximisation, occlusion.Occlusion, saliency.SmoothGrad, saliency.Saliency]


@dataclass(frozen=True)
class Toy:
    size: int = number(8, 4, 30, 4, label="Size", help="A size.", unit="px")
    share: float = number(0.5, 0.0, 1.0, 0.1, label="Share", help="A share.")
    strength: float = levels(0.1, (0.0, 0.1, 10.0), label="Strength", help="A strength.")
    fill: str = choice("grey", ("grey", "black"), label="Fill", help="A fill.")
    on: bool = flag(False, label="On", help="A switch.")

    def __post_init__(self) -> None:
        check(self)


def test_declares_its_kinds_in_order() -> None:
    assert [type(spec) for spec in specs(Toy).values()] == [Number, Number, Levels, Choice, Flag]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("size", 3),
        ("size", 31),
        ("size", 8.5),
        ("size", True),
        ("share", float("nan")),
        ("share", "0.5"),
        ("strength", -0.1),
        ("fill", "white"),
        ("on", 1),
    ],
)
def test_refuses_what_is_out_of_bounds_and_says_what_would_do(name: str, value: object) -> None:
    with pytest.raises(ParameterError, match=f"Toy.{name} is .*accepted: ") as caught:
        Toy(**{name: value})  # type: ignore[arg-type]
    assert repr(value) in str(caught.value)


@pytest.mark.parametrize(
    ("name", "given", "taken", "complains"),
    [
        ("size", "12", 12, False),
        ("size", "13", 12, True),
        ("size", "99999", 28, True),  # 30 is no multiple of the step from 4
        ("size", "-1e308", 4, True),
        ("size", "inf", 8, True),
        ("size", "nan", 8, True),
        ("size", "twelve", 8, True),
        ("size", None, 8, True),
        ("size", [1], 8, True),
        ("share", "0.3", 0.3, False),
        ("share", 0.30000000000000004, 0.3, False),
        ("strength", "0.1", 0.1, False),
        ("strength", "7", 10.0, True),
        ("fill", "black", "black", False),
        ("fill", "<script>", "grey", True),
        ("on", "true", True, False),
        ("on", "perhaps", False, True),
    ],
)
def test_repairs_values_from_outside_and_says_so(name: str, given: object, taken: object, complains: bool) -> None:
    params, complaints = from_json(Toy, {name: given, "unknown": "ignored"})
    assert getattr(params, name) == taken
    assert type(getattr(params, name)) is type(taken)
    assert [complaint.name for complaint in complaints] == ([name] if complains else [])
    for complaint in complaints:
        assert complaint.accepted in str(complaint)


def test_what_is_not_given_or_nonsense_is_as_in_the_base() -> None:
    base = Toy(size=16, fill="black", on=True)
    assert from_json(Toy, {}, base) == (base, [])
    params, complaints = from_json(Toy, {"share": "0.2", "fill": "pink", "on": "false"}, base)
    assert params == Toy(size=16, share=0.2, fill="black", on=False)
    assert [(one.name, one.taken) for one in complaints] == [("fill", "black")]


@pytest.mark.parametrize("technique", TECHNIQUES)
def test_every_technique_survives_the_way_through_json(technique: type) -> None:
    params = technique()
    sent = json.loads(json.dumps(to_json(params)))
    assert set(sent) == set(specs(technique))
    assert from_json(technique, sent) == (params, [])


@pytest.mark.parametrize("technique", TECHNIQUES)
def test_defaults_lie_on_the_grid_that_the_sliders_offer(technique: type) -> None:
    for name, spec in specs(technique).items():
        default = getattr(technique(), name)
        assert spec.nearest(default) == default, name
        assert spec.label
        assert spec.help.endswith("."), name
