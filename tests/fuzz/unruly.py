"""Inputs of each kind that the watcher must notice, for its own test."""

from __future__ import annotations

import os
import time


def make(number: int) -> int:
    return number


def attempt(number: int) -> str:
    if number == 1:
        raise KeyError("seven")
    if number == 2:
        os.abort()
    if number == 3:
        time.sleep(60)
    if number == 4:
        return f"held {len(bytearray(600 * 2**20)) >> 20} MB"
    return "fine"
