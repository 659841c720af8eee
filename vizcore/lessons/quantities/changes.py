"""Small changes with large effects: how little it takes to make the network say another class."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from vizcore.lessons.quantities.windows import top_five
from vizcore.lessons.truths import Given, Picture, Truth
from vizcore.seeds import generator
from vizcore.techniques import smallest_change

_AMPLIFIED = 0.45  # of the brightness: how large the largest change is drawn


def smallest(given: Given, towards: str) -> Iterator[Truth]:
    """By how many grey levels, as a root mean square, the smallest change that was found alters the picture."""
    clf, image = given.clf, given.image
    if towards not in clf.classes:
        raise ValueError(f"towards is {towards!r}; accepted: one of {', '.join(clf.classes)}.")
    target = clf.classes.index(towards)
    before = (Picture("picture", image),)
    for found in smallest_change.smallest_change(clf, image, target):
        if found.step < found.of:
            yield Truth(None, before, (), {}, found.step, found.of)
    if not found.reached:
        raise ValueError(f"towards is {towards!r}; no change was found that makes the network say it.")
    most, rms = smallest_change.levels(found.change)
    changed = (image + found.change).clamp(0, 1)
    noise = torch.randn(image.shape, generator=generator(0, 0))
    noisy = (image + noise * (found.change.norm() / noise.norm())).clamp(0, 1)
    answers = clf.all_scores(torch.stack([image, changed, noisy]), "probability")
    own, times = int(answers[0].argmax()), _AMPLIFIED / max(float(found.change.abs().max()), 1e-12)
    numbers: dict[str, float | str] = {"levels": rms, "most": most, "towards": towards, "name": clf.classes[own]}
    numbers |= {"before": 100 * float(answers[0, own]), "after": 100 * float(answers[1, own])}
    numbers |= {"noise": 100 * float(answers[2, own]), "reached": 100 * float(answers[1, target])}
    after = (
        Picture("small_change", changed),
        Picture("small_difference", 0.5 + times * found.change, values={"times": times}),
        top_five("answer_small", answers[1], given),
    )
    yield Truth(rms, before, after, numbers, found.of, found.of)
