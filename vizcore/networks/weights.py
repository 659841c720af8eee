"""Where a network's weights come from: a folder of one's own, torch's cache or a download; and how they are read.

A weights file is data from a stranger: nothing in it is ever executed.
"""

from __future__ import annotations

import errno
import hashlib
import io
import os
import re
import threading
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any, BinaryIO

import torch
from torch import Tensor, nn

from vizcore.networks import checkpoints
from vizcore.networks.download import DownloadError, Progress, checksum, fetch, file_name

_ACCEPTED = "Accepted: what torch.save(model.state_dict(), path) writes."
_SHOWN = 3  # names of tensors in a sentence
_LONGEST_INDEX = 2 * 2**20  # bytes that name the tensors: a thousand of them take 150 kB
_MOST_READS = 1_000_000
_LONGEST_LINE = 1000
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
    return _plain(_parsed(path, str(path), path.suffix == ".safetensors"), str(path))


def parse(data: bytes, source: str) -> dict[str, Tensor]:
    """As :func:`read`, of the bytes of a file from a stranger, whose kind is told by its content; ``source`` names it.

    Also takes a checkpoint that holds the state_dict under a usual name.
    """
    # A safetensors file begins with the length of its header, in eight bytes, and the header, which is JSON.
    state = _parsed(io.BytesIO(data), source, data[8:9] == b"{")
    return _plain(checkpoints.held(state), source)


def _parsed(file: Path | io.BytesIO, source: str, safetensors: bool) -> Any:
    try:
        if safetensors:
            from safetensors.torch import load, load_file

            return load_file(file) if isinstance(file, Path) else load(file.getvalue())
        _refuse_archives(file, source)
        return torch.load(file if isinstance(file, Path) else _Patient(file), map_location="cpu", weights_only=True)
    except WeightsError:
        raise
    except ImportError as error:
        raise WeightsError(f"{source} needs the package safetensors; install it, or use a .pth file.") from error
    except OSError as error:
        raise WeightsError(f"{source} cannot be read: {error.strerror or error}.") from error
    except Exception as error:  # a damaged file makes the reader stumble in any way
        # A pickle names functions for its reader to call; weights_only refuses all but those that make tensors.
        if found := re.search(r"GLOBAL ([\w.]+)", str(error)):
            raise WeightsError(
                f"{source} holds more than weights: it asks for {found[1]}, which was not run. {_ACCEPTED}"
            ) from error
        raise WeightsError(f"{source} is damaged, incomplete or not a weights file. {_ACCEPTED}") from error


def _plain(state: Any, source: str) -> dict[str, Tensor]:
    if not isinstance(state, dict) or not all(isinstance(k, str) and _is_plain(v) for k, v in state.items()):
        raise WeightsError(f"{source} does not hold a dictionary of plain tensors by name. {_ACCEPTED}")
    return dict(state)


def fit(module: nn.Module, state: dict[str, Tensor], source: str | Path = "the given state_dict") -> None:
    """Make the tensors of ``state`` the parameters of ``module``, without copying those of the right type.

    Raises :class:`WeightsError` naming what is missing, what is too much and which shapes differ.
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
    for key in wrong[:_SHOWN]:
        faults.append(f"{key} has the shape {tuple(state[key].shape)} where {tuple(needed[key].shape)} is needed")
    if wrong[_SHOWN:]:
        more = len(wrong) - _SHOWN
        faults.append(f"{more} more {'shape differs' if more == 1 else 'shapes differ'}")
    if faults:
        raise WeightsError(f"{source} does not fit {type(module).__name__}: {'; '.join(faults)}.")
    # The names are today's, so that no version that a module has left behind is looked for.
    current: OrderedDict[str, Tensor] = OrderedDict(
        (key, state[key].to(blank.dtype) if key in state else torch.zeros_like(blank, device="cpu"))
        for key, blank in needed.items()
    )
    current._metadata = needed._metadata  # type: ignore[attr-defined]
    module.load_state_dict(current, assign=True)


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


def _refuse_archives(file: Path | io.BytesIO, source: str) -> None:
    """torch stores tensors uncompressed; a compressed archive can grow a thousandfold when it is opened."""
    size = file.stat().st_size if isinstance(file, Path) else file.getbuffer().nbytes
    if zipfile.is_zipfile(file):
        with zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
        if sum(entry.file_size for entry in entries) > size:
            raise WeightsError(f"{source} is a compressed archive. {_ACCEPTED}")
        if any(entry.file_size > _LONGEST_INDEX for entry in entries if entry.filename.endswith(".pkl")):
            raise WeightsError(f"{source} is damaged, incomplete or not a weights file. {_ACCEPTED}")
    if isinstance(file, io.BytesIO):
        file.seek(0)


class _Patient:
    """A file for torch's reader, which asks for it piece by piece, one for each instruction that is in it.

    Millions of instructions would keep a core busy for minutes, so their number is limited: a network of a thousand
    tensors has fifty thousand.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream, self._asked = stream, 0

    def _one_more(self) -> None:
        self._asked += 1
        if self._asked > _MOST_READS:
            raise ValueError("there are more instructions than any state_dict has")

    def read(self, size: int = -1) -> bytes:
        self._one_more()
        return self._stream.read(size)

    def readinto(self, buffer: Any) -> int:
        self._one_more()
        return self._stream.readinto(buffer)  # type: ignore[attr-defined]

    def readline(self, size: int = -1) -> bytes:
        self._one_more()
        return self._stream.readline(min(size, _LONGEST_LINE) if size >= 0 else _LONGEST_LINE)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _is_plain(value: object) -> bool:
    """Whether this is a tensor of real numbers in memory: not sparse, quantized, complex or on the meta device."""
    if not isinstance(value, Tensor) or value.is_complex():
        return False
    return value.layout == torch.strided and value.device.type == "cpu" and not value.is_quantized


def _some(keys: list[str]) -> str:
    """The first few keys, cut where they are long, and how many more there are."""
    first = ", ".join(key[:80] for key in keys[:_SHOWN])
    return first + (f" and {len(keys) - _SHOWN} more" if keys[_SHOWN:] else "")
