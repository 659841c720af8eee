"""Where a network's weights come from: a folder of one's own, torch's cache or a download; and how they are read.

A weights file is data from a stranger: nothing in it is ever executed.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import threading
import zipfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from vizcore.download import DownloadError, Progress, checksum, fetch, file_name

_ACCEPTED = "Accepted: what torch.save(model.state_dict(), path) writes."
_locks: dict[Path, threading.Lock] = {}
_guard = threading.Lock()


class WeightsError(Exception):
    """Weights that cannot be had or do not fit; the message says why, and what the user can do about it."""


def find(name: str, url: str) -> Path | None:
    """The file on disk with the weights of ``name``, or None: first in ``VIZCORE_WEIGHTS``, then in torch's cache.

    In ``VIZCORE_WEIGHTS`` it is called ``<name>.pth``, ``<name>.safetensors`` or as in ``url``.
    """
    own = os.environ.get("VIZCORE_WEIGHTS")
    files = [f"{name}.pth", f"{name}.safetensors", file_name(url)]
    places = [*(Path(own) / file for file in files if own), cache_folder() / file_name(url)]
    return next((place for place in places if place.is_file()), None)


def cache_folder() -> Path:
    """The folder in which torch keeps downloaded weights, shared with every other program that uses torch."""
    return Path(torch.hub.get_dir()) / "checkpoints"


def find_or_download(
    name: str, url: str, progress: Progress | None = None, *, size: int = 0, timeout: float = 20.0
) -> Path:
    """The file with the weights of ``name``, from disk or else from ``url``; threads that ask at once download it once.

    ``progress(done, total)`` is called with bytes, first with 0; ``size`` is the total until the server tells it;
    ``timeout`` in seconds is how long the server may be silent. A file whose name carries a checksum is held to it.
    Raises :class:`WeightsError`; whatever happens, the cache holds the whole verified file or none.
    """
    target = cache_folder() / file_name(url)
    with _guard:
        lock = _locks.setdefault(target, threading.Lock())
    with lock:
        path = find(name, url)
        if path is None:
            _download(name, url, target, progress or (lambda done, total: None), size, timeout)
            return target
        if path.name == target.name:
            _verify(path)
        return path


def read(path: Path) -> dict[str, Tensor]:
    """The tensors of a ``state_dict`` by name, on the CPU; nothing that the file may contain is ever executed.

    Takes what ``torch.save(module.state_dict(), path)`` writes, and .safetensors. Raises :class:`WeightsError`.
    """
    state: Any
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            state = load_file(path)
        else:
            _refuse_compressed(path)
            state = torch.load(path, map_location="cpu", weights_only=True)
    except WeightsError:
        raise
    except ImportError as error:
        raise WeightsError(f"{path} needs the package safetensors; install it, or use a .pth file.") from error
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {error.strerror or error}.") from error
    except Exception as error:  # a damaged file makes the reader stumble in any way
        # A pickle names functions for its reader to call; weights_only refuses all but those that make tensors.
        if found := re.search(r"GLOBAL ([\w.]+)", str(error)):
            raise WeightsError(
                f"{path} holds more than weights: it asks for {found[1]}, which was not run. {_ACCEPTED}"
            ) from error
        raise WeightsError(f"{path} is damaged, incomplete or not a weights file. {_ACCEPTED}") from error
    if not isinstance(state, dict) or not all(isinstance(k, str) and _is_plain(v) for k, v in state.items()):
        raise WeightsError(f"{path} does not hold a dictionary of plain tensors by name. {_ACCEPTED}")
    return dict(state)


def fit(module: nn.Module, state: dict[str, Tensor], source: str | Path = "the given state_dict") -> None:
    """Make the tensors of ``state`` the parameters of ``module``, without copying those of the right type.

    Raises :class:`WeightsError` naming what is missing, what is too much and which shape differs.
    """
    needed = module.state_dict()
    missing = [key for key in needed if key not in state and not key.endswith("num_batches_tracked")]  # new in 2018
    surplus = [key for key in state if key not in needed]
    wrong = [key for key in needed if key in state and state[key].shape != needed[key].shape]
    faults = []
    if missing:
        faults.append(f"it lacks {_some(missing)}")
    if surplus:
        faults.append(f"it also has {_some(surplus)}")
    if wrong:
        shapes = f"{tuple(state[wrong[0]].shape)} where {tuple(needed[wrong[0]].shape)} is needed"
        others = f" ({len(wrong) - 1} more differ)" if wrong[1:] else ""
        faults.append(f"{wrong[0]} has the shape {shapes}{others}")
    if faults:
        raise WeightsError(f"{source} does not fit {type(module).__name__}: {'; '.join(faults)}.")
    module.load_state_dict({key: value.to(needed[key].dtype) for key, value in state.items()}, assign=True)


def _download(name: str, url: str, target: Path, progress: Progress, size: int, timeout: float) -> None:
    try:
        fetch(url, target, progress, size, timeout)
    except DownloadError as error:
        raise WeightsError(
            f"The weights of {name} could not be downloaded: {error} Choose another network, try again later, or put "
            f"{target.name} into a folder and start with VIZCORE_WEIGHTS set to it."
        ) from error
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        reason = f"has no room for {size / 2**20:.0f} MB" if full else f"cannot be written ({error.strerror or error})"
        raise WeightsError(
            f"The weights of {name} could not be stored: {target.parent} {reason}. "
            "Make room there, or start with TORCH_HOME set to another folder."
        ) from error


def _verify(path: Path) -> None:
    """Raise WeightsError unless the file has the checksum that its name promises."""
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {error.strerror or error}.") from error
    if not found.startswith(checksum(path.name)):
        raise WeightsError(
            f"{path} is damaged or was altered: its checksum is not the one in its name. "
            "Delete it, and it is downloaded anew."
        )


def _refuse_compressed(path: Path) -> None:
    """torch stores tensors uncompressed; a compressed archive can grow a thousandfold when it is opened."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > path.stat().st_size:
                raise WeightsError(f"{path} is a compressed archive. {_ACCEPTED}")


def _is_plain(value: object) -> bool:
    """Whether this is a tensor with all its values in memory: not sparse, not quantized, not on the meta device."""
    if not isinstance(value, Tensor):
        return False
    return value.layout == torch.strided and value.device.type == "cpu" and not value.is_quantized


def _some(keys: list[str]) -> str:
    """The first key, and how many more there are."""
    return keys[0] + (f" and {len(keys) - 1} more" if keys[1:] else "")
