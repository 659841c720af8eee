"""The engine stands alone: vizcore never imports streamlit, and only one module knows torchvision."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from vizcore.moved import MOVED

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "vizcore").rglob("*.py"))
MODULES = [
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for path in FILES
    if path.name != "__main__.py"
]


def imported(source: str) -> set[str]:
    """The top-level packages that a file names in any import, also inside functions and by importlib."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.split(".")[0])
        elif isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in ("import_module", "__import__"):
                found |= {str(arg.value).split(".")[0] for arg in node.args if isinstance(arg, ast.Constant)}
    return found


def test_the_walk_sees_every_kind_of_import() -> None:
    for line in (
        "import streamlit as st",
        "import os, streamlit.components.v1",
        "from streamlit import session_state",
        "def f():\n    from streamlit.runtime import get_instance",
        "importlib.import_module('streamlit.web')",
        "__import__('streamlit')",
    ):
        assert "streamlit" in imported(line), line
    assert "streamlit" not in imported("'''import streamlit'''\nfrom . import streamlit")


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_engine_does_not_name_the_dashboard(path: Path) -> None:
    names = imported(path.read_text(encoding="utf-8"))
    assert not names & {"streamlit", "ui", "pages", "app", "tests", "benchmarks"}
    if path.name != "installed_torchvision.py":
        assert "torchvision" not in names


def test_every_module_of_the_engine_imports_where_streamlit_is_missing() -> None:
    assert "vizcore.networks.classifier" in MODULES
    code = (
        "import importlib, sys\n"
        "sys.modules['streamlit'] = None\n"  # any import of it now raises ImportError
        f"for name in {MODULES!r}: importlib.import_module(name)\n"
        "assert not [name for name in sys.modules if name.startswith('streamlit.')]\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_public_names_are_there_and_torch_is_not_loaded_for_them() -> None:
    code = (
        "import sys, vizcore\n"
        "assert 'torch' not in sys.modules\n"
        "assert set(vizcore.__all__) <= set(dir(vizcore))\n"
        "from vizcore import Classifier, Preprocess, filters, lime, load, maximize, occlusion, saliency\n"
        "assert occlusion is vizcore.occlusion and load is vizcore.load\n"
        "assert vizcore.saliency.smoothgrad.__module__ == 'vizcore.techniques.saliency'\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("old", sorted(MOVED))
def test_a_moved_module_says_where_it_is_now(old: str) -> None:
    assert importlib.util.find_spec(MOVED[old]) is not None
    with pytest.raises(ImportError, match=f"{old} is now {MOVED[old]}: change the import to that"):
        importlib.import_module(old)


def test_an_import_of_before_as_exported_snippets_had_it_names_the_new_path() -> None:
    with pytest.raises(ImportError, match=r"vizcore\.classifier is now vizcore\.networks\.classifier"):
        exec("from vizcore import classifier, saliency, scenes")  # noqa: S102
    with pytest.raises(ImportError, match="cannot import name 'nothing'"):
        exec("from vizcore import nothing")  # noqa: S102


def test_the_engine_s_folder_fits_a_screen_and_no_file_is_long() -> None:
    entries = [path for path in (ROOT / "vizcore").iterdir() if not path.name.startswith("__")]
    rooms = [path for path in entries if path.is_dir()]
    assert len(rooms) <= 9
    assert len(entries) - len(rooms) <= 10
    for room in rooms:
        (line,) = ast.parse((room / "__init__.py").read_text(encoding="utf-8")).body[:1]
        assert isinstance(line, ast.Expr), f"{room.name} does not say what belongs there"
    files = [path for top in ("vizcore", "ui", "pages") for path in (ROOT / top).rglob("*.py")]
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in files}
    assert {str(path.relative_to(ROOT)): count for path, count in lengths.items() if count > 250} == {}
