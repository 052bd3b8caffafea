"""Reading OpenEXR: the picture of its display window, R G B or grey, with opacity.

Source: OpenEXR, "Technical Introduction" (windows, luminance and chroma) and "Standard attributes".
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from io import BytesIO, StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from expinterp.errors import ImageFileError, MissingExtraError, how_to_install
from expinterp.images.codecs.depths import divide_by_alpha
from expinterp.images.developing.linear import Light, from_luminance
from expinterp.images.developing.profiles import SRGB
from expinterp.images.developing.raw_exif import exif_of_values
from expinterp.images.developing.silence import quiet_stderr
from expinterp.images.limits import REMEDY, check_size

MISSING = f"OpenEXR files need the package OpenEXR: {how_to_install('exr', 'OpenEXR')}"
COLOURS, LUMINANCE = ("R", "G", "B"), ("Y", "RY", "BY")
LONGEST_TEXT = 256  # characters of an attribute
LARGEST = 1 << 31  # a coordinate of a window beyond is damage
MOST_EMPTY, FEW_PIXELS = 100, 1 << 24  # displayed pixels for each with data; fewer are no burden
_one_at_a_time = threading.Lock()  # OpenEXR's warnings are printed, so sys.stdout is replaced


def read(
    stream: BinaryIO, max_pixels: int, warnings: list[str]
) -> tuple[Light, tuple[float, ...], bytes | None]:
    """Read light, (rows, cols, channels), the primaries (x, y of R, G, B and white), and EXIF.

    Raises
    ------
    ImageFileError
        If it is larger than `max_pixels`, damaged, deep, or without a picture in R G B, grey, or
        luminance and chroma.
    MissingExtraError
        If OpenEXR is not installed.
    """
    with _opened(stream, header_only=True) as file:
        _check_part(_pictured(file), max_pixels)
    with _opened(stream) as file:
        part = _pictured(file)
        if len(file.parts) > 1:
            which = "first" if part is file.parts[0] else "first one in colour"
            warnings.append(f"the file holds {len(file.parts)} pictures; only the {which} is read")
        primaries = tuple(map(float, part.header.get("chromaticities", SRGB)))
        light = _on_display(part, _light(part, primaries, warnings), warnings)
        return light, primaries, _exif(part.header)


def read_header(stream: BinaryIO) -> tuple[int, int, bytes | None]:
    """Read the rows and columns of the display window, and the EXIF block."""
    with _opened(stream, header_only=True) as file:
        part = _pictured(file)
        (left, top), (right, bottom) = _window(part, "displayWindow")
        return bottom - top + 1, right - left + 1, _exif(part.header)


def _exif(header: Mapping[str, Any]) -> bytes | None:
    """Write the standard attributes of a shot into an EXIF block; None without a time."""
    time, f_number, iso = (
        float(header.get(name, 0)) for name in ("expTime", "aperture", "isoSpeed")
    )
    make, model, date = (
        str(header.get(name, ""))[:LONGEST_TEXT].strip("\0 ")
        for name in ("cameraMake", "cameraModel", "capDate")
    )
    return (
        exif_of_values(time, f_number, iso, date=date, camera=(make, model)) if time > 0 else None
    )


@contextmanager
def _opened(stream: BinaryIO, *, header_only: bool = False) -> Iterator[Any]:
    """Open a file, or a copy of a stream; what OpenEXR prints is dropped."""
    try:
        import OpenEXR
    except ModuleNotFoundError as error:
        raise MissingExtraError(MISSING) from error
    with TemporaryDirectory() as folder, _one_at_a_time:
        path = Path(folder) / "picture.exr"
        if isinstance(stream, BytesIO):
            path.write_bytes(stream.getbuffer())
        else:
            path = Path(stream.name)
        with quiet_stderr(), redirect_stdout(StringIO()):
            file = OpenEXR.File(str(path), separate_channels=True, header_only=header_only)
        with file:
            yield file


def _pictured(file: Any) -> Any:
    """Return the first part with a picture; the first of all if none has one."""
    if not file.parts:
        message = f"damaged OpenEXR; {REMEDY}"
        raise ImageFileError(message)
    return next((part for part in file.parts if _layer(_names(part)) is not None), file.parts[0])


def _names(part: Any) -> set[str]:
    channels = part.header["channels"]
    return {channel.name for channel in channels}


def _layer(names: set[str]) -> str | None:
    """Return what the names of the colours begin with: nothing, or the first layer that has them."""
    layers = sorted({"", *(name.rpartition(".")[0] + "." for name in names if "." in name)})
    found = (
        layer for layer in layers
        if layer + "Y" in names or all(layer + name in names for name in COLOURS)
    )  # fmt: skip
    return next(found, None)


def _check_part(part: Any, max_pixels: int) -> None:
    """Refuse a part by its header: deep, too large, or of other channels."""
    areas = []
    for name in ("dataWindow", "displayWindow"):
        (left, top), (right, bottom) = _window(part, name)
        cols, rows = right - left + 1, bottom - top + 1
        check_size(cols, rows, max_pixels)
        areas.append(cols * rows)
    if areas[1] > max(MOST_EMPTY * areas[0], FEW_PIXELS):
        message = "OpenEXR whose data fill almost nothing of what it displays; save it cropped"
        raise ImageFileError(message)
    if "deep" in str(part.header.get("type", "")).lower():
        message = "OpenEXR with deep data; save it flat"
        raise ImageFileError(message)
    names = _names(part)
    if _layer(names) is None:
        message = f"OpenEXR with the channels {', '.join(sorted(names))[:80]}; save its picture as R, G, B"
        raise ImageFileError(message)


def _window(part: Any, name: str) -> tuple[tuple[int, int], tuple[int, int]]:
    (left, top), (right, bottom) = part.header[name]
    if max(abs(int(value)) for value in (left, top, right, bottom)) >= LARGEST:
        message = f"damaged OpenEXR (its {name} has no size); {REMEDY}"
        raise ImageFileError(message)
    return (int(left), int(top)), (int(right), int(bottom))


def _light(part: Any, primaries: tuple[float, ...], warnings: list[str]) -> Light:
    """Join the channels of the data window; colours are divided by opacity."""
    layer, known = _layer({*part.channels}) or "", {*COLOURS, *LUMINANCE, "A"}
    channels = {
        name.removeprefix(layer): channel
        for name, channel in part.channels.items()
        if name.startswith(layer) and name.removeprefix(layer) in known
    }
    others = [name for name in part.channels if name.removeprefix(layer) not in channels]
    if others:
        warnings.append(f"further channels are left out: {', '.join(others)[:80]}")
    if all(name in channels for name in COLOURS):
        light = np.stack([_values(channels[name]) for name in COLOURS], axis=-1)
    elif all(name in channels for name in LUMINANCE):
        luminance = _values(channels["Y"])
        red, blue = (_enlarge(_values(channels[name]), luminance.shape) for name in ("RY", "BY"))
        light = from_luminance(luminance, red, blue, primaries)
    else:
        light = _values(channels["Y"])[..., np.newaxis]
    if "A" not in channels:
        return light
    light = np.dstack([light, _values(channels["A"])])
    divide_by_alpha(light)
    return light


def _values(channel: Any) -> Light:
    """Return the values of a channel; refuse whole numbers, which are identifiers."""
    pixels: NDArray[Any] = channel.pixels
    if pixels.dtype.kind != "f":
        message = (
            f"OpenEXR whose channel {channel.name} holds whole numbers; save it as half or float"
        )
        raise ImageFileError(message)
    return pixels.astype(np.float32)


def _enlarge(chroma: Light, shape: tuple[int, ...]) -> Light:
    """Interpolate a channel that is stored at half the resolution; its samples lie at even places."""
    import cv2

    if chroma.shape == shape:
        return chroma
    rows, cols = (np.arange(side, dtype=np.float32) for side in shape)
    down, across = rows * (chroma.shape[0] / shape[0]), cols * (chroma.shape[1] / shape[1])
    x, y = np.meshgrid(across, down)
    return np.asarray(
        cv2.remap(chroma, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.float32
    )


def _on_display(part: Any, light: Light, warnings: list[str]) -> Light:
    """Place the data window in the display window; where there are no data it is transparent."""
    (left, top), (right, bottom) = _window(part, "displayWindow")
    (first, above), _ = _window(part, "dataWindow")
    rows, cols = bottom - top + 1, right - left + 1
    if (first, above) == (left, top) and light.shape[:2] == (rows, cols):
        return light
    y, x = above - top, first - left
    inside = light[max(-y, 0) : rows - y, max(-x, 0) : cols - x]
    if not inside.size or y >= rows or x >= cols:
        message = "OpenEXR whose data lie outside of what it displays; save it cropped"
        raise ImageFileError(message)
    warnings.append("the data do not fill the picture; the rest is transparent")
    if light.shape[2] in {1, 3}:
        inside = np.concatenate([inside, np.ones((*inside.shape[:2], 1), np.float32)], axis=2)
    whole = np.zeros((rows, cols, inside.shape[2]), np.float32)
    y, x = max(y, 0), max(x, 0)
    whole[y : y + inside.shape[0], x : x + inside.shape[1]] = inside
    return whole
