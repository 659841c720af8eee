"""What the project rests on: its ranges, the versions locked within them, and their licences."""

from __future__ import annotations

import re
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.helpers.servers import ROOT
from tests.project.licences import allowed, refused
from tests.project.supply import lowest, pins, ranges

LOCK, APP, DEVELOPMENT = (ROOT / name for name in ("requirements.lock", "requirements.txt", "requirements-dev.txt"))


def here() -> dict[str, str]:
    """The locked versions for the platform and the Python that run this test."""
    return {name: version for name, version, marker in pins(LOCK) if not marker or Marker(marker).evaluate()}


def test_the_lock_satisfies_every_range_on_every_platform() -> None:
    locked = pins(LOCK)
    for name, wanted in ranges(APP).items():
        versions = [version for one, version, _ in locked if one == name]
        assert versions, name
        for version in versions:
            assert Requirement(f"{name}{wanted}").specifier.contains(version), (name, version)
        assert name in here()


def test_the_lock_names_everything_that_is_needed() -> None:
    locked, open_, seen = here(), list(ranges(APP)), set()
    while open_:
        name = canonicalize_name(open_.pop())
        assert name in locked, name
        found = distribution(name)
        # Another version may need other things; the newest ones are what is locked.
        if name in seen or Version(found.version).public != locked[name]:
            continue
        seen.add(name)
        needed = [Requirement(line) for line in found.requires or []]
        open_ += [one.name for one in needed if one.marker is None or one.marker.evaluate({"extra": ""})]


def test_the_lock_holds_versions_and_no_addresses() -> None:
    text = LOCK.read_text(encoding="utf-8")
    assert "://" not in text
    assert not re.search(r"^-", text, re.MULTILINE)
    assert "+" not in "".join(version for _, version, _ in pins(LOCK))  # neither a CPU build nor one of CUDA


def test_the_lowest_versions_are_read_from_the_ranges(tmp_path: Path) -> None:
    file = tmp_path / "requirements.txt"
    file.write_text("# why\n-r other.txt\nStreamlit>=1.66,<1.68\nlime==0.2.0.1  # exactly\ntorch>=2.13\n")
    assert lowest([file]) == ["streamlit==1.66", "lime==0.2.0.1", "torch==2.13"]


@pytest.mark.parametrize(
    "line", ["numpy", "numpy<2", "numpy~=2.2", "numpy>=2.2,!=2.3", "-e .", "numpy @ file:///numpy"]
)
def test_a_requirement_whose_ends_cannot_be_tested_is_refused(tmp_path: Path, line: str) -> None:
    file = tmp_path / "requirements.txt"
    file.write_text(f"{line}\n")
    with pytest.raises(ValueError, match=r"requirements\.txt has .*accepted"):
        lowest([file])


def test_every_requirement_has_a_lower_end() -> None:
    named = [line.partition("==")[0] for line in lowest([APP, DEVELOPMENT])]
    assert named == [*ranges(APP), *ranges(DEVELOPMENT)]


@pytest.mark.parametrize(
    ("licence", "passes"),
    [
        ("MIT", True),
        ("BSD License; MIT License", True),
        ("Apache-2.0 OR GPL-3.0-only", True),
        ("Apache-2.0 AND Apache-2.0 WITH LLVM-exception AND MIT", True),
        ("(MIT OR GPL-2.0-only) AND BSD-3-Clause", True),
        ("Mozilla Public License 2.0 (MPL 2.0)", True),
        ("UNKNOWN", False),
        ("", False),
        ("MIT AND GPL-3.0-only", False),
        ("MIT License; GNU Affero General Public License v3", False),
        ("LGPL-2.1-or-later", False),
    ],
)
def test_permissive_licences_pass_and_others_are_refused(licence: str, passes: bool) -> None:
    assert allowed(licence) == passes


def test_what_is_refused_is_named() -> None:
    found = [
        {"Name": "good", "Version": "1", "License": "MIT"},
        {"Name": "bad", "Version": "2", "License": "GPL-3.0-only"},
        {"Name": "nvidia-cublas", "Version": "3", "License": "LicenseRef-NVIDIA-Proprietary"},
    ]
    assert refused(found) == ["bad 2: GPL-3.0-only"]
