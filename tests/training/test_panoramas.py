"""Panoramas from the npm package."""

from __future__ import annotations

import base64
import bz2
import gzip
import io
import lzma
import tarfile
import tempfile
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from expinterp.errors import ExpInterpError, ImageFileError, OutputExistsError
from expinterp.training.simulator.panoramas import main, unpack
from expinterp.training.simulator.triples import read_radiance


def pack(path: Path, files: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(f"package/{name}")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def script(content: bytes) -> bytes:
    return b"export default 'data:application/exr;base64," + base64.b64encode(content) + b"'"


def test_maps_and_their_licence_are_unpacked(tmp_path: Path) -> None:
    files = {
        "LICENSE": b"CC0",
        "hdri/sky.exr.js": script(b"sky"),
        "hdri/sky.exr.d.ts": b"declare",
        "fonts/LICENSE": b"other",
        "hdri/../../evil.exr.js": script(b"stays inside"),
    }
    written = unpack(pack(tmp_path / "a.tgz", files), tmp_path / "out")
    found = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    expected = {"sky.exr": b"sky", "evil.exr": b"stays inside", "LICENSE-pmndrs-assets": b"CC0"}
    assert found == expected
    assert {path.name for path in written} == set(expected)
    with pytest.raises(OutputExistsError):
        unpack(tmp_path / "a.tgz", tmp_path / "out")


@pytest.mark.parametrize("files", [None, {}, {"hdri/sky.exr.js": b"export default 1"}])
def test_a_package_without_a_map_is_refused(tmp_path: Path, files: dict[str, bytes] | None) -> None:
    package = tmp_path / "a.tgz"
    package.write_bytes(b"no archive")
    if files is not None:
        pack(package, files)
    with pytest.raises(ImageFileError, match="npm pack"):
        unpack(package, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_unpacked_map_is_read(tmp_path: Path) -> None:
    exr = pytest.importorskip("OpenEXR", reason="needs the extra 'train'")
    radiance = np.random.default_rng(0).random((4, 6, 3)).astype(np.float32)
    channels = {name: np.ascontiguousarray(radiance[..., i]) for i, name in enumerate("RGB")}
    with exr.File({"type": exr.scanlineimage}, channels) as file:
        file.write(str(tmp_path / "sky.exr"))
    content = (tmp_path / "sky.exr").read_bytes()
    unpack(pack(tmp_path / "a.tgz", {"hdri/sky.exr.js": script(content)}), tmp_path / "out")
    np.testing.assert_allclose(read_radiance(tmp_path / "out" / "sky.exr"), radiance)


def members(*more: tuple[str, bytes, str | bytes | int]) -> bytes:
    """Return an archive of a sound map and others: name, type, and content, target or size."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, kind, what in (("hdri/sky.exr.js", tarfile.REGTYPE, script(b"sky")), *more):
            info = tarfile.TarInfo(f"package/{name}")
            info.type = kind
            info.linkname = what if isinstance(what, str) else ""
            info.size = len(what) if isinstance(what, bytes) else 0
            archive.addfile(info, io.BytesIO(what if isinstance(what, bytes) else b""))
            if isinstance(what, int):  # stated, not there
                info.size = what
                packed.seek(-512, io.SEEK_CUR)
                packed.write(info.tobuf())
    return packed.getvalue()


@pytest.mark.parametrize(
    ("kind", "target"),
    [(tarfile.SYMTYPE, "/etc/passwd"), (tarfile.SYMTYPE, "nowhere"), (tarfile.SYMTYPE, "l.exr.js"),
     (tarfile.LNKTYPE, "package/l.exr.js"), (tarfile.LNKTYPE, "nowhere"), (tarfile.CHRTYPE, ""),
     (tarfile.FIFOTYPE, ""), (tarfile.DIRTYPE, "")],
)  # fmt: skip
def test_links_and_devices_are_left_out(tmp_path: Path, kind: bytes, target: str) -> None:
    package = tmp_path / "a.tgz"
    package.write_bytes(gzip.compress(members(("l.exr.js", kind, target))))
    assert [path.name for path in unpack(package, tmp_path / "out")] == ["sky.exr"]


def test_names_stay_in_the_folder_on_any_system(tmp_path: Path) -> None:
    package = tmp_path / "a.tgz"
    evil = (f"..\\..\\C:{name}.exr.js" for name in ("evil", "a\nb", "\x1b[2J"))
    package.write_bytes(members(*((name, tarfile.REGTYPE, script(b"x")) for name in evil)))
    for path in unpack(package, tmp_path / "out"):
        assert path.parent == tmp_path / "out"
        assert not set(path.name) & set("\\:\n\x1b[/")


@pytest.mark.parametrize(
    "content",
    [gzip.compress(members(), mtime=0)[:60], gzip.compress(members(), mtime=0)[:-60], members()[:700],
     members(("b.exr.js", tarfile.REGTYPE, b"data:application/exr;base64,abc")),
     members(("b.exr.js", tarfile.REGTYPE, b"data:application/exr;base64,abcde")),
     members(("b.exr.js", tarfile.REGTYPE, 6 << 30)), bz2.compress(members())[:80], lzma.compress(members())[:80]],
)  # fmt: skip
def test_a_damaged_package_is_one_line(
    tmp_path: Path,
    content: bytes,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    package = tmp_path / "a.tgz"
    package.write_bytes(content)
    monkeypatch.setattr("sys.argv", ["panoramas", str(package), str(tmp_path / "out")])
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == ImageFileError.exit_code
    assert capsys.readouterr().err.count("\n") == 1
    assert not (tmp_path / "out").exists()


@given(st.binary(max_size=400), st.integers(0, 3000), st.sampled_from([bytes, gzip.compress]))
def test_any_damage_is_refused_or_harmless(noise: bytes, at: int, pack_up: type[bytes]) -> None:
    content = bytearray(pack_up(members(("b.exr.js", tarfile.SYMTYPE, "sky.exr.js"))))
    content[at : at + len(noise)] = noise
    with tempfile.TemporaryDirectory() as folder, suppress(ExpInterpError):
        package = Path(folder, "a.tgz")
        package.write_bytes(content)
        assert unpack(package, Path(folder, "out"))
