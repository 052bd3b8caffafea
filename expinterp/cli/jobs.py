"""Jobs from the options of ``interpolate``, ``fuse`` and ``batch``, and how one is run."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any, TextIO

import click

from expinterp.cli.console import Console
from expinterp.cli.options import STREAM, given
from expinterp.text import dump_json, rounded

if TYPE_CHECKING:
    from pathlib import Path

    from expinterp.scene_io import (
        FusionOptions,
        InterpolationOptions,
        Job,
        JobRecord,
        MergeJob,
        MergeOptions,
    )
    from expinterp.scene_io.options import CommonOptions


def interpolation_options(options: dict[str, Any]) -> InterpolationOptions:
    """Collect the options of an interpolation."""
    from expinterp.scene_io import InterpolationOptions, WantedExposure

    wanted = WantedExposure(**_fields(WantedExposure, options))
    return InterpolationOptions(wanted=wanted, **_common_fields(InterpolationOptions, options))


def fusion_options(options: dict[str, Any], *, metrics: bool) -> FusionOptions:
    """Collect the options of a fusion.

    Raises
    ------
    click.UsageError
        If a weight is out of its range.
    """
    from expinterp.core.fusion import Weighting
    from expinterp.scene_io import FusionOptions

    try:
        weighting = Weighting(**_fields(Weighting, options))
    except ValueError as error:
        message = f"--{str(error).replace('_', '-')}"
        raise click.UsageError(message) from error
    return FusionOptions(
        weighting=weighting, metrics=metrics, **_common_fields(FusionOptions, options)
    )


def merge_options(options: dict[str, Any]) -> MergeOptions:
    """Collect the options of merging."""
    from expinterp.scene_io import MergeOptions

    return MergeOptions(**_common_fields(MergeOptions, options))


def _common_fields(kind: type[CommonOptions], options: dict[str, Any]) -> dict[str, Any]:
    """Return the options that set fields of `kind`, and those of all kinds alike."""
    from expinterp.core.registration.viewing import Viewing
    from expinterp.scene_io import Development, Writing

    return {
        "development": Development(**_fields(Development, options)),
        "writing": Writing(**_fields(Writing, options)),
        "viewing": Viewing(**_fields(Viewing, options)),
        **_fields(kind, options),
    }


def _fields(kind: type[Any], options: dict[str, Any]) -> dict[str, Any]:
    """Return the options that set fields of a dataclass."""
    return given(options, (field.name for field in fields(kind)))


def name_camera(options: dict[str, Any]) -> dict[str, Any]:
    """Return the options with ``--camera`` as the library calls it.

    Raises
    ------
    click.UsageError
        If the library does not know the camera.
    """
    if options["camera"] is None or options["response"]:
        return options
    from expinterp.library import UnknownCameraError, open_library

    try:
        return {**options, "camera": open_library().resolve(options["camera"])}
    except UnknownCameraError as error:
        message = f"--camera: {error}"
        raise click.UsageError(message) from error


def warn_of_library(console: Console, response: Path | None, camera: str | None) -> None:
    """Warn of files that the library of cameras skips, if it is used."""
    from expinterp.library import ANY, open_library

    if not response and camera != ANY:
        damaged = open_library().damaged
        console.warn(*(f"{file}; it is not used: repair or remove it" for file in damaged))


def describe_response(record: JobRecord) -> str:
    """Describe where the response comes from."""
    response = record.response
    shots = "pair" if len(record.inputs) == 2 else "shots"
    if response["source"] != "camera":
        known = response["source"] == "known"
        source = shots if response["source"] == "pair" else response["source"]
        return "known response" if known else f"response from the {source}"
    count = "1 curve" if response["curves"] == 1 else f"{response['curves']} curves"
    return f"response from the {shots} and {count} of {response['camera']}"


def series_contradictions(doing: str, options: dict[str, Any]) -> Iterator[str]:
    """List what is wrong about the images of a series, and their times."""
    images, times = options["images"], options["times"]
    if len(images) < 2:
        yield f"{doing} takes two exposures or more"
    yield from stream_contradictions(images, options)
    if times and len(times) != len(images):
        yield f"--times needs a time for each of the {len(images)} images, not {len(times)}"


def stream_contradictions(images: Sequence[str], options: dict[str, Any]) -> Iterator[str]:
    """List what cannot be read from standard input, or written to standard output."""
    if list(images).count(STREAM) > 1:
        yield "only one image can come from stdin; name a file for every other"
    if options["output"] == STREAM and options["as_json"]:
        yield "-o - leaves no room on stdout for --json; name a file"
    if options["output"] == STREAM and _is_closed_or_terminal(sys.stdout):
        yield "-o - needs stdout to lead somewhere, as in > out.png"
    if STREAM in images and _is_closed_or_terminal(sys.stdin):
        yield "- needs an image on stdin, as in < long.jpg"
    if options["output"] != STREAM and options["stream_format"]:
        yield "--format is for -o -; elsewhere the suffix of the output decides"


def ghost_contradictions(options: dict[str, Any]) -> Iterator[str]:
    """List what cannot be done with the picture of what moved."""
    if options["save_ghosts"] == STREAM:
        yield "--save-ghosts needs a file, not -"
    if options["save_ghosts"] and options["deghost"] == "off":
        yield "--deghost off leaves nothing for --save-ghosts; give one of them"


def describe_motion(record: JobRecord) -> Iterator[str]:
    """Describe how far the camera moved; nothing if it did not."""
    if record.motion is None or record.motion["pixels"] == 0:
        return
    if record.motion["pixels"] is None:
        yield "whether the camera moved cannot be measured; the images are not aligned"
        return
    target = record.motion["aligned_to"] or "the viewpoint half-way"
    yield (
        f"the camera moved by up to {record.motion['pixels']:.1f} pixels; the images are aligned to "
        f"{target} (--no-align leaves them unchanged)"
    )


def describe_ghosts(record: JobRecord) -> Iterator[str]:
    """Describe how much of the scene moved; nothing if nothing did."""
    if record.ghosts and record.ghosts["share"]:
        share, reference = record.ghosts["share"], record.ghosts["reference"]
        yield f"{rounded(100 * share, 2)} % of the picture moved; it is taken from {reference}"


def _is_closed_or_terminal(stream: TextIO | None) -> bool:
    return stream is None or stream.isatty()


def run_job(
    job: Job | MergeJob,
    console: Console,
    *,
    as_json: bool,
    describe: Callable[[JobRecord], Iterable[str]],
) -> None:
    """Run a job and show its warnings, and if verbose its facts.

    Parameters
    ----------
    as_json : bool
        Whether the record is printed.
    describe : function
        Returns the facts in words, a line each.
    """
    from expinterp import scene_io
    from expinterp.scene_io.malloc import keep_freed_memory

    keep_freed_memory()
    try:
        with console.progress() as progress:
            record = scene_io.run(job, progress=progress)
    except scene_io.TargetError as error:
        raise click.UsageError(str(error)) from error
    console.warn(*record.warnings)
    # Not before: the files are decoded while the library is imported.
    warn_of_library(console, job.options.response, job.options.camera)
    for line in describe(record):
        console.detail(line)
    times = ", ".join(f"{stage} {seconds:.2f} s" for stage, seconds in record.timings.items())
    console.detail(f"time: {times}")
    if as_json:
        click.echo(dump_json(record.as_json(), indent=2))
