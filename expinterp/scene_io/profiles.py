"""Camera profiles as files: measured from the shots of a bracket, written and read."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import numpy as np

from expinterp import library
from expinterp.core.exposure import exposure_ratio
from expinterp.core.registration.opacity import blank, seen_in
from expinterp.core.response import calibration
from expinterp.errors import OutputExistsError, PairError
from expinterp.files import STREAM, check_output, replacing
from expinterp.images import Photograph, read_photographs
from expinterp.scene_io.shots import agree, check_alike, refuse_known, state_times
from expinterp.svg import Axis, Chart

POOR_FIT = 0.5  # stops; brackets of still scenes mostly give 0.1 to 0.3
FACTS = {"time": "exposure time", "iso": "ISO", "f_number": "aperture"}  # names for messages


class UnnamedCameraError(ValueError):
    """A camera cannot be remembered, as it has no name."""


class TimesError(ValueError):
    """A shot does not state its exposure time, or an ISO or aperture that is needed."""


def calibrate_files(
    images: Sequence[str],
    output: str | None,
    *,
    times: Sequence[float] | None = None,
    camera: str | None = None,
    remember: bool = False,
    plot: str | None = None,
    overwrite: bool = False,
) -> tuple[calibration.Profile, list[str]]:
    """Measure a response from the shots of a bracket, and write or remember the profile.

    Parameters
    ----------
    images : sequence of str
        Paths of three or more exposures, in any order.
    output : str or None
        Path of the profile, JSON; ``-`` is standard output.
    times : sequence of float, optional
        Exposure times in seconds, in the order of `images`, in place of those in the files.
    camera : str, optional
        Name of the camera, in place of the one that the files state.
    remember : bool
        Whether the profile is stored in the user's library of cameras.
    plot : str, optional
        Path of a picture of the curves, SVG.

    Returns
    -------
    Profile
    list of str
        Warnings about the files and the fit.

    Raises
    ------
    TimesError
        If no times are given, and a shot states none, or no ISO or aperture where those of others
        differ.
    UnnamedCameraError
        If the profile is to be remembered, and no camera is named.
    PairError
        If it is to be remembered, and does not fit the shots, or if their response is known.
    ExpInterpError
        If a file cannot be read or written, or the shots do not match.
    """
    _check_outputs(images, output, plot, overwrite)
    shots = read_photographs(images)
    refuse_known(shots)
    if times:
        shots = state_times(shots, times)
    times = relative_times(shots)
    shots, warnings = agree(shots)
    check_alike(shots)
    camera = camera or shots[0].exposure.camera
    if remember:
        _check_name(camera, shots[0].name)
    opaque = [blank(shot.pixels, seen_in(shot.alpha)) for shot in shots]
    profile = calibration.calibrate(opaque, times, camera=camera)
    if remember and (doubts := _doubt(profile)):
        message = f"{doubts[0]}; it is not remembered"
        raise PairError(message)
    if remember:  # before the outputs: the same once more would be refused, as these exist then
        library.remember(profile)
    if output:
        _write_text(output, profile.to_json(), overwrite)
    if plot:
        title = profile.camera or "camera response"
        _write_text(plot, draw_response(profile, title), overwrite)
    return profile, warnings + _doubt(profile)


def _check_name(camera: str | None, file: str) -> None:
    """Refuse to remember a camera without a name."""
    if not library.is_name(camera or ""):
        stated = "names no camera" if camera is None else f"{camera!r} is no model of a camera"
        message = f"{file}: {stated}; name it with --camera, to remember it"
        raise UnnamedCameraError(message)


def _doubt(profile: calibration.Profile) -> list[str]:
    """Warn of curves that do not fit the shots they were measured from."""
    if profile.residual <= POOR_FIT:
        return []
    remark = (
        f"the response misses the shots by {profile.residual:.2f} stops (root mean square); "
        "check the exposure times, and that all show one still scene without a border"
    )
    return [remark]


def relative_times(shots: Sequence[Photograph]) -> list[float]:
    """Compute the exposure of each shot relative to the first, with ISO and aperture.

    Raises
    ------
    TimesError
        If a shot states no exposure time, or no ISO or aperture where those of others differ.
    PairError
        If all exposures are equal.
    """
    for fact, word in FACTS.items():
        stated = {shot.name: getattr(shot.exposure, fact) for shot in shots}
        silent = [name for name, value in stated.items() if not value]
        if silent and (fact == "time" or len(set(filter(None, stated.values()))) > 1):
            message = f"{', '.join(silent)}: no {word} in the file; add --times, one per image"
            raise TimesError(message)
    ratios = [exposure_ratio(shot.exposure, shots[0].exposure) for shot in shots]
    if len(set(ratios)) < 2:
        names = ", ".join(shot.name for shot in shots)
        message = f"{names}: all are exposed alike; give shots of different exposure"
        raise PairError(message)
    return [ratio for ratio in ratios if ratio is not None]


def _check_outputs(
    images: Sequence[str], output: str | None, plot: str | None, overwrite: bool
) -> None:
    """Check before any work that the outputs can be written."""
    if plot and output and os.path.realpath(plot) == os.path.realpath(output):
        message = f"{plot}: two outputs have this name; give each its own"
        raise OutputExistsError(message)
    for target in filter(None, (output, plot)):
        check_output(target, overwrite=overwrite, inputs=images)


def draw_response(profile: calibration.Profile, title: str) -> str:
    """Draw a camera response as an SVG file: a line per channel, without unknown ends."""
    stops = profile.response / np.log(2.0)
    across = Axis.over(stops[np.isfinite(stops)], "log exposure, stops (0 at code value 128)")
    chart = Chart(title, across, Axis((0, 64, 128, 192, 255), "code value"), size=(560, 400))
    channels = ("red", "green", "blue") if len(stops) > 1 else ("grey",)
    lines = [
        chart.line(((stop, code) for code, stop in enumerate(curve) if np.isfinite(stop)), channel)
        for curve, channel in zip(stops, channels, strict=True)
    ]
    return chart.document(lines, [(channel, channel) for channel in channels])


def _write_text(target: str, text: str, overwrite: bool) -> None:
    if target == STREAM:
        sys.stdout.write(text)
        return
    with replacing(target, overwrite=overwrite) as stream:
        stream.write(text.encode())
