"""Which files of this repository a module depends on, found by reading them and running none."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]


def files(*modules: str, root: Path = ROOT) -> set[Path]:
    """The files under ``root`` of the modules and of all that they import, directly or through others.

    Every ``import`` counts, also one inside a function, and so do the packages around a module, whose ``__init__``
    runs first. What is imported by a name that is only made while the program runs is not seen.
    """
    found: set[Path] = set()
    waiting = list(modules)
    seen: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        waiting.append(name.rpartition(".")[0])
        path = _file(name, root)
        if path:
            found.add(path)
            waiting += _imported(path, name if path.name == "__init__.py" else name.rpartition(".")[0])
    return found


def _file(name: str, root: Path) -> Path | None:
    """The module's file; None for what is no module of the repository, such as a library or a name in a module."""
    if not name:
        return None
    place = root.joinpath(*name.split("."))
    return next((path for path in (place / "__init__.py", place.with_suffix(".py")) if path.is_file()), None)


def _imported(path: Path, package: str) -> Iterator[str]:
    """Every name that the file imports, in full; ``package`` is what its relative imports start from."""
    tree = ast.parse(path.read_bytes(), str(path))
    typing = {id(inner) for node in ast.walk(tree) if _is_for_types(node) for inner in ast.walk(node)}
    for node in ast.walk(tree):
        if id(node) in typing:
            continue  # read by the type checker alone
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            around = package.split(".")[: len(package.split(".")) + 1 - node.level] if node.level else []
            source = ".".join([*around, *([node.module] if node.module else [])])
            yield source
            yield from (f"{source}.{alias.name}" for alias in node.names)  # which may be modules, too


def _is_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
