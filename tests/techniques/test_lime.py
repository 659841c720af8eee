"""LIME against closed forms on a linear network, its contract as a generator, and what it must not compute twice."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from dataclasses import replace
from typing import Any, get_args

import pytest
import torch
from torch import Tensor, nn

from tests.conftest import linear_classifier, random_picture
from tests.helpers.contract import check_contract
from vizcore.jobs.run import Run
from vizcore.networks.classifier import Classifier, Preprocess
from vizcore.params import ParameterError, from_json, specs, to_json
from vizcore.techniques import lime, subimages, superpixels
from vizcore.techniques.lime import Lime, LimeMap, Model, explain, fit, predict, proximity, reconstruct
from vizcore.techniques.subimages import Fill, composer, draw, paint

EXACT = Lime(samples=150, alpha=0.0, learning_rate=1.0, epochs=1000, output="logit")


def last(clf: Classifier, image: Tensor, target: int, params: Lime, **more: Any) -> LimeMap:
    return Run(explain(clf, image, target, params, **more)).finish()


def blocks(clf: Classifier, rows: int = 3, columns: int = 2) -> Tensor:
    """Disjoint rectangular superpixels (H,W) whose labels start at 5 and leave gaps."""
    height, width = clf.preprocess.size
    row, column = torch.arange(height) * rows // height, torch.arange(width) * columns // width
    return 5 + 3 * (row[:, None] * columns + column[None, :])


class Counting(nn.Module):
    """A small convolutional network that remembers every picture it was asked about."""

    def __init__(self, size: int = 24, classes: int = 5) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.body = nn.Sequential(nn.Conv2d(3, 6, 5, stride=2), nn.Tanh(), nn.AdaptiveAvgPool2d(4), nn.Flatten())
        self.head = nn.Linear(96, classes)
        self.seen: list[Tensor] = []
        self.most = 10**9

    def __deepcopy__(self, memo: object) -> Counting:
        raise TypeError("What a copy were asked would not be counted.")

    def forward(self, z: Tensor) -> Tensor:
        if len(z) > self.most:
            raise torch.OutOfMemoryError("pretended")
        self.seen.append(z.clone())
        answer: Tensor = self.head(self.body(z)) * 4
        return answer

    @property
    def pictures(self) -> Tensor:
        return torch.cat(self.seen)


def counting() -> tuple[Classifier, Counting]:
    state = torch.get_rng_state()
    module = Counting()
    torch.set_rng_state(state)
    clf = Classifier(module, Preprocess((24, 24), (0.45,) * 3, (0.25,) * 3), [f"class {k}" for k in range(5)])
    clf.batch_size = 16
    module.seen.clear()
    return clf, module


SMALL = Lime(samples=100, segments=12, fill="mean")


@pytest.mark.parametrize("fill", get_args(Fill))
@pytest.mark.parametrize("model", get_args(Model))
def test_on_a_linear_network_each_superpixel_is_worth_its_share_of_the_sum(fill: Fill, model: Model) -> None:
    clf = linear_classifier(mean=0.4, std=0.25)
    image, labels = random_picture(clf), blocks(linear_classifier())
    result = last(clf, image, 1, replace(EXACT, fill=fill, model=model), segments=labels)
    gain = (clf.module.weights[1] / 0.25 * (image - paint(clf, image, result.segments, fill))).sum(0)  # (H,W)
    expected = torch.stack([gain[labels == number].sum() for number in labels.unique()]).double()
    torch.testing.assert_close(result.weights, expected, rtol=1e-4, atol=1e-4)
    empty = clf.scores(paint(clf, image, result.segments, fill)[None], 1, "logit")
    assert result.bias == pytest.approx(float(empty[0]), abs=1e-4)
    assert result.r2 == pytest.approx(1.0, abs=1e-6)
    assert result.score == pytest.approx(float(clf.scores(image[None], 1, "logit")[0]), abs=1e-5)
    assert float(result.weights.sum()) == pytest.approx(result.score - result.bias, abs=1e-3)


def test_regularisation_and_computed_superpixels_recover_the_ridge_of_the_true_scores() -> None:
    clf = linear_classifier(size=(24, 20))
    image = random_picture(clf)
    params = Lime(samples=200, segments=8, alpha=30.0, learning_rate=1.0, epochs=2000, output="logit", fill="black")
    result = last(clf, image, 0, params)
    assert torch.equal(result.segments, superpixels.segment(image, params))
    on = result.vectors.double()
    gain = (clf.module.weights[0] * image).sum(0)
    true = torch.stack([gain[result.segments == k].sum() for k in range(len(result.weights))]).double()
    x = on - on.mean(0)
    expected = torch.linalg.solve(x.T @ x + 30.0 * torch.eye(len(true)), x.T @ x @ true)
    torch.testing.assert_close(result.weights, expected, rtol=1e-4, atol=1e-5)


def test_labels_with_gaps_mean_the_same_as_labels_without() -> None:
    clf = linear_classifier()
    image, labels = random_picture(clf), blocks(linear_classifier())
    a = last(clf, image, 0, EXACT, segments=labels)
    b = last(clf, image, 0, EXACT, segments=superpixels.relabel(labels))
    assert torch.equal(a.segments, b.segments)
    assert torch.equal(a.weights, b.weights)
    assert torch.equal(a.segments.unique(), torch.arange(6))
    with pytest.raises(ValueError, match=r"segments has shape \(3, 3\); accepted: \(12, 10\)"):
        explain(clf, image, 0, EXACT, segments=labels[:3, :3])


@pytest.mark.parametrize("model", get_args(Model))
def test_the_contract_of_a_generator(model: Model, unchanged: Callable[[Classifier], Callable[[], None]]) -> None:
    clf, _ = counting()
    verify = unchanged(clf)
    image = random_picture(clf)
    before = image.clone()

    def same(a: LimeMap, b: LimeMap) -> bool:
        return torch.equal(a.weights, b.weights) and a.bias == b.bias and torch.equal(a.segments, b.segments)

    estimates = check_contract(lambda: explain(clf, image, 2, replace(SMALL, model=model)), same)
    assert [e.step for e in estimates] == [16, 48, 80, 100]
    for estimate in estimates:
        assert len(estimate.scores) == len(estimate.vectors) == len(estimate.samples) == estimate.step
    verify()
    assert torch.equal(image, before)


def test_a_picture_that_wants_gradients_is_left_alone() -> None:
    clf, _ = counting()
    image = random_picture(clf).requires_grad_()
    last(clf, image, 0, SMALL)
    assert image.grad is None
    assert image.requires_grad


def test_the_result_does_not_depend_on_the_batch_size() -> None:
    results = []
    for size in (1, 7, 16, 1000):
        clf, module = counting()
        clf.batch_size = size
        results.append(last(clf, random_picture(clf), 2, SMALL))
        assert max(len(batch) for batch in module.seen) <= size
        assert len(module.pictures) == SMALL.samples
    for other in results[1:]:
        torch.testing.assert_close(other.weights, results[0].weights, rtol=1e-4, atol=1e-6)
        assert torch.equal(other.vectors, results[0].vectors)


def test_running_out_of_memory_halves_the_batch_and_loses_nothing() -> None:
    clf, module = counting()
    expected = last(clf, random_picture(clf), 2, SMALL)
    module.most = 5
    module.seen.clear()
    result = last(clf, random_picture(clf), 2, SMALL)
    torch.testing.assert_close(result.weights, expected.weights, rtol=1e-4, atol=1e-6)
    assert clf.batch_size == 4
    assert len(module.pictures) == SMALL.samples
    module.most = 0
    with pytest.raises(torch.OutOfMemoryError):
        last(clf, random_picture(clf), 2, SMALL)


@pytest.mark.parametrize(
    ("change", "passes"),
    [
        ({"alpha": 100.0}, 0),
        ({"learning_rate": 0.1}, 0),
        ({"epochs": 20}, 0),
        ({"model": "ridge"}, 0),
        ({"output": "logit"}, 0),
        ({"samples": 40}, 0),
        ({"max_dist": 50.0}, 0),  # quickshift's, while SLIC is chosen
        ({"samples": 130}, 30),
        ({"seed": 1}, 100),
        ({"fill": "black"}, 100),
        ({"segments": 6}, 100),
    ],
)
def test_nothing_is_recomputed_that_a_parameter_did_not_change(
    change: dict[str, Any], passes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    clf, module = counting()
    image = random_picture(clf)
    first = last(clf, image, 2, SMALL)
    assert len(module.pictures) == SMALL.samples
    cuts: list[int] = []

    def cut(picture: Tensor, params: superpixels.Superpixels) -> Tensor:
        cuts.append(1)
        return superpixels.segment(picture, params)

    monkeypatch.setattr(subimages, "segment", cut)
    params = replace(SMALL, **change)
    fresh = last(clf, image, 2, params)
    module.seen.clear()
    cuts.clear()
    again = last(clf, image, 2, params, samples=first.samples)
    assert sum(len(batch) for batch in module.seen) == passes
    assert len(cuts) == ("segments" in change)
    torch.testing.assert_close(again.weights, fresh.weights, rtol=1e-4, atol=1e-6)
    assert torch.equal(again.vectors, fresh.vectors)
    assert again.step == again.of == params.samples
    assert len(again.samples) == max(params.samples, 100 if passes < 100 else 0)


def test_another_class_costs_no_forward_pass() -> None:
    clf, module = counting()
    image = random_picture(clf)
    first = last(clf, image, 2, SMALL)
    module.seen.clear()
    other = last(clf, image, 4, SMALL, samples=first.samples)
    assert not module.seen
    assert torch.equal(other.weights, last(clf, image, 4, SMALL).weights)


def test_an_interrupted_run_is_carried_on_from_where_it_stopped() -> None:
    clf, module = counting()
    image = random_picture(clf)
    run = Run(explain(clf, image, 2, SMALL))
    run.advance()
    half = run.advance()
    run.cancel()
    assert half is not None
    kept = half.samples.logits.clone()
    module.seen.clear()
    estimates = list(explain(clf, image, 2, replace(SMALL, alpha=3.0), samples=half.samples))
    assert estimates[0].step == half.step  # shown at once, without waiting for the network
    assert len(module.pictures) == SMALL.samples - half.step
    torch.testing.assert_close(
        estimates[-1].weights, last(clf, image, 2, replace(SMALL, alpha=3.0)).weights, rtol=1e-4, atol=1e-6
    )
    assert torch.equal(half.samples.logits, kept)


def test_samples_of_another_picture_network_or_segments_are_not_used() -> None:
    clf, module = counting()
    twin, _ = counting()
    image = random_picture(clf)
    first = last(clf, image, 2, SMALL)
    labels = blocks(clf)
    for network, picture, more in (
        (clf, 1 - image, {}),
        (twin, image, {}),
        (clf, image, {"segments": labels}),
    ):
        expected = last(network, picture, 2, SMALL, **more)
        assert torch.equal(last(network, picture, 2, SMALL, samples=first.samples, **more).weights, expected.weights)
    module.seen.clear()
    last(clf, image, 2, SMALL, samples=first.samples, segments=first.segments)  # given, but the same
    assert not module.seen


def test_kept_samples_do_not_keep_an_evicted_network_in_memory() -> None:
    clf, _ = counting()
    image = random_picture(clf)
    samples = last(clf, image, 2, SMALL).samples
    gone = weakref.ref(clf)
    del clf
    gc.collect()
    assert gone() is None
    assert len(samples) == SMALL.samples
    other, _ = counting()
    assert last(other, image, 2, SMALL, samples=samples).step == SMALL.samples


def test_vectors_depend_on_the_seed_and_their_number_alone() -> None:
    few, many = draw(3, 40, 17), draw(3, 900, 17)
    assert few.dtype == torch.bool
    assert torch.equal(many[:40], few)
    assert bool(few[0].all())
    assert not torch.equal(draw(4, 40, 17), few)
    assert float(many[1:].double().mean()) == pytest.approx(0.5, abs=0.02)
    assert float(many[1:].double().mean(0).sub(0.5).abs().max()) < 0.07


@pytest.mark.parametrize("channels", [1, 3])
def test_sub_images_are_composed_of_the_very_numbers_of_picture_and_fill(channels: int) -> None:
    generator = torch.Generator().manual_seed(5)
    segments = torch.randint(6, (11, 7), generator=generator)  # (H,W), in stretches of a pixel or two
    picture, fill = torch.randn(2, 11, 7, channels, generator=generator)
    on = torch.rand(9, 6, generator=generator) < 0.5
    compose = composer(picture, fill, segments)
    expected = torch.where(on[:, segments][..., None], picture, fill)
    assert torch.equal(compose(on), expected)
    assert torch.equal(compose(on[3:4]), expected[3:4])


@pytest.mark.parametrize("fill", get_args(Fill))
def test_what_the_page_reconstructs_is_what_the_network_was_asked(fill: Fill) -> None:
    clf, module = counting()
    image = random_picture(clf)
    result = last(clf, image, 2, replace(SMALL, fill=fill, samples=30))
    asked = clf.denormalise(module.pictures)
    shown = torch.stack([reconstruct(clf, image, result.segments, on, fill) for on in result.vectors])
    torch.testing.assert_close(asked, shown, rtol=0, atol=1e-6)
    assert torch.equal(shown[0], image)
    torch.testing.assert_close(clf.scores(shown, 2).double(), result.scores, rtol=1e-4, atol=1e-6)
    with pytest.raises(ValueError, match=r"on has shape \(1,\)"):
        reconstruct(clf, image, result.segments, torch.ones(1), fill)


def test_each_superpixels_mean_colour_is_its_mean_colour() -> None:
    clf, _ = counting()
    image = random_picture(clf)
    segments = superpixels.relabel(blocks(clf))
    filled = paint(clf, image, segments, "segment")
    for number in segments.unique():
        colour = image[:, segments == number].mean(1, keepdim=True)  # (C,1)
        torch.testing.assert_close(filled[:, segments == number], colour.expand(-1, int((segments == number).sum())))


def test_predictions_pairs_and_heat_agree_with_the_weights() -> None:
    clf, _ = counting()
    result = last(clf, random_picture(clf), 2, SMALL)
    torch.testing.assert_close(predict(result, result.vectors), result.predicted)
    assert torch.equal(result.score_pairs, torch.stack([result.scores, result.predicted], 1))
    none, everything = torch.zeros(len(result.weights)), torch.ones(len(result.weights)).bool()
    assert float(predict(result, none)) == pytest.approx(result.bias)
    assert float(predict(result, everything)) == pytest.approx(result.bias + float(result.weights.sum()))
    actual, predicted = result.score_pairs.T
    expected = 1 - ((actual - predicted) ** 2).sum() / ((actual - actual.mean()) ** 2).sum()
    assert result.r2 == pytest.approx(float(expected))
    heat = result.heat()
    assert heat.shape == clf.preprocess.size
    for number, weight in enumerate(result.weights):
        assert torch.equal(heat[result.segments == number].unique(), weight.float()[None])
    with pytest.raises(ValueError, match="on has shape"):
        predict(result, none[1:])


def test_what_to_beware_of_is_said() -> None:
    clf, _ = counting()
    image = random_picture(clf)
    result = last(clf, image, 2, SMALL)
    count = len(result.weights)
    assert ("few_samples" in result.warnings) == (count * 10 > 100)
    enough = last(clf, image, 2, replace(SMALL, samples=10 * count), samples=result.samples)
    assert "few_samples" not in enough.warnings
    fewer = last(clf, image, 2, replace(SMALL, samples=10 * count - 10), samples=result.samples)
    assert f"{10 * count - 10} samples for {count} superpixels" in fewer.warning
    assert (result.r2 < lime.LOW_R2) == ("low_r2" in result.warnings)
    poor = replace(result, r2=0.2)
    assert "R² is 0.20" in poor.warnings["low_r2"]
    one = last(clf, image, 2, SMALL, segments=torch.zeros(24, 24).long())
    assert "one_superpixel" in one.warnings
    assert one.heat().unique().numel() == 1


def test_a_diverging_learning_rate_is_named_and_replaced() -> None:
    clf, _ = counting()
    image = random_picture(clf)
    wild = last(clf, image, 2, replace(SMALL, learning_rate=10.0))
    assert wild.learning_rate is not None
    assert wild.learning_rate < 10.0
    assert "learning rate 10 " in wild.warnings["learning_rate"]
    assert f"{2 * wild.learning_rate:.3g}" in wild.warnings["learning_rate"]
    assert bool(wild.weights.isfinite().all())
    tame = last(clf, image, 2, SMALL)
    assert tame.learning_rate == SMALL.learning_rate
    assert "learning_rate" not in tame.warnings
    torch.testing.assert_close(wild.weights, tame.weights, rtol=1e-3, atol=1e-5)


def test_adaline_shows_its_training_and_ridge_has_none() -> None:
    clf, _ = counting()
    image = random_picture(clf)
    trained = last(clf, image, 2, SMALL)
    assert trained.history is not None
    assert trained.history.weights.shape == (SMALL.epochs + 1, len(trained.weights))
    assert torch.equal(trained.history.weights[-1], trained.weights)
    mean_square = ((trained.scores - trained.predicted) ** 2).mean()
    assert float(trained.history.error[-1]) == pytest.approx(float(mean_square), rel=1e-6)
    solved = last(clf, image, 2, replace(SMALL, model="ridge"))
    assert solved.history is None
    assert solved.learning_rate is None


def test_proximity_is_the_cosine_kernel() -> None:
    on = torch.tensor([[1, 1, 1, 1], [1, 0, 0, 0], [0, 0, 0, 0]]).bool()
    expected = torch.tensor([0.0, 0.5, 1.0]).double()  # 1 - cos of the angle to all ones; no direction: 1
    torch.testing.assert_close(proximity(on), torch.exp(-(expected**2) / 0.0625).sqrt())


def test_a_constant_network_is_worth_nothing_anywhere() -> None:
    clf = linear_classifier()
    clf.module.weights.zero_()
    result = last(clf, random_picture(clf), 1, replace(EXACT, output="probability"))
    assert result.r2 == 0.0
    assert float(result.weights.abs().max()) < 1e-7
    assert "low_r2" in result.warnings


def test_pictures_of_one_channel() -> None:
    module = nn.Sequential(nn.Flatten(), nn.Linear(400, 2))
    clf = Classifier(module, Preprocess((20, 20), (0.5,), (0.2,)), ["a", "b"])
    for fill in get_args(Fill):
        result = last(clf, random_picture(clf), 0, replace(EXACT, fill=fill, segments=4))
        assert result.r2 == pytest.approx(1.0, abs=1e-5)


def test_wrong_arguments_are_refused_before_any_computation() -> None:
    clf, module = counting()
    image = random_picture(clf)
    with pytest.raises(ValueError, match="target is 5"):
        explain(clf, image, 5, SMALL)
    with pytest.raises(ValueError, match="image has shape"):
        explain(clf, image[:, :5], 0, SMALL)
    assert not module.seen
    with pytest.raises(ParameterError, match=r"Lime\.samples is 5; accepted"):
        Lime(samples=5)
    with pytest.raises(ParameterError, match=r"Lime\.segments is 0"):
        Lime(segments=0)


def test_parameters_survive_json_and_every_one_is_declared() -> None:
    params = replace(SMALL, algorithm="quickshift", learning_rate=0.1, model="ridge")
    assert from_json(Lime, to_json(params)) == (params, [])
    assert set(specs(Lime)) == set(to_json(params))
    assert from_json(Lime, to_json(Lime())) == (Lime(), [])


def test_fit_needs_no_network() -> None:
    on = draw(0, 60, 4)
    scores = on.double() @ torch.tensor([1.0, -2.0, 0.0, 0.5]).double() + 3
    for model in get_args(Model):
        fitted = fit(on, scores, replace(EXACT, model=model))
        torch.testing.assert_close(fitted.weights, torch.tensor([1.0, -2.0, 0.0, 0.5]).double(), rtol=0, atol=1e-6)
        assert fitted.bias == pytest.approx(3.0, abs=1e-6)
