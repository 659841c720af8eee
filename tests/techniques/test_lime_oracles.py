"""LIME against the reference implementation and Captum: same superpixels, same samples, same linear model."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import torch
from captum.attr import KernelShap
from lime.lime_image import LimeImageExplainer
from PIL import Image
from scipy.stats import spearmanr
from sklearn.metrics import pairwise_distances
from torch import Tensor

from tests.conftest import linear_classifier, random_picture
from vizcore.jobs.run import Run
from vizcore.networks.classifier import Classifier, Output
from vizcore.pictures.scenes import scene
from vizcore.techniques.lime import Lime, LimeMap, explain, fit, proximity, reconstruct
from vizcore.techniques.subimages import evaluator, stage
from vizcore.techniques.superpixels import relabel

RIDGE = Lime(samples=100, segments=12, model="ridge", alpha=1.0, fill="grey", output="logit")


def last(clf: Classifier, image: Tensor, target: int, params: Lime, segments: Tensor | None = None) -> LimeMap:
    return Run(explain(clf, image, target, params, segments=segments)).finish()


def compare(clf: Classifier, image: Tensor, target: int, params: Lime) -> LimeMap:
    """Assert that ours is lime's, given lime's samples, and close to lime's, given our own; return ours."""
    ours = last(clf, image, target, params)
    explainer = LimeImageExplainer(kernel_width=0.25, random_state=0)
    picture = image.permute(1, 2, 0).double().numpy()  # (H,W,C)

    def ask(pictures: np.ndarray) -> np.ndarray:
        batch = torch.from_numpy(pictures).permute(0, 3, 1, 2).float()  # (n,H,W,C) -> (n,C,H,W)
        return clf.all_scores(batch, params.output).double().numpy()

    count = len(ours.weights)
    data, labels = explainer.data_labels(
        picture, np.full_like(picture, 0.5), ours.segments.numpy(), ask, params.samples, batch_size=8
    )
    distances = pairwise_distances(data, data[:1], metric="cosine").ravel()
    bias, pairs, r2, local = explainer.base.explain_instance_with_data(data, labels, distances, target, count)
    theirs = np.zeros(count)
    for number, weight in pairs:
        theirs[number] = weight

    # The network is asked about the same sub-images ...
    on = torch.from_numpy(data).bool()
    logits = evaluator(clf, stage(None, clf, image, params, "grey", 0))(on, None)  # (m,K)
    scores = (logits if params.output == "logit" else logits.softmax(1))[:, target]
    np.testing.assert_allclose(scores.numpy(), labels[:, target], rtol=1e-3, atol=1e-4)
    # ... which weigh the same ...
    np.testing.assert_allclose(proximity(on).numpy(), explainer.base.kernel_fn(distances), rtol=1e-9)
    # ... and give the same linear model.
    fitted = fit(on, torch.from_numpy(labels[:, target]), params)
    np.testing.assert_allclose(fitted.weights.numpy(), theirs, rtol=1e-6, atol=1e-8)
    assert fitted.bias == pytest.approx(bias, rel=1e-6, abs=1e-8)
    assert fitted.r2 == pytest.approx(r2, abs=1e-8)
    assert fitted.bias + float(fitted.weights.sum()) == pytest.approx(float(local[0]), rel=1e-6)
    # End to end, with samples of our own, the superpixels weigh about the same and come in about the same order.
    assert np.corrcoef(ours.weights.numpy(), theirs)[0, 1] > 0.9
    assert spearmanr(ours.weights.numpy(), theirs).statistic > 0.7
    assert int(ours.weights.argmax()) in theirs.argsort()[-2:]  # two nearly equal ones may change places
    return ours


@pytest.mark.parametrize("output", get_args(Output))
def test_lime_on_a_linear_network(output: Output) -> None:
    clf = linear_classifier(size=(24, 24), mean=0.45)
    compare(clf, random_picture(clf), 1, replace(RIDGE, output=output))


def test_lime_on_the_bundled_network(bundled: Classifier) -> None:
    picture = bundled.pixels(Image.fromarray(scene(3).picture))
    target = bundled.top(picture)[0][0]
    compare(bundled, picture, target, RIDGE)


@pytest.mark.squeezenet
def test_lime_on_squeezenet_and_the_elephant_lit_up(squeezenet: Classifier, photographs: Path) -> None:
    picture = squeezenet.pixels(Image.open(photographs / "n02504458_African_elephant.JPEG"))
    target = squeezenet.classes.index("African elephant")
    result = compare(squeezenet, picture, target, RIDGE)
    assert result.r2 > 0.5
    # Without the superpixel that LIME praises most the network is less sure than without the one it finds idle.
    without = torch.ones(2, len(result.weights))
    without[0, int(result.weights.argmax())] = without[1, int(result.weights.abs().argmin())] = 0
    pictures = [reconstruct(squeezenet, picture, result.segments, on, "grey") for on in without]
    praised, idle = squeezenet.scores(torch.stack(pictures), target, "logit")
    assert praised < idle


def test_captums_kernel_shap_on_a_linear_network() -> None:
    clf = linear_classifier(mean=0.4, std=0.25)
    image = random_picture(clf)
    height, width = clf.preprocess.size
    rows, columns = torch.arange(height) // 4, torch.arange(width) // 5
    segments = relabel(rows[:, None] * 2 + columns[None, :])
    params = Lime(samples=200, alpha=0.0, learning_rate=1.0, epochs=1000, output="logit", fill="grey")
    ours = last(clf, image, 1, params, segments)
    state = torch.get_rng_state(), np.random.get_state()
    torch.manual_seed(0)
    np.random.seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = KernelShap(clf.logits).attribute(
            image[None], baselines=0.5, target=1, feature_mask=segments[None, None], n_samples=200
        )[0, 0]
    torch.set_rng_state(state[0])
    np.random.set_state(state[1])
    torch.testing.assert_close(ours.heat(), theirs, rtol=1e-3, atol=1e-3)
