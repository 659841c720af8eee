"""A technique as a script that runs as it stands: a network, a picture, the score, the textbook's function, its call.

The function is the source of :mod:`vizcore.textbook` itself, and each import names the module where the thing lies now,
so that what is shown cannot grow stale.
"""

from __future__ import annotations

import ast
import inspect
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from itertools import groupby
from typing import Any

from vizcore import textbook
from vizcore.jobs.syntax import parsed
from vizcore.networks.catalogue import load
from vizcore.seeds import generator
from vizcore.targets import Channel, Contrast, Output, Squash, Unit
from vizcore.techniques.adaline import largest_stable_rate
from vizcore.techniques.channels import answers, layer_of, value
from vizcore.techniques.fill import filling
from vizcore.techniques.lime import Lime, proximity
from vizcore.techniques.maximize import ADDITIONS, START_NOISE, Maximisation
from vizcore.techniques.occlusion import Occlusion
from vizcore.techniques.saliency import Saliency, SmoothGrad
from vizcore.techniques.subimages import draw, paint
from vizcore.techniques.superpixels import Superpixels, segment

__all__ = ["PARAMS", "Params", "snippet"]

Params = Maximisation | Saliency | SmoothGrad | Occlusion | Lime

# The textbook's techniques, and which dataclass holds the settings of each.
PARAMS: dict[str, type[Params] | None] = {
    "filters": None,
    "maximize": Maximisation,
    "gradient": Saliency,
    "smoothgrad": SmoothGrad,
    "occlusion": Occlusion,
    "lime": Lime,
}

_NETWORK = (f"from {load.__module__} import load", 'clf = load("mini-alexnet")')
_PICTURE = ('picture = "picture.png"',)
_OF_CHANNELS: tuple[Callable[..., Any], ...] = (Channel, answers, layer_of, value)  # which the score of one names
_AT_REST = 5000  # steps after which ADALINE is where ridge regression is at once


@dataclass(frozen=True)
class _Call:
    """The lines that prepare and call a function, and the parts of ``vizcore`` that they name."""

    lines: tuple[str, ...]
    needs: tuple[Callable[..., Any], ...] = ()
    picture: bool = True


def snippet(
    technique: str,
    params: Params | None = None,
    target: Unit = 0,
    *,
    network: Sequence[str] = _NETWORK,
    picture: Sequence[str] = _PICTURE,
    layer: str | None = None,
    squash: Squash = "softmax",
    noise: float = START_NOISE,
) -> str:
    """Python that computes one of the textbook's techniques under ``params`` (None: as they are by default).

    ``technique`` is a key of ``PARAMS``. The last lines assign the arrays: ``pictures`` of filters, ``z`` of maximize,
    ``w`` of gradient and smoothgrad, ``drop`` and ``heat`` of occlusion, ``w``, ``b`` and ``heat`` of lime.
    ``network`` and ``picture`` are lines of Python, imports among them, that leave a classifier in ``clf`` and in
    ``picture`` a file's path, its bytes or a picture of Pillow's; ``layer`` is a convolution's name, by default the
    first that runs; ``squash`` is the classifier's, ``noise`` the deviation with which maximize starts. Raises
    ValueError for an unknown technique and for settings of another one.

    What goes beyond the formula is left out: half precision, and maximisation's additions, of which a comment tells.
    Where LIME has replaced a learning rate that diverges, ``params`` should hold the one that it used.
    """
    if technique not in PARAMS:
        raise ValueError(f"technique is {technique!r}; accepted: one of {', '.join(PARAMS)}.")
    kind = PARAMS[technique]
    if params is not None and (kind is None or not isinstance(params, kind)):
        accepted = "None" if kind is None else f"None or {kind.__name__}(...)"
        raise ValueError(f"params is {params!r}; accepted for {technique}: {accepted}.")
    params = params if params is not None or kind is None else kind()
    call = _call(params, layer, noise)
    functions = _functions(technique)
    score = _score(params.output, target, isinstance(params, Maximisation), squash) if params is not None else []
    given = [*network, *(picture if call.picture else ())]
    prepared = [line for line in given if not _imports(line)]
    if call.picture:
        prepared.append("image = clf.pixels(picture)  # (C,H,W) in [0,1]: exactly what the network sees")
    body = "\n\n\n".join(part for part in ("\n".join(score), *functions) if part)
    found, names = _preamble("\n".join([body, *call.lines]))
    needs = (*call.needs, *_OF_CHANNELS) if isinstance(target, Channel) else call.needs
    imports = {line for line in [*given, *found] if _imports(line)} | set(_imported(needs))
    ordered = sorted(imports, key=lambda line: (_block(line), line.startswith("from"), line))
    blocks = ["\n".join(lines) for _, lines in groupby(ordered, _block)]
    head = "\n\n".join([*blocks, "\n".join([*names, *prepared])])
    return "\n\n\n".join([head, body, "\n".join(call.lines)]) + "\n"


def _call(params: Params | None, layer: str | None, noise: float) -> _Call:
    match params:
        case None:
            network = "clf.first_convolution()" if layer is None else f"clf.module.get_submodule({json.dumps(layer)})"
            return _Call((f"pictures = filters({network})  # (n,kh,kw,3)",), picture=False)
        case Maximisation():
            return _maximize(params, noise)
        case Saliency():
            return _Call(("w = gradient(y, image)  # (C,H,W)",))
        case SmoothGrad(noise=noise, copies=copies, seed=seed):
            one = f"torch.randn(image.shape, generator=generator({seed}, k))"
            return _Call(
                (
                    f"normal = torch.stack([{one} for k in range({copies})])  # (n,C,H,W)",
                    f"w = smoothgrad(y, image, noise={noise!r}, normal=normal)  # (C,H,W)",
                ),
                (generator,),
            )
        case Occlusion(window=window, stride=stride, fill=fill):
            return _Call(
                (
                    f'fill = filling(clf, image, "{fill}")  # (C,H,W)',
                    f"drop, heat = occlusion(y, image, window={window}, stride={stride}, fill=fill)  # (gh,gw), (H,W)",
                ),
                (filling,),
            )
        case Lime():
            return _lime(params)


def _maximize(params: Maximisation, noise: float) -> _Call:
    seeded = f"torch.Generator().manual_seed({params.seed})"
    start = {
        "noise": f"{noise} * torch.randn(clf.input_shape, generator={seeded})",
        "grey": "torch.zeros(clf.input_shape)",
        "picture": "clf.normalise(image[None])[0]",
    }[params.start]
    settings = f"lambda_={params.lambda_!r}, step_size={params.step_size!r}, steps={params.steps}"
    added = [name for name in ADDITIONS if getattr(params, name)]
    remark = [f"# Left out, as additions to the formula: {', '.join(added)}."] if added else []
    if params.coordinates != "pixels":
        remark.append("# Climbed in pixels here, in place of Fourier coefficients; the optimum is the same.")
    lines = (
        *remark,
        f"start = {start}  # (C,H,W), zero-centred",
        f"z = maximize(y, start.to(clf.device), {settings})  # (C,H,W), zero-centred",
    )
    return _Call(lines, picture=params.start == "picture")


def _lime(params: Lime) -> _Call:
    usual = Superpixels()
    chosen = {f.name: getattr(params, f.name) for f in fields(Superpixels)}
    cut = ", ".join(f"{key}={json.dumps(value)}" for key, value in chosen.items() if value != getattr(usual, key))
    lines = [
        f"segments = segment(image, Superpixels({cut}))  # (H,W) of 0..l-1",
        f'fill = paint(clf, image, segments, "{params.fill}")  # (C,H,W)',
        f'x = draw({params.seed}, {params.samples}, int(segments.max()) + 1, "{params.sampling}")  # (n,l)',
    ]
    needs: tuple[Callable[..., Any], ...] = (segment, Superpixels, paint, draw)
    call = "w, b = lime(y, image, segments, fill, x, c"
    if params.model == "ridge":
        needs = (*needs, proximity, largest_stable_rate)
        lines += [
            "c = proximity(x)  # (n,)",
            "# Ridge regression is where ADALINE comes to rest, whatever its rate, as long as that is stable.",
            f"eta = largest_stable_rate(x, torch.zeros(len(x)), alpha={params.alpha!r}, sample_weights=c) / 2",
            f"{call}, eta=eta, epochs={_AT_REST}, alpha={params.alpha!r})  # (l,), ()",
        ]
    else:
        settings = f"eta={params.learning_rate!r}, epochs={params.epochs}, alpha={params.alpha!r}"
        lines += ["c = torch.ones(len(x))  # (n,)", f"{call}, {settings})  # (l,), ()"]
    return _Call((*lines, "heat = w[segments]  # (l,) -> (H,W)"), needs)


def _score(output: Output, target: Unit, zero_centred: bool, squash: Squash) -> list[str]:
    """The lines of y, the score of one class, the difference of two, or the value of a channel."""
    if isinstance(target, Channel):
        return [
            f"unit = {target!r}",
            "maps = answers(clf, layer_of(clf, unit))  # (N,C,H,W), zero-centred -> (N,n,h,w)",
            "",
            "",
            "def y(x: Tensor) -> Tensor:  # (N,C,H,W), zero-centred -> (N,)",
            "    return value(maps(x), unit)",
        ]
    if isinstance(target, Contrast):
        value = f"scores[:, {target.of}] - scores[:, {target.against}]"
    else:
        value = f"scores[:, {target}]"
    probabilities = {"softmax": ".softmax(dim=1)", "sigmoid": ".sigmoid()"}[squash]
    squashed = probabilities if output == "probability" else ""
    function, unit = ("logits_of_input", "zero-centred") if zero_centred else ("logits", "in [0,1]")
    return [
        f"def y(x: Tensor) -> Tensor:  # (N,C,H,W), {unit} -> (N,)",
        f"    scores = clf.{function}(x){squashed}  # (N,K)",
        f"    return {value}",
    ]


def _functions(technique: str) -> list[str]:
    """The source of the textbook's function, after those that it calls."""
    source = inspect.getsource(getattr(textbook, technique)).rstrip()
    called = [name for name in sorted(_names(source)) if inspect.isfunction(getattr(textbook, name, None))]
    return [*(one for name in called if name != technique for one in _functions(name)), source]


def _preamble(code: str) -> tuple[list[str], list[str]]:
    """What ``code`` needs of the lines above the textbook's functions: the imports, and the names defined there."""
    source = inspect.getsource(textbook)
    imports: list[str] = []
    defined: list[str] = []
    used = _names(code)
    for node in reversed(parsed(source).body):  # a name may need an import above it
        if isinstance(node, ast.Import | ast.ImportFrom):
            node.names = [name for name in node.names if name.name in used]
            imports += [ast.unparse(node)] if node.names else []
        elif isinstance(node, ast.Assign) and _names(ast.unparse(node.targets[0])) <= used:
            defined.insert(0, "\n".join(source.splitlines()[node.lineno - 1 : node.end_lineno]))
            used |= _names(defined[0])
    return imports, defined


def _names(code: str) -> set[str]:
    return {node.id for node in ast.walk(parsed(code)) if isinstance(node, ast.Name)}


def _imported(needs: Sequence[Callable[..., Any]]) -> list[str]:
    """One import for each module of the parts of ``vizcore`` that are needed."""
    ordered = sorted(needs, key=lambda part: (part.__module__, part.__name__))
    modules = groupby(ordered, lambda part: part.__module__)
    return [f"from {module} import {', '.join(part.__name__ for part in parts)}" for module, parts in modules]


def _imports(line: str) -> bool:
    return line.startswith(("import ", "from "))


def _block(line: str) -> int:
    """Imports of the standard library come first, those of ``vizcore`` last."""
    package = line.split()[1].split(".")[0]
    return 0 if package in sys.stdlib_module_names else 2 if package == "vizcore" else 1
