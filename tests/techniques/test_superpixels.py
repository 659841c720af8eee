"""Superpixels: always numbered 0..l-1, the same every time, and never too many to explain."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, get_args

import pytest
import torch
from torch import Tensor

from vizcore.params import ParameterError, from_json, specs, to_json
from vizcore.techniques.superpixels import MOST_SUPERPIXELS, Algorithm, Superpixels, relabel, segment

ALGORITHMS = get_args(Algorithm)


def quadrants(size: int = 32) -> tuple[Tensor, Tensor]:
    """A picture (3,H,W) of four colours, and which of them each pixel has."""
    half = torch.arange(size) // (size // 2)
    truth = 2 * half[:, None] + half[None, :]  # (H,W)
    colours = torch.tensor([[0.9, 0.1, 0.1], [0.1, 0.9, 0.1], [0.1, 0.1, 0.9], [0.9, 0.9, 0.1]])
    return colours[truth].permute(2, 0, 1).contiguous(), truth


def textured(size: int = 48, seed: int = 0) -> Tensor:
    noise = torch.rand(1, 3, size // 4, size // 4, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.interpolate(noise, size=(size, size), mode="bilinear")[0]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_every_number_is_in_use_and_the_answer_is_always_the_same(algorithm: Algorithm) -> None:
    image = textured()
    before = image.clone()
    params = Superpixels(algorithm=algorithm, min_size=20, scale=50.0)
    segments = segment(image, params)
    assert segments.dtype == torch.int64
    assert segments.shape == image.shape[1:]
    assert torch.equal(segments.unique(), torch.arange(int(segments.max()) + 1))
    assert segments.max() >= 2
    assert torch.equal(segment(image, params), segments)
    assert torch.equal(image, before)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_superpixels_do_not_cross_a_sharp_edge(algorithm: Algorithm) -> None:
    image, truth = quadrants()
    segments = segment(image, Superpixels(algorithm=algorithm, smoothing=0.0, segments=16, ratio=1.0, max_dist=20.0))
    for number in segments.unique():
        assert len(truth[segments == number].unique()) == 1


def test_labels_that_start_at_one_or_leave_gaps_are_numbered_anew() -> None:
    labels = torch.tensor([[1, 1, 7], [-3, 7, 40]])
    assert torch.equal(relabel(labels), torch.tensor([[1, 1, 2], [0, 2, 3]]))
    assert torch.equal(relabel(relabel(labels)), relabel(labels))
    assert torch.equal(relabel(labels.to(torch.int32)), relabel(labels))


@pytest.mark.parametrize("labels", [torch.zeros(3), torch.zeros(0, 4), torch.zeros(1, 2, 2)])
def test_labels_that_are_no_picture_are_refused(labels: Tensor) -> None:
    with pytest.raises(ValueError, match=r"labels has shape .*accepted: \(H, W\)"):
        relabel(labels)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_picture_of_one_colour_still_has_superpixels(algorithm: Algorithm) -> None:
    segments = segment(torch.full((3, 20, 30), 0.3), Superpixels(algorithm=algorithm))
    assert torch.equal(segments.unique(), torch.arange(int(segments.max()) + 1))
    if algorithm == "felzenszwalb":
        assert int(segments.max()) == 0


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_grey_pictures_are_cut_like_their_rgb_copies(algorithm: Algorithm) -> None:
    grey = textured()[:1]
    params = Superpixels(algorithm=algorithm)
    assert torch.equal(segment(grey, params), segment(grey.expand(3, -1, -1), params))


def test_too_many_superpixels_are_refused_with_the_setting_to_move() -> None:
    noise = torch.rand(3, 32, 32, generator=torch.Generator().manual_seed(0))
    tiles = noise.repeat_interleave(4, 1).repeat_interleave(4, 2)  # (3,128,128)
    params = Superpixels(algorithm="felzenszwalb", scale=10.0, min_size=10, smoothing=0.0)
    with pytest.raises(ParameterError, match=rf"at most {MOST_SUPERPIXELS}.* raise scale or min_size"):
        segment(tiles, params)


@pytest.mark.parametrize(
    ("algorithm", "change"),
    [
        ("slic", {"segments": 9}),
        ("slic", {"compactness": 1.0}),
        ("slic", {"smoothing": 3.0}),
        ("quickshift", {"kernel_size": 7.0}),
        ("quickshift", {"max_dist": 4.0}),
        ("quickshift", {"ratio": 1.0}),
        ("felzenszwalb", {"scale": 10.0}),
        ("felzenszwalb", {"min_size": 10}),
        ("felzenszwalb", {"smoothing": 3.0}),
    ],
)
def test_settings_name_exactly_what_changes_the_superpixels(algorithm: Algorithm, change: dict[str, Any]) -> None:
    image = textured()
    base = Superpixels(algorithm=algorithm)
    changed = replace(base, **change)
    assert changed.settings() != base.settings()
    assert not torch.equal(segment(image, changed), segment(image, base))
    for other in set(ALGORITHMS) - {algorithm}:
        if "smoothing" not in change:
            assert replace(changed, algorithm=other).settings() == replace(base, algorithm=other).settings()


def test_parameters_are_checked_and_survive_json() -> None:
    with pytest.raises(ParameterError, match=r"Superpixels\.segments is 1; accepted"):
        Superpixels(segments=1)
    params = Superpixels(algorithm="quickshift", ratio=0.35)
    assert from_json(Superpixels, to_json(params)) == (params, [])
    assert list(specs(Superpixels)) == list(to_json(params))
