"""Occlusion against closed forms on a linear network, against Captum, and its contract as a paused generator."""

from __future__ import annotations

import itertools
import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import pytest
import torch
from captum.attr import Occlusion as CaptumOcclusion
from PIL import Image
from torch import Tensor

from tests.conftest import linear_classifier, random_picture
from vizcore.jobs.run import Run
from vizcore.networks.classifier import Classifier
from vizcore.params import ParameterError
from vizcore.techniques.occlusion import (
    FIRST_WINDOWS,
    Fill,
    Occlusion,
    OcclusionMap,
    cover,
    filling,
    grid,
    occlude,
    occluded,
    passes,
)
from vizcore.techniques.windows import coarse_to_fine, evenly, starts

LOGIT = Occlusion(window=4, stride=3, fill="grey", output="logit")


def last(clf: Classifier, image: Tensor, target: int, params: Occlusion) -> OcclusionMap:
    return Run(occlude(clf, image, target, params)).finish()


@pytest.mark.parametrize("fill", get_args(Fill))
def test_drop_of_a_linear_network_is_the_weighted_change_inside_the_window(fill: Fill) -> None:
    clf = linear_classifier(mean=0.4, std=0.25)
    image = random_picture(clf)
    params = Occlusion(window=4, stride=3, fill=fill, output="logit")
    result = last(clf, image, 1, params)
    weights: Tensor = clf.module.weights[1] / 0.25  # (C,H,W) per unit of pixel
    gain = weights * (image - filling(clf, image, fill))
    for (r, top), (c, left) in itertools.product(enumerate(result.rows.tolist()), enumerate(result.columns.tolist())):
        expected = gain[:, top : top + 4, left : left + 4].sum()
        torch.testing.assert_close(result.drop[r, c], expected, rtol=1e-4, atol=1e-5)


def test_disjoint_windows_add_up_to_what_the_whole_picture_is_worth() -> None:
    clf = linear_classifier(size=(12, 16))
    image = random_picture(clf)
    result = last(clf, image, 0, Occlusion(window=4, stride=4, fill="black", output="logit"))
    y = clf.scores(torch.stack([image, torch.zeros_like(image)]), 0, "logit")
    torch.testing.assert_close(result.drop.sum(), y[0] - y[1], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(torch.tensor(result.score), y[0])


def test_the_last_window_ends_at_the_edge() -> None:
    assert starts(10, 4, 3) == [0, 3, 6]
    assert starts(11, 4, 3) == [0, 3, 6, 7]
    assert starts(4, 4, 9) == [0]
    clf = linear_classifier(size=(11, 13))
    result = last(clf, random_picture(clf), 0, LOGIT)
    assert bool((result.coverage() > 0).all())
    assert result.boxes[-1, -1].tolist() == [7, 9, 11, 13]
    assert passes(clf, LOGIT) == result.of + 1 == 4 * 4 + 1


def test_overlaps_are_averaged_so_that_a_constant_drop_gives_a_constant_map() -> None:
    clf = linear_classifier(size=(11, 13))
    with torch.no_grad():
        clf.module.weights.fill_(1.0)
    result = last(clf, torch.full((3, 11, 13), 0.75), 0, LOGIT)
    torch.testing.assert_close(result.heat(), torch.full((11, 13), 3 * 16 * 0.25))


def test_heat_is_the_mean_over_the_windows_that_cover_a_pixel() -> None:
    clf = linear_classifier(size=(11, 13))
    result = last(clf, random_picture(clf), 2, LOGIT)
    heat = result.heat()
    boxes, drops = result.boxes.reshape(-1, 4), result.drop.reshape(-1)  # (gh,gw,4) -> (gh gw,4)
    for y, x in itertools.product(range(11), range(13)):
        over = (boxes[:, 0] <= y) & (y < boxes[:, 2]) & (boxes[:, 1] <= x) & (x < boxes[:, 3])
        torch.testing.assert_close(heat[y, x], drops[over].mean(), rtol=1e-5, atol=1e-6)
        assert result.coverage()[y, x] == over.sum()


def test_pixels_between_windows_that_do_not_touch_stay_at_zero() -> None:
    clf = linear_classifier(size=(12, 12))
    result = last(clf, random_picture(clf), 0, Occlusion(window=4, stride=8, output="logit"))
    assert bool((result.coverage()[4:8] == 0).all())
    assert bool((result.heat()[:, 4:8] == 0).all())
    assert bool((result.heat()[:4, :4] != 0).all())


def test_fills_are_as_defined() -> None:
    clf = linear_classifier(mean=0.3)
    image = random_picture(clf)
    assert bool((filling(clf, image, "grey") == 0.5).all())
    assert bool((filling(clf, image, "black") == 0).all())
    torch.testing.assert_close(clf.normalise(filling(clf, image, "mean")[None]), torch.zeros(1, *image.shape))
    flat = torch.full_like(image, 0.7)
    torch.testing.assert_close(filling(clf, flat, "blur"), flat)
    assert filling(clf, image, "blur").std() < 0.5 * image.std()
    with pytest.raises(ParameterError, match=r"fill is 'white'; accepted: one of grey, mean, black, blur"):
        filling(clf, image, "white")  # type: ignore[arg-type]


def test_a_covered_picture_differs_inside_its_window_only() -> None:
    clf = linear_classifier()
    image = random_picture(clf)
    picture = occluded(clf, image, LOGIT, 1, 2)
    rows, columns = grid(clf, LOGIT)
    mask = torch.zeros(12, 10, dtype=torch.bool)
    mask[rows[1] : rows[1] + 4, columns[2] : columns[2] + 4] = True
    assert torch.equal(picture, cover(image, mask, filling(clf, image, "grey")))
    assert torch.equal(picture[:, ~mask], image[:, ~mask])
    assert bool((picture[:, mask] == 0.5).all())
    result = last(clf, image, 0, LOGIT)
    y = float(clf.scores(picture[None], 0, "logit")[0])
    assert float(result.drop[1, 2]) == pytest.approx(result.score - y, abs=1e-5)
    with pytest.raises(IndexError, match=r"accepted: up to \(3, 2\)"):
        occluded(clf, image, LOGIT, 4, 0)
    with pytest.raises(ValueError, match=r"mask has shape \(3, 3\); accepted: \(12, 10\)"):
        cover(image, torch.ones(3, 3), image)


def test_a_pixel_finds_its_window() -> None:
    clf = linear_classifier()
    result = last(clf, random_picture(clf), 0, LOGIT)
    assert result.cell(0, 0) == (0, 0)
    assert result.cell(11, 9) == (3, 2)
    assert result.cell(4.6, 4.4) == (1, 1)


def test_nonsense_is_refused_before_anything_is_computed() -> None:
    clf = linear_classifier()
    image = random_picture(clf)
    with pytest.raises(ParameterError, match=r"Occlusion\.window is 11; accepted: at most 10 px"):
        occlude(clf, image, 0, Occlusion(window=11))
    with pytest.raises(ValueError, match="target is 3"):
        occlude(clf, image, 3, LOGIT)
    with pytest.raises(ValueError, match="image has shape"):
        occlude(clf, image[:, :5], 0, LOGIT)
    with pytest.raises(ParameterError, match=r"Occlusion\.stride is 0; accepted: a whole number from 1 to 128 px"):
        Occlusion(stride=0)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 40), (25, 25), (13, 6), (64, 3)])
def test_every_cell_comes_once_and_the_first_round_reaches_all_corners(height: int, width: int) -> None:
    levels = coarse_to_fine(height, width, FIRST_WINDOWS)
    cells = [cell for level in levels for cell in level.cells]
    assert sorted(cells) == list(itertools.product(range(height), range(width)))
    assert len(levels[0].cells) <= FIRST_WINDOWS
    assert {(0, 0), (0, width - 1), (height - 1, 0), (height - 1, width - 1)} <= set(levels[0].cells)


def test_estimates_refine_from_the_whole_picture_to_every_window() -> None:
    clf = linear_classifier(size=(40, 36))
    image = random_picture(clf)
    estimates = list(occlude(clf, image, 0, Occlusion(window=4, stride=2, output="logit")))
    steps = [estimate.step for estimate in estimates]
    assert steps == sorted(set(steps))
    assert steps[-1] == estimates[-1].of == 19 * 17
    assert len(steps) > 3
    final = estimates[-1]
    assert bool(final.done.all())
    for estimate in estimates:
        assert int(estimate.done.sum()) == estimate.step
        assert bool(estimate.drop.isfinite().all())
        assert torch.equal(estimate.drop[estimate.done], final.drop[estimate.done])
        assert torch.equal(estimate.top_class[estimate.done], final.top_class[estimate.done])
    first = estimates[0]
    guessed = first.drop[~first.done]
    assert guessed.abs().max() <= first.drop[first.done].abs().max()
    assert len(guessed.unique()) > len(guessed) // 2, "bilinear, not one constant"


def test_what_is_interpolated_is_bilinear_between_the_computed_windows() -> None:
    clf = linear_classifier(size=(40, 40))
    ramp = torch.linspace(0, 1, 40)
    weights = (ramp[:, None] + 2 * ramp[None, :]).expand(3, 3, 40, 40)
    with torch.no_grad():
        clf.module.weights.copy_(weights)
    estimates = list(occlude(clf, torch.ones(3, 40, 40), 0, Occlusion(window=4, stride=2, output="logit")))
    assert not bool(estimates[0].done.all())
    torch.testing.assert_close(estimates[0].drop, estimates[-1].drop, rtol=1e-3, atol=1e-3)


def test_the_most_probable_class_is_the_one_that_the_network_names_for_the_covered_picture() -> None:
    clf = linear_classifier()
    image = random_picture(clf)
    result = last(clf, image, 0, LOGIT)
    for r, c in itertools.product(range(4), range(3)):
        assert int(result.top_class[r, c]) == clf.top(occluded(clf, image, LOGIT, r, c), 1)[0][0]


def test_batches_threads_and_pauses_change_nothing(unchanged: Callable[[Classifier], Callable[[], None]]) -> None:
    clf = linear_classifier()
    image = random_picture(clf)
    before, verify = image.clone(), unchanged(clf)
    params = Occlusion(window=4, stride=1, output="probability")
    clf.batch_size = 7
    whole = last(clf, image, 1, params)
    again = last(clf, image, 1, params)
    assert torch.equal(whole.drop, again.drop)
    for size in (1, 64):
        clf.batch_size = size
        torch.testing.assert_close(last(clf, image, 1, params).drop, whole.drop, rtol=0, atol=1e-6)
    clf.batch_size = 7
    run = Run(occlude(clf, image, 1, params))
    while not run.finished:
        worker = threading.Thread(target=run.advance)
        worker.start()
        worker.join()
        assert torch.is_grad_enabled()
    assert run.latest is not None
    assert torch.equal(run.latest.drop, whole.drop)
    assert torch.equal(image, before)
    assert not image.requires_grad
    verify()


def test_estimates_are_clones_and_the_grad_mode_is_the_callers() -> None:
    clf = linear_classifier()
    image = random_picture(clf).requires_grad_()
    estimates = occlude(clf, image, 0, LOGIT)
    for estimate in estimates:
        assert torch.is_grad_enabled()
        assert not estimate.drop.requires_grad
        estimate.drop.fill_(9)
        estimate.top_class.fill_(9)
        estimate.done.fill_(True)
    assert estimate.step == estimate.of
    assert image.grad is None
    with torch.no_grad():
        for _ in occlude(clf, image, 0, LOGIT):
            assert not torch.is_grad_enabled()


def test_a_picture_changed_after_the_start_does_not_change_the_map() -> None:
    clf = linear_classifier()
    image = random_picture(clf)
    params = Occlusion(window=4, stride=1, output="logit")
    expected = last(clf, image, 0, params)
    run = Run(occlude(clf, image, 0, params))
    run.advance()
    image.fill_(0.1)
    assert torch.equal(run.finish().drop, expected.drop)


def captum_map(clf: Classifier, image: Tensor, target: int, window: int, stride: int) -> Tensor:
    """(H,W) Captum's attribution for a grey square over all channels, its sums over windows already averaged."""
    channels = image.shape[0]
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        attribution: Tensor = CaptumOcclusion(lambda x: clf.logits(x)).attribute(
            image[None],
            sliding_window_shapes=(channels, window, window),
            strides=(channels, stride, stride),
            baselines=0.5,
            target=target,
            perturbations_per_eval=8,
        )
    return attribution[0, 0]


def test_captum_agrees_on_a_linear_network() -> None:
    clf = linear_classifier(size=(10, 13))  # sizes that the grid divides evenly: Captum would cut the last window
    image = random_picture(clf)
    ours = last(clf, image, 1, LOGIT)
    torch.testing.assert_close(ours.heat(), captum_map(clf, image, 1, 4, 3), rtol=1e-4, atol=1e-5)


def test_captum_agrees_on_the_bundled_network(bundled: Classifier) -> None:
    image = random_picture(bundled)
    side = bundled.input_shape[-1]
    window, stride = side // 4, side // 8
    ours = last(bundled, image, 1, Occlusion(window=window, stride=stride, output="logit"))
    torch.testing.assert_close(ours.heat(), captum_map(bundled, image, 1, window, stride), rtol=1e-3, atol=1e-3)


@pytest.mark.squeezenet
def test_captum_agrees_on_a_photograph_and_the_object_lights_up(squeezenet: Classifier, photographs: Path) -> None:
    path = next(path for path in sorted(photographs.iterdir()) if "zebra" in path.name)
    image = squeezenet.pixels(Image.open(path))
    target = squeezenet.classes.index("zebra")
    ours = last(squeezenet, image, target, Occlusion(window=64, stride=40, output="logit"))
    torch.testing.assert_close(ours.heat(), captum_map(squeezenet, image, target, 64, 40), rtol=1e-3, atol=1e-3)
    assert ours.drop.max() > 1.0


@pytest.mark.parametrize(("count", "most"), [(25, 8), (1, 8), (8, 8), (9, 8), (0, 8), (7, 1)])
def test_runs_are_as_few_and_as_alike_as_can_be(count: int, most: int) -> None:
    runs = evenly(list(range(count)), most)
    assert [item for run in runs for item in run] == list(range(count))
    assert len(runs) == -(-count // most)
    lengths = {len(run) for run in runs}
    assert max(lengths, default=0) - min(lengths, default=0) <= 1
