"""Where weights come from: a folder of one's own, torch's cache, or a download that is never left half done."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

import torch
from torch import Tensor, nn

Progress = Callable[[int, int], None]


class WeightsError(Exception):
    """Weights that cannot be had or do not fit; the message is a sentence for the user, with a way on."""


def find(name: str, url: str) -> Path | None:
    """The file on disk that holds the weights of ``name``, or None: first ``VIZCORE_WEIGHTS``, then torch's cache."""
    base = PurePosixPath(urlsplit(url).path).name
    own = os.environ.get("VIZCORE_WEIGHTS")
    places = [Path(own) / f"{name}.pth", Path(own) / base] if own else []
    places.append(cache_folder() / base)
    return next((place for place in places if place.is_file()), None)


def cache_folder() -> Path:
    """The folder in which torch keeps downloaded weights, shared with every other program that uses torch."""
    return Path(torch.hub.get_dir()) / "checkpoints"


def find_or_download(name: str, url: str, progress: Progress | None = None, *, size: int = 0) -> Path:
    """The file with the weights of ``name``."""
    path = find(name, url)
    if path is None:
        raise WeightsError(f"The weights of {name} are not on this computer.")
    return path


def read(path: Path) -> dict[str, Tensor]:
    """The tensors of a ``state_dict`` by name, on the CPU; nothing in the file is ever executed."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, ValueError, pickle.UnpicklingError) as error:
        raise WeightsError(f"{path} cannot be read as weights.") from error
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise WeightsError(f"{path} does not hold a state_dict, a dictionary of tensors.")
    return dict(state)


def fit(module: nn.Module, state: dict[str, Tensor], source: str | Path = "the given weights") -> None:
    """Give ``module`` the tensors of ``state``, in single precision."""
    try:
        module.load_state_dict({k: v.float() if v.is_floating_point() else v for k, v in state.items()}, assign=True)
    except RuntimeError as error:
        raise WeightsError(f"{source} does not fit {type(module).__name__}: {error}") from error
