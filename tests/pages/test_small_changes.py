"""Small changes on the saliency page: both ways, what a link says of them, and what is taken along."""

from __future__ import annotations

import re

import torch

from tests.pages.test_maximisation_and_saliency import asked, words
from tests.pages.test_pages import healthy, opened
from ui.frame import sources
from ui.saliency import walking
from vizcore.networks.classifier import Classifier
from vizcore.techniques.walk import WalkAnswers

PART = {"saliency.part": "changes", "saliency.copies": "4"}


def test_a_step_against_w_costs_what_the_page_says(bundled: Classifier) -> None:
    app = opened("pages/saliency.py", **PART)
    assert healthy(app)
    said = words(app)
    assert "Random noise of the same size" in said
    pattern = r"promises a change of \*\*(\S+)\*\*; the network's is \*\*(\S+)\*\*.* by (\S+) ±"
    promised, real, noise = (float(one.replace("−", "-")) for one in re.findall(pattern, said)[0])
    image = bundled.pixels(sources.picture("scene:34").picture)
    target = int(bundled.all_scores(image[None]).argmax())
    x = image[None].clone().requires_grad_()
    (w,) = torch.autograd.grad(bundled.logits(x)[:, target].sum(), x)
    there = (image - 4 / 255 * w[0] * (w[0].numel() ** 0.5 / w[0].norm())).clamp(0, 1)
    both = bundled.logits(torch.stack([image, there]))[:, target]
    assert abs(float(both[1] - both[0]) - real) < 0.01
    assert abs(float(((there - image) * w[0]).sum()) - promised) < 0.01
    assert abs(noise) < 0.1 * abs(real)


def test_a_link_keeps_direction_size_and_class_and_nonsense_falls_back() -> None:
    asks = {"saliency.way": "towards", "saliency.norm": "linf", "saliency.towards": "9", "saliency.towards_size": "0.5"}
    app = opened("pages/saliency.py", **PART, **asks)
    assert healthy(app)
    assert {key: asked(app, key) for key in asks} == asks
    assert "makes the network say **“horse”**" in words(app)
    app = opened(
        "pages/saliency.py",
        **PART,
        **{"saliency.way": "../up", "saliency.along_size": "nan", "saliency.towards": "1e9", "saliency.norm": "l7"},
    )
    assert healthy(app)
    assert not [key for key in ("saliency.way", "saliency.norm", "saliency.along_size") if key in app.query_params]


def test_what_the_network_says_already_needs_no_change() -> None:
    app = opened("pages/saliency.py", **PART, **{"saliency.way": "towards", "saliency.towards": "0"})
    assert healthy(app)
    assert any("says “cat” already" in one.value for one in app.info)


def test_the_change_and_the_answers_can_be_taken_along() -> None:
    app = opened("pages/saliency.py", **PART)
    assert healthy(app)
    assert {"Raw arrays (NPZ)", "All settings (JSON)"} <= {one.proto.label for one in app.get("download_button")}


def test_the_chart_leaves_out_where_the_line_is_far_away() -> None:
    sizes = torch.tensor([-8.0, 0.0, 1.0, 8.0])
    none = torch.zeros(4, 2)
    found = WalkAnswers(1, 1, sizes, none, torch.tensor([0.0, 1.0, 2.0, 2.0]), sizes.float() + 1, none)
    assert walking._reach(found, found.actual[sizes == 0]).tolist() == [False, True, True, False]
