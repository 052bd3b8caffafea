"""Hooks of MkDocs: pages made from the program, and files of the repository outside ``docs/``.

Links in the sources are those of the repository, so that they work there too.
"""

from __future__ import annotations

import inspect
import os
import posixpath
import re
from pathlib import Path
from typing import Any

from manual import exit_codes, reference
from mkdocs.structure.files import File, Files

import expinterp

ROOT = Path(__file__).resolve().parents[2]
OUTSIDE = ("CHANGELOG.md", "CONTRIBUTING.md", "models/README.md", "examples/*.jpg")
LINK = re.compile(r"(\]\()(?!https?:|#)([^)#\s]+)")  # up to the anchor


def on_files(files: Files, config: Any) -> Files:
    """Add pages and pictures that lie elsewhere in the repository."""
    for pattern in OUTSIDE:
        for path in sorted(ROOT.glob(pattern)):
            name = path.relative_to(ROOT).as_posix()
            files.append(File.generated(config, name, abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Fill in what is made from the program, and turn links of the repository into the site's."""
    source = Path(page.file.abs_src_path)
    here = posixpath.dirname(page.file.src_uri)
    for name, make in {
        "commands": reference, "exit codes": exit_codes, "names": public_names
    }.items():  # fmt: skip
        marker = f"<!-- {name} -->"
        if marker in markdown:
            markdown = markdown.replace(marker, make())

    def move(link: re.Match[str]) -> str:
        target = Path(os.path.normpath(source.parent / link[2])).relative_to(ROOT).as_posix()
        return link[1] + posixpath.relpath(target.removeprefix("docs/"), here or ".")

    return LINK.sub(move, markdown)


def public_names() -> str:
    """Return what mkdocstrings needs to document every public name of the library."""
    groups: dict[str, list[str]] = {"Functions": [], "Classes": [], "Errors": []}
    for name in expinterp.__all__:
        found = getattr(expinterp, name)
        is_class = inspect.isclass(found)
        is_error = is_class and (issubclass(found, Exception) or name == "ExitCode")
        groups["Errors" if is_error else "Classes" if is_class else "Functions"].append(name)
    lines = []
    for heading, names in groups.items():
        lines += [f"## {heading}", "", *(f"::: expinterp.{name}\n" for name in names)]
    return "\n".join(lines)
