"""Matrix products by oneDNN: on one thread about twice as fast as torch's own, by MKL, which shuns AVX-512 on AMD."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

_SMALL = 2**20  # multiplications up to which torch's own product is done before oneDNN has started
_NAMES = ("_linear_pointwise", "_reorder_linear_weight")


def able() -> bool:
    """Whether this build of torch can be asked for it."""
    return torch.backends.mkldnn.is_available() and all(hasattr(torch.ops.mkldnn, name) for name in _NAMES)


def is_small(rows: int, weight: Tensor) -> bool:
    """Whether so many rows times a weight (K,D) are better left to torch."""
    return rows * weight.numel() <= _SMALL


def multiply(rows: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """x W' + b, (n,D) to (n,K), of float32; ``weight`` (K,D) may be a transposed view or come from :func:`laid`."""
    if not weight.is_mkldnn and (len(rows) == 1 or is_small(len(rows), weight)):  # one row reads each weight once
        return F.linear(rows, weight, bias)
    value: Tensor = torch.ops.mkldnn._linear_pointwise(rows, weight, bias, "none", [], "")
    return value


def laid(weight: Tensor) -> Tensor:
    """A copy of a weight (K,D) laid out as it is multiplied, for one that is used often."""
    value: Tensor = torch.ops.mkldnn._reorder_linear_weight(weight)
    return value
