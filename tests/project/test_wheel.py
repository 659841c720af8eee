"""A wheel built from this tree: the engine alone without Streamlit, and the app by its command, from other folders."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.helpers.servers import free_port, stop, wait
from tests.server.test_config import run, session

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
    for name in ("vizcore", "vizcore_app", "ui", "pages", ".streamlit"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("app.py", "setup.py", "MANIFEST.in", "pyproject.toml", "README.md", "LICENSE", "requirements.txt"):
        shutil.copy(ROOT / name, source)
    pip = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", str(folder), str(source)]
    subprocess.run(pip, check=True, capture_output=True, text=True)
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_works_in_another_folder_without_streamlit(wheel: Path, tmp_path: Path) -> None:
    with ZipFile(wheel) as archive:
        names = archive.namelist()
        archive.extractall(tmp_path)
    tops = {name.split("/")[0] for name in names}
    assert {one for one in tops if not one.endswith(".dist-info")} == {"vizcore", "vizcore_app"}  # no ui, no pages
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", CODE.format(place=str(tmp_path))],
        cwd=tmp_path, env=environment, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder into which the wheel is installed; what it needs is this environment's."""
    folder = tmp_path_factory.mktemp("installed")
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(folder), str(wheel)]
    subprocess.run(pip, check=True, capture_output=True, text=True)
    return folder


def command(installed: Path, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(installed / "bin" / "vizcore"), *arguments],
        cwd=cwd, env={**os.environ, "PYTHONPATH": str(installed)}, capture_output=True, text=True, timeout=120,
    )  # fmt: skip


def test_everything_that_the_app_reads_is_in_the_wheel(installed: Path) -> None:
    known = subprocess.run(
        ["git", "ls-files", "app.py", "pages", "ui", ".streamlit"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert len(known) > 100
    for name in known:
        assert (installed / "vizcore_app" / name).read_bytes() == (ROOT / name).read_bytes(), name


def test_the_command_starts_the_app_on_a_network_of_the_folder_it_is_called_in(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "my_networks.py").write_text(
        "from tests.helpers.networks import grey\n\n\ndef digits():\n    return grey()\n"
    )
    shutil.copytree(ROOT / "tests" / "helpers", tmp_path / "tests" / "helpers")
    (tmp_path / "ui").mkdir()  # common names, which are the visitor's own here
    (tmp_path / "ui" / "__init__.py").write_text("raise RuntimeError('this is not the one')\n")
    (tmp_path / "app.py").write_text("raise RuntimeError('nor this')\n")
    port, log = free_port(), tmp_path / "server.log"
    arguments = ["--headless", "--address", "127.0.0.1", "--port", str(port), "my_networks:digits"]
    with open(log, "wb") as file:
        process = subprocess.Popen(
            [str(installed / "bin" / "vizcore"), *arguments],
            cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(installed)}, stdout=file, stderr=file,
        )  # fmt: skip
    try:
        address = wait(process, port, log)
        with session(address) as client:
            told = run(client)
        assert b"28" in told
        assert b"encountered an error" not in told
        assert b"my_networks:digits" in told
        assert "Traceback" not in log.read_text()
    finally:
        stop(process)


def test_the_settings_of_streamlit_are_those_of_the_app(installed: Path, tmp_path: Path) -> None:
    code = (
        "from streamlit import config\nfrom vizcore_app.command import script\n"
        "config._main_script_path = str(script())\nconfig.get_config_options(force_reparse=True)\n"
        "print(config.get_option('client.toolbarMode'), config.get_option('server.maxUploadSize'))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(installed)}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.stdout.split() == ["minimal", "400"], done.stderr


def test_the_command_is_the_studys_too_and_says_what_it_accepts(installed: Path, tmp_path: Path) -> None:
    study = ["study", "scenes:1", "--methods", "edges", "--networks", "mini-alexnet", "--steps", "4", "--out", "out"]
    done = command(installed, *study, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "rows.csv").is_file()
    assert "usage: vizcore study" in command(installed, "study", "--help", cwd=tmp_path).stdout
    assert command(installed, "--version", cwd=tmp_path).stdout.startswith("vizcore ")
    for arguments, says in (
        (("digits",), "'digits' names no network; accepted: module:function"),
        (("--port", "0"), "'0' is no port; accepted: 1 to 65535"),
        (("--", "--no.such"), "No such option"),
    ):
        done = command(installed, *arguments, cwd=tmp_path)
        assert done.returncode == 2, arguments
        assert says in done.stderr
