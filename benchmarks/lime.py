"""LIME beside its peers: CPU time on one thread of ours, lime, Captum and the bare forward passes, in one run.

    python -m benchmarks.lime --networks mini-alexnet squeezenet1_0 --samples 500 --repeats 5

All four ask the same network about the same picture, superpixels and number of sub-images; they take turns within each
repeat and are given as the median over the repeats. Ours includes cutting the superpixels, drawing, and every estimate
on the way; lime and Captum are handed the superpixels. The bare passes are channels-last batches of the size that ours
uses, of sub-images made beforehand. Captum runs at the faster of one and eight sub-images at once. All fill with 0.5.
Start it as a module, as above: as a script it would hide the package lime behind its own name.
"""

from __future__ import annotations

import argparse
import io
import os
import platform
import random
import time
from collections.abc import Callable
from contextlib import redirect_stderr
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from statistics import median

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before numpy and torch are loaded

import captum
import numpy as np
import torch
from captum.attr import Lime as CaptumLime
from lime.lime_image import LimeImageExplainer
from PIL import Image
from skimage.data import cat
from torch import Tensor

from vizcore.classifier import Classifier, load
from vizcore.lime import Lime, LimeMap, explain
from vizcore.run import Run


def ours(clf: Classifier, image: Tensor, target: int, params: Lime) -> LimeMap:
    """The last of all estimates, superpixels included."""
    return Run(explain(clf, image, target, params)).finish()


def theirs(clf: Classifier, image: Tensor, target: int, segments: Tensor, samples: int) -> np.ndarray:
    """Weights (l,) of the lime package, asked in batches of the size that ours uses."""
    picture = image.permute(1, 2, 0).double().numpy()  # (C,H,W) -> (H,W,C)

    def ask(pictures: np.ndarray) -> np.ndarray:
        batch = torch.from_numpy(pictures).permute(0, 3, 1, 2).float()  # (n,H,W,C) -> (n,C,H,W), channels-last
        with torch.no_grad():
            answer: np.ndarray = clf.logits(batch).softmax(1).cpu().numpy()
        return answer

    with redirect_stderr(io.StringIO()):  # its progress bar
        found = LimeImageExplainer(random_state=0).explain_instance(
            picture,
            ask,
            labels=(target,),
            top_labels=None,
            hide_color=0.5,
            num_samples=samples,
            batch_size=clf.batch_size,
            segmentation_fn=lambda _: segments.numpy(),
        )
    weights = np.zeros(int(segments.max()) + 1)
    for number, weight in found.local_exp[target]:
        weights[number] = weight
    return weights


def captums(clf: Classifier, image: Tensor, target: int, segments: Tensor, samples: int, at_once: int) -> Tensor:
    """Captum's attribution (1,C,H,W), with its default linear model and kernel."""

    def probabilities(x: Tensor) -> Tensor:
        with torch.no_grad():
            return clf.logits(x).softmax(1)

    found: Tensor = CaptumLime(probabilities).attribute(
        image[None],
        baselines=0.5,
        target=target,
        feature_mask=segments[None, None],
        n_samples=samples,
        perturbations_per_eval=at_once,
    )
    return found


def bare(clf: Classifier, batch: Tensor, samples: int) -> None:
    """``samples`` forward passes of ``batch`` (n,C,H,W), normalised and channels-last, and nothing else."""
    with torch.no_grad():
        for done in range(0, samples, len(batch)):
            clf.logits_of_input(batch[: samples - done])


def seconds(work: Callable[[], object]) -> float:
    """CPU time of one call."""
    begun = time.process_time()
    work()
    return time.process_time() - begun


def reseed() -> None:
    """Captum draws from the global generators: the same samples in every repeat."""
    torch.manual_seed(0)
    np.random.seed(0)
    random.seed(0)


def compare(name: str, picture: Image.Image, params: Lime, repeats: int) -> str:
    """One line of the table: median CPU seconds of each, and how many times as long as ours the others take."""
    clf = load(name, device="cpu")
    image = clf.pixels(picture)
    target = clf.top(image)[0][0]
    result = ours(clf, image, target, params)  # warms up, too
    segments, samples = result.segments, params.samples
    first = seconds(lambda: next(explain(clf, image, target, params)))
    refit = replace(params, alpha=10.0)
    again = seconds(lambda: list(explain(clf, image, target, refit, samples=result.samples)))
    batch = clf.normalise(image.repeat(clf.batch_size, 1, 1, 1)).contiguous(memory_format=torch.channels_last)
    at_once = min((1, 8), key=lambda n: seconds(lambda: captums(clf, image, target, segments, 32, n)))
    tasks: dict[str, Callable[[], object]] = {
        "ours": lambda: ours(clf, image, target, params),
        "bare": lambda: bare(clf, batch, samples),
        "lime": lambda: theirs(clf, image, target, segments, samples),
        "captum": lambda: captums(clf, image, target, segments, samples, at_once),
    }
    times: dict[str, list[float]] = {key: [] for key in tasks}
    for _ in range(repeats):
        for key, task in tasks.items():  # interleaved, so that a busy moment does not hit one of them alone
            reseed()
            times[key].append(seconds(task))
    ridge = ours(clf, image, target, replace(params, model="ridge")).weights.numpy()
    agreement = np.corrcoef(ridge, theirs(clf, image, target, segments, samples))[0, 1]
    middle = {key: median(values) for key, values in times.items()}
    mine, passes = middle["ours"], middle["bare"]
    return (
        f"| {name} | {len(result.weights)} | {mine:.2f} | {passes:.2f} | {middle['lime']:.2f} | "
        f"{middle['captum']:.2f} ({at_once}) | {mine / passes:.3f} | {middle['lime'] / mine:.2f} | "
        f"{middle['captum'] / mine:.2f} | {first:.2f} | {again * 1000:.0f} | {agreement:.2f} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", nargs="+", default=["mini-alexnet", "squeezenet1_0"])
    parser.add_argument("--samples", type=int, default=500)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--picture", type=Path, help="a picture file; scikit-image's cat unless given")
    given = parser.parse_args()
    torch.set_num_threads(1)
    picture = Image.open(given.picture) if given.picture else Image.fromarray(cat())
    print(
        f"{platform.machine()}, {platform.system()}, one thread; torch {torch.__version__}, "
        f"captum {captum.__version__}, lime {version('lime')}; "
        f"{given.samples} samples, median of {given.repeats}; CPU seconds.\n"
    )
    print(
        "| network | superpixels | ours | bare passes | lime | Captum (at once) | ours / bare | lime / ours | "
        "Captum / ours | first estimate | refit, ms | correlation with lime |"
    )
    print("|" + "---|" * 12)
    for name in given.networks:
        print(compare(name, picture, Lime(samples=given.samples, fill="grey"), given.repeats), flush=True)


if __name__ == "__main__":
    main()
