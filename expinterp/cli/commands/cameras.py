"""``expinterp cameras``: the cameras whose response is known."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from expinterp.cli.command import Command
from expinterp.cli.console import Console
from expinterp.cli.options import json_option, value
from expinterp.text import dump_json

if TYPE_CHECKING:
    from expinterp.library import CameraLibrary

HELP = """List the cameras whose response is known.

\b
expinterp cameras
expinterp cameras --remove "NIKON D90"
expinterp calibrate dark.jpg middle.jpg bright.jpg --remember

If EXIF names one of these cameras, its curves are used. Each curve was measured on one scene.
Your own curves are used together with the built-in ones.
"""
SECTIONS = {
    "Options": (value("--remove", str, "NAME", "Remove your own curves of a camera."),),
    "Messages": (json_option("Print the list as JSON."),),
}


@click.command(
    cls=Command,
    sections=SECTIONS,
    help=HELP,
    short_help="List the cameras whose response is known.",
)
@click.pass_context
def cameras(context: click.Context, /, remove: str | None, *, as_json: bool) -> None:
    """Print the library, or remove a camera from the user's part of it."""
    from expinterp.cli.tables import print_table
    from expinterp.library import open_library

    console = context.ensure_object(Console)
    if remove is not None:
        _remove(remove, open_library(), console)
        if not as_json:
            return
    library = open_library()
    if as_json:
        click.echo(dump_json(_as_json(library), indent=2))
        return
    console.warn(*library.damaged)
    print_table(("camera", "curves", "source"), _rows(library))


def _remove(name: str, library: CameraLibrary, console: Console) -> None:
    from expinterp.library import UnknownCameraError, forget

    try:
        camera = library.cameras.get(library.resolve(name))
    except UnknownCameraError as error:
        message = f"--remove: {error}"
        raise click.UsageError(message) from error
    if camera is None or not camera.own:
        message = f"--remove: {name!r} has no curves of your own; built-in ones stay"
        raise click.UsageError(message)
    for curve in camera.own:
        forget(curve)
    console.note(f"removed your own curves of {camera.name}: {len(camera.own)}")


def _rows(library: CameraLibrary) -> Iterator[tuple[str, str, str]]:
    for camera in library.cameras.values():
        if camera.built_in:
            yield camera.name, str(camera.built_in), "built in"
        for curve in camera.own:
            yield camera.name, "1", f"your own, {curve.file}"


def _as_json(library: CameraLibrary) -> dict[str, object]:
    return {
        "schema_version": 1,
        "folder": str(library.folder),
        "cameras": [
            {
                "name": camera.name,
                "built_in": camera.built_in,
                "own": [str(curve.file) for curve in camera.own],
            }
            for camera in library.cameras.values()
        ],
        "damaged": list(library.damaged),
    }
