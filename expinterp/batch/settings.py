"""What a batch makes of every bracket: the options of its jobs, and where things go."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any, Literal, TypeAlias

from expinterp.batch.naming import TEMPLATE
from expinterp.brackets import Bracket
from expinterp.refine import model_path
from expinterp.scene_io import FuseJob, Job, Kind

Mode: TypeAlias = Literal["interpolate", "fuse", "both"]
# What does not matter to what outputs hold, or is said by names and frames.
IRRELEVANT = {"long", "short", "outputs", "images", "output", "threads", "device"}
IRRELEVANT |= {"overwrite", "stream_format"}


@dataclass(frozen=True)
class BatchSettings:
    """What to make of every bracket, and where.

    Attributes
    ----------
    folder, out : Path
        Absolute; frames are relative to the one, outputs to the other.
    interpolation : Job or None
        The options of every pair of neighbours; its files are filled in.
    fusion : FuseJob or None
        The options of fusing; its files are filled in. Where `save_virtual` or `save_masks` is
        set, each bracket gets a folder of its own for them.
    kinds : tuple of Kind
        Which images of an interpolation are written.
    template : str
        Of the names of outputs, see `naming`.
    format : str or None
        A key of `FORMATS`; None for that of the brightest frame.
    shared : bool
        Whether brackets of one camera share a response.
    profiles : mapping of str to Path
        The response of each camera, by `camera_key`, where it is shared.
    """

    folder: Path
    out: Path
    interpolation: Job | None = None
    fusion: FuseJob | None = None
    kinds: tuple[Kind, ...] = ("medium",)
    template: str = TEMPLATE
    format: str | None = None
    shared: bool = False
    profiles: Mapping[str, Path] = field(default_factory=dict)

    @property
    def mode(self) -> Mode:
        """What is made of a bracket, in one word."""
        if self.fusion is None:
            return "interpolate"
        return "both" if self.interpolation else "fuse"

    @cached_property
    def options(self) -> dict[str, Any]:
        """What decides what outputs hold, besides the photographs, as plain values."""
        return {
            "interpolation": self.interpolation and _making(self.interpolation),
            "fusion": self.fusion and _making(self.fusion),
            "kinds": list(self.kinds),
            "template": self.template,
            "format": self.format,
            "share_response": self.shared,
        }

    @property
    def threads(self) -> int:
        """How wide each task works; 1 if nobody has said."""
        job = self.interpolation or self.fusion
        return (job and job.threads) or 1

    def with_threads(self, threads: int) -> BatchSettings:
        """Say how wide each task works; what comes out does not depend on it."""
        return replace(
            self,
            interpolation=self.interpolation and replace(self.interpolation, threads=threads),
            fusion=self.fusion and replace(self.fusion, threads=threads),
        )


def camera_key(bracket: Bracket) -> str:
    """Name what brackets must have in common to share a response: camera and kind of file."""
    suffix = PurePosixPath(bracket.frames[0]).suffix
    return f"{bracket.camera or 'unknown camera'} {suffix.lstrip('.')}".lower()


def digest(path: Path) -> str | None:
    """Compute the SHA-256 of a file; None if it cannot be read, which who needs it will say."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return None


def _making(job: Job | FuseJob) -> dict[str, Any]:
    """Turn a job into JSON values; the bundled network, which upgrades replace, is named too."""
    options: dict[str, Any] = _plain(asdict(job))
    if job.refine and job.model is None:
        options["model"] = f"bundled {str(digest(model_path()))[:12]}"
    return options


def _plain(value: Any) -> Any:
    """Turn options into JSON values; a file counts by what it holds."""
    if isinstance(value, Mapping):
        return {key: _plain(part) for key, part in value.items() if key not in IRRELEVANT}
    if isinstance(value, Path):
        return {"file": str(value), "sha256": digest(value)}
    return list(value) if isinstance(value, tuple) else value
