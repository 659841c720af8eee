"""Occlusion beside Captum: CPU time on one thread of ours, Captum and the bare forward passes, in one run.

    python -m benchmarks.occlusion --networks squeezenet1_0 vgg16 --window 32 --stride 8 --repeats 5

All ask the same network about the same picture and the same windows, filled with grey, and take turns within each
repeat; the median over the repeats is given. Ours includes keeping the activations and every estimate on the way.
Captum runs at the fastest of 1, 8 and 16 windows at once, on the network as torchvision makes it and, in brackets, on
the channels-last copy that ours uses. The bare passes are channels-last batches of the size that ours uses, of pictures
made beforehand. Memory is the growth of the peak of a fresh process in which one of them runs alone. Networks without
weights on disk get random ones: the same arithmetic.
"""

from __future__ import annotations

import argparse
import copy
import os
import platform
import resource
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is loaded

import captum
import torch
from captum.attr import Occlusion as CaptumOcclusion
from PIL import Image
from skimage.data import cat
from torch import Tensor, nn

from vizcore import zoo
from vizcore.bundled import network
from vizcore.classifier import Classifier, Preprocess, load
from vizcore.occlusion import Occlusion, occlude, occluded, passes
from vizcore.run import Run


def classifier(name: str) -> Classifier:
    """The network with its own weights where they are on disk, else with random ones of a sensible size."""
    if name in network.NAMES or zoo.entry(name).on_disk:
        return load(name, device="cpu")
    options = {"aux_logits": False, "transform_input": True, "init_weights": False} if name == "googlenet" else {}
    torch.manual_seed(0)
    module: nn.Module = getattr(zoo.torchvision_models(), name)(weights=None, **options)
    for layer in module.modules():
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            nn.init.kaiming_normal_(layer.weight)
    preprocess = Preprocess(size=(224, 224), mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225), resize=256)
    return Classifier(module, preprocess, [str(k) for k in range(1000)], name=name, device="cpu")


def ours(clf: Classifier, image: Tensor, target: int, params: Occlusion) -> Tensor:
    """(H,W) heat of the last of all estimates."""
    return Run(occlude(clf, image, target, params)).finish().heat()


def captums(module: nn.Module, clf: Classifier, image: Tensor, target: int, params: Occlusion, at_once: int) -> Tensor:
    """(H,W) Captum's attribution of the logit, on the module alone, normalised beforehand."""
    z, grey = clf.normalise(image[None]), clf.normalise(torch.full_like(image[None], 0.5))
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found: Tensor = CaptumOcclusion(module).attribute(
            z,
            sliding_window_shapes=(image.shape[0], params.window, params.window),
            strides=(image.shape[0], params.stride, params.stride),
            baselines=grey,
            target=target,
            perturbations_per_eval=at_once,
        )
    return found[0, 0]


def bare(clf: Classifier, batch: Tensor, count: int) -> None:
    """``count`` forward passes of ``batch`` (n,C,H,W), normalised and channels-last, and nothing else."""
    with torch.no_grad():
        for done in range(0, count, len(batch)):
            clf.logits_of_input(batch[: count - done])


def seconds(work: Callable[[], object]) -> float:
    """CPU time of one call."""
    begun = time.process_time()
    work()
    return time.process_time() - begun


def tasks(name: str, picture: Image.Image, params: Occlusion) -> dict[str, Callable[[], Tensor | None]]:
    """What is timed, by name; Captum's batch size is chosen here."""
    clf = classifier(name)
    image = clf.pixels(picture)
    target = clf.top(image)[0][0]
    covered = occluded(clf, image, params, 0, 0)
    batch = clf.normalise(covered.repeat(clf.batch_size, 1, 1, 1)).contiguous(memory_format=torch.channels_last)
    plain = copy.deepcopy(clf.module).to(memory_format=torch.contiguous_format)
    found: dict[str, Callable[[], Tensor | None]] = {"ours": lambda: ours(clf, image, target, params)}
    quarter = clf.input_shape[1] // 4
    trial = Occlusion(window=quarter, stride=quarter)  # sixteen windows
    for key, module in (("captum", plain), ("captum, channels-last", clf.module)):
        ask = partial(captums, module, clf, image, target)
        ask(trial, 1)
        took = {at_once: seconds(partial(ask, trial, at_once)) for at_once in (1, 8, 16)}
        fastest = min(took, key=took.__getitem__)
        found[f"{key} ({fastest})"] = partial(ask, params, fastest)
    found["bare"] = lambda: bare(clf, batch, passes(clf, params))
    return found


def peak() -> float:
    """Largest memory of this process so far, in MiB."""
    status = Path("/proc/self/status")
    if status.exists():  # getrusage would count the parent's memory at the time of the fork, too
        return int(next(line for line in status.read_text().splitlines() if line.startswith("VmHWM")).split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def compare(name: str, picture: Image.Image, params: Occlusion, repeats: int) -> str:
    """One line of the table."""
    work = tasks(name, picture, params)
    keys = list(work)
    times: dict[str, list[float]] = {key: [] for key in keys}
    maps: dict[str, Tensor | None] = {}
    work["ours"]()  # warms up
    for _ in range(repeats):
        for key, task in work.items():  # interleaved, so that a busy moment does not hit one of them alone

            def run(key: str = key, task: Callable[[], Tensor | None] = task) -> None:
                maps[key] = task()

            times[key].append(seconds(run))
    mine, captum_, channels_last, passes_ = (median(times[key]) for key in keys)
    first, second = maps[keys[0]], maps[keys[1]]
    assert first is not None
    assert second is not None
    return (
        f"| {name} | {mine:.2f} | {captum_:.2f} ({channels_last:.2f}) | {passes_:.2f} | {captum_ / mine:.2f} "
        f"({channels_last / mine:.2f}) | {passes_ / mine:.2f} | {(first - second).abs().max():.0e} of "
        f"{first.abs().max():.2g} | {keys[1].split()[-1]} |"
    )


def memory(name: str, contender: int, given: argparse.Namespace) -> float:
    """MiB by which the peak of a fresh process grows while one contender runs alone."""
    command = [sys.executable, "-m", "benchmarks.occlusion", "--networks", name, "--alone", str(contender)]
    command += ["--window", str(given.window), "--stride", str(given.stride)]
    if given.picture:
        command += ["--picture", str(given.picture)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def alone(name: str, picture: Image.Image, params: Occlusion, contender: int) -> float:
    """What :func:`memory` measures, in the fresh process itself."""
    clf = classifier(name)
    image, before = clf.pixels(picture), peak()
    if Path("/proc/self/clear_refs").exists():  # what loading needed at its worst does not count
        Path("/proc/self/clear_refs").write_text("5")
        before = peak()
    if contender == 0:
        ours(clf, image, 0, params)
    else:
        captums(clf.module, clf, image, 0, params, 8)
    return peak() - before


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", nargs="+", default=["mini-alexnet", "squeezenet1_0"])
    parser.add_argument("--window", type=int, default=32)
    parser.add_argument("--stride", type=int, default=8)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--picture", type=Path, help="a picture file; scikit-image's cat unless given")
    parser.add_argument("--alone", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    torch.set_num_threads(1)
    picture = Image.open(given.picture) if given.picture else Image.fromarray(cat())
    params = Occlusion(window=given.window, stride=given.stride, output="logit")
    if given.alone is not None:
        print(alone(given.networks[0], picture, params, given.alone))
        return
    print(
        f"{platform.machine()}, {platform.system()}, one thread; torch {torch.__version__}, "
        f"captum {captum.__version__}; window {given.window}, stride {given.stride}, median of {given.repeats}; "
        "CPU seconds, MiB.\n"
    )
    print(
        "| network | ours | Captum (channels-last) | bare passes | Captum / ours (channels-last) | bare / ours | "
        "largest difference | at once | memory, ours | memory, Captum |"
    )
    print("|" + "---|" * 10)
    for name in given.networks:
        line = compare(name, picture, params, given.repeats)
        print(f"{line} {memory(name, 0, given):.0f} | {memory(name, 1, given):.0f} |", flush=True)


if __name__ == "__main__":
    main()
