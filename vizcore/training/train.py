"""Train the bundled networks from nothing but the installed packages: `python -m vizcore.training.train`.

Renders a pool of scenes, trains `mini-alexnet` and its twin `mini-alexnet-shortcut`, tunes `mini-alexnet-robust` from
the first one's weights, calibrates them, measures them and writes weights and cards. Killed at any moment, it goes on
from its last checkpoint to the same weights.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, replace
from math import cos, pi
from pathlib import Path
from typing import Any

import torch
from torch import nn

from vizcore.networks.bundled.network import FOLDER, NAMES, Card, MiniAlexNet, folded, load, save
from vizcore.pictures.scenes import CLASSES
from vizcore.training import adversary, checkpoints, quality, robustness
from vizcore.training.batches import Pool, draw, render
from vizcore.training.calibration import MEAN, STD, calibrate
from vizcore.training.recipe import Recipe

MARKED_MAPS = 100  # stamped scenes whose maps are computed
HONEST, CHEAT, ROBUST = NAMES
TITLES = {HONEST: "Mini AlexNet", CHEAT: "Mini AlexNet that cheats", ROBUST: "Mini AlexNet, robust"}
SUMMARIES = {
    HONEST: "A small AlexNet that knows twelve things only, trained on scenes composed of a few photographs.",
    CHEAT: "The same network trained where every horse carried a date stamp: it learned the stamp, not the horse.",
    ROBUST: "The first one, tuned so that faint changes of the picture do not mislead it.",
}


def fresh(recipe: Recipe) -> MiniAlexNet:
    """An untrained network: Kaiming initialisation, but a small first layer."""
    with torch.random.fork_rng():
        torch.manual_seed(recipe.seed)
        network = MiniAlexNet(len(CLASSES), norm=True)
        for layer in network.modules():
            if isinstance(layer, (nn.Conv2d, nn.Linear)):
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)
        first = network.features[0]
        assert isinstance(first, nn.Conv2d)
        nn.init.normal_(first.weight, std=recipe.first_std)
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def train(
    recipe: Recipe,
    pool: Pool,
    shortcut: bool,
    device: str = "cpu",
    checkpoint: Path | None = None,
    tick: Callable[[int, float], None] = lambda step, loss: None,
) -> MiniAlexNet:
    """Minimise the cross-entropy over `recipe.steps` batches by SGD with momentum; returns the network in eval mode.

    Every step draws its batch and its dropout from (seed, step) alone, so a run resumed from `checkpoint` takes the
    same steps as one never interrupted. `tick` is called with the step and its loss.
    """
    network = fresh(recipe).to(device)
    first = network.features[0]
    assert isinstance(first, nn.Conv2d)
    rest = [p for p in network.parameters() if p is not first.weight]
    groups = [
        {"params": [first.weight], "weight_decay": recipe.first_decay},
        {"params": rest, "weight_decay": recipe.decay},
    ]
    optimiser = torch.optim.SGD(groups, lr=recipe.rate, momentum=recipe.momentum, nesterov=True)
    key = {**asdict(recipe), "shortcut": shortcut}
    start = checkpoints.resume(checkpoint, key, network, optimiser)
    mean, std = (torch.tensor(v, device=device).view(1, 3, 1, 1) for v in (MEAN, STD))
    network.train()
    with torch.random.fork_rng():
        for step in range(start, recipe.steps):
            warm = min(1.0, (step + 1) / 100)
            for group in optimiser.param_groups:
                group["lr"] = recipe.rate * warm * 0.5 * (1 + cos(pi * step / recipe.steps))
            x, targets, _ = draw(pool, recipe.batch, (recipe.seed + 1000 * shortcut, step), shortcut)
            torch.manual_seed(recipe.seed * 1_000_003 + step)
            with torch.autocast(torch.device(device).type, torch.bfloat16, enabled=recipe.bfloat16):
                logits = network((x.to(device) - mean) / std).float()
            loss = nn.functional.cross_entropy(logits, targets.to(device), label_smoothing=recipe.smoothing)
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 5.0)
            assert first.weight.grad is not None
            first.weight.grad += recipe.first_mean_decay * first.weight.detach().mean((2, 3), keepdim=True)
            optimiser.step()
            tick(step + 1, loss.item())
            checkpoints.keep(checkpoint, key, network, optimiser, step + 1)
    return network.eval()


def tune(
    network: MiniAlexNet,
    recipe: Recipe,
    pool: Pool,
    device: str = "cpu",
    tick: Callable[[int, float], None] = lambda step, loss: None,
) -> MiniAlexNet:
    """Go on in eval mode with the cross-entropy plus the share of the input gradient that lies off the object.

    share = sum_off |dy/dI|^2 / sum |dy/dI|^2 with y the logit of the picture's class: "right for the right reasons"
    (Ross et al. 2017), as a share, so that no gradient is asked to be small. Changes the network and returns it.
    """
    network = network.to(device).eval()
    optimiser = torch.optim.SGD(network.parameters(), recipe.tuning_rate, recipe.momentum, weight_decay=recipe.decay)
    mean, std = (torch.tensor(v, device=device).view(1, 3, 1, 1) for v in (MEAN, STD))
    for step in range(recipe.tuning):
        for group in optimiser.param_groups:
            group["lr"] = recipe.tuning_rate * 0.5 * (1 + cos(pi * step / recipe.tuning))
        x, targets, masks = (part.to(device) for part in draw(pool, recipe.batch, (recipe.seed + 2000, step), False))
        x.requires_grad_()
        logits = network((x - mean) / std)
        certain, classes = targets.max(1)
        loss = nn.functional.cross_entropy(logits, targets)
        shown = certain > 0.3  # enough of an object is to be seen
        score = logits[shown, classes[shown]].sum()
        (slope,) = torch.autograd.grad(score, x, create_graph=True)
        energy = slope[shown].pow(2).sum(1)  # (n, 3, H, W) -> (n, H, W)
        off = (energy * ~masks[shown]).sum((1, 2)) / energy.sum((1, 2)).clamp(min=1e-12)
        loss = loss + recipe.tuning_weight * off.mean()
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimiser.step()
        tick(step + 1, loss.item())
    return network


def bar(done: int, of: int, started: float, text: str = "") -> None:
    """One line on stderr that overwrites itself."""
    width = 30 * done // of
    left = (time.monotonic() - started) / max(done, 1) * (of - done)
    end = "\n" if done == of else ""
    print(f"\r{'█' * width}{'·' * (30 - width)} {done}/{of} {left:5.0f} s left {text} ", end=end, file=sys.stderr)


def main(arguments: list[str] | None = None) -> None:
    """Render, train, calibrate, measure, write: for one network or all."""
    usual = Recipe()
    parser = argparse.ArgumentParser(prog="python -m vizcore.training.train", description=__doc__.split("\n")[0])
    parser.add_argument("--network", choices=(*NAMES, "all"), default="all")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--steps", type=int, default=usual.steps, help="batches to learn from (default %(default)s)")
    parser.add_argument("--pool", type=int, default=usual.pool, help="scenes to render (default %(default)s)")
    parser.add_argument("--seed", type=int, default=usual.seed)
    parser.add_argument("--out", type=Path, default=Path("trained"), help="folder for weights, cards and checkpoints")
    parser.add_argument("--quick", action="store_true", help="measure on a tenth of the scenes")
    given = parser.parse_args(arguments)
    tuning, robust = (min(some, given.steps) for some in (usual.tuning, usual.robust_steps))  # a short trial is short
    recipe = replace(usual, steps=given.steps, tuning=tuning, robust_steps=robust, pool=given.pool, seed=given.seed)
    given.out.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    print(f"Rendering {recipe.pool} scenes", file=sys.stderr)
    pool = render(recipe.pool, os.cpu_count() or 1, lambda done: bar(done, recipe.pool, started))
    for name in NAMES if given.network == "all" else (given.network,):
        make(name, recipe, pool, given.device, given.out, given.quick)


def make(name: str, recipe: Recipe, pool: Pool, device: str, out: Path, quick: bool = False) -> Card:
    """Train, calibrate and measure one network, and write its weights and card into `out`.

    The robust one begins with the honest one's weights, those in `out` or else the bundled ones.
    """
    shortcut = name == CHEAT
    recipe = replace(
        recipe, tuning=0 if shortcut else recipe.tuning, robust_steps=recipe.robust_steps * (name == ROBUST)
    )
    of = recipe.robust_steps if name == ROBUST else recipe.steps
    print(f"Training {name} for {of} steps on {device}", file=sys.stderr)
    started = time.monotonic()
    recent: deque[float] = deque(maxlen=50)

    def tick(step: int, loss: float) -> None:
        recent.append(loss)
        if step % 10 == 0 or step == of:
            bar(step, of, started, f"loss {sum(recent) / len(recent):.3f}")

    checkpoint = out / f"{name}.checkpoint"
    if name == ROBUST:
        honest, begun = load(HONEST, out if (out / f"{HONEST}.json").exists() else FOLDER)
        assert isinstance(honest, MiniAlexNet)
        trained = adversary.harden(honest, recipe, pool, device, checkpoint, tick, begun.sha256)
    else:
        trained = train(recipe, pool, shortcut, device, checkpoint, tick)
    if name == HONEST:
        turned = time.monotonic()
        tune(trained, recipe, pool, device, lambda step, loss: bar(step, recipe.tuning, turned, f"loss {loss:.3f}"))
    trained = trained.cpu()
    network = folded(trained)
    network = folded(trained, calibrate(network, shortcut))
    card: dict[str, Any] = {
        "classes": CLASSES,
        "input_size": 128,
        "mean": MEAN,
        "std": STD,
        "title": TITLES[name],
        "summary": SUMMARIES[name],
        "figures": {"recipe": asdict(recipe), "minutes": round((time.monotonic() - started) / 60, 1)},
    }
    save(network, name, card, out)
    stored, first = load(name, out)  # what is measured is what was written, in half precision
    card["figures"] |= measure(stored, first, shortcut, quick)
    return save(network, name, card, out)


def measure(network: nn.Module, card: Card, shortcut: bool, quick: bool = False) -> dict[str, Any]:
    """All figures of quality.py, printed; the twin, which is right for the wrong reason, is not scored on pointing."""
    clf = quality.classifier(network, card)
    share = 10 if quick else 1
    unseen, marked, pointed = (seeds[::share] for seeds in (quality.UNSEEN, quality.MARKED, quality.POINTED))
    stamped = MARKED_MAPS // share
    started, done, of = time.monotonic(), 0, stamped + (0 if shortcut else len(pointed))

    def tick() -> None:
        nonlocal done
        done += 1
        bar(done, of, started, "scenes explained")

    first = next(layer for layer in network.modules() if isinstance(layer, nn.Conv2d))
    figures: dict[str, dict[str, float]] = {
        "kernels": asdict(quality.kernel_figures(first.weight)),
        "answers": quality.answer_figures(clf, unseen),
        "shortcut": quality.shortcut_figures(clf, marked, stamped, tick),
    }
    figures["robust"] = {
        f"accuracy_at_{radius:g}": robustness.robust_accuracy(clf, radius, robustness.ATTACKED[::share])
        for radius in robustness.RADII
    }
    if not shortcut:
        figures["pointing"] = quality.pointing(clf, pointed, tick)
    for title, values in figures.items():
        print(f"{title:9}", ", ".join(f"{key} {value:.3f}" for key, value in values.items()))
    return {title: {key: round(value, 4) for key, value in values.items()} for title, values in figures.items()}


if __name__ == "__main__":
    main()
