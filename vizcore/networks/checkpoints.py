"""What training scripts wrap around a ``state_dict``, and what its tensors were called in older versions."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from torch import Tensor

# Where a checkpoint holds both, the weights that were trained come before their moving average.
_HOLDERS = (
    *("state_dict", "model_state_dict", "model_state", "model", "net", "network", "weights", "module"),
    *("state_dict_ema", "model_ema", "ema_state_dict", "ema"),
)
_DEEPEST = 4  # wrappers within wrappers
# Before 2018 a module's name could have a dot in it: torchvision's published DenseNets still have norm.1 for norm1.
_DENSE_LAYER = re.compile(r"(denselayer\d+\.(?:norm|conv))\.([12])\.")
# The published vision transformers have the names of before the two layers were numbered by their place.
_ENCODER_MLP = re.compile(r"(mlp\.)linear_([12])\.")
_PLACES = {"1": "0", "2": "3"}


def held(content: Any) -> Any:
    """The state_dict in what a checkpoint holds, under a usual name or under several; else ``content`` itself."""
    for _ in range(_DEEPEST):
        inner = [content.get(key) for key in _HOLDERS] if isinstance(content, dict) else []
        content = next((one for one in inner if isinstance(one, dict) and _holds_more(one)), content)
    return content


def renamed(state: Mapping[str, Tensor], names: Collection[str]) -> dict[str, Tensor]:
    """The tensors of ``state`` under today's ``names``: without what wrappers put before them, or older versions wrote.

    ``DataParallel``, ``torch.compile``, ``AveragedModel`` and modules that hold the network as an attribute each put a
    prefix before every name. As many are taken off as most names fit with; where none fits, ``state`` stays as it is.
    """
    # AveragedModel counts the states that it has averaged.
    tensors = {key: value for key, value in state.items() if key in names or key.split(".")[-1] != "n_averaged"}
    best, most = dict(state), 0
    for _ in range(_DEEPEST + 1):
        today = {_today(key): value for key, value in tensors.items()}
        fitting = len(today.keys() & set(names))
        if fitting > most and len(today) == len(tensors):  # two names that become one are no older version's
            best, most = today, fitting
        first = {key.partition(".")[0] for key in tensors}
        if len(first) != 1 or not all("." in key for key in tensors):
            break
        tensors = {key.partition(".")[2]: value for key, value in tensors.items()}
    return best


def _holds_more(inner: dict[Any, Any]) -> bool:
    """Whether there may be weights in here: what else has a usual name, such as a model's settings, has none."""
    return any(isinstance(value, (Tensor, dict)) for value in inner.values())


def _today(name: str) -> str:
    name = name.replace("_orig_mod.", "")  # a part that was compiled by itself has the wrapper in the middle
    name = _DENSE_LAYER.sub(r"\1\2.", name)
    return _ENCODER_MLP.sub(lambda found: f"{found[1]}{_PLACES[found[2]]}.", name)
