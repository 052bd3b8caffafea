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
from itertools import islice
from pathlib import Path, PurePosixPath

from expinterp.errors import ExpInterpError, ImageFileError, one_line
from expinterp.files import make_folder, replacing
from expinterp.text import visible

MAP = re.compile(rb"data:application/exr;base64,([A-Za-z0-9+/=]+)")
ODD = re.compile(r"[^\w.+-]")  # letters that file names have on some systems only
MOST_BYTES = 1 << 28  # of a member; the largest has some millions
MOST_MEMBERS = 10_000
GET = "get it with 'npm pack @pmndrs/assets'"
LICENCE = "LICENSE-pmndrs-assets"


def read_maps(package: Path) -> dict[str, bytes]:
    """Read the panoramas of a package and its licence, by file name.

    Raises
    ------
    ImageFileError
        If the package cannot be read, or holds no panorama.
    """
    if not package.is_file():
        message = f"{package}: is no file; {GET}"
        raise ImageFileError(message)
    try:
        with tarfile.open(package) as archive:
            files = dict(_find_maps(archive))
    except Exception as error:  # damaged archives raise almost any
        message = f"{package}: cannot be read ({one_line(str(error))[:80]}); {GET}"
        raise ImageFileError(message) from error
    if not set(files) - {LICENCE}:
        message = f"{package}: holds no panorama; {GET}"
        raise ImageFileError(message)
    return files


def _find_maps(archive: tarfile.TarFile) -> Iterator[tuple[str, bytes]]:
    """Read the ordinary members that are wanted; links are not followed."""
    for member in islice(archive, MOST_MEMBERS):
        path = PurePosixPath(member.name)
        licence = path.name == "LICENSE" and len(path.parts) == 2
        if member.size > MOST_BYTES:
            msg = f"a member has {member.size:,} bytes"
            raise ValueError(msg)
        if not member.isreg() or not (licence or path.name.endswith(".exr.js")):
            continue
        stream = archive.extractfile(member)
        content = stream.read() if stream else b""
        if licence:
            yield LICENCE, content
        elif found := MAP.search(content):
            yield (
                ODD.sub("_", path.name.removesuffix(".js")),
                base64.b64decode(found[1], validate=True),
            )


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
    make_folder(folder)
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
        parser.exit(error.exit_code, f"{visible(one_line(str(error)))}\n")


if __name__ == "__main__":
    main()
