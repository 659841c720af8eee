"""Finished results, shared by all sessions: a bounded store that forgets what was used longest ago."""

from __future__ import annotations

import dataclasses
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import numpy as np
import torch
from PIL import Image

T = TypeVar("T")


def size_of(value: Any) -> int:
    """Bytes kept alive by ``value``: arrays, pictures, files, and dataclasses, lists, tuples and dictionaries of them.

    A part of a larger tensor or array counts as the whole, since that is what it keeps.
    """
    if isinstance(value, torch.Tensor):
        return value.untyped_storage().nbytes()
    if isinstance(value, np.ndarray):
        return max(value.nbytes, size_of(value.base)) if isinstance(value.base, np.ndarray) else value.nbytes
    if isinstance(value, Image.Image):
        return value.width * value.height * (4 if value.mode in ("I", "F") else len(value.getbands()))
    if isinstance(value, (bytes, bytearray)):
        return len(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return sum(size_of(getattr(value, field.name)) for field in dataclasses.fields(value))
    if isinstance(value, dict):
        return sum(size_of(item) for item in value.values())
    if isinstance(value, (list, tuple)):
        return sum(size_of(item) for item in value)
    return 64


class Store:
    """Results by key, at most ``entries`` of them and ``megabytes`` together; safe between threads."""

    def __init__(self, entries: int, megabytes: int) -> None:
        self._entries, self._bytes = entries, megabytes * 2**20
        self._held: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()
        self._size = 0
        self._lock = threading.Lock()
        self._making: dict[Hashable, tuple[threading.Lock, int]] = {}  # and how many want it

    def get(self, key: Hashable) -> Any | None:
        with self._lock:
            if key not in self._held:
                return None
            self._held.move_to_end(key)
            return self._held[key][0]

    def put(self, key: Hashable, value: Any) -> None:
        size = size_of(value)
        with self._lock:
            self._size -= self._held.pop(key, (None, 0))[1]
            if size > self._bytes:
                return
            self._held[key] = (value, size)
            self._size += size
            while len(self._held) > self._entries or self._size > self._bytes:
                self._size -= self._held.popitem(last=False)[1][1]

    def get_or(self, key: Hashable, make: Callable[[], T]) -> T:
        """The result under ``key``, made and kept where it is not there yet; who asks meanwhile waits for that one."""
        found = self.get(key)
        if found is None:
            with self._alone(key):
                found = self.get(key)
                if found is None:
                    found = make()
                    self.put(key, found)
        return found

    @contextmanager
    def _alone(self, key: Hashable) -> Iterator[None]:
        with self._lock:
            lock, users = self._making.get(key, (threading.Lock(), 0))
            self._making[key] = (lock, users + 1)
        try:
            with lock:
                yield
        finally:
            with self._lock:
                users = self._making[key][1] - 1
                if users:
                    self._making[key] = (lock, users)
                else:
                    del self._making[key]

    def __len__(self) -> int:
        return len(self._held)

    @property
    def megabytes(self) -> float:
        with self._lock:
            return self._size / 2**20


RESULTS = Store(entries=400, megabytes=512)
