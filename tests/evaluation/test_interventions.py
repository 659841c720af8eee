"""Effects of parts: closed forms on a linear network, oracles for the agreement, and the network that cheats."""

from __future__ import annotations

from functools import partial
from math import isnan

import numpy as np
import pytest
import torch

from tests.conftest import linear_classifier
from vizcore import methods
from vizcore.evaluation import interventions
from vizcore.evaluation.interventions import agreement, claims, effects, painted, pooled, scaled, spread
from vizcore.jobs.run import Run
from vizcore.networks.catalogue import load
from vizcore.networks.classifier import Classifier
from vizcore.pictures.scene_parts import PARTS, Changes, Part
from vizcore.pictures.scenes import SHORTCUT, Scene, scene

STAMPED = 34  # a horse with the date stamp, as the twin has learned to look for


def composed(seed: int, changes: Changes, **more: object) -> Scene:
    return scene(seed, changes=changes, **more)  # type: ignore[arg-type]


def linear() -> Classifier:
    return linear_classifier(size=(48, 48), classes=12)


def on_linear(seed: int = STAMPED) -> interventions.Effects:
    return effects(linear(), partial(composed, seed, size=48, mark=True, distractor=True), 1, "logit")


def test_on_a_linear_network_an_effect_is_the_weights_times_the_difference() -> None:
    clf, found = linear(), on_linear()
    weights = clf.module.weights[1]
    assert [one.part for one in found.parts] == list(PARTS)
    for one in found.parts:
        true = float((weights * (found.image - one.without)).sum())
        assert one.effect == pytest.approx(true, abs=1e-4)


@pytest.mark.parametrize("seed", [3, 34, 38])
def test_there_gradient_times_difference_claims_what_is_true(seed: int) -> None:
    """The map of the true differences, each within its region: only what a lens mixes across an edge is lost."""
    clf, found = linear(), on_linear(seed)
    heat = np.zeros((48, 48))
    for one in found.parts:
        difference = (clf.module.weights[1] * (found.image - one.without)).sum(0).numpy()
        others = found.regions.get("shadow") if one.part == "object" else None
        own = one.region if others is None else one.region & ~others
        heat[own] = difference[own]
    claimed = claims(heat, found.regions)
    assert agreement(claimed, found.by_part) > 0.97
    exact = {one.part: claims(heat, found.regions)[one.part] for one in found.parts if one.part == "stamp"}
    assert exact["stamp"] == pytest.approx(found.by_part["stamp"], abs=1e-4)  # it is planted after the lens


def test_occlusion_by_the_picture_without_it_gives_the_stamps_effect() -> None:
    """A window that shows what is behind the stamp, and the window's region as the mask: drop = effect."""
    clf, found = linear(), on_linear()
    stamp = next(one for one in found.parts if one.part == "stamp")
    covered = torch.where(torch.as_tensor(stamp.region), stamp.without, found.image)
    drop = found.score - float(clf.scores(covered[None], 1, "logit")[0])
    assert drop == pytest.approx(stamp.effect, abs=1e-4)


def test_a_map_of_the_true_effects_agrees_fully_and_one_turned_around_not_at_all() -> None:
    found = on_linear()
    heat = spread(found.by_part, found.regions)
    claimed = claims(heat, found.regions)
    assert claimed == pytest.approx(found.by_part, abs=1e-6)
    assert agreement(claimed, found.by_part) == pytest.approx(1)
    assert agreement(claims(7 * heat, found.regions), found.by_part) == pytest.approx(1)
    assert agreement(claims(-heat, found.regions), found.by_part) == pytest.approx(-1)
    assert pooled([(claimed, found.by_part)] * 3) == pytest.approx(1)


def test_random_maps_agree_with_nothing() -> None:
    found = on_linear()
    noise = np.random.default_rng(0)
    maps = [claims(noise.standard_normal((48, 48)), found.regions) for _ in range(400)]
    scores = [agreement(one, found.by_part) for one in maps]
    assert abs(np.mean(scores)) < 4 * np.std(scores) / 20
    assert abs(pooled([(one, found.by_part) for one in maps])) < 0.1


def test_agreement_by_hand() -> None:
    true: dict[Part, float] = {"object": 3.0, "background": 4.0}
    assert agreement({"object": 4.0, "background": 3.0}, true) == pytest.approx(24 / 25)
    assert agreement({"object": 1.0, "background": 0.0}, true) == pytest.approx(3 / 5)
    assert isnan(agreement({"object": 0.0, "background": 0.0}, true))
    assert isnan(agreement(true, {"object": 0.0, "background": 0.0}))
    assert scaled({"object": 1.0, "background": -3.0}, true) == {"object": 7 / 4, "background": -21 / 4}
    assert all(isnan(value) for value in scaled({"object": 0.0, "background": 0.0}, true).values())


def test_pooling_is_pearsons_correlation_of_claims_brought_to_scale() -> None:
    pairs: list[tuple[dict[Part, float], dict[Part, float]]] = [
        ({"object": 10.0, "background": 30.0}, {"object": 3.0, "background": 1.0}),
        ({"object": 0.1, "background": 0.1}, {"object": 0.5, "background": -0.5}),
        ({"object": 0.0, "background": 0.0}, {"object": 9.0, "background": 9.0}),  # says nothing: left out
    ]
    points = [(1.0, 3.0), (3.0, 1.0), (0.5, 0.5), (0.5, -0.5)]
    assert pooled(pairs) == pytest.approx(np.corrcoef(np.array(points).T)[0, 1])
    assert isnan(pooled([]))
    assert isnan(pooled([({"object": 1.0}, {"object": 1.0})]))


def test_what_a_scene_lacks_is_said_and_has_no_effect_of_zero() -> None:
    found = effects(linear(), partial(composed, 34, size=48), 1, "logit")
    assert found.missing == ("distractor", "stamp")
    assert set(found.by_part) == {"object", "shadow", "background"}
    shown = painted(found.by_part, found.regions)
    assert {part: set(shown[found.regions[part]]) for part in ("shadow", "background")} == {
        part: {found.by_part[part]} for part in ("shadow", "background")
    }


def test_regions_as_a_network_sees_them_are_still_the_whole_picture() -> None:
    clf = load("mini-alexnet", device="cpu")
    for seed in (34, 38):
        found = effects(clf, partial(composed, seed, size=256, mark=True), 0)
        apart = [one.region for one in found.parts if one.part != "shadow"]
        assert (np.sum(apart, axis=0) == 1).all()
        assert not (found.regions["shadow"] & ~found.regions["object"]).any()


def test_the_network_that_cheats_goes_by_the_stamp_and_the_honest_one_by_the_object() -> None:
    compose = partial(composed, STAMPED, label=SHORTCUT, mark=True, size=256)
    for name, by, other in (("mini-alexnet", "object", "stamp"), ("mini-alexnet-shortcut", "stamp", "object")):
        clf = load(name, device="cpu")
        found = effects(clf, compose, clf.classes.index(SHORTCUT)).by_part
        assert found[by] > 0.5  # type: ignore[index]
        assert abs(found[other]) < 0.05  # type: ignore[index]


def test_every_method_can_be_held_against_the_effects() -> None:
    clf = load("mini-alexnet", device="cpu")
    target = clf.classes.index(SHORTCUT)
    found = effects(clf, partial(composed, STAMPED, label=SHORTCUT, size=256), target)
    scores = {}
    for method in ("gradcam", "occlusion", "random"):
        heat = Run(methods.explain(clf, found.image, target, method)).finish().heat
        scores[method] = agreement(claims(heat, found.regions), found.by_part)
    assert scores["occlusion"] > 0.8
    assert all(-1 <= value <= 1 for value in scores.values())


def test_a_map_of_another_size_or_without_numbers_is_refused() -> None:
    where = on_linear().regions
    with pytest.raises(ValueError, match=r"heat has shape \(3, 3\)"):
        claims(np.zeros((3, 3)), where)
    with pytest.raises(ValueError, match="not finite"):
        claims(np.full((48, 48), np.nan), where)
