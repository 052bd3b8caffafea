"""Developing raw files with LibRaw, to the camera's own R G B.

LibRaw subtracts black, balances white, clips each channel at 1, and interpolates the mosaic. Nothing
depends on what the picture shows: no automatic brightness, no white level from the data. So frames
of one scene are developed alike, and their response is known.

``rawpy`` itself is used, not the plugin ``rawpy`` of imageio: that one gives neither the colour
matrix and the white balance nor the crop, and it hides errors.

Letters: M is the matrix from the camera's R G B after white balance to linear R G B of the output
space. Its rows sum to 1, so that white stays white.

Source: dcraw and LibRaw (`cam_xyz_coeff`, `scale_colors`): M is the inverse of XYZ-to-camera times
R G B-to-XYZ, with normalised rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from expinterp.core.arrays import Floats
from expinterp.core.encoding import SPACES, TOP, Encoding, Space, conversion, encode
from expinterp.core.parallel import map_threads, strips
from expinterp.errors import ImageFileError, MissingExtraError, how_to_install
from expinterp.images.developing.development import Development
from expinterp.images.developing.negative import Mosaic, Negative
from expinterp.images.developing.profiles import icc_profile
from expinterp.images.developing.raw_exif import exif_of_raw
from expinterp.images.developing.raw_files import check_sensor_data, is_dng, mapped
from expinterp.images.developing.silence import quiet_stderr
from expinterp.images.limits import check_size
from expinterp.images.metadata import ifd
from expinterp.images.orientation import make_upright
from expinterp.images.photograph import Decoded, Metadata, Pixels

ORIENTATIONS = (1, 2, 4, 3, 5, 8, 6, 7)  # of EXIF, by LibRaw's flip 0..7
LEAST_CROP = 0.5  # of each side; a smaller crop is not what the camera shows
STRIP = 64  # rows that one thread encodes at a time
MISSING = f"raw files need the package rawpy: {how_to_install('raw', 'rawpy')}"
UNREADABLE = (
    "LibRaw finds no sensor data that it can read in this raw file; copy it again from the card, or "
    "convert it to DNG"
)
DAMAGED = "the sensor data are damaged or cut off; copy the file again from the card"
NO_BALANCE = "the raw file states no white balance of the camera; that of daylight is used"
NO_MATRIX = "LibRaw knows no colours of this camera; they are left as the sensor has them"


def decode(stream: BinaryIO, max_pixels: int, development: Development) -> Decoded:
    """Develop a raw file to upright working code values.

    Raises
    ------
    ImageFileError
        If LibRaw cannot read the sensor data, or the picture is larger than `max_pixels`.
    MissingExtraError
        If rawpy is not installed.
    """
    with mapped(stream) as block, _opened(_source(stream)) as raw:
        sizes = raw.sizes
        check_size(sizes.iwidth, sizes.iheight, max_pixels)
        check_sensor_data(block, sizes.iwidth * sizes.iheight)
        if raw.num_colors not in {1, 3}:
            message = f"a sensor with {raw.num_colors} colours; convert the file to a 16-bit TIFF"
            raise ImageFileError(message)
        with quiet_stderr():
            raw.unpack()
        warnings: list[str] = []
        multipliers = _multipliers(raw, development, warnings)
        encoding = Encoding(_matrix(raw, block, development.space, warnings), development.space)
        negative = _negative(raw, _source(stream), multipliers) if development.keep else None
        draft = development.draft and negative is not None
        pixels = _develop(raw, multipliers, draft=draft)
        metadata = Metadata(exif_of_raw(block, raw.other), icc_profile(development.space))
        return Decoded(pixels, metadata, warnings, encoding, negative)


def read_multipliers(stream: BinaryIO, development: Development) -> tuple[float, ...]:
    """Read the white balance of a raw file, for other frames of its scene.

    Raises
    ------
    ImageFileError, MissingExtraError
        As `decode`.
    """
    with mapped(stream), _opened(_source(stream)) as raw:
        if development.white_balance == "auto":
            with quiet_stderr():
                raw.unpack()
        return _multipliers(raw, development, [])


def read_header(stream: BinaryIO) -> tuple[int, int, bytes | None]:
    """Read rows and columns, as stored, and the EXIF block of a raw file; errors as `decode`."""
    with mapped(stream) as block, _opened(_source(stream)) as raw:
        *_, cols, rows = _frame(raw.sizes) or (raw.sizes.iwidth, raw.sizes.iheight)
        return rows, cols, exif_of_raw(block, raw.other)


def read_preview(stream: BinaryIO) -> bytes | None:
    """Read the JPEG that is embedded for display; it is never taken for the photograph."""
    import rawpy

    with mapped(stream), _opened(_source(stream)) as raw, suppress(rawpy.LibRawError):
        thumbnail = raw.extract_thumb()
        if thumbnail.format == rawpy.ThumbFormat.JPEG:
            return bytes(thumbnail.data)
    return None


def _source(stream: BinaryIO) -> str | bytes:
    """Return the name of the file of a stream, which LibRaw then reads itself, or its content."""
    name = getattr(stream, "name", None)
    if isinstance(name, str) and Path(name).is_file():
        return name
    stream.seek(0)
    return stream.read()


@contextmanager
def _opened(source: str | bytes) -> Iterator[Any]:
    """Open a raw file with LibRaw; its errors become one line, its text on stderr is dropped."""
    try:
        import rawpy
    except ModuleNotFoundError as error:
        raise MissingExtraError(MISSING) from error
    try:
        with rawpy.RawPy() as raw:
            with quiet_stderr():
                if isinstance(source, str):
                    raw.open_file(source)
                else:
                    raw.open_buffer(BytesIO(source))
            yield raw
    except (rawpy.LibRawFileUnsupportedError, rawpy.NotSupportedError) as error:
        raise ImageFileError(UNREADABLE) from error
    except rawpy.LibRawError as error:
        raise ImageFileError(DAMAGED) from error


def _multipliers(raw: Any, development: Development, warnings: list[str]) -> tuple[float, ...]:
    """Return the white balance as factors of R, G, B and the second G."""
    if raw.num_colors == 1:
        return (1.0,) * 4
    daylight = _relative(raw.daylight_whitebalance)
    stated = all(value > 0 for value in raw.camera_whitebalance[:3])
    if development.multipliers:
        chosen = development.multipliers
    elif development.white_balance == "auto":
        raw.postprocess(use_auto_wb=True, half_size=True, no_auto_bright=True)
        chosen = _relative(raw.auto_whitebalance)
    else:
        as_shot = development.white_balance == "camera" and stated
        chosen = _relative(raw.camera_whitebalance) if as_shot else daylight
    if development.white_balance == "camera" and not stated and chosen == daylight:
        warnings.append(NO_BALANCE)
    return chosen


def _relative(found: Sequence[float]) -> tuple[float, ...]:
    """Divide factors of R, G, B and the second G by that of G; 1 for all if one is missing."""
    red, green, blue, second = found
    if min(red, green, blue) <= 0:
        return (1.0,) * 4
    return red / green, 1.0, blue / green, (second / green if second > 0 else 1.0)


def _develop(raw: Any, multipliers: tuple[float, ...], *, draft: bool = False) -> Pixels:
    """Develop to upright working code values in the camera's R G B."""
    import rawpy

    sizes = raw.sizes
    linear = raw.postprocess(
        user_wb=list(multipliers),
        output_color=rawpy.ColorSpace.raw,
        gamma=(1, 1),
        output_bps=16,
        no_auto_bright=True,
        adjust_maximum_thr=0.0,
        highlight_mode=rawpy.HighlightMode.Clip,
        user_flip=0,
        half_size=draft,
    )
    shown = linear.reshape(*linear.shape[:2], -1)
    shown = _reduce(shown) if draft else _crop(shown, sizes)
    return make_upright(_encode(shown), ORIENTATIONS[sizes.flip & 7])


def _reduce(linear: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """Average 2 × 2 pixels of a picture that has half the size already."""
    import cv2

    rows, cols = (max(1, side // 2) for side in linear.shape[:2])
    small = cv2.resize(linear, (cols, rows), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.uint16)


def _negative(raw: Any, source: str | bytes, multipliers: tuple[float, ...]) -> Negative | None:
    """Keep the mosaic of an unpacked file, and what develops others; None without a Bayer mosaic."""
    import rawpy

    if raw.raw_type != rawpy.RawType.Flat or raw.num_colors != 3:
        return None
    if raw.raw_pattern is None or raw.raw_pattern.shape != (2, 2):
        return None
    black = np.asarray(raw.black_level_per_channel, np.float32)
    one = np.array([[black[0]]], np.float32)
    at_pixels = one if (black == black[0]).all() else black.take(raw.raw_colors)
    white = max(float(raw.white_level), float(black.max()) + 1)

    def develop(mosaic: Mosaic) -> Pixels:
        with _opened(source) as other:
            with quiet_stderr():
                other.unpack()
            other.raw_image[...] = mosaic
            return _develop(other, multipliers)

    shape = (*_upright_size(raw.sizes), 3)
    pattern = raw.raw_pattern.tobytes()
    return Negative(raw.raw_image.copy(), at_pixels, white, pattern, shape, develop)


def _crop(pixels: NDArray[np.uint16], sizes: Any) -> NDArray[np.uint16]:
    """Return the part of a developed picture that the camera shows."""
    frame = _frame(sizes)
    if frame is None or pixels.shape[:2] != (sizes.iheight, sizes.iwidth):
        return pixels
    left, top, cols, rows = frame
    return pixels[top : top + rows, left : left + cols]


def _upright_size(sizes: Any) -> tuple[int, int]:
    """Return rows and columns of the developed picture."""
    *_, cols, rows = _frame(sizes) or (sizes.iwidth, sizes.iheight)
    return (cols, rows) if ORIENTATIONS[sizes.flip & 7] >= 5 else (rows, cols)


def _frame(sizes: Any) -> tuple[int, int, int, int] | None:
    """Return left, top, columns and rows of the crop that a file states; None without one."""
    left = sizes.crop_left_margin - sizes.left_margin
    top = sizes.crop_top_margin - sizes.top_margin
    cols, rows = sizes.crop_width, sizes.crop_height
    large = cols >= LEAST_CROP * sizes.iwidth and rows >= LEAST_CROP * sizes.iheight
    inside = min(left, top) >= 0 and left + cols <= sizes.iwidth and top + rows <= sizes.iheight
    return (left, top, cols, rows) if large and inside else None


def _encode(linear: NDArray[np.uint16]) -> Pixels:
    """Encode linear light of 16 bits as working code values, in place where that is possible."""
    table = _linear_codes()
    out = linear if linear.flags.writeable and linear.flags.c_contiguous else np.empty_like(linear)

    def work(rows: slice) -> None:
        out[rows] = table.take(linear[rows], mode="clip")

    map_threads(work, strips(len(out), STRIP))
    return np.ascontiguousarray(out)


@cache
def _linear_codes() -> NDArray[np.uint16]:
    """Tabulate the working code value of each linear one of 16 bits."""
    return encode((np.arange(TOP + 1) / TOP).astype(np.float32))


def _matrix(raw: Any, block: ifd.Block, space: Space, warnings: list[str]) -> Floats | None:
    """Return M; None for grey, and for a camera without known colours."""
    if raw.num_colors == 1:
        return None
    stated = np.asarray(raw.color_matrix, np.float64)[:, :3]  # to sRGB
    from_xyz = np.asarray(raw.rgb_xyz_matrix, np.float64)[:3]
    if stated.any() and (is_dng(block) or not from_xyz.any()):
        return np.asarray(conversion("srgb", space) @ stated)
    if not from_xyz.any():
        warnings.append(NO_MATRIX)
        return None
    to_camera = from_xyz @ SPACES[space].to_xyz
    return np.asarray(np.linalg.inv(to_camera / to_camera.sum(axis=1, keepdims=True)))
