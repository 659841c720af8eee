"""The engine as a wheel: built from this tree, installed alone, and used from another folder without Streamlit."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[2]
CODE = """
import sys
sys.modules["streamlit"] = None  # any import of it now raises ImportError
import vizcore
assert {place!r} in vizcore.__file__, vizcore.__file__
clf = vizcore.load("mini-alexnet", device="cpu")
from vizcore.pictures.scenes import scene
from PIL import Image
image = clf.pixels(Image.fromarray(scene(34).picture))
*_, found = vizcore.occlusion.occlude(clf, image, 0, vizcore.occlusion.Occlusion(window=32, stride=32))
assert found._repr_png_().startswith(b"\\x89PNG")
import vizcore.study.__main__, vizcore.training.train
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel as ``pip install .`` builds it, from a copy: building leaves files in the folder."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    shutil.copytree(ROOT / "vizcore", source / "vizcore", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE", "requirements.txt"):
        shutil.copy(ROOT / name, source)
    pip = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", str(folder), str(source)]
    subprocess.run(pip, check=True, capture_output=True, text=True)
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_works_in_another_folder_without_streamlit(wheel: Path, tmp_path: Path) -> None:
    with ZipFile(wheel) as archive:
        names = archive.namelist()
        archive.extractall(tmp_path)
    assert not [name for name in names if name.startswith(("ui/", "pages/", "tests/"))]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", CODE.format(place=str(tmp_path))],
        cwd=tmp_path, env=environment, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
