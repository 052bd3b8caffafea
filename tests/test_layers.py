"""Who may import whom: the table of the architecture, held against every file."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "expinterp"
CORE = {"exposure", "response", "mapping", "intermediate"}
ALWAYS = {"errors", "numpy"}  # and the standard library
DEFERRED = {
    "onnxruntime",
    "distributed",
}  # may only be imported where it is used, inside a function

# module: what it may import besides ALWAYS; a package's row holds for all its modules
ALLOWED = {
    "": {"fusion", "pair", "pipeline", "refine"},  # expinterp/__init__.py, all of it deferred
    "errors": set(),
    "exposure": set(),
    "journal": set(),
    "prior": {"mapping", "response"},
    "response": {"mapping"},
    "mapping": set(),
    "intermediate": {"mapping", "cv2"},
    "align": {"mapping", "parallel", "cv2"},
    "tiles": set(),
    "parallel": {"cv2"},
    "refine": {"intermediate", "mapping", "parallel", "response", "tiles", "onnxruntime"},
    "pyramid": {"cv2"},
    "guided": {"cv2"},
    "shoulder": {"intermediate", "cv2"},
    "fusion": {"guided", "intermediate", "mapping", "parallel", "pyramid", "shoulder", "cv2"},
    "pair": CORE | {"align", "prior", "cv2"},
    "series": {"exposure", "mapping", "pair"},
    "pipeline": CORE | {"align", "fusion", "pair", "parallel", "refine", "series"},
    "metrics": {"intermediate", "mapping", "cv2"},
    "assessment": {"fusion", "mapping", "metrics", "pair", "prior", "cv2"},
    "images": {"exposure", "PIL", "tifffile", "cv2"},
    "job": {
        "align",
        "assessment",
        "doctor",
        "exposure",
        "fusion",
        "images",
        "intermediate",
        "mapping",
        "pair",
        "pipeline",
        "plot",
        "refine",
        "response",
        "series",
        "cv2",
    },
    "brackets": {"exposure", "images", "journal"},
    "batch": {
        "brackets",
        "exposure",
        "images",
        "job",
        "journal",
        "mapping",
        "pair",
        "prior",
        "refine",
        "response",
        "series",
        "distributed",
    },
    "plot": set(),
    "evaluation": {
        "assessment",
        "brackets",
        "exposure",
        "images",
        "intermediate",
        "job",
        "mapping",
        "metrics",
        "pair",
        "pipeline",
        "refine",
        "report",
        "response",
        "series",
        "cv2",
    },
    "report": {"images", "journal", "cv2", "PIL"},
    "doctor": {"refine", "onnxruntime", "cv2", "PIL"},
    "cli": {
        "batch",
        "brackets",
        "doctor",
        "evaluation",
        "fusion",
        "images",
        "job",
        "refine",
        "report",
        "training",
        "torch",
        "click",
        "rich",
    },
    "__main__": {"cli"},
    "training": CORE
    | {
        "assessment",
        "evaluation",
        "images",
        "job",
        "pair",
        "pipeline",
        "prior",
        "refine",
        "cv2",
        "torch",
        "onnx",
        "OpenEXR",
        "PIL",
    },
}
LIGHT = {"", "__main__", "cli", "errors", "exposure"}  # may not load NumPy on import


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


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


def strays(source: str, row: str, allowed: set[str]) -> set[str]:
    """Find imports that a module's row does not list."""
    import sys

    names = {name for node in ast.walk(ast.parse(source)) for name in imported(node)}
    return names - allowed - ALWAYS - {row} - set(sys.stdlib_module_names)


def top_level(source: str) -> set[str]:
    """Name what loads when the module itself is imported."""
    body = ast.parse(source).body
    return {name for statement in body for name in imported(statement)}


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_only_what_its_row_allows(path: Path) -> None:
    row = row_of(path)
    assert row in ALLOWED, f"{path.name} has no row in the table"
    assert strays(path.read_text("utf-8"), row, ALLOWED[row]) == set()


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_heavy_packages_load_where_they_are_used(path: Path) -> None:
    loaded = top_level(path.read_text("utf-8"))
    assert not loaded & DEFERRED
    if row_of(path) in LIGHT:
        assert not loaded & {"numpy", "cv2", "PIL", "tifffile", "rich", "torch", "pipeline", "job"}


@pytest.mark.parametrize("row", ALLOWED)
def test_a_row_allows_only_what_its_modules_import(row: str) -> None:
    sources = [path.read_text("utf-8") for path in modules() if row_of(path) == row]
    used = {
        name for each in sources for node in ast.walk(ast.parse(each)) for name in imported(node)
    }
    assert ALLOWED[row] <= used


def test_no_module_uses_relative_imports() -> None:
    """They would slip past the table."""
    for path in modules():
        nodes = ast.walk(ast.parse(path.read_text("utf-8")))
        assert not any(isinstance(node, ast.ImportFrom) and node.level for node in nodes), path


def test_a_stray_import_is_seen() -> None:
    source = "import numpy\ndef f():\n    import torch\n    from expinterp import pipeline\n"
    assert strays(source, "images", set()) == {"torch", "pipeline"}
