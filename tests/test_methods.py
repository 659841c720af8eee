"""The common ground of a comparison: every method gives one signed map of the same picture and target."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from skimage import filters
from torch import Tensor, nn

from tests.conftest import linear_classifier, random_picture
from tests.helpers.contract import check_contract
from vizcore import methods
from vizcore.evaluation import baselines
from vizcore.methods import METHODS, SEEDED, Attribution, defaults, explain, with_output, with_seed
from vizcore.networks.classifier import Classifier, Preprocess
from vizcore.params import ParameterError, to_json
from vizcore.targets import Target
from vizcore.techniques import gradcam, lime, occlusion, saliency


class Convolution(nn.Module):
    """y_k = sum_p w_k,p (a * I)_p: linear, but with feature maps, so that Grad-CAM has a layer to look at."""

    def __init__(self, classes: int, size: tuple[int, int]) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(3)
        self.maps = nn.Conv2d(3, 4, 3, padding=1, bias=False)
        self.maps.weight.data = torch.randn(4, 3, 3, 3, generator=generator) * 0.2
        self.weights = nn.Parameter(torch.randn(classes, 4, *size, generator=generator) * 0.1)

    def forward(self, z: Tensor) -> Tensor:
        return torch.einsum("nchw,kchw->nk", self.maps(z), self.weights)


@pytest.fixture(scope="module")
def network() -> Classifier:
    size = (12, 10)
    return Classifier(Convolution(3, size), Preprocess(size, (0.4,) * 3, (0.5,) * 3), ["a", "b", "c"], name="toy")


def small(method: str) -> Any:
    """Settings that fit a picture of 12 x 10 pixels and take moments."""
    changes: dict[str, dict[str, Any]] = {
        "smoothgrad": {"copies": 5},
        "integrated": {"steps": 8},
        "occlusion": {"window": 4, "stride": 2},
        "adaline": {"samples": 30, "segments": 6},
        "ridge": {"samples": 30, "segments": 6},
    }
    return replace(defaults(method), **changes.get(method, {}))


def last(clf: Classifier, image: Tensor, method: str, params: Any = None, target: Target = 1) -> Attribution:
    *_, final = explain(clf, image, target, method, params)
    return final


@pytest.mark.parametrize("method", METHODS)
def test_every_method_keeps_the_generators_promises(network: Classifier, method: str, unchanged: Any) -> None:
    image = random_picture(network)
    before, verify = image.clone(), unchanged(network)
    params = with_output(small(method), "logit")
    estimates = check_contract(
        lambda: explain(network, image, 1, method, params), lambda a, b: torch.equal(a.heat, b.heat)
    )
    final = estimates[-1]
    assert final.heat.shape == (12, 10)
    assert final.heat.dtype == torch.float32
    assert final.score == pytest.approx(float(network.scores(image[None], 1, "logit")[0]), abs=1e-5)
    assert [e.forward for e in estimates] == sorted(e.forward for e in estimates)
    assert torch.equal(image, before)
    verify()


@pytest.mark.parametrize("method", METHODS)
def test_the_counted_passes_are_those_that_the_network_sees(method: str) -> None:
    """Occlusion is counted as if every window were computed in full, as it is where nothing can be reused."""

    class Counting(Convolution):
        seen, differentiated = 0, 0

        def forward(self, z: Tensor) -> Tensor:
            Counting.seen += len(z)
            Counting.differentiated += len(z) * z.requires_grad
            return super().forward(z)

    size = (12, 10)
    clf = Classifier(Counting(3, size), Preprocess(size, (0.4,) * 3, (0.5,) * 3), ["a", "b", "c"])
    image = random_picture(clf)
    Counting.seen = Counting.differentiated = 0
    final = last(clf, image, method, small(method))
    if method == "occlusion":
        assert final.forward == occlusion.passes(clf, small(method))
    else:
        assert final.forward == Counting.seen
    assert final.backward == (1 if method == "gradcam" else Counting.differentiated)  # Grad-CAM starts inside


def test_on_a_linear_network_gradients_give_each_pixels_contribution() -> None:
    clf = linear_classifier(mean=0.4, std=0.25)
    image = random_picture(clf)
    weights = clf.module.weights
    assert isinstance(weights, Tensor)
    contribution = (weights[1] * (image - 0.4) / 0.25).sum(0)
    for method in ("gradient", "smoothgrad", "integrated"):  # all from the same nothing, the mean colour
        assert torch.allclose(last(clf, image, method, small(method)).heat, contribution, atol=1e-5)
    from_black = (weights[1] * image / 0.25).sum(0)
    params = replace(small("integrated"), baseline="black")
    assert torch.allclose(last(clf, image, "integrated", params).heat, from_black, atol=1e-5)


def test_the_views_of_a_gradient_are_those_of_the_saliency_module(network: Classifier) -> None:
    image = random_picture(network)
    found = saliency.gradient(network, image, 1)
    for view, reading in (("signed", saliency.signed), ("absolute", saliency.absolute_max)):
        heat = last(network, image, "gradient", methods.Gradient(view=view)).heat  # type: ignore[arg-type]
        assert torch.equal(heat, reading(found))


def test_grad_cam_keeps_what_speaks_against_unless_told_otherwise(network: Classifier) -> None:
    image = random_picture(network)
    paper = last(network, image, "gradcam", methods.Cam(sign="positive")).heat
    both = last(network, image, "gradcam").heat
    assert torch.equal(paper, gradcam.grad_cam(network, image, 1).upsampled)
    assert float(both.min()) < 0
    assert torch.equal(both.relu(), paper)  # here the maps are as large as the picture: no blending


def test_lime_and_occlusion_are_the_techniques_own_maps(network: Classifier) -> None:
    image = random_picture(network)
    for method in ("adaline", "ridge"):
        params = small(method)
        *_, theirs = lime.explain(network, image, 1, params)
        assert theirs.params.model == method
        assert torch.equal(last(network, image, method, params).heat, theirs.heat())
    *_, drop = occlusion.occlude(network, image, 1, small("occlusion"))
    assert torch.equal(last(network, image, "occlusion", small("occlusion")).heat, drop.heat())


def test_the_edge_map_is_sobels() -> None:
    image = torch.rand(3, 12, 10, generator=torch.Generator().manual_seed(0))
    grey = image.mean(0).numpy()
    theirs = torch.from_numpy(filters.sobel(grey, mode="nearest"))
    # scikit-image divides the magnitude by the root of two, so that a diagonal step has the height one.
    assert torch.allclose(baselines.edges(image), theirs.float() * 2**0.5, atol=1e-6)


def test_the_edge_map_is_blind_to_the_network_and_the_random_one_to_the_picture(network: Classifier) -> None:
    one, other = random_picture(network), random_picture(network, seed=9)
    assert torch.equal(last(network, one, "edges").heat, last(linear_classifier(), one, "edges").heat)
    assert torch.equal(last(network, one, "random").heat, last(network, other, "random").heat)
    assert not torch.equal(last(network, one, "edges").heat, last(network, other, "edges").heat)


def test_a_random_map_has_squares_of_one_value() -> None:
    heat = baselines.noise((12, 10), baselines.Random(grain=4))
    assert len(heat.unique()) == 9  # 3 x 3, the last column cut
    assert len(heat[:4, 8:].unique()) == 1
    assert len(baselines.noise((12, 10), baselines.Random()).unique()) == 120


@pytest.mark.parametrize("method", METHODS)
def test_another_seed_gives_another_map_where_there_is_chance(network: Classifier, method: str) -> None:
    params = with_output(small(method), "probability")  # a logit that is linear has one gradient, noise or not
    image = random_picture(network)
    if method not in SEEDED:
        with pytest.raises(ValueError, match="has no seed"):
            with_seed(params, 7)
        return
    changed = with_seed(params, 7)
    assert to_json(changed) == to_json(params) | {"seed": 7}
    assert not torch.equal(last(network, image, method, params).heat, last(network, image, method, changed).heat)


def test_what_is_unknown_is_refused_before_anything_is_computed(network: Classifier) -> None:
    image = random_picture(network)
    with pytest.raises(ValueError, match=r"accepted: one of gradient, smoothgrad, .*edges"):
        explain(network, image, 0, "shap")
    with pytest.raises(ValueError, match="accepted: one of gradient"):
        defaults("shap")
    with pytest.raises(ValueError, match="params is of type Cam; accepted for ridge: Ridge"):
        explain(network, image, 0, "ridge", methods.Cam())
    with pytest.raises(ValueError, match="target is 3"):
        explain(network, image, 3, "random")
    with pytest.raises(ValueError, match="image has shape"):
        explain(network, image[:, 1:], 0, "edges")
    with pytest.raises(ParameterError, match=r"Random.grain is 0"):
        baselines.Random(grain=0)


def test_the_order_by_cost_names_every_method_once() -> None:
    assert sorted(methods.BY_COST) == sorted(methods.METHODS)


def test_limes_sub_images_are_asked_about_once_for_both_models_and_every_class(bundled: Classifier) -> None:
    image, known = random_picture(bundled), methods.Known()
    params = {"ridge": methods.Ridge(samples=60, segments=6), "adaline": methods.Adaline(samples=60, segments=6)}

    def shared(method: str, settings: Any, target: int = 0) -> Attribution:
        *_, final = explain(bundled, image, target, method, settings, known)
        return final

    assert shared("adaline", params["adaline"]).forward == 60
    for method, target in (("ridge", 0), ("adaline", 3)):
        again, alone = shared(method, params[method], target), last(bundled, image, method, params[method], target)
        assert (again.forward, alone.forward) == (0, 60)
        torch.testing.assert_close(again.heat, alone.heat)
    assert shared("ridge", replace(params["ridge"], seed=1)).forward == 60  # other sub-images
    assert shared("ridge", replace(params["ridge"], seed=1, samples=100)).forward == 40
