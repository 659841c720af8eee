"""Average pooling keeps size and sum, and what lies in one block has one value."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from vizcore.pictures import pooling


def test_a_value_is_the_mean_of_its_block_as_torch_pools() -> None:
    values = np.random.default_rng(3).normal(size=(224, 210)).astype(np.float32)
    pooled = pooling.means(values, 4)
    assert pooled.shape == values.shape
    assert pooled.dtype == np.float32
    tensor = torch.from_numpy(values)[None, None]
    expected = F.avg_pool2d(tensor, 4, ceil_mode=True, count_include_pad=False)[0, 0].numpy()
    np.testing.assert_allclose(pooled[::4, ::4], expected, atol=1e-6)
    assert np.array_equal(pooled, pooled[::4, ::4].repeat(4, 0).repeat(4, 1)[:224, :210])
    assert pooled.sum(dtype=np.float64) == pytest.approx(values.sum(dtype=np.float64), abs=1e-2)


def test_blocks_of_one_pixel_change_nothing() -> None:
    values = np.random.default_rng(4).normal(size=(5, 7)).astype(np.float32)
    assert np.array_equal(pooling.means(torch.from_numpy(values), 1), values)


def test_small_pictures_keep_their_pixels_and_large_ones_have_at_most_64_blocks() -> None:
    sizes = ((96, 96), (128, 128), (160, 120), (224, 224), (299, 299))
    assert [pooling.block(*size) for size in sizes] == [1, 1, 3, 4, 5]


def test_what_cannot_be_pooled_is_named() -> None:
    with pytest.raises(ValueError, match="side is 0"):
        pooling.means(np.zeros((4, 4)), 0)
    with pytest.raises(ValueError, match=r"\(3, 4, 4\)"):
        pooling.means(np.zeros((3, 4, 4)), 2)
    with pytest.raises(ValueError, match="0 and 4"):
        pooling.block(0, 4)
