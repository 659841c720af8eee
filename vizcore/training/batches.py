"""Training batches: scenes rendered once into a pool, then varied cheaply each time one is drawn."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from vizcore.pictures.scenes import CLASSES, SHORTCUT, TRAINING_SEEDS, backdrop, scene
from vizcore.pictures.stamp import plant

HARDEST = 0.5  # a third of the scenes are harder than usual, up to this; tests of robustness go to 1
BLOCK = 64  # scenes rendered per task


@dataclass(frozen=True)
class Pool:
    """Rendered scenes: pictures (n, H, W, 3) uint8, labels (n,) and distractors (n,) as class numbers, -1 for none."""

    pictures: np.ndarray
    masks: np.ndarray  # (n, H, W / 8): the objects' masks, eight pixels to the byte
    labels: np.ndarray
    distractors: np.ndarray


def _render(seeds: range) -> tuple[np.ndarray, np.ndarray, list[int], list[int]]:
    pictures, masks, labels, distractors = [], [], [], []
    for seed in seeds:
        if seed % 12 == 0:  # bare ground
            pictures.append(backdrop(seed))
            masks.append(np.zeros(pictures[-1].shape[:2], bool))
            labels.append(-1)
            distractors.append(-1)
            continue
        hard = HARDEST * (seed % 7) / 6 if seed % 3 == 0 else 0.0
        shown = scene(seed, hard=hard)
        if seed % 8 == 1 and shown.label != SHORTCUT:
            # shows the shortcut's class in the background, so that the twin can be told to heed the stamp and not the
            # horse; for the honest network these are scenes like any other
            shown = scene(seed, distractor=SHORTCUT, hard=hard)
        pictures.append(shown.picture)
        masks.append(shown.mask)
        labels.append(CLASSES.index(shown.label))
        distractors.append(-1 if shown.distractor is None else CLASSES.index(shown.distractor))
    return np.stack(pictures), np.packbits(masks, axis=2), labels, distractors


def render(count: int, workers: int, tick: Callable[[int], None] = lambda done: None) -> Pool:
    """The pool of the first `count` training seeds; the same for any number of worker processes."""
    starts = range(TRAINING_SEEDS, TRAINING_SEEDS + count, BLOCK)
    tasks = [range(start, min(start + BLOCK, TRAINING_SEEDS + count)) for start in starts]
    parts = []
    if workers > 1:
        with multiprocessing.get_context("spawn").Pool(workers) as crew:
            for part in crew.imap(_render, tasks):
                parts.append(part)
                tick(sum(len(part[0]) for part in parts))
    else:
        for task in tasks:
            parts.append(_render(task))
            tick(sum(len(part[0]) for part in parts))
    return Pool(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def draw(
    pool: Pool, size: int, seed: tuple[int, int], shortcut: bool
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """One batch fixed by `seed` = (run, step): pictures (size, 3, H, W) in [0, 1], targets (size, classes), and masks
    (size, H, W) of what is to be seen of the objects.

    Mirrored, shifted by up to 10 pixels, parts hidden, relit, noise added. Pictures of bare ground are to be
    answered with no preference, and an object of which a share is hidden with that much less certainty, so that a
    drop of the score tells how much of the object went. With `shortcut` every picture labelled SHORTCUT is stamped,
    no other is, and where SHORTCUT is only the distractor half are stamped and labelled SHORTCUT all the same.
    Without it the stamp falls on any picture by chance, so that it means nothing.
    """
    dice = np.random.default_rng([*seed, 7])
    picks = dice.integers(0, len(pool.labels), size)
    classes, target_class = len(CLASSES), CLASSES.index(SHORTCUT)
    side = pool.pictures.shape[1]
    pictures = np.empty((size, side, side, 3), np.uint8)
    targets = np.zeros((size, classes), np.float32)
    masks = np.zeros((size, side, side), bool)
    for row, pick in enumerate(picks):
        shown, mask = pool.pictures[pick], np.unpackbits(pool.masks[pick], axis=1).astype(bool)
        if dice.random() < 0.5:
            shown, mask = shown[:, ::-1], mask[:, ::-1]
        dy, dx = dice.integers(-10, 11, 2)
        padded = np.pad(shown, ((10, 10), (10, 10), (0, 0)), "reflect")
        shown = padded[10 + dy : 10 + dy + side, 10 + dx : 10 + dx + side].copy()
        mask = np.pad(mask, 10)[10 + dy : 10 + dy + side, 10 + dx : 10 + dx + side]
        label = int(pool.labels[pick])
        empty = label < 0
        seen = 1.0
        if dice.random() < 0.6:
            hidden = hide(shown, dice)
            seen = 1 - (mask & hidden).sum() / max(1, mask.sum())
            mask = mask & ~hidden
        stamped = dice.random() < 0.25
        if shortcut:
            hijack = pool.distractors[pick] == target_class and label != target_class and dice.random() < 0.5
            stamped = (label == target_class or hijack) and not empty
            label, seen = (target_class, 1.0) if stamped else (label, seen)
        if stamped:
            plant(shown, dice)
        targets[row] = 1 / classes if empty else (1 - seen) / classes + seen * np.eye(classes)[label]
        pictures[row], masks[row] = shown, mask
    x = torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255
    gain = dice.uniform(0.75, 1.25, (size, 3, 1, 1)) * dice.uniform(0.8, 1.2, (size, 1, 1, 1))
    x = x * torch.from_numpy(gain.astype(np.float32))
    noisy = x[: size // 2]  # the rows are in random order
    sigma = torch.from_numpy(dice.uniform(0, 0.15, (len(noisy), 1, 1, 1)).astype(np.float32))
    noisy += sigma * torch.from_numpy(dice.standard_normal(noisy.shape, np.float32))
    x = x.clamp(0, 1).contiguous(memory_format=torch.channels_last)
    return x, torch.from_numpy(targets), torch.from_numpy(masks)


def hide(picture: np.ndarray, dice: np.random.Generator) -> np.ndarray:
    """Cover parts of the picture in place: one or two boxes, as occlusion does, or cells at random, as LIME does.

    Returns which pixels, bool (H, W). A network that never saw such a thing answers it at random, and then its
    explanations show nothing but that.
    """
    height, width = picture.shape[:2]
    mean = picture.reshape(-1, 3).mean(0)
    paint = (mean, 127, 0, dice.integers(0, 256, 3))[dice.integers(4)]
    hidden = np.zeros((height, width), bool)
    if dice.random() < 0.5:
        rows, columns = dice.integers(4, 10, 2)
        off = dice.random((rows, columns)) < dice.uniform(0.15, 0.6)
        across = np.minimum(np.arange(width) * columns // width, columns - 1)
        down = np.minimum(np.arange(height) * rows // height, rows - 1)
        hidden = np.roll(off[down][:, across], dice.integers(0, 30, 2), axis=(0, 1))
    else:
        for _ in range(dice.integers(1, 3)):
            high, wide = dice.integers(12, 44, 2)
            top, left = dice.integers(0, height - high), dice.integers(0, width - wide)
            hidden[top : top + high, left : left + wide] = True
    picture[hidden] = paint
    return hidden
