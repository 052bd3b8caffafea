"""Laws of TIFF layouts: neither compression nor the order of the samples changes the picture."""

from __future__ import annotations

import struct
import time
import zlib
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from image_samples import directory, entry, picture
from PIL import Image

from expinterp.errors import ImageFileError
from expinterp.images import read_header, read_photograph, write_photograph

EXACT = ["lzw", "zlib", "packbits", "zstd", "lzma", None]


def joined(photograph):
    """Pixels and alpha in one array."""
    if photograph.alpha is None:
        return photograph.pixels
    return np.dstack([photograph.pixels, photograph.alpha])


def written(pixels, *, planar=False, **options):
    """A TIFF by tifffile, with the channels of each pixel together or in planes."""
    channels = pixels.shape[2]
    stored = np.ascontiguousarray(np.moveaxis(pixels, -1, 0)) if planar else pixels
    alpha = {"extrasamples": ["unassalpha"]} if channels in {2, 4} else {}
    stream = BytesIO()
    tifffile.imwrite(stream, stored if channels > 1 else stored.reshape(pixels.shape[:2]), **{
        "photometric": "rgb" if channels > 2 else "minisblack", "metadata": None,
        "planarconfig": None if channels == 1 else "separate" if planar else "contig",
        **alpha, **options,
    })  # fmt: skip
    return BytesIO(stream.getvalue())


@settings(max_examples=150, deadline=None)
@given(
    channels=st.integers(1, 4),
    depth=st.sampled_from([8, 16]),
    compression=st.sampled_from(EXACT),
    predictor=st.booleans(),
    planar=st.booleans(),
    big=st.booleans(),
    order=st.sampled_from("<>"),
    layout=st.sampled_from([{"tile": (16, 32)}, {"rowsperstrip": 5}, {"rowsperstrip": 37}]),
)
def test_every_layout_gives_the_same_picture(  # noqa: PLR0917 - hypothesis names them
    channels, depth, compression, predictor, planar, big, order, layout
):
    pixels = picture(channels=channels, depth=depth)
    options = {"compression": compression, "bigtiff": big, "byteorder": order, **layout}
    if compression in {"lzw", "zlib", "zstd", "lzma"}:
        options["predictor"] = predictor
    stream = written(pixels, planar=planar and channels > 1, **options)
    np.testing.assert_array_equal(joined(read_photograph(stream)), pixels)


@pytest.mark.parametrize("planar", [False, True])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("compression", ["jpeg", "webp"])
def test_lossy_strips_are_read(compression, channels, planar):
    if planar and compression == "webp":
        pytest.skip("WebP has colours")
    if not planar and channels in ({4} if compression == "jpeg" else {1, 2}):
        pytest.skip("not written by imagecodecs")
    pixels = picture(64, 48, channels=channels)
    level = {"compressionargs": {"level": 98}}
    found = joined(
        read_photograph(written(pixels, planar=planar, compression=compression, **level))
    )
    assert np.abs(found.astype(int) - pixels).max() <= 8


@pytest.mark.parametrize("depth", [8, 16])
def test_luma_and_chroma_become_rgb(depth):
    """Against Pillow's conversion, for 8 bits; 16 bits are the same picture."""
    rgb = picture()
    stored = np.asarray(Image.fromarray(rgb).convert("YCbCr"))
    stored = stored if depth == 8 else stored.astype(np.uint16) * 257
    found = read_photograph(written(stored, photometric="ycbcr", compression="lzw")).pixels
    assert found.dtype == stored.dtype
    assert np.abs(found / (1 if depth == 8 else 257) - rgb).max() <= 3


@pytest.mark.parametrize("order", "<>")
def test_the_fields_of_a_big_tiff_are_read(order):
    """Exposure and orientation stand in directories with offsets of 64 bits."""
    stream = written(
        picture(), bigtiff=True, byteorder=order,
        extratags=[(274, 3, 1, 6, True), (271, 2, 0, "Maker Works", True), (33434, 5, 1, (1, 8), True)],
    )  # fmt: skip
    photograph = read_photograph(stream)
    assert photograph.exposure.time == 1 / 8
    np.testing.assert_array_equal(photograph.pixels, np.rot90(picture(), -1))
    assert photograph.warnings == ()


def test_the_header_of_a_big_tiff_states_exposure_and_depth(tmp_path):
    path = tmp_path / "a.tif"
    tags = [(33434, 5, 1, (1, 8), True)]
    path.write_bytes(written(picture(depth=16), bigtiff=True, extratags=tags).getvalue())
    header = read_header(path)
    assert (header.rows, header.cols, header.depth) == (37, 53, 16)
    assert b"\1\0\0\0\x08\0\0\0" in header.exif


@pytest.mark.parametrize("extras", [
    ["unspecified"], ["unspecified", "unassalpha"], ["unassalpha", "unspecified"],
    ["unspecified", "unspecified"], ["assocalpha", "unspecified", "unspecified"],
], ids=str)  # fmt: skip
@pytest.mark.parametrize("compression", [None, "lzw"])
def test_only_opacity_is_opacity(extras, compression):
    """Scanners store infrared light as a channel of unspecified meaning."""
    pixels = np.full((9, 7, 3 + len(extras)), 40, np.uint8)
    alpha = next((k for k, kind in enumerate(extras) if kind != "unspecified"), None)
    for k in range(len(extras)):
        pixels[..., 3 + k] = 100 + k
    photograph = read_photograph(written(pixels, extrasamples=extras, compression=compression))
    assert (photograph.alpha is None) == (alpha is None)
    if alpha is not None:
        assert (photograph.alpha == 100 + alpha).all()
    expected = round(40 * 255 / 100) if extras[0] == "assocalpha" else 40
    assert (photograph.pixels == expected).all()
    assert any("neither colour nor opacity" in warning for warning in photograph.warnings)


@pytest.mark.parametrize("entries", [8, 16])
@pytest.mark.parametrize("compression", [None, "lzw"])
def test_palettes_of_8_and_16_bits_give_the_same_colours(entries, compression):
    """Some programs store entries of 8 bits, which libtiff recognises too."""
    table = np.random.default_rng(2).integers(0, 256, (3, 256)).astype(np.uint16)
    indices = picture()[..., 0]
    stored = table if entries == 8 else table * 257
    stream = BytesIO()
    tifffile.imwrite(
        stream, indices, photometric="palette", colormap=stored, compression=compression
    )
    found = read_photograph(BytesIO(stream.getvalue())).pixels
    np.testing.assert_array_equal(found, table.T[indices].astype(np.uint8))


@pytest.mark.parametrize("compression", [1, 5])
def test_a_palette_keeps_its_opacity(compression):
    indices, alpha = picture()[..., 0], picture(channels=2)[..., 1]
    data = np.dstack([indices, alpha]).tobytes()
    data = bytes(imagecodecs.lzw_encode(data)) if compression == 5 else data
    table = np.arange(768, dtype="<u2") * 80
    photograph = read_photograph(BytesIO(by_hand(
        data, {258: (3, [8, 8]), 259: (3, [compression]), 262: (3, [3]), 277: (3, [2]),
               320: (3, table.tolist()), 338: (3, [2])}
    )))  # fmt: skip
    np.testing.assert_array_equal(photograph.alpha, alpha)
    expected = (table.reshape(3, 256).T >> 8).astype(np.uint8)[indices]
    np.testing.assert_array_equal(photograph.pixels, expected)


def by_hand(data, tags, rows=37, cols=53):
    """A TIFF of one strip whose fields are given by type and values."""
    block = bytearray(b"II*\0" + bytes(4) + data + bytes(len(data) % 2))
    full = {256: (4, [cols]), 257: (4, [rows]), 258: (3, [8]), 259: (3, [1]), 262: (3, [1]),
            273: (4, [8]), 277: (3, [1]), 278: (4, [rows]), 279: (4, [len(data)]), **tags}  # fmt: skip
    entries = [
        entry(
            block,
            "<",
            tag,
            kind,
            struct.pack(f"<{len(values)}{'H' if kind == 3 else 'I'}", *values),
        )
        for tag, (kind, values) in sorted(full.items())
    ]
    struct.pack_into("<I", block, 4, directory(block, "<", entries))
    return bytes(block)


@pytest.mark.parametrize("bits", [1, 2, 4, 6, 10, 12, 14])
@pytest.mark.parametrize("compression", [None, "lzw", "zlib"])
@pytest.mark.parametrize("channels", [1, 3])
def test_samples_of_any_number_of_bits_fill_the_range(bits, compression, channels):
    if bits == 1 < channels:
        pytest.skip("refused: the tag is rather missing")
    top, full = 2**bits - 1, 255 if bits < 8 else 65_535
    pixels = np.rint(picture(channels=channels, depth=16) / 65_535 * top)
    stored = pixels.astype(np.uint8 if bits <= 8 else np.uint16)
    packed = b"".join(bytes(imagecodecs.packints_encode(row.ravel(), bits)) for row in stored)
    encode = {"lzw": imagecodecs.lzw_encode, "zlib": imagecodecs.zlib_encode, None: bytes}
    data = bytes(encode[compression](packed))
    found = read_photograph(BytesIO(by_hand(data, {
        258: (3, [bits] * channels), 259: (3, [{"lzw": 5, "zlib": 8, None: 1}[compression]]),
        262: (3, [2 if channels == 3 else 1]), 277: (3, [channels]),
    }))).pixels  # fmt: skip
    np.testing.assert_array_equal(found, np.rint(pixels * full / top))


def without(data, tag):
    """The same TIFF without one of its fields."""
    start = struct.unpack_from("<I", data, 4)[0]
    count = struct.unpack_from("<H", data, start)[0]
    records = [data[at : at + 12] for at in range(start + 2, start + 2 + 12 * count, 12)]
    kept = [record for record in records if struct.unpack_from("<H", record)[0] != tag]
    return data[:start] + struct.pack("<H", len(kept)) + b"".join(kept) + bytes(16)


@pytest.mark.parametrize("compression", [1, 8])
@pytest.mark.parametrize(
    "fault", ["no lengths", "no height", "a length beyond the end", "more strips"]
)
def test_strips_that_are_all_there_are_read(compression, fault):
    """As libtiff reads them."""
    grey = picture(channels=1)
    data = zlib.compress(grey.tobytes()) if compression == 8 else grey.tobytes()
    length = {"a length beyond the end": [len(data) + 10**6], "more strips": [len(data)] * 3}
    tags = {259: (3, [compression]), 279: (4, length.get(fault, [len(data)]))}
    if fault == "more strips":
        tags[273] = (4, [8, 9, 10])
    made = by_hand(data, tags)
    made = without(made, {"no lengths": 279, "no height": 278}.get(fault, 0))
    photograph = read_photograph(BytesIO(made))
    np.testing.assert_array_equal(photograph.pixels, grey)


def test_colours_without_a_number_of_bits_are_refused():
    """The default is 1 bit, which no photograph has."""
    made = by_hand(picture().tobytes(), {258: (3, [8] * 3), 262: (3, [2]), 277: (3, [3])})
    with pytest.raises(ImageFileError, match="1-bit"):
        read_photograph(BytesIO(without(made, 258)))


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_palettes_of_few_bits_are_read(bits):
    indices = np.arange(37 * 53).reshape(37, 53) % 2**bits
    table = np.random.default_rng(bits).integers(0, 65_536, (3, 2**bits))
    data = b"".join(
        bytes(imagecodecs.packints_encode(row.astype(np.uint8), bits)) for row in indices
    )
    tags = {258: (3, [bits]), 262: (3, [3]), 320: (3, table.ravel().tolist())}
    found = read_photograph(BytesIO(by_hand(data, tags))).pixels
    np.testing.assert_array_equal(found, (table >> 8).T[indices])


@pytest.mark.parametrize("size", [0, 767, 769, 3])
def test_a_palette_of_the_wrong_length_is_refused(size):
    data = by_hand(bytes(37 * 53), {262: (3, [3])} | ({320: (3, [7] * size)} if size else {}))
    with pytest.raises(ImageFileError, match=f"colour table has {size} values, not 768"):
        read_photograph(BytesIO(data))


def packed(size, level=9):
    """Zeros in deflate."""
    return zlib.compress(bytes(size), level)


def huge_jpeg():
    """A grey JPEG whose header states 56,540 × 56,540 pixels."""
    stream = BytesIO()
    Image.fromarray(picture()[..., 0]).save(stream, "JPEG")
    data = bytearray(stream.getvalue())
    struct.pack_into(">HH", data, data.index(b"\xff\xc0") + 5, 56_540, 56_540)
    return bytes(data)


HOSTILE = {
    "a strip that unfolds to 300 MB": (packed(3 * 10**8), {259: (3, [8])}),
    "strips that share their bytes": (
        packed(53) + bytes(8 << 20), {259: (3, [8]), 278: (4, [1]), 257: (4, [30000]), 273: (4, [8] * 30000),
                                      279: (4, [8 << 20] * 30000)}),
    "two million strips": (packed(53), {259: (3, [8]), 278: (4, [1]), 273: (4, [8] * 10**6),
                                        279: (4, [14] * 10**6)}),
    "a tile of 900 megapixels": (packed(99), {259: (3, [8]), 322: (4, [30000]), 323: (4, [30000]),
                                              324: (4, [8]), 325: (4, [12])}),
    "a JPEG of 3 gigapixels": (huge_jpeg(), {259: (3, [7])}),
}  # fmt: skip


@contextmanager
def at_most(more):
    """Let this process take `more` bytes of memory at most, besides those that it has."""
    resource = pytest.importorskip("resource")
    pages = Path("/proc/self/statm")
    if not pages.exists():
        pytest.skip("Linux states its memory")
    now = int(pages.read_text().split()[0]) * resource.getpagesize()
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (now + more, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


@pytest.mark.parametrize("name", HOSTILE)
def test_a_small_tiff_costs_little(name):
    """Bounded in memory and seconds by the picture that it announces, of 2 kilopixels or 100."""
    data, tags = HOSTILE[name]
    hostile = by_hand(data, tags)
    with suppress(ImageFileError):  # loads libraries
        read_photograph(BytesIO(hostile[:-1]))
    start = time.perf_counter()
    with at_most(200 << 20):
        try:
            read_photograph(BytesIO(hostile))
        except ImageFileError as error:
            assert "TIFF" in str(error)  # noqa: PT017 - either outcome is right
            assert "memory" not in str(error)  # noqa: PT017
    assert time.perf_counter() - start < 2


@pytest.mark.parametrize("compression", ["lzw", "zlib"])
def test_a_padded_last_strip_is_read(compression):
    """Some scanners store it as high as the others."""
    encode = {"lzw": imagecodecs.lzw_encode, "zlib": zlib.compress}[compression]
    grey = picture(channels=1)
    padded = np.concatenate([grey[..., 0], np.zeros((3, 53), np.uint8)])
    strips = [bytes(encode(padded[top : top + 10].tobytes())) for top in (0, 10, 20, 30)]
    starts = 8 + np.concatenate([[0], np.cumsum([len(strip) for strip in strips])[:-1]])
    data = by_hand(b"".join(strips), {
        259: (3, [5 if compression == "lzw" else 8]), 278: (4, [10]), 273: (4, starts.tolist()),
        279: (4, [len(strip) for strip in strips]),
    })  # fmt: skip
    np.testing.assert_array_equal(read_photograph(BytesIO(data)).pixels, grey)


@pytest.mark.parametrize("at", [-2, 20])
def test_the_checksum_of_deflate_counts(at):
    """Without compression, only the sum shows damage."""
    grey = np.random.default_rng(1).integers(0, 256, 37 * 53, np.uint8).tobytes()
    data = bytearray(zlib.compress(grey, 0))
    data[at] ^= 1
    with pytest.raises(ImageFileError, match="damaged TIFF"):
        read_photograph(BytesIO(by_hand(bytes(data), {259: (3, [8])})))


@pytest.mark.parametrize("pages", [
    [{"subfiletype": 1}, {"photometric": "cfa"}], [{"photometric": "cfa"}], [{}, {"photometric": "cfa"}],
], ids=str)  # fmt: skip
@pytest.mark.parametrize("below", [False, True])
def test_a_preview_is_never_the_photograph(tmp_path, pages, below):
    """Sensor data anywhere make the file a raw one: in a later page, or below the first."""
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as file:
        for k, options in enumerate(pages):
            mosaic = options.get("photometric") == "cfa"
            more = {"subifds": len(pages) - 1} if below and not k and len(pages) > 1 else {}
            file.write(
                picture()[..., 0] if mosaic else picture(),
                **{"photometric": "rgb", "metadata": None, **options, **more},
            )
    with pytest.raises(ImageFileError, match="raw file"):
        read_photograph(path)


def test_cmyk_with_opacity_keeps_it():
    inks = np.asarray(Image.fromarray(picture()).convert("CMYK"))
    stored = np.dstack([inks, np.full(inks.shape[:2], 77, np.uint8)])
    stream = written(
        stored, photometric="separated", extrasamples=["unassalpha"], compression="lzw"
    )
    photograph = read_photograph(stream)
    assert (photograph.alpha == 77).all()
    assert np.abs(photograph.pixels.astype(int) - picture()).max() <= 16


def test_a_copied_mosaic_pattern_makes_no_raw_file():
    """Programs that develop raw files copy the tag into the picture."""
    stream = written(
        picture(), extratags=[(33421, 3, 2, (2, 2), True), (33422, 1, 4, (0, 1, 1, 2), True)]
    )
    np.testing.assert_array_equal(read_photograph(stream).pixels, picture())


@pytest.mark.parametrize("tag", [(254, 1), (330, 8)])
def test_the_preview_of_a_dng_is_no_photograph(tag):
    """One with the version alone is a copy of the fields into a developed picture."""
    version = {50706: (4, [0x0401])}
    with pytest.raises(ImageFileError, match="raw file"):
        read_photograph(BytesIO(by_hand(bytes(37 * 53), version | {tag[0]: (4, [tag[1]])})))
    assert read_photograph(BytesIO(by_hand(bytes(37 * 53), version))).pixels.shape == (37, 53, 1)


@pytest.mark.parametrize("read", [read_photograph, read_header])
@pytest.mark.parametrize("fill", [b"\xee\xee", b"\0\0"])
def test_damage_prints_nothing(tmp_path, capfd, fill, read):
    stream = bytearray(written(picture(), bigtiff=True, compression="lzw").getvalue())
    start = struct.unpack_from("<Q", stream, 8)[0]
    for at in range(start + 8, start + 8 + 20 * 6, 20):
        damaged = bytearray(stream)
        damaged[at + 2 : at + 4] = fill
        path = tmp_path / "a.tif"
        path.write_bytes(damaged)
        with suppress(ImageFileError):
            read(path)
        assert capfd.readouterr().err == ""


@pytest.mark.parametrize("description", [None, "ImageJ=1.53\nimages=1", "A caption"])
def test_a_description_of_the_layout_is_not_carried_on(tmp_path, description):
    """tifffile and ImageJ state the shape of the old file there."""
    stream = BytesIO()
    metadata = {} if description is None else None
    tifffile.imwrite(
        stream, picture(), photometric="rgb", description=description, metadata=metadata
    )
    found = read_photograph(BytesIO(stream.getvalue()))
    target = tmp_path / "a.tif"
    assert write_photograph(picture(16, 24), target, metadata=found.metadata) == ()
    with tifffile.TiffFile(target) as file:
        assert file.pages.first.description == (description if description == "A caption" else "")
    assert tifffile.imread(target).shape == (16, 24, 3)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("kind", "value"), [(16, 12_800), (3, 800), (5, (400, 1))])
def test_numbers_of_64_bits_become_shorter(tmp_path, order, kind, value):
    """Other files cannot hold them."""
    stream = BytesIO()
    tifffile.imwrite(
        stream, picture(), photometric="rgb", bigtiff=True, byteorder=order, metadata=None,
        extratags=[(0x8827, kind, 1, value, True), (0x829A, 5, 1, (1, 8), True)],
    )  # fmt: skip
    found = read_photograph(BytesIO(stream.getvalue()))
    assert found.exposure.time == 1 / 8
    for suffix in ("jpg", "tif"):
        target = tmp_path / f"a.{suffix}"
        write_photograph(picture(), target, metadata=found.metadata)
        again = read_photograph(target)
        assert again.exposure == found.exposure
        with Image.open(target) as image:
            assert image.getexif()[0x8827] == (value[0] if kind == 5 else value)
        assert struct.pack(order + "HH", 0x8827, 16) not in target.read_bytes()
