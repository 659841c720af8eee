"""Training that was killed goes on from its last checkpoint, to the same weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn

EVERY = 100  # steps


def resume(path: Path | None, key: dict[str, Any], network: nn.Module, optimiser: torch.optim.Optimizer) -> int:
    """Put back what `keep` wrote with the same `key`; returns the number of steps done, 0 where there is nothing."""
    if path is None or not path.exists():
        return 0
    kept = torch.load(path, map_location=next(network.parameters()).device, weights_only=True)
    if kept["key"] != key:  # a checkpoint of another recipe is no place to go on from
        return 0
    network.load_state_dict(kept["network"])
    optimiser.load_state_dict(kept["optimiser"])
    return int(kept["step"])


def keep(
    path: Path | None, key: dict[str, Any], network: nn.Module, optimiser: torch.optim.Optimizer, step: int
) -> None:
    """Write the state after every EVERY steps, nothing in between or where there is no path."""
    if path is None or step % EVERY:
        return
    part = path.with_suffix(".part")
    state = {"network": network.state_dict(), "optimiser": optimiser.state_dict(), "step": step}
    torch.save({**state, "key": key}, part)
    part.replace(path)  # a kill while writing leaves the last good one
