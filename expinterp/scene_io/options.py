"""What to make of the photographs of a scene, and every refusal that can be made before any work."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias

from expinterp.core import exposure
from expinterp.core.fusion import Method, Weighting
from expinterp.core.fusion.exposures import Virtual
from expinterp.errors import OutputError, OutputExistsError
from expinterp.files import STREAM, check_output
from expinterp.images import FORMATS, QUALITY, check_target
from expinterp.refine import Device

Kind: TypeAlias = Literal["medium", "intermediate", "residual"]
SLACK = 0.01  # EV by which a wanted exposure may lie outside: people round, and so do cameras


class TargetError(ValueError):
    """The exposure that was asked for does not lie between the two shots, or cannot be placed."""


@dataclass(frozen=True)
class WantedExposure:
    """Which exposures are wanted; the geometric mean if nothing is said.

    Attributes
    ----------
    ev : float or None
        Stops above ``short``.
    time : float or None
        Exposure time in seconds.
    count : int or None
        Length of a ladder, evenly spaced in stops.
    """

    ev: float | None = None
    time: float | None = None
    count: int | None = None

    def positions(self, *, ratio: float, long_time: float | None) -> tuple[float, ...]:
        """Place the wanted exposures between ``short`` (0) and ``long`` (1).

        Raises
        ------
        TargetError
            If one lies outside, or is a time and `long_time` is None.
        """
        if self.count is not None:
            return exposure.ladder(self.count)
        if self.ev is not None:
            step = exposure.ev_step(ratio)
            span = f"between 0 (the short image) and {step:.2f} EV (the long one)"
            return (_within(exposure.position_at_ev(self.ev, ratio=ratio), ratio, span),)
        if self.time is not None:
            return (_position_of_time(self.time, ratio, long_time),)
        return (exposure.MEDIUM,)


def _position_of_time(time: float, ratio: float, long_time: float | None) -> float:
    if long_time is None:
        message = "the files state no exposure times; add --times LONG,SHORT, or use --at EV"
        raise TargetError(message)
    short_time = long_time / ratio
    position = exposure.position_at_time(time, short_time=short_time, ratio=ratio)
    return _within(position, ratio, f"between {short_time:.4g} s (short) and {long_time:.4g} s")


def _within(position: float, ratio: float, span: str) -> float:
    """Keep a position between the shots, or say which span it had to lie in."""
    nearest = min(max(position, 0.0), 1.0)
    if not abs(position - nearest) * exposure.ev_step(ratio) <= SLACK:
        message = f"the exposure asked for does not lie between the two images; give one {span}"
        raise TargetError(message)
    return nearest


@dataclass(frozen=True)
class Writing:
    """How outputs are written.

    Attributes
    ----------
    stream_format : str
        What goes to standard output; files are in the format of their suffix.
    quality : int
        1..100, of JPEG, WebP and AVIF.
    bit_depth : 8, 16 or None
        Bits per channel; None keeps those of the inputs where the format can hold them.
    overwrite : bool
        Whether existing files may be replaced.
    """

    stream_format: str = "png"
    quality: int = QUALITY
    bit_depth: int | None = None
    overwrite: bool = False

    def format_of(self, name: str) -> str | None:
        """Choose the format of an output; None leaves it to the suffix."""
        return self.stream_format if name == STREAM else None

    def options(self, name: str) -> dict[str, Any]:
        """Give the keyword arguments of `write_photograph` for an output."""
        return {
            "format": self.format_of(name),
            "quality": self.quality,
            "bit_depth": self.bit_depth,
            "overwrite": self.overwrite,
        }


@dataclass(frozen=True, kw_only=True)
class CommonOptions:
    """What every job works with.

    Attributes
    ----------
    times : tuple of float, or None
        Exposure times of its images in seconds, in their order, in place of those in the files.
    response : Path or None
        A camera profile.
    align : bool
        Whether motions of the camera are looked for, and undone.
    refine : bool
        Whether the network has its say.
    model : Path or None
        Another network than the bundled one.
    threads : int or None
        How wide to work; it holds for the process from then on.
    """

    times: tuple[float, ...] | None = None
    response: Path | None = None
    writing: Writing = Writing()
    align: bool = True
    refine: bool = True
    model: Path | None = None
    device: Device = "auto"
    threads: int | None = None


@dataclass(frozen=True)
class Job(CommonOptions):
    """One pair, and what to make of it by interpolation.

    Attributes
    ----------
    long, short : str
        Paths, or ``-`` for standard input.
    outputs : mapping of kind to path
        Where each wanted image goes; ``-`` is standard output.
    ratio : float or None
        Exposure ratio, in place of what times say.
    """

    long: str
    short: str
    outputs: Mapping[Kind, str]
    target: WantedExposure = WantedExposure()
    ratio: float | None = None

    @property
    def names(self) -> list[str]:
        """List all files that the job writes."""
        return [
            ladder_name(path, step, self.target.count)
            for path in self.outputs.values()
            for step in range(self.target.count or 1)
        ]

    @property
    def images(self) -> tuple[str, ...]:
        """List all files that the job reads."""
        return (self.long, self.short)


@dataclass(frozen=True)
class FuseJob(CommonOptions):
    """Exposures of one scene, and how to fuse them.

    Attributes
    ----------
    images : tuple of str
        Paths, or ``-`` for standard input, in any order.
    output : str
        Where the fused image goes; ``-`` is standard output.
    virtual : 'auto' or int
        Virtual exposures between each two neighbours.
    weighting : Weighting
    method : {'guided', 'mertens'}
    levels : int or None
        Of the pyramid; None for as many as there are.
    save_virtual, save_masks : Path or None
        Folders, made if they are not there, for the virtual exposures and for the weights of all
        exposures, both numbered from dark to bright.
    metrics : bool
        Whether to measure the result.
    """

    images: tuple[str, ...]
    output: str
    virtual: Virtual = "auto"
    weighting: Weighting = field(default_factory=Weighting)
    method: Method = "guided"
    levels: int | None = None
    save_virtual: Path | None = None
    save_masks: Path | None = None
    metrics: bool = False

    @property
    def names(self) -> list[str]:
        """List the file that the job writes whatever the images are."""
        return [self.output]

    def beside(self, folder: Path, kind: str, number: int | Literal[""]) -> str:
        """Name a file that is saved in a folder of its own: ``FOLDER/fused_virtual_1.jpg``."""
        stem, suffix = Path(self.output).stem, Path(self.output).suffix
        if self.output == STREAM:
            stem, suffix = "fused", FORMATS[self.writing.stream_format].suffixes[0]
        suffix = ".png" if kind == "mask" else suffix
        return str(folder / f"{stem}_{kind}_{number}{suffix}")

    def saved(self, folder: Path, kind: str) -> list[Path]:
        """List the files in a folder that are named as the job names them, of whatever run."""
        ours = Path(self.beside(folder, kind, ""))
        there = sorted(folder.iterdir()) if folder.is_dir() else []
        return [
            path for path in there if path.name.startswith(ours.stem) and path.suffix == ours.suffix
        ]


def ladder_name(path: str, step: int, count: int | None) -> str:
    """Name an output of a ladder; a single output keeps its name.

    Examples
    --------
    >>> ladder_name("mid.jpg", 0, count=3), ladder_name("mid.jpg", 0, count=None)
    ('mid_1.jpg', 'mid.jpg')
    """
    if count is None:
        return path
    plain = Path(path)
    return str(plain.with_name(f"{plain.stem}_{step + 1}{plain.suffix}"))


def refuse(job: Job | FuseJob) -> None:
    """Make every refusal that can be made before any work.

    Raises
    ------
    OutputExistsError
        If an output is there already, is an input, or is named twice.
    OutputError
        If an output cannot be written where it should go.
    """
    uses = Counter(map(_identity, job.names))
    for name in job.names:
        if uses[_identity(name)] > 1:
            message = f"{name}: two outputs have this name; give each its own"
            raise OutputExistsError(message)
        check_target(
            name,
            format=job.writing.format_of(name),
            bit_depth=job.writing.bit_depth,
            overwrite=job.writing.overwrite,
            inputs=job.images,
        )
    if isinstance(job, FuseJob):
        _refuse_folder(job, job.save_virtual, "virtual")
        _refuse_folder(job, job.save_masks, "mask")


def _refuse_folder(job: FuseJob, folder: Path | None, kind: str) -> None:
    """Refuse a folder that cannot be written to, or that holds files of an earlier run."""
    if folder is None:
        return
    if not folder.exists():
        check_output(folder, overwrite=False)  # it is made when there is something to put in it
        return
    if not folder.is_dir():
        message = f"{folder}: is a file; name a folder, which is made if it is not there"
        raise OutputError(message)
    for path in (Path(job.beside(folder, kind, 1)), *job.saved(folder, kind)):
        check_output(path, overwrite=job.writing.overwrite, inputs=job.images)


def _identity(name: str) -> str:
    """Tell names apart as the file system does."""
    return os.path.normcase(os.path.realpath(name))
