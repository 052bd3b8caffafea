"""The architecture as a table: who may import whom, and how large the parts may be."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import chain
from pathlib import Path
from statistics import quantiles

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "expinterp"
ALWAYS = {"errors", "text", "numpy"}  # and the standard library
DEFERRED = {
    "onnxruntime",
    "distributed",
    "rawpy",
    "pillow_heif",
}  # imported where used, inside a function

# package: what it may import besides ALWAYS; the row of a package holds for all its modules
ALLOWED: dict[str, set[str]] = {
    "": {"core", "images", "library", "pipeline", "refine"},  # expinterp/__init__.py, all of it deferred
    "__main__": {"cli"},
    "errors": set(),
    "text": set(),
    "files": set(),
    "svg": set(),
    "core": {"cv2"},
    "metrics": {"core", "cv2"},
    "refine": {"core", "files", "cv2", "onnxruntime"},
    "library": {"core", "files", "platformdirs"},
    "pipeline": {"core", "library", "refine"},
    "images": {
        "OpenEXR", "core", "files", "imageio", "PIL", "tifffile", "imagecodecs", "cv2", "rawpy",
        "pillow_heif",
    },
    "doctor": {"images", "library", "refine", "onnxruntime", "cv2", "PIL"},
    "scene_io": {
        "core", "doctor", "files", "images", "library", "metrics", "refine", "svg", "cv2",
    },
    "brackets": {"core", "images"},
    "batch": {
        "brackets", "core", "files", "images", "library", "refine", "scene_io", "distributed",
    },
    "report": {"batch", "files", "images", "svg", "cv2", "PIL"},
    "evaluation": {
        "brackets", "core", "files", "images", "metrics", "pipeline", "refine", "report",
        "scene_io", "svg", "cv2",
    },
    "training": {
        "core", "evaluation", "files", "images", "library", "metrics", "refine", "scene_io",
        "svg", "cv2", "torch", "onnx", "OpenEXR", "PIL", "tifffile",
    },
    "cli": {
        "batch", "brackets", "core", "doctor", "evaluation", "files", "library", "refine", "report",
        "scene_io", "training", "torch", "click", "rich",
    },
}  # fmt: skip
HEAVY = {"numpy", "cv2", "PIL", "tifffile", "rich", "torch", "pipeline", "scene_io"}
LIGHT = {"", "__main__", "cli", "errors", "text"}  # may not load any of these on import


@cache
def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


@cache
def nodes_of(path: Path) -> tuple[ast.AST, ...]:
    """Parse a module and return all its nodes."""
    return tuple(ast.walk(ast.parse(path.read_text("utf-8"))))


def row_of(path: Path) -> str:
    first = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    return "" if first == "__init__" else first


def imported(node: ast.AST) -> Iterator[str]:
    """Name what an import statement loads: our module below expinterp, or the top package."""
    if isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom) and not node.level:
        names = [f"{node.module}.{alias.name}" for alias in node.names]
    else:
        return
    for name in names:
        first, *rest = name.split(".")
        if first != "expinterp":
            yield first
        elif rest and rest[0] != "__version__":
            yield rest[0]


def strays(nodes: Iterable[ast.AST], row: str, allowed: set[str]) -> set[str]:
    """Find imports that a module's row does not list."""
    import sys

    names = {name for node in nodes for name in imported(node)}
    return names - allowed - ALWAYS - {row} - set(sys.stdlib_module_names)


def top_level(module: ast.AST) -> set[str]:
    """Name what loads when the module itself is imported."""
    assert isinstance(module, ast.Module)
    return {name for statement in module.body for name in imported(statement)}


def test_a_module_imports_only_what_its_row_allows() -> None:
    """One test for all of them: 230 tests take longer than what they do."""
    assert {row_of(path) for path in modules()} <= set(ALLOWED)
    found = {
        path: strays(nodes_of(path), row_of(path), ALLOWED[row_of(path)]) for path in modules()
    }
    assert {path: names for path, names in found.items() if names} == {}


def test_heavy_packages_load_where_they_are_used() -> None:
    for path in modules():
        loaded = top_level(nodes_of(path)[0])
        heavy = DEFERRED | (HEAVY if row_of(path) in LIGHT else set())
        assert not loaded & heavy, path


@pytest.mark.parametrize("row", ALLOWED)
def test_a_row_allows_only_what_its_modules_import(row: str) -> None:
    own = [path for path in modules() if row_of(path) == row]
    used = {name for path in own for node in nodes_of(path) for name in imported(node)}
    assert ALLOWED[row] <= used


def test_folders_are_small_enough_to_see() -> None:
    folders = Counter(path.parent.relative_to(PACKAGE).as_posix() for path in modules())
    assert folders.pop(".") <= 8
    assert max(folders.values()) <= 14, folders


def test_modules_and_functions_are_short() -> None:
    lengths = []
    for path in modules():
        assert path.read_text("utf-8").count("\n") <= 350, path
        functions = [node for node in nodes_of(path) if isinstance(node, ast.FunctionDef)]
        lengths += map(code_lines, functions)
    assert quantiles(lengths, n=10)[-1] <= 20


def code_lines(node: ast.FunctionDef) -> int:
    """Count the lines of a function, its docstring left out."""
    first = node.body[0]
    documented = ast.get_docstring(node) is not None
    prose = (first.end_lineno or 0) - first.lineno + 1 if documented else 0
    return (node.end_lineno or 0) - node.lineno + 1 - prose


def test_no_two_classes_share_a_name() -> None:
    nodes = chain.from_iterable(map(nodes_of, modules()))
    names = Counter(node.name for node in nodes if isinstance(node, ast.ClassDef))
    assert [name for name, count in names.items() if count > 1] == []


def test_no_module_uses_relative_imports() -> None:
    """They would slip past the table."""
    for path in modules():
        nodes = nodes_of(path)
        assert not any(isinstance(node, ast.ImportFrom) and node.level for node in nodes), path


def test_a_stray_import_is_seen() -> None:
    source = "import numpy\ndef f():\n    import torch\n    from expinterp import pipeline\n"
    assert strays(ast.walk(ast.parse(source)), "images", set()) == {"torch", "pipeline"}
