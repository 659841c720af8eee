"""Where a network runs."""

from __future__ import annotations

import torch


def pick_device(wanted: str | torch.device = "auto") -> torch.device:
    """``auto`` is CUDA where there is one, else MPS, else the CPU; any other name is taken as it is."""
    if wanted != "auto":
        return torch.device(wanted)
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
