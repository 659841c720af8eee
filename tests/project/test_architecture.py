"""The engine stands alone: vizcore never imports streamlit, and only the zoo knows torchvision."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

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
    if path.name != "zoo.py":
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
