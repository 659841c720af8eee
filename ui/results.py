"""Finished results, shared by all sessions: a bounded store that forgets what was used longest ago."""

from __future__ import annotations

import dataclasses
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

import numpy as np
import torch

T = TypeVar("T")


def size_of(value: Any) -> int:
    """Bytes held by the arrays inside ``value``: tensors, numpy arrays, dataclasses, lists, tuples and dictionaries."""
    if isinstance(value, torch.Tensor):
        return value.numel() * value.element_size()
    if isinstance(value, np.ndarray):
        return value.nbytes
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
        self._lock = threading.Lock()

    def get(self, key: Hashable) -> Any | None:
        with self._lock:
            if key not in self._held:
                return None
            self._held.move_to_end(key)
            return self._held[key][0]

    def put(self, key: Hashable, value: Any) -> None:
        size = size_of(value)
        with self._lock:
            self._held.pop(key, None)
            if size > self._bytes:
                return
            self._held[key] = (value, size)
            while len(self._held) > self._entries or sum(s for _, s in self._held.values()) > self._bytes:
                self._held.popitem(last=False)

    def get_or(self, key: Hashable, make: Callable[[], T]) -> T:
        """The result under ``key``, made and kept where it is not there yet."""
        found = self.get(key)
        if found is None:
            found = make()
            self.put(key, found)
        return found

    def __len__(self) -> int:
        return len(self._held)

    @property
    def megabytes(self) -> float:
        with self._lock:
            return sum(size for _, size in self._held.values()) / 2**20


RESULTS = Store(entries=400, megabytes=512)
