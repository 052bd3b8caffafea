"""Unpack the panoramas of the npm package ``@pmndrs/assets``: radiance maps to train on, CC0.

    npm pack @pmndrs/assets
    python -m expinterp.training.simulator.panoramas pmndrs-assets-1.7.0.tgz radiance

The package holds each as text, an OpenEXR file in base64 inside a line of JavaScript. They are half
as large, 512 × 256 pixels, as those of the project's repository, which the bundled model has seen.
"""

from __future__ import annotations

import argparse
import base64
import re
import tarfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from expinterp.errors import ExpInterpError, ImageFileError
from expinterp.files import replacing

MAP = re.compile(r"data:application/exr;base64,([A-Za-z0-9+/=]+)")
LICENCE = "LICENSE-pmndrs-assets"


def read_maps(package: Path) -> Iterator[tuple[str, bytes]]:
    """Give the files that a package holds, by the names they are to have, the licence among them.

    Raises
    ------
    ImageFileError
        If the package cannot be read, or there is no map in it.
    """
    found = 0
    try:
        with tarfile.open(package) as archive:
            for member in archive:
                path, stream = PurePosixPath(member.name), archive.extractfile(member)
                if stream is None:
                    continue
                if path.name == "LICENSE" and len(path.parts) == 2:
                    yield LICENCE, stream.read()
                elif path.name.endswith(".exr.js"):
                    text = MAP.search(stream.read().decode("ascii", "replace"))
                    if text:
                        found += 1
                        yield path.name.removesuffix(".js"), base64.b64decode(text[1])
    except (OSError, tarfile.TarError) as error:
        message = f"{package}: cannot be read ({error}); get it with 'npm pack @pmndrs/assets'"
        raise ImageFileError(message) from error
    if not found:
        message = f"{package}: holds no panorama; get it with 'npm pack @pmndrs/assets'"
        raise ImageFileError(message)


def unpack(package: Path, folder: Path) -> list[Path]:
    """Write the panoramas and their licence into a folder; files that are there stay as they are.

    Raises
    ------
    ImageFileError
        If the package is none.
    OutputExistsError, OutputError
        If a file exists, or cannot be written.
    """
    contents = list(read_maps(package))
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents:
        with replacing(folder / name, overwrite=False) as stream:
            stream.write(content)
    return [folder / name for name, _ in contents]


def main() -> None:
    """Read the command line and unpack."""
    parser = argparse.ArgumentParser(description="Unpack the panoramas of @pmndrs/assets.")
    parser.add_argument("package", type=Path, help="the .tgz that 'npm pack' gives")
    parser.add_argument("folder", type=Path)
    options = parser.parse_args()
    try:
        unpack(options.package, options.folder)
    except ExpInterpError as error:
        raise SystemExit(str(error)) from error


if __name__ == "__main__":
    main()
