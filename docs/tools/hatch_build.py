"""Puts the manual pages into the wheel, made from the commands as they are then."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ManPages(BuildHookInterface):  # type: ignore[type-arg]
    """A build hook of hatch: manual pages become shared data of the wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Write the pages into a temporary folder, and add each to the wheel."""
        root = Path(self.root)
        sys.path[:0] = [str(root), str(root / "docs" / "tools")]
        from manual import write_man_pages

        self.folder = tempfile.TemporaryDirectory()
        for path in write_man_pages(Path(self.folder.name)):
            build_data["shared_data"][str(path)] = f"share/man/man1/{path.name}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove the temporary folder."""
        self.folder.cleanup()
