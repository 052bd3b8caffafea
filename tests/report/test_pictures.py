"""Photographs made small for a page: upright, in sRGB, within their bytes."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from image_samples import ICC, ORIENTATIONS, SUFFIX, exif, picture
from PIL import Image
from report_samples import done, draw, header, write_journal

from expinterp.errors import ImageFileError
from expinterp.images import Metadata, read_photograph, write_photograph
from expinterp.report import pictures, write_report, writing
from expinterp.report.pictures import (
    BASE64,
    BRACKET_BYTES,
    PAGE_BYTES,
    SMALLEST_SIDE,
    Sizes,
    encode,
    make_picture,
    read_small,
    share_out,
    shrink,
)

MARKUP_BYTES = 12_000  # of a card of three pictures, without them
THOUSAND = 1_000


def difference(one: np.ndarray, two: np.ndarray) -> float:
    return float(np.abs(one.astype(float) - two).mean())


@pytest.mark.parametrize("side", [16, 40, 500])
@pytest.mark.parametrize("form", SUFFIX)
def test_small_pictures_look_like_the_large_ones(tmp_path: Path, form: str, side: int) -> None:
    path = tmp_path / f"a{SUFFIX[form]}"
    write_photograph(picture(rows=160, cols=240), path)
    small = read_small(path, side)
    assert max(small.shape) == min(side, 240)
    assert difference(small, shrink(read_photograph(path).pixels, side)) < 2


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_jpegs_come_upright(tmp_path: Path, orientation: int) -> None:
    path = tmp_path / "a.jpg"
    image = Image.fromarray(picture(rows=160, cols=240))
    image.save(path, exif=b"Exif\0\0" + exif(orientation), quality=95)
    assert difference(read_small(path, 60), shrink(read_photograph(path).pixels, 60)) < 2


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("depth", [8, 16])
def test_any_png_becomes_8_bit_colour(tmp_path: Path, channels: int, depth: int) -> None:
    path = tmp_path / "a.png"
    pixels = picture(channels=channels, depth=depth)
    colour = pixels[..., : 3 if channels > 2 else 1]
    alpha = pixels[..., -1] if channels in {2, 4} else None
    write_photograph(colour, path, alpha=alpha)
    small = read_small(path, 100)
    assert small.dtype == np.uint8
    expected = picture(channels=channels)[..., : colour.shape[2]]
    assert difference(small, np.broadcast_to(expected, small.shape)) < 0.5


def test_cmyk_is_shown(tmp_path: Path) -> None:
    Image.fromarray(picture()).convert("CMYK").save(tmp_path / "a.jpg", quality=95)
    assert difference(read_small(tmp_path / "a.jpg", 100), picture()) < 4


@pytest.mark.parametrize("form", ["jpeg", "png"])
def test_colours_follow_the_profile(tmp_path: Path, form: str) -> None:
    path = tmp_path / f"a{SUFFIX[form]}"
    swapped = ICC.replace(b"rXYZ", b"----").replace(b"bXYZ", b"rXYZ").replace(b"----", b"bXYZ")
    write_photograph(picture(), path, metadata=Metadata(icc=swapped))
    assert difference(read_small(path, 100), picture()[..., ::-1]) < 3


@pytest.mark.parametrize("icc", [b"no profile", ICC[:200]])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_damaged_profile_is_ignored(tmp_path: Path, icc: bytes, channels: int) -> None:
    path = tmp_path / "a.png"
    write_photograph(picture(channels=channels), path, metadata=Metadata(icc=icc))
    assert difference(read_small(path, 100), picture(channels=channels)) < 1


def test_files_that_are_not_pictures_are_refused(tmp_path: Path) -> None:
    draw(tmp_path / "a.jpg")
    data = (tmp_path / "a.jpg").read_bytes()
    (tmp_path / "a.jpg").write_bytes(data[: len(data) // 2])
    (tmp_path / "b.jpg").write_bytes(b"")
    (tmp_path / "c.cr2").write_bytes(b"II*\0" + bytes(100))
    for name in ("a.jpg", "b.jpg", "c.cr2", "none.jpg", "", "a\0b"):
        with pytest.raises(ImageFileError):
            make_picture(tmp_path / name, Sizes(1000, 4000))


def test_a_pipe_does_not_stop_the_page(tmp_path: Path) -> None:
    os = pytest.importorskip("os")
    if not hasattr(os, "mkfifo"):
        pytest.skip("this system has no named pipes")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ImageFileError, match="not found"):
        make_picture(tmp_path / "pipe", Sizes(1000, 4000))


def test_a_pixel_is_a_picture(tmp_path: Path) -> None:
    write_photograph(np.full((1, 1, 3), 90, np.uint8), tmp_path / "a.png")
    made = make_picture(tmp_path / "a.png", Sizes(1000, 4000))
    assert (made.view.cols, made.view.rows) == (1, 1)
    assert made.histogram.sum() == made.histogram[90] == 1


# Bytes


@given(st.integers(1, 10_000), st.integers(1, 20))
def test_shares_stay_within_the_page(brackets: int, count: int) -> None:
    sizes = share_out(brackets, count)
    together = (sizes.thumb + sizes.view) * count * BASE64
    assert brackets * together <= PAGE_BYTES
    assert together <= BRACKET_BYTES


@settings(max_examples=20)
@given(st.integers(300, 20_000), st.floats(0, 60), st.tuples(*[st.integers(20, 400)] * 2))
def test_pictures_stay_within_their_bytes(limit: int, noise: float, shape: tuple[int, int]) -> None:
    random = np.random.default_rng(3)
    pixels = np.clip(random.normal(128, noise, (*shape, 3)), 0, 255).astype(np.uint8)
    made = encode(pixels, 400, limit)
    assert len(made.data) <= limit or max(made.cols, made.rows) <= SMALLEST_SIDE
    assert Image.open(BytesIO(made.data)).size == (made.cols, made.rows)
    ratio = (made.cols / made.rows) / (shape[1] / shape[0])
    assert 0.8 < ratio < 1.25 or min(made.cols, made.rows) < 8


def test_more_bytes_show_more(tmp_path: Path) -> None:
    draw(tmp_path / "a.png", size=1600, noise=4)
    few, many = (make_picture(tmp_path / "a.png", share_out(n, 3)).view for n in (THOUSAND, 10))
    assert many.cols >= 2 * few.cols
    assert few.cols >= 240


@pytest.mark.slow
def test_a_thousand_brackets_stay_within_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Noise is the worst that can be encoded."""
    for name, noise in (("a.jpg", 60), ("b.jpg", 20), ("mid.jpg", 90)):
        draw(tmp_path / name, noise=noise, size=600)
    known: dict[Path, pictures.Picture] = {}

    def once(path: Path, sizes: Sizes) -> pictures.Picture:
        return known.setdefault(path, known.get(path) or make_picture(path, sizes))

    monkeypatch.setattr(writing, "make_picture", once)
    lines = [header(tmp_path, tmp_path)]
    lines += [done(f"r{number}", ["a.jpg", "b.jpg"], "mid.jpg") for number in range(THOUSAND)]
    write_report(write_journal(tmp_path, lines), tmp_path / "x.html")
    size = (tmp_path / "x.html").stat().st_size
    assert size <= PAGE_BYTES + THOUSAND * MARKUP_BYTES
    assert size >= PAGE_BYTES / 3  # what there is, is used
