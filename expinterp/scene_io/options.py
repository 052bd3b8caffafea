"""How the photographs of a scene are interpolated or fused, without the names of files."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from expinterp.core import exposure
from expinterp.core.registration.viewing import USUAL, Viewing
from expinterp.files import STREAM
from expinterp.images import QUALITY, Depth, Development

if TYPE_CHECKING:  # files are decoded while what computes is imported
    from expinterp.core.denoise import Denoise
    from expinterp.core.fusion import Method, Weighting
    from expinterp.core.fusion.plan import Virtual
    from expinterp.refine import Device

SLACK = 0.01  # EV by which a wanted exposure may lie outside: people round, and so do cameras


class TargetError(ValueError):
    """The wanted exposure does not lie between the two shots, or cannot be placed."""


@dataclass(frozen=True)
class WantedExposure:
    """Which exposures are wanted; the geometric mean if nothing is given.

    Attributes
    ----------
    ev : float or None
        Stops above ``short``.
    time : float or None
        Exposure time in seconds.
    count : int or None
        Number of exposures of a series, evenly spaced in stops.
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
            return exposure.even_positions(self.count)
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
    """Return a position between the shots; refuse one outside, naming the span."""
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
        Format of standard output; files are in the format of their suffix.
    quality : int
        1..100, of JPEG, WebP, AVIF and JPEG XL.
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
        """Return the keyword arguments of `write_photograph` for an output."""
        return {
            "format": self.format_of(name),
            "quality": self.quality,
            "bit_depth": self.bit_depth,
            "overwrite": self.overwrite,
        }


@dataclass(frozen=True, kw_only=True)
class CommonOptions:
    """Options of interpolation and fusion alike.

    Attributes
    ----------
    times : tuple of float, or None
        Exposure times in seconds, in the order of the images, in place of those in the files.
    response : Path or None
        A camera profile.
    camera : str or None
        A camera of the library, in place of the one that the files name; ``any`` for none.
    development : Development
        How raw files are developed.
    writing : Writing
    viewing : Viewing
        How camera motion and moving things are handled.
    refine : bool
        Whether the network is used.
    denoise : {'auto', 'off'} or float
        Strength, 0..1, with which noise is removed from what is computed.
    model : Path or None
        Another network than the bundled one.
    device : {'auto', 'cpu', 'cuda'}
    threads : int or None
        Number of threads; None for all CPUs. It holds for the whole process from then on.
    """

    times: tuple[float, ...] | None = None
    response: Path | None = None
    camera: str | None = None
    development: Development = field(default_factory=Development)
    writing: Writing = Writing()
    viewing: Viewing = USUAL
    refine: bool = True
    denoise: Denoise = "auto"
    model: Path | None = None
    device: Device = "auto"
    threads: int | None = None


@dataclass(frozen=True, kw_only=True)
class InterpolationOptions(CommonOptions):
    """How a pair is interpolated.

    Attributes
    ----------
    wanted : WantedExposure
    ratio : float or None
        Exposure ratio, in place of that of the times.
    """

    wanted: WantedExposure = WantedExposure()
    ratio: float | None = None


def _usual_weighting() -> Weighting:
    from expinterp.core.fusion import Weighting

    return Weighting()


@dataclass(frozen=True, kw_only=True)
class FusionOptions(CommonOptions):
    """How exposures are fused.

    Attributes
    ----------
    virtual : 'auto' or int
        Virtual exposures between each two adjacent ones.
    weighting : Weighting
    method : {'guided', 'mertens'}
    levels : int or None
        Levels of the pyramid; None for as many as there are.
    metrics : bool
        Whether the result is measured.
    """

    virtual: Virtual = "auto"
    weighting: Weighting = field(default_factory=_usual_weighting)
    method: Method = "guided"
    levels: int | None = None
    metrics: bool = False


@dataclass(frozen=True, kw_only=True)
class MergeOptions(CommonOptions):
    """How exposures are merged to radiance; `refine` has no effect.

    Attributes
    ----------
    depth : {'half', 'float'} or None
        Of OpenEXR and TIFF; by default half in OpenEXR and float in TIFF.
    """

    depth: Depth | None = None
