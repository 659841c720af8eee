"""What a network answers with a window of the picture covered, for every class at once, so that it can be looked up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from vizcore.networks.classifier import Classifier
from vizcore.targets import Target, value
from vizcore.techniques.occlusion import Occlusion, OcclusionMap, answered, grid


@dataclass(frozen=True, eq=False)
class WindowAnswers:
    """answers[r, c] = the scores of all classes for the picture with window (r, c) covered.

    ``answers`` (gh,gw,K) are probabilities in [0,1] or logits, ``whole`` (K,) those for the picture itself. ``rows``
    (gh,) and ``columns`` (gw,) are the top and left edges of the windows in pixels: those of the finest grid that is
    complete after ``step`` of ``of`` windows. ``window`` is the side of a window, ``size`` is (H,W).
    """

    step: int
    of: int
    answers: Tensor
    whole: Tensor
    rows: Tensor
    columns: Tensor
    window: int
    size: tuple[int, int]

    def map(self, target: Target) -> OcclusionMap:
        """Occlusion's map of one class from these answers, as far as they are complete."""
        count = len(self.rows) * len(self.columns)
        score = float(value(self.whole[None], target)[0])
        drop = score - value(self.answers.flatten(0, 1), target).view(self.answers.shape[:2])  # (gh*gw,) -> (gh,gw)
        done = torch.ones(self.answers.shape[:2], dtype=torch.bool)
        edges = self.rows, self.columns, self.window, self.size
        return OcclusionMap(count, count, drop, self.answers.argmax(2), done, score, *edges)


def window_answers(clf: Classifier, image: Tensor, params: Occlusion) -> Iterator[WindowAnswers]:
    """f(I with a window covered) for all classes, for a window at every position of a grid, from coarse to fine.

    ``image`` (C,H,W) in [0,1]. Every estimate holds a complete grid over the whole picture, at first of at most
    ``FIRST_WINDOWS`` windows, whose spacing halves until it is ``params.stride``; ``of`` is the number of windows.
    Errors and source are those of :func:`vizcore.techniques.occlusion.occlude`.
    """
    clf.check_image(image)
    grid(clf, params)
    return _estimates(clf, image.clone(), params)


def _estimates(clf: Classifier, image: Tensor, params: Occlusion) -> Iterator[WindowAnswers]:
    rows, columns = grid(clf, params)
    size = clf.preprocess.size
    whole = clf.all_scores(image[None], params.output)[0]
    found = torch.zeros(len(rows), len(columns), len(whole))
    step, known = 0, list[tuple[list[int], list[int]]]()
    for level, cells, answers, complete in answered(clf, image, params):
        found[tuple(torch.tensor(cells).T)] = answers.to(found)
        step += len(cells)
        if complete:
            known = [(level.rows, level.columns)]
        for down, right in known:  # none before the first level is complete
            part = found[down][:, right].clone()  # (gh,gw,K) -> (a,b,K)
            edges = torch.tensor(rows)[down], torch.tensor(columns)[right]
            yield WindowAnswers(step, found[..., 0].numel(), part, whole.clone(), *edges, params.window, size)
