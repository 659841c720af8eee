"""Integrated gradients, Grad-CAM and the Taylor check against Captum and against functions known in full."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from captum.attr import IntegratedGradients as CaptumPath
from captum.attr import LayerGradCam
from torch import Tensor, nn

from tests.conftest import linear_classifier, random_picture
from tests.helpers.contract import check_contract
from tests.techniques.test_saliency import Bent, Pixels, weights
from vizcore.copies import private_copy
from vizcore.networks.classifier import Classifier, Preprocess
from vizcore.techniques.gradcam import GradCam, grad_cam, last_maps
from vizcore.techniques.integrated_gradients import IntegratedGradients, PathMap, integrated_gradients, spread
from vizcore.techniques.saliency import times_input
from vizcore.techniques.taylor import Taylor, TaylorCheck, taylor_check

Snapshot = Callable[[Classifier], Callable[[], None]]


class Branched(nn.Module):
    """Two branches that are joined, a sum around them, and ReLUs that work in place."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(inplace=True), nn.MaxPool2d(2))
        self.block = Block()
        self.head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(8, 5, 1), nn.Flatten(), nn.Linear(5, 3))

    def forward(self, z: Tensor) -> Tensor:
        answer: Tensor = self.head(self.block(self.stem(z)))
        return answer


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.left, self.right = nn.Conv2d(8, 4, 1), nn.Conv2d(8, 4, 3, padding=1)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        answer: Tensor = self.relu(x + torch.cat([self.left(x), self.right(x)], dim=1))
        return answer


class Bowl(nn.Module):
    """y = (w.z + c |z|^2 / 2, 0): a gradient whose error along any direction is known in full."""

    def __init__(self, shape: tuple[int, int, int], c: float) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.randn(shape, generator=torch.Generator().manual_seed(5)))
        self.c = c

    def forward(self, z: Tensor) -> Tensor:
        y = (self.weights * z).sum(dim=(1, 2, 3)) + self.c * z.square().sum(dim=(1, 2, 3)) / 2
        return torch.stack([y, 0 * y], dim=1)


@pytest.fixture
def branched() -> Classifier:
    torch.manual_seed(2)
    return Classifier(Branched(), Preprocess((12, 10), (0.5,) * 3, (0.25,) * 3), ["a", "b", "c"], device="cpu")


@pytest.fixture
def bent() -> Classifier:
    return Classifier(Bent((3, 9, 8)), Preprocess((9, 8), (0.5,) * 3, (0.5,) * 3), ["up", "down"], device="cpu")


def path(clf: Classifier, image: Tensor, target: int, params: IntegratedGradients) -> PathMap:
    *_, final = integrated_gradients(clf, image, target, params)
    return final


# --- integrated gradients ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("baseline", "level"), [("mean", 0.4), ("black", 0.0), ("white", 1.0)])
def test_on_a_linear_network_the_path_gives_each_pixels_contribution(baseline: str, level: float) -> None:
    clf = linear_classifier(mean=0.4, std=0.25)
    image = random_picture(clf)
    final = path(clf, image, 1, IntegratedGradients(steps=8, baseline=baseline))  # type: ignore[arg-type]
    expected = (weights(clf, 1) / 0.25 * (image - level)).sum(dim=0)
    assert torch.allclose(times_input(final), expected, atol=1e-5)
    assert abs(final.gap) < 1e-4
    assert final.reference_score == pytest.approx(
        float(clf.scores(torch.full_like(image, level)[None], 1, "logit")), abs=1e-5
    )


def test_the_gap_closes_with_the_square_of_the_steps(bent: Classifier) -> None:
    image = random_picture(bent)
    few, many = (abs(path(bent, image, 0, IntegratedGradients(steps=n)).gap) for n in (8, 16))
    assert few / many == pytest.approx(4.0, rel=0.05)  # the midpoint rule's order, exact for a cubic


@pytest.mark.parametrize("count", [1, 2, 7, 8, 40, 50])
def test_points_are_taken_once_each_and_spread_out(count: int) -> None:
    points = spread(count)
    assert sorted(points) == list(range(count))
    if count >= 8:
        assert len({point * 4 // count for point in points[:4]}) == 4  # the first four, one in each quarter
        assert points[0] == count // 2


def test_every_estimate_is_one_of_the_whole_path(bent: Classifier) -> None:
    image = random_picture(bent)
    bent.batch_size = 4
    estimates = list(integrated_gradients(bent, image, 0, IntegratedGradients(steps=64)))
    whole = times_input(estimates[-1])
    errors = [float((times_input(e) - whole).norm() / whole.norm()) for e in estimates]
    assert errors[4] < 0.1
    assert len(estimates[-1].changes) == 64


def test_integrated_gradients_keep_the_contract(bent: Classifier, unchanged: Snapshot) -> None:
    verify = unchanged(bent)
    image = random_picture(bent)
    before = image.clone()

    def same(a: PathMap, b: PathMap) -> bool:
        return torch.equal(a.gradient, b.gradient) and a.gap == b.gap

    check_contract(lambda: integrated_gradients(bent, image, 0, IntegratedGradients(steps=24)), same)
    assert torch.equal(image, before)
    verify()


def test_captums_integrated_gradients_on_the_bundled_network(bundled: Classifier) -> None:
    image = random_picture(bundled)
    ours = path(bundled, image, 2, IntegratedGradients(steps=16))
    theirs = CaptumPath(Pixels(bundled)).attribute(
        image[None], baselines=0.0, target=2, n_steps=16, method="riemann_middle", internal_batch_size=16
    )[0]
    attribution = ours.gradient * (image - ours.reference)
    assert torch.allclose(attribution, theirs.float(), rtol=1e-3, atol=float(theirs.abs().max()) * 1e-4)


# --- Grad-CAM ---------------------------------------------------------------------------------------------------------


def test_the_last_maps_are_those_that_were_joined_and_summed(branched: Classifier) -> None:
    assert last_maps(branched) == "block"  # not block.right, one of its branches, nor the head's 1 x 1 place


def test_the_last_maps_are_looked_for_once(branched: Classifier, monkeypatch: pytest.MonkeyPatch) -> None:
    found = last_maps(branched)
    monkeypatch.setattr(nn.Module, "register_forward_hook", lambda *_: pytest.fail("looked for again"))
    assert last_maps(branched) == found


def test_grad_cam_where_the_weights_are_known() -> None:
    torch.manual_seed(0)
    conv, head = nn.Conv2d(3, 4, 3), nn.Linear(4, 2)
    module = nn.Sequential(conv, nn.AdaptiveAvgPool2d(1), nn.Flatten(), head)
    clf = Classifier(module, Preprocess((8, 9), (0.0,) * 3, (1.0,) * 3), ["a", "b"], device="cpu")
    image = random_picture(clf)
    cam = grad_cam(clf, image, 1)
    maps = conv(image[None])[0].detach()
    # After a mean over the 6 x 7 places, alpha_k is the head's weight over 42 (Selvaraju et al. 2017, section 3.1).
    expected = torch.einsum("n,nhw->hw", head.weight[1].detach() / 42, maps)
    assert cam.layer == "0"
    assert torch.allclose(cam.signed, expected, atol=1e-6)
    assert torch.equal(cam.map, cam.signed.clamp(min=0))
    assert expected.min() < 0
    assert cam.upsampled.shape == (8, 9)
    assert cam.score == pytest.approx(float(clf.logits(image[None])[0, 1]))


@pytest.mark.parametrize("layer", ["stem.0", "block", "block.right", "stem"])
@pytest.mark.parametrize("output", ["logit", "probability"])
def test_captums_grad_cam_on_a_network_that_works_in_place(branched: Classifier, layer: str, output: str) -> None:
    image = random_picture(branched)
    kept = nn.ReLU(inplace=False)  # Captum's hook would be handed maps that the ReLU has overwritten
    twin = private_copy(branched.module)
    for name, module in list(twin.named_modules()):
        if isinstance(module, nn.ReLU):
            parent, _, child = name.rpartition(".")
            setattr(twin.get_submodule(parent), child, kept)
    score = nn.Sequential(twin, nn.Softmax(dim=1)) if output == "probability" else twin
    theirs = LayerGradCam(score, twin.get_submodule(layer)).attribute(branched.normalise(image[None]), target=1)[0, 0]
    ours = grad_cam(branched, image, 1, GradCam(output=output), layer)  # type: ignore[arg-type]
    assert torch.allclose(ours.signed, theirs.detach(), atol=1e-6)
    assert ours.signed.abs().max() > 1e-4


def test_captums_grad_cam_on_the_bundled_network(bundled: Classifier) -> None:
    image = random_picture(bundled)
    ours = grad_cam(bundled, image, 2)
    twin = private_copy(bundled.module)
    theirs = LayerGradCam(twin, twin.get_submodule(ours.layer)).attribute(bundled.normalise(image[None]), target=2)[
        0, 0
    ]
    assert isinstance(twin.get_submodule(ours.layer), nn.Conv2d)
    assert torch.allclose(ours.signed, theirs.detach(), rtol=1e-4, atol=float(theirs.detach().abs().max()) * 1e-4)


@pytest.mark.squeezenet
def test_squeezenets_last_maps(squeezenet: Classifier) -> None:
    cam = grad_cam(squeezenet, random_picture(squeezenet), 281)
    assert cam.layer == "classifier.1"
    assert cam.map.shape == (13, 13)


def test_grad_cam_leaves_everything_as_it_was(branched: Classifier, unchanged: Snapshot) -> None:
    verify = unchanged(branched)
    image = random_picture(branched)
    expected = grad_cam(branched, image, 0).signed
    with torch.no_grad():
        assert torch.equal(grad_cam(branched, image, 0).signed, expected)
        assert not torch.is_grad_enabled()
    verify()
    for layer in ("nowhere", "head.3", ""):
        with pytest.raises(ValueError, match=r"layer .*accepted: .*such as block"):
            grad_cam(branched, image, 0, layer=layer)
    verify()
    with pytest.raises(ValueError, match="has no convolution with more than one place, so it has no map for Grad-CAM"):
        grad_cam(linear_classifier(), random_picture(linear_classifier()), 0)


def test_a_private_copy_shares_the_weights_and_nothing_else(branched: Classifier) -> None:
    twin = private_copy(branched.module)
    for (name, mine), (_, theirs) in zip(twin.named_parameters(), branched.module.named_parameters(), strict=True):
        assert mine is theirs, name
    for mine_, theirs_ in zip(twin.modules(), branched.module.modules(), strict=True):
        assert mine_ is not theirs_


# --- the Taylor check -------------------------------------------------------------------------------------------------


def check(clf: Classifier, image: Tensor, params: Taylor | None = None) -> TaylorCheck:
    *_, final = taylor_check(clf, image, 0, params)
    return final


def test_a_linear_network_never_leaves_its_gradient() -> None:
    clf = linear_classifier(mean=0.4, std=0.25)
    final = check(clf, random_picture(clf), Taylor(directions=3))
    assert final.radius.tolist() == [math.inf] * 5
    assert torch.allclose(final.actual, final.linear, rtol=1e-4, atol=1e-4)
    assert final.slope == pytest.approx(float(weights(clf, 0).norm()) / 0.25, rel=1e-5)


@pytest.mark.parametrize("tolerance", [0.1, 0.3])
def test_a_bowl_breaks_down_where_algebra_says(tolerance: float) -> None:
    clf = Classifier(Bowl((3, 8, 7), 0.5), Preprocess((8, 7), (0.0,) * 3, (1.0,) * 3), ["y", "0"], device="cpu")
    image = random_picture(clf)
    final = check(clf, image, Taylor(directions=2, tolerance=tolerance))
    # y(I0 + t d) - y(I0) = t w.d + c t^2 / 2, so the error is c t / (2 |w.d|).
    slopes = (final.linear[:, -1] - final.score).abs() / final.radii[-1]
    assert slopes[0] == pytest.approx(final.slope, rel=1e-5)
    assert final.radius.tolist() == pytest.approx((2 * tolerance * slopes / 0.5).tolist(), rel=0.02)
    assert final.error[0, -1] == pytest.approx(0.5 * 100 / (2 * final.slope), rel=1e-3)


def test_the_probability_has_its_own_gradient() -> None:
    clf = linear_classifier()
    final = check(clf, random_picture(clf), Taylor(output="probability"))
    assert float(final.actual.max()) <= 1.0
    assert math.isfinite(final.radius[0])  # the softmax bends even where the logits do not


def test_a_flat_score_breaks_down_only_where_it_changes() -> None:
    clf = linear_classifier()
    clf.module.weights.data.zero_()
    final = check(clf, random_picture(clf))
    assert final.slope == 0.0
    assert final.radius.tolist() == [math.inf] * 6


def test_the_taylor_check_keeps_the_contract(bent: Classifier, unchanged: Snapshot) -> None:
    verify = unchanged(bent)
    image = random_picture(bent)

    def same(a: TaylorCheck, b: TaylorCheck) -> bool:
        return torch.equal(a.actual, b.actual) and a.radius.tolist() == b.radius.tolist()

    bent.batch_size = 16
    estimates = check_contract(lambda: taylor_check(bent, image, 0, Taylor(directions=2)), same)
    assert estimates[0].step == 16
    assert estimates[0].actual.isnan().sum() == estimates[0].of - 16
    assert math.isnan(estimates[0].radius[-1])
    assert not math.isnan(estimates[-1].radius[-1])
    verify()
