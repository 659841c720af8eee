"""Norms in elementary operations, whose gradient is right where that of ``batch_norm`` in torch 2.13 is not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import torch.nn.functional as F
from torch import Tensor


@contextmanager
def elementary_norms() -> Iterator[None]:
    """Meanwhile every batch and instance norm is one."""

    def normed(x: Tensor, dims: list[int], given: Any, weight: Any, bias: Any, eps: float) -> Tensor:
        shape = [1, -1, *[1] * (x.dim() - 2)]
        if given is None:
            mean, var = x.mean(dims, keepdim=True), x.var(dims, keepdim=True, correction=0)
        else:
            mean, var = (statistic.view(shape) for statistic in given)
        y = (x - mean) / (var + eps).sqrt()
        y = y if weight is None else y * weight.view(shape)
        return y if bias is None else y + bias.view(shape)

    def batch_norm(
        x: Tensor, mean: Any, var: Any, weight: Any = None, bias: Any = None, training: bool = False,
        momentum: float = 0.1, eps: float = 1e-5,
    ) -> Tensor:  # fmt: skip
        return normed(x, [0, *range(2, x.dim())], None if training else (mean, var), weight, bias, eps)

    def instance_norm(
        x: Tensor, running_mean: Any = None, running_var: Any = None, weight: Any = None, bias: Any = None,
        use_input_stats: bool = True, momentum: float = 0.1, eps: float = 1e-5,
    ) -> Tensor:  # fmt: skip
        given = None if use_input_stats else (running_mean, running_var)
        return normed(x, list(range(2, x.dim())), given, weight, bias, eps)

    with mock.patch.multiple(F, batch_norm=batch_norm, instance_norm=instance_norm):
        yield
