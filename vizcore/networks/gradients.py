"""dy/dx of many pictures, in batches that fit into memory."""

from __future__ import annotations

import torch
from torch import Tensor

from vizcore import machine
from vizcore.acceleration import interface
from vizcore.networks.batches import in_batches
from vizcore.networks.classifier import Classifier, NetworkError
from vizcore.targets import Output, Target, pick

# Numbers that a backward pass may keep, 200 MB, where more pictures at once make it faster. Up to so many more while
# they are fewer than some times the kernels, which are read and laid out once for all of them, and fit into a share of
# the machine's memory.
_SMALL, _LARGE, _TIMES_KERNELS, _SHARE = 50_000_000, 220_000_000, 10, 8
_WORK = 96_000_000_000  # operations in one batch: each way back is about twice the way there, and quicker for its work

_QUICK = 8_000_000_000  # operations of a tenth of a second, before which nobody needs an estimate


def gradients(clf: Classifier, x: Tensor, target: Target, output: Output = "logit") -> tuple[Tensor, Tensor]:
    """dy_target/dx (N,C,H,W) per unit of the pixels, and y_target (N,), for pictures x (N,C,H,W); on the CPU.

    The pictures may leave [0,1]. Computed in batches that are halved for good when the device runs out of memory; the
    finished ones are kept. The weights get no gradient and the caller's grad mode stays as it was.
    """
    clf.check_target(target)

    def work(part: Tensor) -> tuple[Tensor, Tensor]:
        with torch.inference_mode(False):  # whose tensors know no gradient
            return _gradients(clf, part, target, output)

    grads, scores = zip(*in_batches(clf, x, work, lambda: gradient_batch(clf), 2 * clf.picture_bytes), strict=True)
    return (grads[0], scores[0]) if len(grads) == 1 else (torch.cat(grads), torch.cat(scores))


def gradients_at_once(clf: Classifier) -> int:
    """How many pictures to ask about at once to have their gradients fastest: a batch for each worker."""
    batch = gradient_batch(clf)
    return batch * interface.workers_for(clf.device, 2 * batch * clf.picture_bytes)


def first_gradients(clf: Classifier, few: int) -> int:
    """How many pictures to ask about for a first estimate: ``few``, or all that go at once where these are quick."""
    whole = gradients_at_once(clf)
    return whole if 0 < 3 * clf.work * whole <= _QUICK else min(few, whole)


def gradient_batch(clf: Classifier) -> int:
    """Pictures per backward pass: half of what a forward pass takes, since every layer's answer is kept for it.

    Up to all where those answers are known to be small: deep layers' weights are then read for more pictures at once.
    A pass has a bounded amount of work, as those of :mod:`~vizcore.networks.batches` have: others get their turn after.
    """
    half, kept, total = max(1, clf.batch_size // 2), clf.passes.kept, machine.total()
    room = _LARGE if total is None else total // _SHARE // 4  # bytes each
    most = max(_SMALL, min(_LARGE, _TIMES_KERNELS * clf.kernels, room))
    batch = max(half, min(clf.batch_size, most // kept)) if kept else half
    return max(1, min(batch, _WORK // (3 * clf.work))) if clf.work else batch


def no_gradient(title: str) -> str:
    """The sentence for a network whose score does not tell how it depends on the picture."""
    return (
        f"{title} has no gradient here: a part of it runs under torch.no_grad(), or does something that cannot be "
        "differentiated. Occlusion and LIME need no gradient."
    )


def _gradients(clf: Classifier, x: Tensor, target: Target, output: Output) -> tuple[Tensor, Tensor]:
    # Written once where it is used: pictures in large numbers take longer to copy than some networks to answer.
    z = torch.empty(x.shape, device=clf.device, dtype=clf.dtype, memory_format=clf.layout)
    torch.sub(x.detach().to(clf.device), clf.mean, out=z).div_(clf.std)
    with torch.enable_grad():  # also where the caller has switched gradients off
        score = pick(clf.logits_of_input(z.requires_grad_()), target, output, clf.squash)
        if not score.requires_grad:
            raise NetworkError(no_gradient(clf.title))
        (grad,) = torch.autograd.grad(score.sum(), z)  # of the pictures alone: each score depends on its own
    per_pixel = torch.div(grad, clf.std, out=torch.empty(grad.shape, device=clf.device))  # dz/dx = 1 / std
    return clf.finite(per_pixel.cpu()), score.detach().cpu()
