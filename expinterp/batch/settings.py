"""What a batch computes for every bracket: the options of its jobs, and where outputs are written."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any, Literal, TypeAlias

from expinterp.batch.naming import TEMPLATE
from expinterp.brackets import Bracket
from expinterp.refine import model_path
from expinterp.scene_io import FusionOptions, InterpolationOptions, Kind

Mode: TypeAlias = Literal["interpolate", "fuse", "both"]
IRRELEVANT = {"threads", "device", "overwrite", "stream_format"}  # change no pixel of a file
KEYS = {"wanted": "target"}  # fields with another name in journals


@dataclass(frozen=True)
class BatchSettings:
    """What is computed for every bracket, and where it is written.

    Attributes
    ----------
    folder, out : Path
        Absolute; frames are relative to `folder`, outputs to `out`.
    interpolation : InterpolationOptions or None
        Of every pair of adjacent exposures; `times` are those of a whole bracket.
    fusion : FusionOptions or None
        Of all exposures of a bracket.
    kinds : tuple of Kind
        Which images of an interpolation are written; fusing saves its own ``ghosts`` too.
    save_virtual, save_masks : bool
        Whether fusing saves its virtual exposures and weights, in folders of each bracket.
    template : str
        Of the names of outputs, see `naming`.
    format : str or None
        A key of `FORMATS`; None for that of the brightest frame.
    shared : bool
        Whether brackets of one camera share a response.
    profiles : mapping of str to Path
        The response of each camera, by `camera_key`, where it is shared.
    library : str or None
        Digest of the user's own cameras, if results depend on them.
    threads : int or None
        Number of threads of each task; outputs do not depend on it.
    """

    folder: Path
    out: Path
    interpolation: InterpolationOptions | None = None
    fusion: FusionOptions | None = None
    kinds: tuple[Kind, ...] = ("medium",)
    save_virtual: bool = False
    save_masks: bool = False
    template: str = TEMPLATE
    format: str | None = None
    shared: bool = False
    profiles: Mapping[str, Path] = field(default_factory=dict)
    library: str | None = None
    threads: int | None = None

    @property
    def mode(self) -> Mode:
        """What is computed for a bracket, in one word."""
        if self.fusion is None:
            return "interpolate"
        return "both" if self.interpolation else "fuse"

    @property
    def times(self) -> tuple[float, ...] | None:
        """Exposure times of every bracket's frames, if they are given."""
        options = self.interpolation or self.fusion
        return options.times if options else None

    @property
    def camera(self) -> str | None:
        """The camera that is named for every bracket; None for those that the files name."""
        options = self.interpolation or self.fusion
        return options.camera if options else None

    @cached_property
    def options(self) -> dict[str, Any]:
        """All that decides what outputs hold, besides the photographs, as JSON values."""
        saved = {"save_virtual": self.save_virtual, "save_masks": self.save_masks}
        folders = {name: _plain(Path()) if wanted else None for name, wanted in saved.items()}
        return {
            "interpolation": self.interpolation and _describe(self.interpolation),
            "fusion": self.fusion and {**_describe(self.fusion), **folders},
            "kinds": list(self.kinds),
            "template": self.template,
            "format": self.format,
            "share_response": self.shared,
        }


def camera_key(bracket: Bracket) -> str:
    """Return what brackets with a shared response have in common: camera and kind of file."""
    suffix = PurePosixPath(bracket.frames[0]).suffix.lstrip(".").lower()
    return f"{bracket.camera or 'unknown camera'} {suffix}"


def digest(path: Path) -> str | None:
    """Compute the SHA-256 of a file; None if it cannot be read."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return None


def _describe(options: InterpolationOptions | FusionOptions) -> dict[str, Any]:
    """Turn options into JSON values; name the bundled network too, since upgrades replace it."""
    values: dict[str, Any] = _plain(asdict(options))
    if options.refine and options.model is None:
        values["model"] = f"bundled {str(digest(model_path()))[:12]}"
    return values


def _plain(value: Any) -> Any:
    """Turn a value into JSON values; a file counts by what it holds."""
    if isinstance(value, Mapping):
        kept = {key: part for key, part in value.items() if key not in IRRELEVANT}
        return {KEYS.get(key, key): _plain(part) for key, part in kept.items()}
    if isinstance(value, Path):
        return {"file": str(value), "sha256": digest(value)}
    return list(value) if isinstance(value, tuple) else value
