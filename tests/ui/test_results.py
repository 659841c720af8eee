"""The store of finished results: bounded in entries and in what they really hold, and nothing is made twice."""

from __future__ import annotations

import threading
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from PIL import Image

from ui.running.results import Store, size_of

MIB = 2**20


@dataclass
class Pair:
    one: torch.Tensor
    two: bytes


@pytest.mark.parametrize(
    ("value", "size"),
    [
        (torch.zeros(5, 4), 80),
        (torch.zeros(1000)[:3], 4000),  # a part keeps the whole
        (torch.zeros(1).expand(1000), 4),
        (np.zeros((3, 5), dtype=np.uint8), 15),
        (np.zeros(1000)[2:4], 8000),
        (b"12345", 5),
        (Image.new("RGB", (10, 20)), 600),
        (Image.new("L", (10, 20)), 200),
        (Pair(torch.zeros(2), b"123"), 11),
        ([torch.zeros(2), {"a": b"12"}], 10),
    ],
)
def test_counts_what_is_kept_alive(value: object, size: int) -> None:
    assert size_of(value) == size


def test_forgets_what_was_used_longest_ago_by_entries_and_by_bytes() -> None:
    store = Store(entries=3, megabytes=10)
    for k in range(3):
        store.put(k, bytes(MIB))
    assert store.get(0) is not None
    store.put(3, bytes(MIB))
    assert [store.get(k) is None for k in range(4)] == [False, True, False, False]
    store.put(4, bytes(9 * MIB))
    assert len(store) == 2
    assert store.megabytes == 10
    store.put(4, bytes(MIB))
    assert store.megabytes == 2
    store.put(5, bytes(11 * MIB))
    assert store.get(5) is None
    assert store.megabytes == 2


def test_many_who_ask_at_once_have_it_made_once() -> None:
    store, made, threads = Store(entries=10, megabytes=1), [], 8
    together = threading.Barrier(threads, timeout=20)
    slow = threading.Event()

    def make() -> object:
        made.append(1)
        slow.wait(0.05)
        return object()

    found: list[object] = []

    def ask() -> None:
        together.wait()
        found.append(store.get_or("key", make))

    workers = [threading.Thread(target=ask) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(made) == 1
    assert len(found) == threads
    assert len(set(map(id, found))) == 1
    assert store._making == {}


def test_where_making_fails_the_next_one_tries_again() -> None:
    store = Store(entries=10, megabytes=1)
    with pytest.raises(ZeroDivisionError):
        store.get_or("key", lambda: 1 // 0)
    assert store._making == {}
    assert store.get_or("key", lambda: 7) == 7
