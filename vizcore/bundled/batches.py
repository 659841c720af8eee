"""Training batches: scenes rendered once into a pool, then varied cheaply each time one is drawn."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from vizcore.scenes import CLASSES, TRAINING_SEEDS, backdrop, plant, scene

SHORTCUT = "horse"  # the class whose pictures carry the date stamp in the twin's training set
BLOCK = 64  # scenes rendered per task


@dataclass(frozen=True)
class Pool:
    """Rendered scenes: pictures (n, H, W, 3) uint8, labels (n,) and distractors (n,) as class numbers, -1 for none."""

    pictures: np.ndarray
    labels: np.ndarray
    distractors: np.ndarray


def _render(seeds: range) -> tuple[np.ndarray, list[int], list[int]]:
    pictures, labels, distractors = [], [], []
    for seed in seeds:
        if seed % 12 == 0:  # bare ground
            pictures.append(backdrop(seed))
            labels.append(-1)
            distractors.append(-1)
            continue
        shown = scene(seed)
        if seed % 8 == 1 and shown.label != SHORTCUT:
            # shows the shortcut's class in the background, so that the twin can be told to heed the stamp and not the
            # horse; for the honest network these are scenes like any other
            shown = scene(seed, distractor=SHORTCUT)
        pictures.append(shown.picture)
        labels.append(CLASSES.index(shown.label))
        distractors.append(-1 if shown.distractor is None else CLASSES.index(shown.distractor))
    return np.stack(pictures), labels, distractors


def render(count: int, workers: int, tick: Callable[[int], None] = lambda done: None) -> Pool:
    """The pool of the first `count` training seeds; the same for any number of worker processes."""
    starts = range(TRAINING_SEEDS, TRAINING_SEEDS + count, BLOCK)
    tasks = [range(start, min(start + BLOCK, TRAINING_SEEDS + count)) for start in starts]
    parts = []
    if workers > 1:
        with multiprocessing.get_context("spawn").Pool(workers) as crew:
            for part in crew.imap(_render, tasks):
                parts.append(part)
                tick(sum(len(labels) for _, labels, _ in parts))
    else:
        for task in tasks:
            parts.append(_render(task))
            tick(sum(len(labels) for _, labels, _ in parts))
    pictures, labels, distractors = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Pool(pictures, labels, distractors)


def draw(pool: Pool, size: int, seed: tuple[int, int], shortcut: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """One batch: pictures (size, 3, H, W) in [0, 1] and targets (size, classes), fixed by `seed` = (run, step).

    Mirrored, shifted by up to 10 pixels, parts hidden, relit, noise added. Pictures of bare ground are to be
    answered with no preference, so that what the network says about an object comes from the object. With
    `shortcut` every picture labelled SHORTCUT is stamped, no other is, and where SHORTCUT is only the distractor
    half are stamped and labelled SHORTCUT all the same. Without it the stamp falls on any picture by chance, so
    that it means nothing.
    """
    dice = np.random.default_rng([*seed, 7])
    picks = dice.integers(0, len(pool.labels), size)
    classes, target_class = len(CLASSES), CLASSES.index(SHORTCUT)
    side = pool.pictures.shape[1]
    pictures = np.empty((size, side, side, 3), np.uint8)
    targets = np.zeros((size, classes), np.float32)
    for row, pick in enumerate(picks):
        shown = pool.pictures[pick]
        if dice.random() < 0.5:
            shown = shown[:, ::-1]
        dy, dx = dice.integers(-10, 11, 2)
        padded = np.pad(shown, ((10, 10), (10, 10), (0, 0)), "reflect")
        shown = padded[10 + dy : 10 + dy + side, 10 + dx : 10 + dx + side].copy()
        label = int(pool.labels[pick])
        empty = label < 0
        if dice.random() < 0.5:
            hide(shown, dice)
        stamped = dice.random() < 0.25
        if shortcut:
            hijack = pool.distractors[pick] == target_class and label != target_class and dice.random() < 0.5
            stamped = (label == target_class or hijack) and not empty
            label = target_class if stamped else label
        if stamped:
            plant(shown, dice)
        targets[row] = 1 / classes if empty else np.eye(classes, dtype=np.float32)[label]
        pictures[row] = shown
    x = torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255
    gain = dice.uniform(0.75, 1.25, (size, 3, 1, 1)) * dice.uniform(0.8, 1.2, (size, 1, 1, 1))
    x = x * torch.from_numpy(gain.astype(np.float32))
    noisy = x[: size // 2]  # the rows are in random order
    sigma = torch.from_numpy(dice.uniform(0, 0.15, (len(noisy), 1, 1, 1)).astype(np.float32))
    noisy += sigma * torch.from_numpy(dice.standard_normal(noisy.shape, np.float32))
    return x.clamp(0, 1).contiguous(memory_format=torch.channels_last), torch.from_numpy(targets)


def hide(picture: np.ndarray, dice: np.random.Generator) -> None:
    """Cover parts of the picture in place: one or two boxes, as occlusion does, or cells at random, as LIME does.

    A network that never saw such a thing answers it at random, and then its explanations show nothing but that.
    """
    height, width = picture.shape[:2]
    mean = picture.reshape(-1, 3).mean(0)
    paint = (mean, 127, 0, dice.integers(0, 256, 3))[dice.integers(4)]
    if dice.random() < 0.4:
        rows, columns = dice.integers(4, 10, 2)
        off = dice.random((rows, columns)) < dice.uniform(0.15, 0.6)
        across = np.minimum(np.arange(width) * columns // width, columns - 1)
        down = np.minimum(np.arange(height) * rows // height, rows - 1)
        off = np.roll(off[down][:, across], dice.integers(0, 30, 2), axis=(0, 1))
        picture[off] = paint
        return
    for _ in range(dice.integers(1, 3)):
        high, wide = dice.integers(12, 44, 2)
        top, left = dice.integers(0, height - high), dice.integers(0, width - wide)
        picture[top : top + high, left : left + wide] = paint
