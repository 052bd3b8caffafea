"""A JPEG that was encoded in strips is the JPEG that is encoded at once."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from expinterp.images.codecs import jpeg_scan, jpeg_write


def picture(rows: int, cols: int, channels: int) -> np.ndarray:
    random = np.random.default_rng(rows * cols)
    coarse = random.integers(0, 256, (-(-rows // 9), -(-cols // 9), channels), np.uint8)
    return np.kron(coarse, np.ones((9, 9, 1), np.uint8))[:rows, :cols]


def at_once(pixels: np.ndarray, quality: int, *, full: bool, **metadata: object) -> bytes:
    buffer = BytesIO()
    sampling = "4:4:4" if full else "4:2:0"
    shown = pixels[..., 0] if pixels.shape[2] == 1 else pixels
    Image.fromarray(shown).save(buffer, "JPEG", quality=quality, subsampling=sampling, **metadata)
    return buffer.getvalue()


@given(
    st.tuples(st.integers(1, 150), st.integers(1, 90), st.sampled_from([1, 3])),
    st.integers(1, 100), st.booleans(), st.sampled_from([1, 500, 3000]),
)  # fmt: skip
def test_strips_give_the_same_pixels(shape, quality, full, strip):
    pixels = picture(*shape)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jpeg_write, "_STRIP", strip)
        data = b"".join(jpeg_write.encode(pixels, quality=quality, full_colour=full))
    jpeg_scan.check(data)
    image = Image.open(BytesIO(data))
    expected = Image.open(BytesIO(at_once(pixels, quality, full=full)))
    assert image.mode == expected.mode
    assert np.array_equal(np.asarray(image), np.asarray(expected))


def test_a_small_picture_is_the_file_of_pillow():
    pixels, metadata = picture(40, 50, 3), {"exif": b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0"}
    data = b"".join(jpeg_write.encode(pixels, quality=90, full_colour=True, **metadata))
    assert data == at_once(pixels, 90, full=True, **metadata)


@pytest.mark.parametrize("shape", [(1100, 1100, 3), (30, 40_000, 3), (40_000, 30, 1)])
def test_a_large_picture_has_restarts_and_keeps_its_metadata(shape):
    pixels, profile = picture(*shape), b"profile" * 20_000  # two segments
    data = b"".join(jpeg_write.encode(pixels, quality=80, full_colour=True, icc_profile=profile))
    jpeg_scan.check(data)
    image = Image.open(BytesIO(data))
    assert image.size == (shape[1], shape[0])
    assert image.info["icc_profile"] == profile
    expected = Image.open(BytesIO(at_once(pixels, 80, full=True)))
    assert np.array_equal(np.asarray(image), np.asarray(expected))
    assert data.count(b"\xff\xdd\0\4") == 1


def test_more_than_eight_strips_count_their_restarts_anew(monkeypatch):
    monkeypatch.setattr(jpeg_write, "_STRIP", 1)
    parts = list(jpeg_write.encode(picture(100, 20, 1), quality=90, full_colour=True))
    marks = [part[1] for part in parts if len(part) == 2]
    assert marks == [*range(0xD0, 0xD8), 0xD0, 0xD1, 0xD2, 0xD3, 0xD9]
