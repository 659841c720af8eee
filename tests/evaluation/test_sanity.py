"""Cascading randomisation: what must fail it fails, what must pass passes, and the similarities are as defined."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from typing import Any

import pytest
import torch
from PIL import Image
from torch import Tensor

from tests.conftest import linear_classifier, random_picture
from tests.helpers.contract import check_contract
from ui import texts
from ui.texts import sentences
from vizcore.evaluation import sanity
from vizcore.evaluation.baselines import edges
from vizcore.evaluation.randomisation import Layer, layers_from_the_top, randomised
from vizcore.evaluation.sanity import LIMIT, Cascade, Randomisation, Twins, cascade, similarity
from vizcore.jobs.run import Run
from vizcore.networks.classifier import Classifier
from vizcore.pictures import scenes
from vizcore.techniques import occlusion, saliency

Explain = Callable[[Classifier], Tensor]


def full(clf: Classifier, image: Tensor, explain: Explain, params: Randomisation | None = None) -> Cascade:
    return Run(cascade(clf, image, explain, params)).finish()


def scene(clf: Classifier, seed: int) -> tuple[Tensor, int]:
    image = clf.pixels(Image.fromarray(scenes.scene(seed).picture))
    return image, clf.top(image)[0][0]


def gradient_of(image: Tensor, target: int) -> Explain:
    return lambda clf: saliency.times_input(saliency.gradient(clf, image, target))


def test_the_gradient_of_a_linear_network_is_its_weights_and_forgets_them() -> None:
    clf = linear_classifier(size=(40, 40))
    image = random_picture(clf)
    result = full(clf, image, lambda twin: saliency.signed(saliency.gradient(twin, image, 1)))
    assert result.layers == ("", "")  # the network is one module without a name
    assert result.depths.tolist() == [0, 1]
    torch.testing.assert_close(result.maps[0], clf.module.weights[1].sum(dim=0))
    assert result.rank[0] == 1
    assert float(result.rank[1].abs()) < 5 / 40  # five standard deviations of an unrelated order of 1600 places
    assert abs(result.remaining) < 5 / 40 / 8**0.5
    assert result.passed
    assert result.verdict.startswith("Passed: with all weights random, the rank correlation with the original map is ")


def test_an_edge_map_fails_because_it_never_changes(bundled: Classifier) -> None:
    image, _ = scene(bundled, 1)
    result = full(bundled, image, lambda twin: edges(image), Randomisation(stages=3, networks=2))
    for measure in (result.rank, result.rank_absolute, result.ssim):
        torch.testing.assert_close(measure, torch.ones(4))
    assert result.full.tolist() == pytest.approx([1.0, 1.0])
    assert not result.passed
    assert result.verdict == (
        "Failed: with all weights random, the rank correlation with the original map is still 1.00 (mean over 2 random "
        "networks; from -0.5 to 0.5 passes), so the map shows little of what was learned."
    )


def test_the_negative_of_the_map_is_no_new_map(bundled: Classifier) -> None:
    image, _ = scene(bundled, 1)
    result = full(bundled, image, lambda twin: edges(image) * (1 if twin is bundled else -1), Randomisation(stages=2))
    assert result.rank.tolist() == pytest.approx([1.0, -1.0, -1.0])
    assert result.rank_absolute.tolist() == pytest.approx([1.0, 1.0, 1.0])
    assert not result.passed


@pytest.mark.parametrize("method", ["gradient", "occlusion"])
def test_gradient_and_occlusion_pass_on_the_bundled_network(bundled: Classifier, method: str) -> None:
    image, target = scene(bundled, 1)
    params = occlusion.Occlusion(window=32, stride=24)

    def occluded(clf: Classifier) -> Tensor:
        return Run(occlusion.occlude(clf, image, target, params)).finish().heat()

    result = full(bundled, image, gradient_of(image, target) if method == "gradient" else occluded)
    assert len(result.full) == 8
    assert abs(result.remaining) < LIMIT
    assert result.passed


def test_a_constant_map_shows_nothing_and_a_map_that_vanishes_has_changed(bundled: Classifier) -> None:
    image, _ = scene(bundled, 1)
    flat = full(bundled, image, lambda twin: torch.zeros(8, 8), Randomisation(stages=1, networks=1))
    assert bool(flat.rank.isnan().all())
    assert not flat.passed
    assert flat.verdict.startswith("Failed: the map has one and the same value everywhere")
    gone = full(bundled, image, lambda twin: edges(image) * (twin is bundled), Randomisation(stages=1, networks=1))
    assert gone.rank.tolist() == [1.0, 0.0]
    assert gone.passed


def test_stages_divide_the_depth_from_the_output_to_the_input(bundled: Classifier) -> None:
    image, target = scene(bundled, 2)
    names = [layer.name for layer in layers_from_the_top(bundled)]
    first, *_, last = cascade(bundled, image, gradient_of(image, target), Randomisation(stages=3, networks=2))
    assert last.depths.tolist() == [0, 2, 5, 7]
    assert last.layers == ("", names[1], names[4], names[6])
    assert (first.step, first.of) == (1, 4)
    assert first.done.tolist() == [True, False, False, True]
    assert first.rank.isnan().tolist() == [False, True, True, False]
    assert bool(last.done.all())
    assert torch.equal(first.maps[3], last.maps[3])
    assert float(first.full[0]) == float(last.full[0]) == float(last.rank[3])
    every = Run(cascade(bundled, image, gradient_of(image, target), Randomisation(stages=100, networks=1))).finish()
    assert every.layers == ("", *names)


def test_each_stage_is_random_in_its_upper_layers_only(bundled: Classifier) -> None:
    image, target = scene(bundled, 2)
    seen: list[set[str]] = []

    def explain(clf: Classifier) -> Tensor:
        values = zip(clf.module.named_parameters(), bundled.module.parameters(), strict=True)
        seen.append({name.rsplit(".", 1)[0] for (name, value), trained in values if not torch.equal(value, trained)})
        return saliency.times_input(saliency.gradient(clf, image, target))

    result = full(bundled, image, explain, Randomisation(stages=7, networks=2))
    names = [layer.name for layer in layers_from_the_top(bundled)]
    assert sorted(map(len, seen)) == [0, 1, 2, 3, 4, 5, 6, 7, 7]
    assert all(random == set(names[: len(random)]) for random in seen)
    assert len(result.maps.flatten(1).unique(dim=0)) == 8


def test_the_contract(bundled: Classifier, unchanged: Callable[[Classifier], Callable[[], None]]) -> None:
    image, target = scene(bundled, 3)
    before, verify = image.clone(), unchanged(bundled)

    def same(a: Cascade, b: Cascade) -> bool:
        return torch.equal(a.maps, b.maps) and torch.equal(a.full, b.full) and torch.equal(a.rank, b.rank)

    params = Randomisation(stages=2, networks=2)
    check_contract(lambda: cascade(bundled, image, gradient_of(image, target), params), same)
    verify()
    assert torch.equal(image, before)
    other = full(bundled, image, gradient_of(image, target), Randomisation(stages=2, networks=2, seed=1))
    assert not torch.equal(other.full, full(bundled, image, gradient_of(image, target), params).full)


def test_no_twin_outlives_its_stage(bundled: Classifier) -> None:
    image, target = scene(bundled, 3)
    twins: list[weakref.ref[Classifier]] = []

    def explain(clf: Classifier) -> Tensor:
        gc.collect()
        assert sum(twin() is not None for twin in twins) <= 1  # the untouched network
        twins.append(weakref.ref(clf))
        return saliency.times_input(saliency.gradient(clf, image, target))

    full(bundled, image, explain, Randomisation(stages=2, networks=2))
    assert len(twins) == 4


def test_the_verdict_in_czech(monkeypatch: pytest.MonkeyPatch) -> None:
    clf = linear_classifier()
    image = random_picture(clf)
    monkeypatch.setattr(texts, "language", lambda: "cs")
    params = Randomisation(stages=1, networks=2)
    same, none, flat = (
        full(clf, image, explain, params).verdict
        for explain in (
            lambda twin: edges(image),
            lambda twin: edges(image) * (twin is clf),
            lambda twin: torch.ones(12, 10),
        )
    )
    assert sentences.translated(same).replace("\u00a0", " ") == (
        "Metoda neobstála: i když jsou všechny váhy náhodné, pořadová korelace s původní mapou je stále 1,00 (průměr "
        "přes 2 náhodné sítě; vyhovuje −0,5 až 0,5), takže mapa ukazuje málo z toho, co se síť naučila."
    )
    assert sentences.translated(none).startswith("Metoda obstála: když jsou všechny váhy náhodné, pořadová korelace")
    assert sentences.translated(flat).startswith("Metoda neobstála: mapa má všude tutéž hodnotu")


def test_similarity() -> None:
    ramp = torch.arange(-60.0, 60.0).view(12, 10)
    assert similarity(ramp, ramp) == pytest.approx((1.0, 1.0, 1.0))
    assert similarity(ramp, 5 * ramp) == pytest.approx((1.0, 1.0, 1.0))
    assert similarity(ramp, -ramp) == pytest.approx((-1.0, 1.0, 1.0))
    noise = torch.randn(12, 10, generator=torch.Generator().manual_seed(0))
    assert similarity(ramp, noise)[2] < 0.5
    assert similarity(ramp[:4, :3], ramp[:4, :3])[2] == pytest.approx(1.0)


def test_nonsense_is_refused_before_anything_is_computed() -> None:
    clf = linear_classifier()
    with pytest.raises(ValueError, match="image has shape"):
        cascade(clf, torch.zeros(3, 4, 4), lambda twin: torch.zeros(4, 4))
    still = torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten())
    bare = Classifier(still, clf.preprocess, ["red", "green", "blue"], title="Means")
    with pytest.raises(ValueError, match="Means has no weights, so there is nothing that it could forget"):
        cascade(bare, random_picture(bare), lambda twin: torch.zeros(12, 10))


def test_one_set_of_random_networks_serves_all_methods_with_the_same_result(
    bundled: Classifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    image, target = scene(bundled, 1)
    params = Randomisation(stages=3, networks=2)
    methods = [gradient_of(image, target), lambda clf: saliency.absolute_max(saliency.gradient(clf, image, target))]
    alone = [full(bundled, image, explain, params) for explain in methods]
    made: list[int] = []

    def counted(clf: Classifier, layers: list[Layer], *others: Any) -> Classifier:
        made.append(len(layers))
        return randomised(clf, layers, *others)

    monkeypatch.setattr(sanity, "randomised", counted)
    twins = Twins(bundled, image, params)
    shared = [Run(cascade(bundled, image, explain, params, twins)).finish() for explain in methods]
    assert len(made) == 4  # three depths of the first network, and the second one
    for one, other in zip(alone, shared, strict=True):
        assert torch.equal(one.maps, other.maps)
        assert torch.equal(one.full, other.full)
    large = Twins(bundled, image, params, kept=0)
    for explain in methods:
        Run(cascade(bundled, image, explain, params, large)).finish()
    assert len(made) == 4 + 2 * 4


def test_twins_of_something_else_are_refused(bundled: Classifier) -> None:
    image, target = scene(bundled, 1)
    twins = Twins(bundled, image)
    explain = gradient_of(image, target)
    for others in ((1 - image, None), (image, Randomisation(seed=1))):
        with pytest.raises(ValueError, match="twins were made for another network, picture or parameters"):
            cascade(bundled, others[0], explain, others[1], twins)
