"""The textbook against closed forms, the engine against the textbook, and the scripts that show it, run as they stand.

The textbook asks the network's own module in plain torch, so that nothing which makes the engine fast is in it. What
the engine computes in single precision, shortcuts and all, is equal to it up to rounding; but a gradient jumps where
rounding decides, so that those are compared in double precision as well.
"""

from __future__ import annotations

import ast
import copy
import inspect
import itertools
import os
import runpy
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.linear_model import Ridge
from torch import Tensor

from tests.conftest import linear_classifier, random_picture
from vizcore import snippets, textbook
from vizcore.jobs.run import Run
from vizcore.networks.catalogue import load
from vizcore.networks.classifier import Classifier
from vizcore.pictures.scenes import scene
from vizcore.seeds import generator
from vizcore.targets import Contrast, Output, Target, pick
from vizcore.techniques import filters, lime, maximize, occlusion, saliency, subimages, superpixels
from vizcore.techniques.fill import filling
from vizcore.techniques.lime import Lime
from vizcore.techniques.maximize import START_NOISE, Maximisation
from vizcore.techniques.occlusion import Occlusion
from vizcore.techniques.saliency import Saliency, SmoothGrad
from vizcore.textbook import Score

ROOT = Path(__file__).parents[1]
FUNCTIONS = [function for _, function in inspect.getmembers(textbook, inspect.isfunction)]
OUTPUTS = get_args(Output)

Case = tuple[Classifier, Tensor, int]


@pytest.fixture(scope="module", params=["mini-alexnet", pytest.param("squeezenet1_0", marks=pytest.mark.squeezenet)])
def case(request: pytest.FixtureRequest) -> Case:
    """A network, a picture that it knows, and that picture's class."""
    if request.param == "mini-alexnet":
        clf, picture = request.getfixturevalue("bundled"), Image.fromarray(scene(34).picture)
    else:
        clf = request.getfixturevalue("squeezenet")
        picture = Image.open(request.getfixturevalue("photographs") / "n02504458_African_elephant.JPEG")
    image = clf.pixels(picture)
    return clf, image, clf.top(image)[0][0]


@pytest.fixture
def case_in_double(case: Case) -> Iterator[Case]:
    """The same with float64 for everything, in which the engine uses none of its shortcuts."""
    clf, image, target = case
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        twin = Classifier(copy.deepcopy(clf.module), clf.preprocess, clf.classes)
        twin.module.double()
        yield twin, image.double(), target
    finally:
        torch.set_default_dtype(before)


def score_of_input(clf: Classifier, target: Target, output: Output = "logit") -> Score:
    """y as a function of the zero-centred input, by the network's own module."""
    return lambda z: pick(clf.module(z), target, output)


def score(clf: Classifier, target: Target, output: Output = "logit") -> Score:
    """y as a function of the pixels."""
    y = score_of_input(clf, target, output)
    return lambda x: y((x - clf.mean) / clf.std)


def starting_noise(clf: Classifier, seed: int) -> Tensor:
    return START_NOISE * torch.randn(clf.input_shape, generator=torch.Generator().manual_seed(seed))


def normal_numbers(image: Tensor, params: SmoothGrad) -> Tensor:
    draws = [torch.randn(image.shape, generator=generator(params.seed, k)) for k in range(params.copies)]
    return torch.stack(draws)  # (n,C,H,W)


def close(found: Tensor, expected: Tensor, share: float) -> None:
    """No number is further off than ``share`` of the largest one."""
    assert found.shape == expected.shape
    assert float((found - expected).abs().max()) <= share * float(expected.abs().max())


def close_up_to_kinks(found: Tensor, expected: Tensor) -> None:
    """Equal but for a few pixels, by at most a hundredth of the whole.

    Where two inputs of a max pooling are equal but for rounding, or a ReLU's is nothing but rounding, the gradient may
    go either way. In photographs that is common, and then plain torch is no nearer to double precision either.
    """
    assert found.shape == expected.shape
    assert float((found - expected).norm()) <= 0.01 * float(expected.norm())


def weights_of(clf: Classifier, target: int) -> Tensor:
    weights = clf.module.weights
    assert isinstance(weights, Tensor)
    return weights[target] / clf.std[0]  # (C,H,W) per unit of pixel


# --- It is what it says it is.


def test_it_is_short_plain_torch() -> None:
    source = inspect.getsource(textbook)
    assert len(source.splitlines()) < 150
    imported = {node.module for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ImportFrom)}
    imported |= {
        name.name for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Import) for name in node.names
    }
    assert imported == {"__future__", "collections.abc", "itertools", "math", "torch"}


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.__name__)
def test_each_function_is_fifteen_lines_under_its_equation(function: Any) -> None:
    tree = ast.parse(inspect.getsource(function)).body[0]
    assert isinstance(tree, ast.FunctionDef)
    lines = inspect.getsource(function).splitlines()[tree.body[1].lineno - 1 :]
    assert len([line for line in lines if line.strip()]) <= 15
    assert " = " in (function.__doc__ or "").splitlines()[0] or "<-" in (function.__doc__ or "").splitlines()[0]
    assert any(year in function.__doc__ for year in ("1960", "2012", "2014", "2016", "2017"))


# --- The textbook against closed forms.


def test_maximize_ends_at_w_over_two_lambda() -> None:
    clf = linear_classifier(mean=0.4, std=0.25)
    found = textbook.maximize(score_of_input(clf, 1), starting_noise(clf, 0), lambda_=0.1, step_size=0.05, steps=300)
    expected = weights_of(clf, 1) * clf.std[0] / (2 * 0.1)  # per unit of the zero-centred input
    assert float((found - expected).norm() / expected.norm()) < 0.01


def test_maximize_takes_the_steps_of_adam() -> None:
    clf, z = linear_classifier(), starting_noise(linear_classifier(), 0)[None].requires_grad_()
    y, steps = score_of_input(clf, 2), 30
    found = textbook.maximize(y, z[0].detach(), lambda_=0.01, step_size=0.1, steps=steps)
    adam = torch.optim.Adam([z], 0.1, maximize=True)
    shrink = torch.optim.lr_scheduler.CosineAnnealingLR(adam, steps)
    for _ in range(steps):
        (z.grad,) = torch.autograd.grad(y(z).sum() - 0.01 * z.square().sum(), z)
        adam.step()
        shrink.step()
    torch.testing.assert_close(found, z.detach()[0], rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("noise", [0.0, 0.15, 0.5])
def test_gradient_and_smoothgrad_are_w_for_every_sigma(noise: float) -> None:
    clf = linear_classifier(mean=0.4, std=0.25)
    image = random_picture(clf)
    torch.testing.assert_close(textbook.gradient(score(clf, 1), image), weights_of(clf, 1))
    normal = normal_numbers(image, SmoothGrad(copies=4))
    torch.testing.assert_close(textbook.smoothgrad(score(clf, 1), image, noise, normal), weights_of(clf, 1))


def test_gradient_is_the_finite_difference_of_a_curved_score() -> None:
    clf = linear_classifier()
    clf.module.double()
    image, y = random_picture(clf).double(), score(clf, 0, "probability")
    found, step = textbook.gradient(y, image), 1e-5
    for at in [(0, 0, 0), (1, 5, 4), (2, 11, 9)]:
        moved = torch.zeros_like(image)
        moved[at] = step
        expected = (y((image + moved)[None]) - y((image - moved)[None])) / (2 * step)
        assert float(found[at]) == pytest.approx(float(expected), rel=1e-6)


@pytest.mark.parametrize("stride", [3, 4])
def test_occlusion_is_the_weighted_change_inside_each_square(stride: int) -> None:
    clf = linear_classifier(size=(11, 13), mean=0.4, std=0.25)
    image, fill = random_picture(clf), random_picture(clf, seed=2)
    drop, heat = textbook.occlusion(score(clf, 1), image, window=4, stride=stride, fill=fill)
    gain = (weights_of(clf, 1) * (image - fill)).sum(0)  # (C,H,W) -> (H,W)
    rows, columns = ([0, 3, 6, 7], [0, 3, 6, 9]) if stride == 3 else ([0, 4, 7], [0, 4, 8, 9])
    assert drop.shape == (len(rows), len(columns))
    over: dict[tuple[int, int], list[float]] = {}
    for (r, top), (c, left) in itertools.product(enumerate(rows), enumerate(columns)):
        expected = float(gain[top : top + 4, left : left + 4].sum())
        assert float(drop[r, c]) == pytest.approx(expected, abs=1e-5)
        for p in itertools.product(range(top, top + 4), range(left, left + 4)):
            over.setdefault(p, []).append(expected)
    for p in itertools.product(range(11), range(13)):
        assert float(heat[p]) == pytest.approx(np.mean(over[p]), abs=1e-5)


def test_occlusion_leaves_the_gaps_between_squares_at_zero() -> None:
    clf = linear_classifier()
    _, heat = textbook.occlusion(score(clf, 0), random_picture(clf), window=2, stride=5, fill=torch.zeros(3, 12, 10))
    assert bool((heat[2:5] == 0).all())
    assert bool((heat[:2, :2] != 0).all())


@pytest.mark.parametrize("alpha", [0.0, 1.0, 50.0])
@pytest.mark.parametrize("weighted", [False, True])
def test_adaline_comes_to_rest_at_weighted_least_squares_and_ridge(weighted: bool, alpha: float) -> None:
    draws = torch.Generator().manual_seed(3)
    x = torch.rand(120, 7, generator=draws) < 0.5
    scores = x.double() @ torch.randn(7, generator=draws).double() + 0.7 + torch.randn(120, generator=draws).double()
    c = 0.1 + torch.rand(120, generator=draws).double() if weighted else torch.ones(120)
    w, b = textbook.adaline(x, scores, c, eta=1.0, epochs=600, alpha=alpha)
    if alpha > 0:
        reference = Ridge(alpha=alpha).fit(x.numpy(), scores.numpy(), sample_weight=c.numpy())
        expected, bias = reference.coef_, float(reference.intercept_)
    else:
        design = torch.cat([x.double(), torch.ones(120, 1)], dim=1) * c.sqrt()[:, None]
        *expected, bias = np.linalg.lstsq(design.numpy(), (scores * c.sqrt()).numpy(), rcond=None)[0]
    np.testing.assert_allclose(w.numpy(), expected, rtol=1e-7, atol=1e-8)
    assert float(b) == pytest.approx(bias, abs=1e-8)


def test_lime_gives_each_superpixel_what_it_contributes() -> None:
    clf = linear_classifier(mean=0.4, std=0.25)
    image, fill = random_picture(clf), random_picture(clf, seed=2)
    segments = (torch.arange(12)[:, None] // 4) * 2 + torch.arange(10)[None] // 5  # (H,W) of 0..5
    x = subimages.draw(0, 100, 6)
    w, b = textbook.lime(score(clf, 1), image, segments, fill, x, torch.ones(100), eta=1.0, epochs=600, alpha=0.0)
    gain = (weights_of(clf, 1) * (image - fill)).sum(0)  # (C,H,W) -> (H,W)
    expected = torch.stack([gain[segments == i].sum() for i in range(6)])
    torch.testing.assert_close(w.float(), expected, rtol=1e-4, atol=1e-5)
    assert float(b) == pytest.approx(score(clf, 1)(fill[None]).item(), abs=1e-5)


# --- The engine against the textbook: the same array.


def test_filters(case: Case) -> None:
    clf, _, _ = case
    assert torch.equal(filters.rgb(filters.kernels(clf)), textbook.filters(clf.module))


@pytest.mark.parametrize("output", OUTPUTS)
def test_gradient(case: Case, output: Output) -> None:
    clf, image, target = case
    found = saliency.gradient(clf, image, target, Saliency(output)).gradient
    close_up_to_kinks(found, textbook.gradient(score(clf, target, output), image))


def test_gradient_in_double(case_in_double: Case) -> None:
    clf, image, target = case_in_double
    found = saliency.gradient(clf, image, target).gradient
    close(found, textbook.gradient(score(clf, target), image), 1e-9)


@pytest.mark.parametrize("output", OUTPUTS)
def test_smoothgrad(case: Case, output: Output) -> None:
    clf, image, target = case
    params = SmoothGrad(copies=6, noise=0.2, seed=3, output=output)
    found = Run(saliency.smoothgrad(clf, image, target, params)).finish().gradient
    expected = textbook.smoothgrad(score(clf, target, output), image, 0.2, normal_numbers(image, params))
    close_up_to_kinks(found, expected)


def test_smoothgrad_in_double(case_in_double: Case) -> None:
    clf, image, target = case_in_double
    params = SmoothGrad(copies=3, noise=0.2, seed=3)
    found = Run(saliency.smoothgrad(clf, image, target, params)).finish().gradient
    expected = textbook.smoothgrad(score(clf, target), image, 0.2, normal_numbers(image, params))
    close(found, expected.float(), 1e-6)  # the engine's mean is float32


@pytest.mark.parametrize("output", OUTPUTS)
def test_the_first_step_of_maximize(case: Case, output: Output) -> None:
    """And no further: Adam moves a pixel by a whole step however small its gradient is, so that each kink spreads."""
    clf, _, target = case
    y, visited = score_of_input(clf, target, output), []

    def recorded(z: Tensor) -> Tensor:
        visited.append(z.detach()[0])  # (1,C,H,W) -> (C,H,W)
        return y(z)

    textbook.maximize(recorded, starting_noise(clf, 3), lambda_=0.01, step_size=0.05, steps=2)
    params = Maximisation(steps=10, lambda_=0.01, seed=3, output=output)
    found = next(maximize.maximize(clf, target, params)).input
    assert float(((found - visited[1]).abs() > 1e-5).float().mean()) < 1e-3  # of the pixels go the other way


def test_maximize_in_double(case_in_double: Case) -> None:
    clf, _, target = case_in_double
    found = Run(maximize.maximize(clf, target, Maximisation(steps=10, lambda_=0.01, seed=3))).finish().input
    close(found, textbook.maximize(score_of_input(clf, target), starting_noise(clf, 3), 0.01, 0.05, 10), 1e-9)


@pytest.mark.parametrize(("output", "fill"), [("logit", "grey"), ("probability", "blur")])
def test_occlusion(case: Case, output: Output, fill: occlusion.Fill) -> None:
    clf, image, target = case
    side = image.shape[-1]
    params = Occlusion(window=side // 4, stride=side // 6, fill=fill, output=output)  # the last squares are shifted
    found = Run(occlusion.occlude(clf, image, target, params)).finish()
    paint = filling(clf, image, fill)
    drop, heat = textbook.occlusion(score(clf, target, output), image, params.window, params.stride, paint)
    close(found.drop, drop, 1e-4)
    close(found.heat(), heat, 1e-4)


@pytest.mark.parametrize(("output", "model"), [("logit", "adaline"), ("probability", "adaline"), ("logit", "ridge")])
def test_lime(case: Case, output: Output, model: lime.Model) -> None:
    clf, image, target = case
    params = Lime(samples=40, segments=12, seed=3, model=model, output=output)
    found = Run(lime.explain(clf, image, target, params)).finish()
    segments = superpixels.segment(image, params)
    fill, x = subimages.paint(clf, image, segments, "segment"), subimages.draw(3, 40, int(segments.max()) + 1, "pairs")
    c, epochs = (torch.ones(40), 200) if model == "adaline" else (lime.proximity(x), 5000)  # ridge: where it rests
    w, b = textbook.lime(score(clf, target, output), image, segments, fill, x, c, eta=0.5, epochs=epochs, alpha=1.0)
    close(found.weights, w, 1e-4)
    close(found.heat(), w[segments].float(), 1e-4)
    assert found.bias == pytest.approx(float(b), abs=1e-4 * float(w.abs().max()))


# --- The scripts that show it.

NETWORK = (f"from {load.__module__} import load", 'clf = load("mini-alexnet", device="cpu")')
PICTURE = (
    "from PIL import Image",
    f"from {scene.__module__} import scene",
    "picture = Image.fromarray(scene(34).picture)",
)
SETTINGS: list[tuple[str, snippets.Params | None, Target]] = [
    ("filters", None, 0),
    ("maximize", Maximisation(steps=10, lambda_=0.01, seed=3), 4),
    ("maximize", Maximisation(steps=10, start="grey", output="probability"), 4),
    ("maximize", Maximisation(steps=10, start="picture"), Contrast(0, 4)),
    ("gradient", Saliency("probability"), 0),
    ("gradient", None, Contrast(0, 9)),
    ("smoothgrad", SmoothGrad(copies=4, noise=0.2, seed=3), 0),
    ("occlusion", Occlusion(window=32, stride=28, fill="blur"), 0),
    ("occlusion", Occlusion(window=32, stride=40, output="logit"), Contrast(0, 9)),
    ("lime", Lime(samples=30, segments=9, seed=3, fill="grey", alpha=0.1, epochs=90), 0),
    ("lime", Lime(samples=30, segments=9, smoothing=2.0, model="ridge", learning_rate=10.0), Contrast(0, 9)),
    ("lime", Lime(samples=30, algorithm="felzenszwalb", scale=900.0, min_size=500, output="logit"), 9),
]


def computed(clf: Classifier, technique: str, params: Any, target: Target) -> dict[str, Tensor]:
    """The arrays that the engine gives, by the names that the script gives them."""
    image = clf.pixels(Image.fromarray(scene(34).picture))
    if technique == "filters":
        return {"pictures": filters.rgb(filters.kernels(clf))}
    if technique == "maximize":
        return {"z": Run(maximize.maximize(clf, target, params, image)).finish().input}
    if technique == "gradient":
        return {"w": saliency.gradient(clf, image, target, params).gradient}
    if technique == "smoothgrad":
        return {"w": Run(saliency.smoothgrad(clf, image, target, params)).finish().gradient}
    if technique == "occlusion":
        result = Run(occlusion.occlude(clf, image, target, params)).finish()
        return {"drop": result.drop, "heat": result.heat()}
    fitted = Run(lime.explain(clf, image, target, params)).finish()
    return {"w": fitted.weights, "b": torch.tensor(fitted.bias).double(), "heat": fitted.heat().double()}


@pytest.mark.parametrize(("technique", "params", "target"), SETTINGS)
def test_the_script_runs_as_it_stands(
    bundled: Classifier, tmp_path: Path, technique: str, params: snippets.Params | None, target: Target
) -> None:
    script = tmp_path / "script.py"
    script.write_text(snippets.snippet(technique, params, target, network=NETWORK, picture=PICTURE), encoding="utf-8")
    found = runpy.run_path(str(script))
    for name, expected in computed(bundled, technique, params, target).items():
        if technique == "maximize":  # a kink that is passed on the other side is carried on by the next steps
            close_up_to_kinks(found[name], expected)
        else:
            close(found[name], expected, 1e-4)


@pytest.mark.parametrize("technique", snippets.PARAMS)
def test_the_script_shows_the_tested_function_and_nothing_that_it_does_not_need(technique: str) -> None:
    script = snippets.snippet(technique)
    assert inspect.getsource(getattr(textbook, technique)) in script
    assert script.count("import load\n") == script.count("\nclf = ") == 1
    assert ("picture.png" in script) == (technique not in ("filters", "maximize"))
    assert max(map(len, script.splitlines())) <= 120
    ruff = [sys.executable, "-m", "ruff", "check", "--quiet", "--config", str(ROOT / "pyproject.toml"), "-"]
    done = subprocess.run(ruff, input=script, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_script_is_all_that_a_reader_needs(tmp_path: Path) -> None:
    """In a folder and a process of its own, with the picture that it asks for."""
    Image.fromarray(scene(34).picture).save(tmp_path / "picture.png")
    (tmp_path / "script.py").write_text(
        snippets.snippet("occlusion", Occlusion(window=48, stride=40)) + "print(heat.shape)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "script.py"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "torch.Size([128, 128])\n"), done.stderr


def test_the_script_names_what_it_leaves_out_and_another_layer() -> None:
    script = snippets.snippet("maximize", Maximisation(jitter=2, variation=1e-3))
    assert "# Left out, as additions to the formula: jitter, variation." in script
    assert "Left out" not in snippets.snippet("maximize")
    script = snippets.snippet("maximize", Maximisation(jitter=2, turn=3, coordinates="fourier"), noise=1.0)
    assert "# Left out, as additions to the formula: jitter, turn." in script
    assert "# Climbed in pixels here, in place of Fourier coefficients; the optimum is the same." in script
    assert "start = 1.0 * torch.randn" in script
    assert 'filters(clf.module.get_submodule("features.3"))' in snippets.snippet("filters", layer="features.3")


def test_what_the_script_does_not_accept() -> None:
    with pytest.raises(ValueError, match=r"technique is 'shap'; accepted: one of filters, maximize, gradient"):
        snippets.snippet("shap")
    with pytest.raises(ValueError, match=r"params is Lime\(.*\); accepted for occlusion: None or Occlusion\(...\)"):
        snippets.snippet("occlusion", Lime())
    with pytest.raises(ValueError, match=r"params is Saliency\(.*\); accepted for filters: None\."):
        snippets.snippet("filters", Saliency())
