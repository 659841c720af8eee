"""The five techniques as on the blackboard: one function each, as the formula says it, however long that takes.

Read this first. The rest of the engine computes the same arrays faster and estimate by estimate, and the tests hold it
to these functions. ``y`` is any differentiable function from pictures (N,C,H,W) to the score (N,) of one class;
the one picture I0 that is explained is ``image`` (C,H,W) in [0,1]. What is random is drawn beforehand and passed in.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import product

import torch
from torch import Tensor, nn

Score = Callable[[Tensor], Tensor]  # (N,C,H,W) -> (N,)


def filters(network: nn.Module) -> Tensor:
    """RGB_i = 1/2 + w_i / (2 max |w_i|), for each kernel w_i of the first convolution; mid-grey is a weight of zero.

    ``network`` may be that convolution itself: the first that a network defines need not be the first that runs.
    A kernel of nothing but zeros has no picture (0/0).
    Krizhevsky et al. 2012, section 6.1 and figure 3.
    """
    first = next(layer for layer in network.modules() if isinstance(layer, nn.Conv2d))
    w = first.weight.detach()  # (n,3,kh,kw)
    largest = w.abs().amax(dim=(1, 2, 3), keepdim=True)  # (n,1,1,1)
    pictures = 0.5 + w / (2 * largest)  # (n,3,kh,kw) in [0,1]
    return pictures.permute(0, 2, 3, 1)  # (n,kh,kw,3)


def maximize(y: Score, start: Tensor, lambda_: float, step_size: float, steps: int) -> Tensor:
    """I* = argmax_I y(I) - lambda ||I||^2, climbed by Adam from ``start`` (C,H,W) with steps that shrink to nothing.

    I and ``start`` are the network's zero-centred input, ||I||^2 is its sum of squares, and ``y`` takes such inputs.
    Simonyan et al. 2014, section 2, who do not say how they climb. Adam: Kingma & Ba 2015, algorithm 1, here with an
    epsilon relative to the largest gradient, since those of a probability are often tiny.
    """

    def objective(z: Tensor) -> Tensor:
        return y(z) - lambda_ * z.square().sum(dim=(1, 2, 3))  # (1,C,H,W) -> (1,)

    z, m, v = start, torch.zeros_like(start), torch.zeros_like(start)  # (C,H,W) each
    for t in range(1, steps + 1):
        g = gradient(objective, z)  # (C,H,W)
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2  # the means of g and of its square
        mean, root = m / (1 - 0.9**t), (v / (1 - 0.999**t)).sqrt()
        size = step_size * (1 + math.cos(math.pi * (t - 1) / steps)) / 2
        z = z + size * mean / (root + 1e-8 * root.max() + 1e-30)
    return z  # (C,H,W)


def gradient(y: Score, image: Tensor) -> Tensor:
    """w = dy/dI at I0: how much the score changes with each pixel and channel; y(I) ~ y(I0) + w . (I - I0).

    Simonyan et al. 2014, section 3; their map is max_c |w_c|.
    """
    x = image[None].clone().requires_grad_()  # (1,C,H,W)
    (w,) = torch.autograd.grad(y(x).sum(), x)  # (1,C,H,W)
    return w[0]  # (C,H,W)


def smoothgrad(y: Score, image: Tensor, noise: float, normal: Tensor) -> Tensor:
    """m = 1/n sum_k dy/dI at I0 + sigma e_k, with e_k ~ N(0,1) and sigma = noise * (max I0 - min I0).

    ``normal`` (n,C,H,W) holds the e_k. The gradients are averaged with their signs.
    Smilkov et al. 2017, section 3.
    """
    sigma = noise * (image.max() - image.min())  # ()
    gradients = [gradient(y, image + sigma * e) for e in normal]  # n times (C,H,W)
    return torch.stack(gradients).mean(dim=0)  # (n,C,H,W) -> (C,H,W)


def occlusion(y: Score, image: Tensor, window: int, stride: int, fill: Tensor) -> tuple[Tensor, Tensor]:
    """d(r,c) = y(I0) - y((1 - M) I0 + M F), where M is 1 in the square at (r,c) and 0 elsewhere.

    heat(p) = mean of d over the squares that cover p. ``fill`` F (C,H,W). The last squares end at the picture's edge.
    Returns d (gh,gw) and heat (H,W). Zeiler & Fergus 2014, section 4.2, who show y itself and not its drop d.
    """
    _, height, width = image.shape
    rows = [*range(0, height - window, stride), height - window]  # gh top edges
    columns = [*range(0, width - window, stride), width - window]  # gw left edges
    drop = torch.zeros(len(rows), len(columns))  # (gh,gw)
    total, count = torch.zeros(2, height, width)  # (H,W) each
    for (r, top), (c, left) in product(enumerate(rows), enumerate(columns)):
        mask = torch.zeros(height, width)  # (H,W)
        mask[top : top + window, left : left + window] = 1
        covered = (1 - mask) * image + mask * fill  # (C,H,W)
        drop[r, c] = (y(image[None]) - y(covered[None])).item()  # (1,) -> a number
        total, count = total + mask * drop[r, c], count + mask  # (H,W) each
    return drop, total / count.clamp(min=1)  # (gh,gw), (H,W)


def adaline(x: Tensor, scores: Tensor, c: Tensor, eta: float, epochs: int, alpha: float) -> tuple[Tensor, Tensor]:
    """w <- w + eta * (mean of e x - alpha / sum c * w), b <- b + eta * mean of e, with e_k = y_k - w . x_k - b.

    This leads to argmin sum_k c_k e_k^2 + alpha ||w||^2. ``x`` (n,l), ``scores`` y (n,), ``eta`` the learning rate;
    ``c`` (n,) >= 0 are the samples' weights in the means, all 1 in the plain rule. Returns w (l,) and b ().
    Widrow & Hoff 1960, who step sample by sample and on +-1; x in {0,1} is centred, or training would take far longer.
    """
    x, c = x.double(), c.double()  # (n,l), (n,)
    share = c / c.sum()  # (n,)
    middle = share @ x  # (l,)
    x = x - middle  # (n,l)
    w, b = torch.zeros(x.shape[1]).double(), torch.zeros(()).double()  # (l,), ()
    for _ in range(epochs):
        e = scores - x @ w - b  # (n,)
        w = w + eta * ((share * e) @ x - alpha / c.sum() * w)  # (l,)
        b = b + eta * share @ e  # ()
    return w, b - w @ middle  # (l,), ()


def lime(
    y: Score, image: Tensor, segments: Tensor, fill: Tensor, x: Tensor, c: Tensor, eta: float, epochs: int, alpha: float
) -> tuple[Tensor, Tensor]:
    """w, b = argmin sum_k c_k (y(I_k) - w . x_k - b)^2 + alpha ||w||^2: w_i is what superpixel i is worth to the score.

    I_k shows I0 where superpixel i is on, x_ki = 1, and ``fill`` F (C,H,W) where it is off. ``segments`` (H,W) numbers
    the superpixels 0..l-1; ``x`` (n,l) in {0,1}; ``c`` (n,) is how near I_k is to I0. Returns w (l,) and b ().
    Ribeiro et al. 2016, section 3, with ADALINE as the linear model and without their selection of superpixels.
    """
    scores = []
    for on in x.bool():  # (l,)
        picture = torch.where(on[segments], image, fill)  # (l,) -> (H,W) -> (C,H,W)
        scores.append(y(picture[None]).item())  # (1,) -> a number
    return adaline(x, torch.tensor(scores), c, eta, epochs, alpha)  # scores (n,)
