"""Jobs: the files of a scene, the options for them, and every check that needs no work."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

from expinterp.errors import OutputError, OutputExistsError
from expinterp.files import STREAM, check_output
from expinterp.images import (
    OUTPUTS,
    check_profile,
    check_radiance_target,
    check_sides,
    check_target,
)
from expinterp.scene_io.options import FusionOptions, InterpolationOptions, MergeOptions

Kind: TypeAlias = Literal["medium", "intermediate", "residual", "ghosts"]


@dataclass(frozen=True)
class InterpolationJob:
    """A pair of files, and what is computed from it.

    Attributes
    ----------
    long, short : str
        Paths, or ``-`` for standard input.
    outputs : mapping of kind to path
        Where each wanted image is written; ``-`` is standard output.
    options : InterpolationOptions
    """

    long: str
    short: str
    outputs: Mapping[Kind, str]
    options: InterpolationOptions = field(default_factory=InterpolationOptions)

    @property
    def images(self) -> tuple[str, ...]:
        """All files that the job reads."""
        return (self.long, self.short)

    @property
    def files(self) -> list[str]:
        """All files that the job writes."""
        return [name for kind in self.outputs for name in self.files_of(kind)]

    @property
    def drawn(self) -> list[str]:
        """The files that show what moved; they have 8 bits."""
        return self.files_of("ghosts")

    def files_of(self, kind: Kind) -> list[str]:
        """List the files of a kind, one for each exposure of a series."""
        count, path = self.options.wanted.count, self.outputs.get(kind)
        return [series_name(path, step, count) for step in range(count or 1)] if path else []


@dataclass(frozen=True)
class FusionJob:
    """Files of one scene, and where their fusion is written.

    Attributes
    ----------
    images : tuple of str
        Paths, or ``-`` for standard input, in any order.
    output : str
        Path of the fused image; ``-`` is standard output.
    options : FusionOptions
    save_virtual, save_masks : Path or None
        Folders for the virtual exposures and for the weights of all exposures, both numbered from
        dark to bright. They are created if needed.
    save_ghosts : str or None
        File of a picture of what moved.
    """

    images: tuple[str, ...]
    output: str
    options: FusionOptions = field(default_factory=FusionOptions)
    save_virtual: Path | None = None
    save_masks: Path | None = None
    save_ghosts: str | None = None

    @property
    def files(self) -> list[str]:
        """The files that the job always writes; `folders` may get more."""
        return [self.output, *self.drawn]

    @property
    def drawn(self) -> list[str]:
        """The file that shows what moved, if it is wanted; it has 8 bits."""
        return [self.save_ghosts] if self.save_ghosts else []

    @property
    def folders(self) -> Iterator[tuple[Path, str]]:
        """The folders that the job saves files in, each with the kind of these files."""
        for folder, kind in ((self.save_virtual, "virtual"), (self.save_masks, "mask")):
            if folder is not None:
                yield folder, kind

    def beside(self, folder: Path, kind: str, number: int | Literal[""]) -> str:
        """Name a file that is saved in a folder: ``FOLDER/fused_virtual_1.jpg``."""
        stem, suffix = Path(self.output).stem, Path(self.output).suffix
        if self.output == STREAM:
            stem, suffix = "fused", OUTPUTS[self.options.writing.stream_format].suffixes[0]
        suffix = ".png" if kind == "mask" else suffix
        return str(folder / f"{stem}_{kind}_{number}{suffix}")

    def saved(self, folder: Path, kind: str) -> list[Path]:
        """List the files in a folder that have names of this job, from any run."""
        ours = Path(self.beside(folder, kind, ""))
        there = sorted(folder.iterdir()) if folder.is_dir() else []
        return [
            path for path in there if path.name.startswith(ours.stem) and path.suffix == ours.suffix
        ]


@dataclass(frozen=True)
class MergeJob:
    """Files of one scene, and where its radiance is written.

    Attributes
    ----------
    images : tuple of str
        Paths, or ``-`` for standard input, in any order.
    output : str
        Path of the radiance: OpenEXR, Radiance HDR or float TIFF.
    options : MergeOptions
    save_mask : str or None
        File of a picture of what is clipped in all shots; ``-`` is standard output.
    """

    images: tuple[str, ...]
    output: str
    options: MergeOptions = field(default_factory=MergeOptions)
    save_mask: str | None = None

    @property
    def files(self) -> list[str]:
        """All files that the job writes."""
        return [self.output, *self.drawn]

    @property
    def drawn(self) -> list[str]:
        """The file that shows what is clipped, if it is wanted; it has 8 bits."""
        return [self.save_mask] if self.save_mask else []


Job: TypeAlias = InterpolationJob | FusionJob  # those of a batch too


def series_name(path: str, step: int, count: int | None) -> str:
    """Name an output of a series; a single output keeps its name.

    Examples
    --------
    >>> series_name("mid.jpg", 0, count=3), series_name("mid.jpg", 0, count=None)
    ('mid_1.jpg', 'mid.jpg')
    """
    if count is None:
        return path
    plain = Path(path)
    return str(plain.with_name(f"{plain.stem}_{step + 1}{plain.suffix}"))


def check_job(job: Job | MergeJob) -> None:
    """Check before any work that the outputs of a job can be written.

    Raises
    ------
    OutputExistsError
        If an output exists already, is an input, or is named twice.
    OutputError
        If an output cannot be written to its place.
    """
    writing = job.options.writing
    uses = Counter(map(_identity, job.files))
    for name in job.files:
        if uses[_identity(name)] > 1:
            message = f"{name}: two outputs have this name; give each its own"
            raise OutputExistsError(message)
        if isinstance(job, MergeJob) and name == job.output:
            depth, overwrite = job.options.depth, writing.overwrite
            check_radiance_target(name, depth=depth, overwrite=overwrite, inputs=job.images)
            continue
        check_target(
            name,
            format=writing.format_of(name),
            bit_depth=None if name in job.drawn else writing.bit_depth,
            overwrite=writing.overwrite,
            inputs=job.images,
        )
    if isinstance(job, FusionJob):
        for folder, kind in job.folders:
            _check_folder(job, folder, kind)


def check_size(job: Job | MergeJob, rows: int, cols: int) -> None:
    """Check, once the files are read, that the formats of the outputs can hold pictures of this size.

    Raises
    ------
    OutputError
    """
    radiance = {job.output} if isinstance(job, MergeJob) else set[str]()  # any size fits
    for name in set(job.files) - radiance:
        check_sides(name, rows, cols, format=job.options.writing.format_of(name))


def check_profiles(job: Job | MergeJob, icc: bytes | None) -> None:
    """Check, once the files are read, that the formats of the outputs can hold their profile.

    Raises
    ------
    OutputError
    """
    for name in set(job.files) - set(job.drawn):
        if not (isinstance(job, MergeJob) and name == job.output):
            check_profile(name, icc, format=job.options.writing.format_of(name))


def _check_folder(job: FusionJob, folder: Path, kind: str) -> None:
    """Refuse a folder that cannot be written to, or that holds files of an earlier run."""
    if not folder.exists():
        check_output(folder, overwrite=False)  # it is created when there is something to save
        return
    if not folder.is_dir():
        message = f"{folder}: is a file; name a folder, which is created if needed"
        raise OutputError(message)
    for path in (Path(job.beside(folder, kind, 1)), *job.saved(folder, kind)):
        check_output(path, overwrite=job.options.writing.overwrite, inputs=job.images)


def _identity(name: str) -> str:
    """Return a path in the form in which the file system compares it."""
    return os.path.normcase(os.path.realpath(name))
