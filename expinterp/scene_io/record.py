"""The record of a job: what was done, as plain values, and how long it took."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from expinterp import __version__

if TYPE_CHECKING:
    from expinterp.core.pair import Pair
    from expinterp.core.registration.motion import Motion
    from expinterp.images import Photograph
    from expinterp.refine import Refiner
    from expinterp.scene_io.open_scene import Opened

SCHEMA_VERSION = 1
# Relative durations of the stages, for progress.
SHARES = {
    "read": 2, "measure": 1, "render": 6, "fuse": 5, "merge": 2, "assess": 5, "write": 1,
}  # fmt: skip


@dataclass(frozen=True)
class JobRecord:
    """What a job did, as plain values; `as_json` is the schema of ``--json``.

    Attributes
    ----------
    command : {'interpolate', 'fuse', 'merge'}
    inputs, outputs : list of dict
        See `describe_shot` and `Output`.
    ratio, motion, response, refinement : dict or None
        See the functions of this module that describe them.
    ghosts : dict or None
        ``share``: share of pixels that moved, 0..1; ``reference``: name of the file that they
        were taken from. None if moving things were not looked for.
    denoise : float
        Strength of denoising, 0..1.
    timings : dict
        Seconds of each stage.
    warnings : list of str
    fusion : dict or None
        Method, parameters and quality of a fusion.
    merge : dict or None
        Of radiance: ``white``, the file whose white is 1; ``scale``, its exposure in seconds, if it
        is known; ``exposures``, that of each input relative to it, as measured; ``clipped``, shares
        of pixels that are black and white in all.
    mask : str
        A small picture of what moved, PNG in base64, for pages; empty if nothing did. Not a part
        of ``--json``; a batch keeps it in its journal as ``mask`` of ``ghosts``.
    """

    command: Literal["interpolate", "fuse", "merge"]
    inputs: list[dict[str, Any]]
    outputs: list[dict[str, Any]]
    ratio: dict[str, Any]
    motion: dict[str, Any] | None
    ghosts: dict[str, Any] | None
    response: dict[str, Any]
    refinement: dict[str, Any] | None
    denoise: float
    timings: dict[str, float]
    warnings: list[str]
    fusion: dict[str, Any] | None = None
    merge: dict[str, Any] | None = None
    mask: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return the record as one JSON object."""
        record = {"schema_version": SCHEMA_VERSION, "version": __version__, **asdict(self)}
        del record["mask"]
        for part in ("fusion", "merge"):
            if record[part] is None:
                del record[part]
        return record


@dataclass(frozen=True)
class Output:
    """A file that is written, and its exposure.

    Attributes
    ----------
    kind : str
        medium, intermediate, residual, fused, virtual, mask, ghosts, radiance or clipped.
    file : str
    ev : float or None
        Stops above ``short``, or above the darkest of several; None where there is no such value.
    time : float or None
        The virtual exposure time in seconds, if times are known.
    """

    kind: str
    file: str
    ev: float | None = None
    time: float | None = None


class Clock:
    """Seconds spent in each stage, and the share of all work that is done.

    Parameters
    ----------
    progress : function
        Called with the name of the stage and the share of the whole that is done, 0..1.
    stages : str
        The stages that are expected, each as often as it occurs.

    An unexpected stage never makes the share fall; the following stages rise more slowly.
    """

    def __init__(self, progress: Callable[[str, float], None], *stages: str) -> None:
        self._progress = progress
        self._expected = Counter(stages)
        self._done: dict[str, float] = {}  # share of each stage, all its repetitions together
        self._share = 0.0
        self._stage: str | None = None
        self._since = time.perf_counter()
        self._seconds: dict[str, float] = {}

    @property
    def seconds(self) -> dict[str, float]:
        """Seconds spent in each stage so far, rounded."""
        return {stage: round(spent, 4) for stage, spent in self._seconds.items()}

    def expect(self, name: str, count: int) -> None:
        """Set how often a stage is expected."""
        self._expected[name] = count

    def advance(self, name: str, share: float) -> None:
        """Report that a share of a stage, 0..1, is done; time counts for it from now on."""
        self._switch(name)
        self._done[name] = share
        weights = {stage: SHARES[stage] * count for stage, count in self._expected.items()}
        done = sum(weight * self._done.get(stage, 0.0) for stage, weight in weights.items())
        self._share = max(self._share, done / sum(weights.values()))
        self._progress(name, self._share)

    @contextmanager
    def stage(self, name: str, *, number: int = 0) -> Iterator[Callable[[float], None]]:
        """Time a stage, or repetition `number` of it.

        Yields
        ------
        callable
            To be called with the share of the stage that is done, 0..1.
        """
        count = max(self._expected[name], number + 1)
        self.advance(name, number / count)
        yield lambda share: self.advance(name, (number + share) / count)
        self._switch(None)
        self._done[name] = (number + 1) / count

    def _switch(self, stage: str | None) -> None:
        now = time.perf_counter()
        if self._stage is not None:
            self._seconds[self._stage] = self._seconds.get(self._stage, 0.0) + now - self._since
        self._stage, self._since = stage, now


def describe_shot(
    role: str, shot: Photograph, clipped: dict[str, float] | None, shape: tuple[int, ...]
) -> dict[str, Any]:
    """Describe an input.

    `clipped` are the shares of its values at the ends of the range, and `shape` is that of the
    pixels in the file.
    """
    rows, cols, channels = shape
    return {
        "role": role,
        "file": shot.name,
        "format": shot.format,
        "rows": rows,
        "cols": cols,
        "channels": channels,
        "bit_depth": 8 * shot.pixels.dtype.itemsize,
        **asdict(shot.exposure),
        "clipped": clipped,
    }


def describe_ratio(pairs: Sequence[Pair]) -> dict[str, float | None]:
    """Describe the exposure ratio from end to end: stated, measured, and used."""
    stated = [pair.ratio_given for pair in pairs if pair.ratio_given]
    return {
        "stated": math.prod(stated) if pairs and len(stated) == len(pairs) else None,
        "measured": math.prod(pair.ratio_measured for pair in pairs) if pairs else None,
        "used": math.prod(pair.ratio for pair in pairs) if pairs else None,
    }


def describe_response(pair: Pair | None, opened: Opened) -> dict[str, Any]:
    """Describe the source of the response; it is None if no pair was measured.

    `curves` is the number of those of the camera, if the library knows it and they fit.
    """
    profile, file = opened.profile, opened.profile_file
    prior = opened.prior if pair and pair.source == "camera" else None
    return {
        "source": pair and pair.source,
        "file": None if file is None else str(file),
        "camera": profile.camera if profile else prior and prior.camera,
        "curves": prior and len(prior.cameras),
        "residual": profile and profile.residual,
    }


def describe_motion(*motions: Motion | None, aligned_to: str | None) -> dict[str, Any] | None:
    """Describe the largest motion of the camera; None if motions were not measured.

    `aligned_to` names the shot that others are aligned to, None for the viewpoint half-way.
    """
    looked = [motion.pixels for motion in motions if motion]
    known = [pixels for pixels in looked if pixels is not None]
    if not looked:
        return None
    farthest = round(max(known), 3) if known else None
    return {"pixels": farthest, "aligned_to": aligned_to if farthest else None}


def describe_refiner(refiner: Refiner | None) -> dict[str, Any] | None:
    """Describe the network and the device it ran on."""
    if refiner is None:
        return None
    return {"sha256": refiner.digest, "provider": refiner.provider, "threads": refiner.threads}
