"""The function through which PAIR saliency asks a network for its gradient."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from benchmarks.contender import Stage


def gradient_function(stage: Stage) -> Callable[..., dict[str, Any]]:
    """Pictures (n,H,W,C) in [0,1] -> the gradient of the class's logit (n,H,W,C), by the name it expects."""
    from saliency.core import INPUT_OUTPUT_GRADIENTS

    model, device = stage.pixels, stage.clf.device

    def ask(pictures: np.ndarray, call_model_args: object = None, expected_keys: object = None) -> dict[str, Any]:
        x = torch.from_numpy(pictures).float().permute(0, 3, 1, 2).to(device).requires_grad_()  # -> (n,C,H,W)
        (grad,) = torch.autograd.grad(model(x)[:, stage.target].sum(), x)
        return {INPUT_OUTPUT_GRADIENTS: grad.permute(0, 2, 3, 1).cpu().numpy()}

    return ask
