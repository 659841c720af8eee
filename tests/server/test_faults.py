"""What goes wrong becomes a sentence and a way on: with the disk, the net, the memory, the numbers and the clock.

The engine's side of downloads and weights is in ``test_weights.py``; here the same faults reach a page.
"""

from __future__ import annotations

import errno
import hashlib
import io
import os
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from email.message import Message
from pathlib import Path
from typing import Any

import pytest
import torch
from streamlit.testing.v1 import AppTest
from torch import Tensor, nn

from tests.helpers import networks
from tests.pages.test_network import PICTURED
from tests.pages.test_pages import healthy, opened
from ui import health
from vizcore.jobs.run import Run
from vizcore.networks import download, own, weights, zoo
from vizcore.networks.classifier import Classifier, NetworkError, Preprocess
from vizcore.techniques import gradcam, integrated_gradients, lime, maximize, occlusion, saliency, taylor

BODY = b"PK" + bytes(range(256)) * 400
DIGEST = hashlib.sha256(BODY).hexdigest()[:8]


def said(app: AppTest) -> str:
    return " ".join(one.value for one in (*app.error, *app.warning)).replace("\\", "")


def recovers(app: AppTest) -> bool:
    """Whether another network can be chosen, and is shown."""
    app.selectbox(key="frame.network@en").set_value("mini-alexnet").run()
    return healthy(app) and any(one.value.startswith("A small AlexNet") for one in app.caption)


# --- Disk, net and weights


class Body(io.BytesIO):
    """A server's answer of so many bytes, which says that there would be ``promised``."""

    def __init__(self, body: bytes, promised: int | None = None) -> None:
        super().__init__(body)
        self.headers = {"Content-Length": str(len(body) if promised is None else promised)}


def _answers(body: bytes, promised: int | None = None) -> Callable[..., Body]:
    return lambda url, timeout: Body(body, promised)


def _fails(error: Exception) -> Callable[..., Body]:
    def fail(url: str, timeout: float) -> Body:
        raise error

    return fail


FAULTS: dict[str, tuple[Callable[..., Body], str]] = {
    "offline": (_fails(urllib.error.URLError(OSError("no route"))), "this computer seems to be offline"),
    "404": (_fails(urllib.error.HTTPError("", 404, "", Message(), None)), "no longer has the file (answer 404)"),
    "cut": (_answers(BODY[:1000], len(BODY)), "the connection was cut after 1000 of"),
    "slow": (_fails(TimeoutError()), "was silent for 20 seconds"),
    "altered": (_answers(BODY[:-1] + b"?"), "does not have the checksum"),
    "not weights": (_answers(BODY), "is damaged, incomplete or not a weights file"),
    "disk full": (_answers(BODY), "has no room for"),
    "read-only": (_answers(BODY), "cannot be written (Read-only file system)"),
}


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and a network whose file has the checksum of BODY."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.delenv("VIZCORE_WEIGHTS", raising=False)
    entry = zoo._Network("SqueezeNet 1.0", "Small.", "SqueezeNet1_0_Weights", f"squeezenet1_0-{DIGEST}.pth", 0.1)
    monkeypatch.setitem(zoo._NETWORKS, "squeezenet1_0", entry)
    return tmp_path / "hub" / "checkpoints"


@pytest.mark.parametrize("fault", FAULTS)
def test_a_network_that_cannot_be_had_is_a_sentence_and_another_can_be_chosen(
    fault: str, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer, sentence = FAULTS[fault]
    monkeypatch.setattr(urllib.request, "urlopen", answer)
    if fault == "disk full":
        if not Path("/dev/full").exists():
            pytest.skip("there is no /dev/full here")
        # A device of the kernel's on which every write fails as on a full disk.
        part = cache / "x.part"
        monkeypatch.setattr(tempfile, "mkstemp", lambda **_: (os.open("/dev/full", os.O_WRONLY), str(part)))
    elif fault == "read-only":

        def refuse(**_: object) -> None:  # permissions mean nothing where the tests run as root
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))

        monkeypatch.setattr(tempfile, "mkstemp", refuse)
    app = opened("pages/saliency.py", network="squeezenet1_0")
    assert sentence in said(app)
    assert "Something went wrong" not in said(app)
    assert app.selectbox(key="frame.network@en").value == "mini-alexnet", "what is shown in its place"
    assert app.query_params["network"] == "mini-alexnet"
    app.selectbox(key="frame.network@en").set_value("mini-alexnet-shortcut").run()
    app.selectbox(key="frame.network@en").set_value("squeezenet1_0").run()
    assert sentence in said(app)
    assert app.selectbox(key="frame.network@en").value == "mini-alexnet-shortcut", "the last one stays"
    assert app.selectbox(key="frame.picture@en").value == "scene:34"
    left = [] if not cache.exists() else [file.name for file in cache.iterdir()]
    assert left == ([f"squeezenet1_0-{DIGEST}.pth"] if fault == "not weights" else [])
    assert recovers(app)


@pytest.mark.parametrize(("keep", "sentence"), [(0.5, "is damaged"), (1.0, "damaged or was altered")])
def test_truncated_and_tampered_weights_on_disk(
    keep: float, sentence: str, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(urllib.request, "urlopen", lambda *_, **__: pytest.fail("it was downloaded"))
    data = bytearray(BODY[: int(keep * len(BODY))])
    data[100] ^= 1
    if keep < 1:  # an operator's own file, whose name promises nothing
        monkeypatch.setenv("VIZCORE_WEIGHTS", str(cache.parent))
        cache.parent.mkdir(parents=True)
        (cache.parent / "squeezenet1_0.pth").write_bytes(data)
    else:
        cache.mkdir(parents=True)
        (cache / f"squeezenet1_0-{DIGEST}.pth").write_bytes(data)
    app = opened("pages/saliency.py", network="squeezenet1_0")
    assert sentence in said(app)
    assert recovers(app)


# --- Memory


class Limits:
    """Memory for ``most`` pictures at once, and on pass number ``fails`` for none; one and the same in every copy."""

    def __init__(self) -> None:
        self.most, self.fails, self.passes = 10**9, -1, 0

    def __deepcopy__(self, memo: object) -> Limits:
        return self


class Cramped(nn.Module):
    """A small network that runs out of memory as its limits say."""

    def __init__(self, limits: Limits) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.body = nn.Sequential(nn.Conv2d(3, 4, 3, 2), nn.Tanh(), nn.AdaptiveAvgPool2d(3), nn.Flatten())
        self.head = nn.Linear(36, 3)
        self.limits = limits

    def forward(self, z: Tensor) -> Tensor:
        limits = self.limits
        limits.passes += 1
        if len(z) > limits.most or (limits.passes == limits.fails and len(z) > 1):
            raise torch.OutOfMemoryError("pretended")
        answer: Tensor = self.head(self.body(z))
        return answer


def cramped() -> tuple[Classifier, Limits, Tensor]:
    limits = Limits()
    clf = Classifier(Cramped(limits), Preprocess((24, 24), (0.5,) * 3, (0.5,) * 3), ["a", "b", "c"])
    clf.batch_size, limits.passes = 8, 0
    return clf, limits, torch.rand(clf.input_shape, generator=torch.Generator().manual_seed(3))


TECHNIQUES: dict[str, Callable[[Classifier, Tensor], Any]] = {
    "occlusion": lambda clf, image: (
        Run(occlusion.occlude(clf, image, 0, occlusion.Occlusion(window=8, stride=2, output="logit"))).finish().heat()
    ),
    "lime": lambda clf, image: Run(lime.explain(clf, image, 0, lime.Lime(samples=60, segments=8))).finish().heat(),
    "smoothgrad": lambda clf, image: (
        Run(saliency.smoothgrad(clf, image, 0, saliency.SmoothGrad(copies=20))).finish().gradient
    ),
    "integrated": lambda clf, image: Run(integrated_gradients.integrated_gradients(clf, image, 0)).finish().gradient,
    "maximise": lambda clf, image: Run(maximize.maximize(clf, 0, maximize.Maximisation(steps=10))).finish().input,
    "maximise moved": lambda clf, image: (
        Run(maximize.maximize(clf, 0, maximize.Maximisation(steps=10, jitter=2, draws=3))).finish().input
    ),
    "taylor": lambda clf, image: Run(taylor.taylor_check(clf, image, 0)).finish().actual,
    "gradient": lambda clf, image: saliency.gradient(clf, image, 0).gradient,
    "grad-cam": lambda clf, image: gradcam.grad_cam(clf, image, 0).signed,
}


@pytest.mark.parametrize("technique", TECHNIQUES)
@pytest.mark.parametrize("when", ["first", "middle", "more than one"])
def test_running_out_of_memory_once_changes_no_result(
    technique: str, when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(occlusion.Activations, "windows", lambda *_: None)  # occlusion by whole forward passes
    clf, _, image = cramped()
    expected = TECHNIQUES[technique](clf, image)
    clf, limits, image = cramped()
    limits.most = 1 if when == "more than one" else 10**9
    limits.fails = {"first": 1, "middle": 4, "more than one": -1}[when]
    found = TECHNIQUES[technique](clf, image)
    assert limits.passes > 0
    assert torch.allclose(found, expected, rtol=1e-3, atol=1e-5 * float(expected.abs().max()))


@pytest.mark.parametrize("technique", TECHNIQUES)
def test_without_memory_for_one_picture_every_technique_says_so(technique: str) -> None:
    clf, limits, image = cramped()
    limits.most = 0
    with pytest.raises(torch.OutOfMemoryError):
        TECHNIQUES[technique](clf, image)


@pytest.mark.parametrize("page", PICTURED)
def test_a_page_without_memory_says_so_and_another_network_can_be_chosen(
    page: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(own.VARIABLE, "tests.helpers.networks:starving")
    app = opened(page)
    assert "There was not enough memory for this computation" in said(app)
    assert recovers(app)


def test_a_network_that_does_not_fit_into_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(own.VARIABLE, "tests.helpers.networks:hopeless")
    app = opened("pages/saliency.py")
    assert "There is not enough memory for hopeless" in said(app)
    assert recovers(app)


# --- Numbers that are none


class NaN(nn.Module):
    """Logits of NaN, or only a gradient of NaN, for every picture but an empty one."""

    told = False  # from then on

    def __init__(self, gradient_only: bool) -> None:
        super().__init__()
        self.gradient_only = gradient_only
        self.conv = nn.Conv2d(3, 3, 3)

    def forward(self, z: Tensor) -> Tensor:
        logits: Tensor = self.conv(z).mean(dim=(2, 3))
        if self.gradient_only:
            return logits + (0 * z).sqrt().sum()  # 0, with the slope 0 * infinity
        return torch.where((z != 0).flatten(1).any(dim=1, keepdim=True) & self.told, torch.nan, logits)


@pytest.mark.parametrize(
    ("gradient_only", "technique"),
    [(False, name) for name in TECHNIQUES]
    + [(True, name) for name in ("smoothgrad", "integrated", "maximise", "taylor", "gradient")],
)
def test_no_technique_yields_a_map_of_nan(gradient_only: bool, technique: str) -> None:
    network = NaN(gradient_only)
    clf = Classifier(network, Preprocess((24, 24), (0.0,) * 3, (1.0,) * 3), ["a", "b", "c"])
    network.told = True
    with pytest.raises(NetworkError, match="infinite or none at all"):
        TECHNIQUES[technique](clf, torch.rand(3, 24, 24))
    assert issubclass(NetworkError, ValueError)


def test_incremental_occlusion_notices_nan_as_well() -> None:
    clf = networks.fragile()
    with pytest.raises(NetworkError, match="computes numbers here that are infinite"):
        Run(occlusion.occlude(clf, torch.rand(clf.input_shape), 0, occlusion.Occlusion(fill="black"))).finish()


# --- The clock


@pytest.fixture(params=[-30 * 365 * 86400.0, 30 * 365 * 86400.0], ids=["back", "forward"])
def jump(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Let the clock on the wall jump by thirty years; the one that only ever goes on is not touched."""
    real = time.time
    return lambda: monkeypatch.setattr(time, "time", lambda: real() + request.param)


def test_a_page_does_not_mind_the_clock(jump: Callable[[], None]) -> None:
    app = opened("pages/occlusion.py", picture="scene:77")
    jump()
    app.slider(key="param.occlusion.window").set_value(64).run()
    assert healthy(app)
    assert any("of computing" in one.value or "already computed" in one.value for one in app.caption)
    assert 0 <= health.facts()["uptime"]["seconds"] < 10**6


def test_a_download_does_not_mind_the_clock(
    jump: Callable[[], None], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Jumping(Body):
        def read1(self, size: int | None = -1, /) -> bytes:
            jump()
            return super().read1(1000)

    monkeypatch.setattr(urllib.request, "urlopen", lambda url, timeout: Jumping(BODY))
    path = weights.find_or_download("squeezenet1_0", zoo.HOST + f"squeezenet1_0-{DIGEST}.pth")
    assert path.read_bytes() == BODY
    assert list(cache.iterdir()) == [path]
    assert download.checksum(path.name) == DIGEST
