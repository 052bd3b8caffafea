"""Unpack the panoramas of the npm package ``@pmndrs/assets``: CC0 radiance maps for training.

    npm pack @pmndrs/assets
    python -m expinterp.training.simulator.panoramas pmndrs-assets-1.7.0.tgz radiance

Each panorama is an OpenEXR file in base64 inside a line of JavaScript. It has 512 × 256 pixels,
half the size of those in the package's repository, which the bundled model was trained on.
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

MAP = re.compile(rb"data:application/exr;base64,([A-Za-z0-9+/=]+)")
LICENCE = "LICENSE-pmndrs-assets"


def read_maps(package: Path) -> dict[str, bytes]:
    """Read the panoramas of a package and its licence, by file name.

    Raises
    ------
    ImageFileError
        If the package cannot be read, or holds no panorama.
    """
    try:
        with tarfile.open(package) as archive:
            files = dict(_find_maps(archive))
    except (OSError, tarfile.TarError) as error:
        message = f"{package}: cannot be read ({error}); get it with 'npm pack @pmndrs/assets'"
        raise ImageFileError(message) from error
    if not set(files) - {LICENCE}:
        message = f"{package}: holds no panorama; get it with 'npm pack @pmndrs/assets'"
        raise ImageFileError(message)
    return files


def _find_maps(archive: tarfile.TarFile) -> Iterator[tuple[str, bytes]]:
    for member in archive:
        path, stream = PurePosixPath(member.name), archive.extractfile(member)
        content = stream.read() if stream else b""
        if path.name == "LICENSE" and len(path.parts) == 2:
            yield LICENCE, content
        elif path.name.endswith(".exr.js") and (found := MAP.search(content)):
            yield path.name.removesuffix(".js"), base64.b64decode(found[1])


def unpack(package: Path, folder: Path) -> list[Path]:
    """Write the panoramas and their licence into a folder; existing files are not replaced.

    Raises
    ------
    ImageFileError
        If the package cannot be read, or holds no panorama.
    OutputExistsError, OutputError
        If a file exists, or cannot be written.
    """
    files = read_maps(package)
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        with replacing(folder / name, overwrite=False) as stream:
            stream.write(content)
    return [folder / name for name in files]


def main() -> None:
    """Read the command line and unpack."""
    parser = argparse.ArgumentParser(description="Unpack the panoramas of @pmndrs/assets.")
    parser.add_argument("package", type=Path, help="the .tgz file from 'npm pack'")
    parser.add_argument("folder", type=Path)
    options = parser.parse_args()
    try:
        unpack(options.package, options.folder)
    except ExpInterpError as error:
        raise SystemExit(str(error)) from error


if __name__ == "__main__":
    main()
