"""A decoder that crashes takes nothing else with it."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from crashing import crash_if_named_bad
from image_samples import picture
from PIL import Image

from expinterp.brackets import folder, scan
from expinterp.errors import ImageFileError
from expinterp.images import separate_process
from expinterp.images.separate_process import SeparateProcess


def test_a_process_that_dies_is_replaced(monkeypatch):
    with closing(SeparateProcess()) as apart, ThreadPoolExecutor(3) as pool:
        with pytest.raises(ImageFileError, match="crashed"):
            apart.call(os.abort)
        assert list(pool.map(lambda text: apart.call(len, text), ["", "a", "bc"])) == [0, 1, 2]
        monkeypatch.setattr(separate_process, "PATIENCE", 0)
        with pytest.raises(ImageFileError, match="crashed"):
            apart.call(time.sleep, 9)


def test_a_decoder_that_crashes_while_planning_costs_its_file_only(tmp_path, monkeypatch):
    for name in ("a.tif", "bad.tif", "c.bmp"):
        Image.fromarray(picture(20, 30)).save(tmp_path / name)
    monkeypatch.setattr(folder, "_read_frame", crash_if_named_bad)
    monkeypatch.chdir(tmp_path)
    frames = {frame.path: frame for frame in scan(".")}
    assert "its decoder crashed" in frames["bad.tif"].problem
    assert frames["a.tif"].size == frames["c.bmp"].size == (20, 30)
    assert frames["a.tif"].thumbnail is not None
