"""Panoramas from the npm package."""

from __future__ import annotations

import base64
import io
import tarfile
from pathlib import Path

import numpy as np
import pytest

from expinterp.errors import ImageFileError, OutputExistsError
from expinterp.training.simulator.panoramas import unpack
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
