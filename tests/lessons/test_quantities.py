"""What lessons ask, on networks on which each answer has a closed form: y_k = w_k . I, and one known convolution."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.conftest import Linear, linear_classifier
from vizcore.lessons import links
from vizcore.lessons.quantities import ascents, changes, gradients, kernels, lime_fits, windows
from vizcore.lessons.truths import Bars, Given, Truth
from vizcore.networks.classifier import Classifier, Preprocess
from vizcore.techniques.lime import Lime
from vizcore.techniques.superpixels import segment

CLASS = 1
SIZE = (24, 20)


class Pictured(Given):
    """A picture that no link names."""

    image = torch.rand(3, *SIZE, generator=torch.Generator().manual_seed(3)) * 0.4 + 0.3


def linear(page: str, classes: int = 3, **settings: object) -> tuple[Given, Tensor]:
    """The question's settings on a linear network, and the network's weights (K,C,H,W)."""
    clf = linear_classifier(SIZE, classes=classes)
    assert isinstance(clf.module, Linear)
    query = "".join(f"&{page}.{name}={value}" for name, value in settings.items())
    return Pictured(links.read(f"/{page}?class={CLASS}{query}"), lambda _: clf), clf.module.weights.detach()


def last(found: Iterator[Truth]) -> Truth:
    return list(found)[-1]


def known() -> Given:
    """A first convolution of three kernels, and any class for it."""
    torch.manual_seed(1)
    module = nn.Sequential(nn.Conv2d(3, 3, 5, stride=2, padding=1), nn.Flatten(), nn.Linear(3 * 11 * 9, 2))
    clf = Classifier(module.eval(), Preprocess(SIZE, (0.5,) * 3, (0.25,) * 3), ["one", "two"], name="known")
    return Pictured(links.read("/filters?class=0"), lambda _: clf)


def answers_of(given: Given) -> Tensor:
    """(3,h,w) by the textbook's function in double precision."""
    convolution: Any = given.clf.module[0]
    weight, bias = convolution.weight.detach().double(), convolution.bias.detach().double()
    return F.conv2d(((given.image - 0.5) / 0.25).double()[None], weight, bias, stride=2, padding=1)[0]


def test_a_kernels_answer_is_the_convolutions() -> None:
    given, row, column = known(), 4, 3
    here = answers_of(given)[:, row, column]
    order = [2, 0, 1]
    found = last(kernels.strongest(given, row, column, order))
    assert found.value == "ABC"[order.index(int(here.argmax()))]
    assert [found.numbers[f"answer{letter}"] for letter in "ABC"] == pytest.approx(here[order].tolist(), rel=1e-5)
    added = last(kernels.added_up(given, row, column, 1))
    assert added.value == pytest.approx(float(here[1]), rel=1e-5)
    parts = [float(added.numbers[name]) for name in ("plus", "minus", "bias")]
    assert sum(parts) == pytest.approx(float(here[1]), rel=1e-4)
    assert parts[0] > 0 > parts[1]


def test_an_answer_map_is_the_kernels_positive_answers() -> None:
    given = known()
    found = last(kernels.answer_map(given, 2)).value
    assert isinstance(found, Tensor)
    larger = F.interpolate(answers_of(given)[2][None, None], size=SIZE, mode="bilinear", align_corners=False)[0, 0]
    assert torch.allclose(found.double(), larger.clamp(min=0), atol=1e-5)
    assert last(kernels.whose_map(given, [2, 0, 1], 0)).value == "B"
    with pytest.raises(ValueError, match="kernels are"):
        last(kernels.answer_map(given, 3))


def test_a_covered_window_costs_the_weights_times_what_was_covered() -> None:
    given, weights = linear("occlusion", window=8, stride=4, fill="black", output="logit")
    costs = F.conv2d((weights[CLASS] * given.image)[None], torch.ones(1, 3, 8, 8), stride=4)[0, 0]  # of each window
    found = last(windows.drop(given, 2, 1))
    assert found.value == pytest.approx(float(costs[2, 1]), rel=1e-4)
    four = [[0, 0], [2, 1], [4, 3], [1, 2]]
    true = sorted(range(4), key=lambda k: -float(costs[four[k][0], four[k][1]]))
    assert last(windows.drops(given, four)).value == tuple(str(k + 1) for k in true)
    assert last(windows.largest_drop(given)).value == pytest.approx(float(costs.max()), rel=1e-4)


def test_a_fills_cost_is_the_weights_times_the_difference_to_it() -> None:
    given, weights = linear("occlusion", window=8, stride=4, output="logit")
    patch = (slice(None), slice(8, 16), slice(4, 12))
    grey = float(((given.image - 0.5) * weights[CLASS])[patch].sum())
    black = float((given.image * weights[CLASS])[patch].sum())
    found = last(windows.fill(given, 2, 1, ["grey", "black"]))
    (bars,) = (one for one in found.after if isinstance(one, Bars))
    assert dict(bars.rows) == pytest.approx({"grey": grey, "black": black}, rel=1e-3, abs=1e-4)
    assert found.value == ("grey" if grey > black else "black")


def test_the_occlusion_map_is_the_mean_over_the_windows_that_cover_a_pixel() -> None:
    given, weights = linear("occlusion", window=4, stride=4, fill="black", output="logit")
    found = last(windows.occlusion_map(given)).value
    assert isinstance(found, Tensor)
    costs = F.conv2d((weights[CLASS] * given.image)[None], torch.ones(1, 3, 4, 4), stride=4)
    assert torch.allclose(found, F.interpolate(costs, scale_factor=4, mode="nearest")[0, 0], atol=1e-4)


def test_probabilities_are_the_softmax() -> None:
    given, weights = linear("occlusion")
    p = (weights * given.image).sum((1, 2, 3)).softmax(0)
    assert last(windows.probability(given)).value == pytest.approx(100 * float(p[CLASS]), rel=1e-4)
    assert last(windows.top_class(given)).value == given.clf.classes[int(p.argmax())]


def test_the_gradients_map_is_the_weights() -> None:
    given, weights = linear("saliency", output="logit")
    found = last(gradients.gradient_map(given)).value
    assert isinstance(found, Tensor)
    assert torch.allclose(found, weights[CLASS].abs().amax(0), atol=1e-6)


def test_a_probabilitys_slope_is_the_logits_times_how_undecided_it_is() -> None:
    given, weights = linear("saliency")
    p = (weights * given.image).sum((1, 2, 3)).softmax(0)
    flat = p[CLASS] * (weights[CLASS] - (p[:, None, None, None] * weights).sum(0))
    found = last(gradients.saturation(given))
    assert found.value == pytest.approx(float(weights[CLASS].norm() / flat.norm()), rel=1e-3)


def test_a_line_does_not_break_down_on_a_line() -> None:
    given, _ = linear("saliency", output="logit")
    with pytest.raises(ValueError, match="never breaks down"):
        last(gradients.break_down(given))


def test_every_copy_has_the_same_gradient_on_a_line() -> None:
    given, _ = linear("saliency", output="logit")
    assert last(gradients.seeds(given)).value == pytest.approx(100)
    assert last(gradients.copies(given)).value == 1
    with pytest.raises(ValueError, match="two seeds give the same"):
        last(gradients.gain(given, 1, 4))


def test_lime_weighs_a_superpixel_by_what_it_costs() -> None:
    given, weights = linear("lime", segments=8, fill="black", output="logit", alpha=0.0, samples=100, model="ridge")
    segments = segment(given.image, given.params(Lime))
    costs = [float((weights[CLASS] * given.image).sum(0)[segments == k].sum()) for k in range(int(segments.max()) + 1)]
    wanted = [0, 1, 2, 3]
    true = sorted(range(4), key=lambda k: -costs[k])
    found = last(lime_fits.order(given, wanted))
    assert found.value == tuple("ABCD"[k] for k in true)
    assert [found.numbers[f"weight{'ABCD'[k]}"] for k in range(4)] == pytest.approx(
        [100 * one for one in costs[:4]], rel=1e-2, abs=1e-2
    )
    assert last(lime_fits.r2(given)).value == pytest.approx(100, abs=1e-3)
    assert last(lime_fits.seeds(given)).value == pytest.approx(100, abs=1e-3)
    off = last(lime_fits.switched(given, [0, 2]))
    assert off.value == pytest.approx(costs[0] + costs[2], rel=1e-3, abs=1e-4)
    assert off.numbers["promised"] == pytest.approx(costs[0] + costs[2], rel=1e-2, abs=1e-2)


def test_ten_times_lambda_has_a_tenth_of_the_contrast() -> None:
    given, weights = linear("maximisation", steps=300)
    found = last(ascents.contrast(given, 10.0))
    assert found.value == pytest.approx(10, rel=0.02)
    rms = float(weights[CLASS].square().mean().sqrt())
    assert float(found.numbers["first"]) > 0
    assert float(found.numbers["first"]) / rms == pytest.approx(10 * float(found.numbers["then"]) / rms, rel=0.02)


def test_the_smallest_change_goes_straight_to_the_other_classs_plane() -> None:
    given, weights = linear("saliency", classes=2)
    logits = (weights * given.image).sum((1, 2, 3))
    own, other = (1, 0) if float(logits[1]) > float(logits[0]) else (0, 1)
    away = float((logits[own] - logits[other]) / (weights[own] - weights[other]).norm())
    found = last(changes.smallest(given, given.clf.classes[other]))
    assert found.value == pytest.approx(255 * away / given.image.numel() ** 0.5, rel=0.02)
    with pytest.raises(ValueError, match="towards is 'nothing'"):
        last(changes.smallest(given, "nothing"))
