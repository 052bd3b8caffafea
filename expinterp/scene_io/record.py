"""What was done, as plain values, and how long it took."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from expinterp import __version__
from expinterp.core.align import Motion
from expinterp.core.pair import Pair
from expinterp.core.response import Profile
from expinterp.images import Photograph
from expinterp.refine import Refiner

SCHEMA_VERSION = 1
# How long stages take beside each other, for progress.
SHARES = {"read": 2, "measure": 1, "render": 6, "fuse": 5, "assess": 5, "write": 1}


@dataclass(frozen=True)
class JobRecord:
    """What a job did, as plain values; `as_json` is the schema of ``--json``."""

    command: Literal["interpolate", "fuse"]
    inputs: list[dict[str, Any]]
    outputs: list[dict[str, Any]]
    ratio: dict[str, Any]
    motion: dict[str, Any] | None
    response: dict[str, Any]
    refinement: dict[str, Any] | None
    timings: dict[str, float]
    warnings: list[str]
    fusion: dict[str, Any] | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the record as one JSON object."""
        record = {"schema_version": SCHEMA_VERSION, "version": __version__, **asdict(self)}
        if self.fusion is None:
            del record["fusion"]
        return record


@dataclass(frozen=True)
class Output:
    """A file that is written, and the exposure in it.

    Attributes
    ----------
    kind : {'medium', 'intermediate', 'residual', 'fused', 'virtual', 'mask'}
    file : str
    ev : float or None
        Stops above ``short``, or above the darkest of several; None where that means nothing.
    time : float or None
        The virtual exposure time in seconds, if the times are known.
    """

    kind: str
    file: str
    ev: float | None = None
    time: float | None = None


class Clock:
    """Seconds spent in each stage, and how far the whole is.

    Parameters
    ----------
    progress : function
        Called with the name of the stage and the share of the whole that is done, 0..1.
    stages : str
        The stages that are expected, each as often as it is.

    What comes as a surprise makes no share fall; the next ones rise more slowly.
    """

    def __init__(self, progress: Callable[[str, float], None], *stages: str) -> None:
        self.progress = progress
        self.seconds: dict[str, float] = {}
        self.done = 0
        self.share = 0.0
        self.expected = Counter(stages)

    def expect(self, name: str, count: int) -> None:
        """Expect a stage so often, whatever was expected at first."""
        self.expected[name] = count

    @contextmanager
    def stage(self, name: str) -> Iterator[Callable[[float], None]]:
        """Time a stage; a name that comes again adds up.

        Yields
        ------
        callable
            To be called with the share of the stage that is done, 0..1.
        """
        total = sum(SHARES[each] * count for each, count in self.expected.items())

        def advance(share: float) -> None:
            self.share = max(self.share, (self.done + share * SHARES[name]) / total)
            self.progress(name, self.share)

        advance(0.0)
        started = time.perf_counter()
        yield advance
        spent = time.perf_counter() - started
        self.seconds[name] = round(self.seconds.get(name, 0.0) + spent, 4)
        self.done += SHARES[name]


def describe_shot(role: str, shot: Photograph, clipped: dict[str, float] | None) -> dict[str, Any]:
    """Describe an input; `clipped` are the shares of its values at the ends of the range."""
    rows, cols, channels = shot.pixels.shape
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
    """Describe the exposure ratio from end to end: stated, measured, and the one reckoned with."""
    stated = [pair.ratio_given for pair in pairs if pair.ratio_given]
    return {
        "stated": math.prod(stated) if pairs and len(stated) == len(pairs) else None,
        "measured": math.prod(pair.ratio_measured for pair in pairs) if pairs else None,
        "used": math.prod(pair.ratio for pair in pairs) if pairs else None,
    }


def describe_response(
    pair: Pair | None, file: Path | None, profile: Profile | None
) -> dict[str, Any]:
    """Describe where the response comes from; nowhere, if no pair was measured."""
    return {
        "source": pair and pair.source,
        "file": None if file is None else str(file),
        "camera": profile and profile.camera,
        "residual": profile and profile.residual,
    }


def describe_motion(*motions: Motion | None) -> dict[str, Any] | None:
    """Describe how far the camera moved at the most; None if that was not looked for."""
    looked = [motion.pixels for motion in motions if motion]
    known = [pixels for pixels in looked if pixels is not None]
    return {"pixels": round(max(known), 3) if known else None} if looked else None


def describe_refiner(refiner: Refiner | None) -> dict[str, Any] | None:
    """Describe the network and what it ran on."""
    if refiner is None:
        return None
    return {
        "sha256": refiner.digest,
        "provider": refiner.provider,
        "threads": refiner.threads,
    }
