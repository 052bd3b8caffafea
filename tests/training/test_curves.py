"""Training curves as a picture."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the extra 'train': pip install expinterp[train]")

from expinterp.images import read_photograph
from expinterp.training.curves import COLOURS, MARGIN, SIZE, curve_of, draw_curves, write_curves

pytestmark = pytest.mark.train
ABOVE, _, _, LEFT = MARGIN


def places(sheet, colour):
    """Find the rows and columns that have a colour."""
    return np.nonzero((sheet == np.array(colour, np.uint8)).all(axis=2))


def test_a_curve_goes_from_its_first_point_to_its_last():
    curve = [(0.0, 30.0), (50.0, 35.0), (100.0, 40.0)]
    rows, cols = places(draw_curves({"rising": curve}, levels={}), COLOURS[0])
    drawn = rows > ABOVE - 3  # its name stands above its end
    rows, cols = rows[drawn], cols[drawn]
    assert cols.min() == pytest.approx(LEFT, abs=3)
    assert rows[cols == cols.min()].max() == pytest.approx(ABOVE + SIZE[0], abs=3)
    assert rows.min() == pytest.approx(ABOVE, abs=3)
    middle = abs(cols - LEFT - SIZE[1] / 2) < 2
    assert rows[middle].mean() == pytest.approx(ABOVE + SIZE[0] / 2, abs=4)


def test_how_bad_a_curve_begins_leaves_room_for_how_it_ends():
    curve = [(0.0, 5.0), (50.0, 35.0), (100.0, 40.0)]
    shown = draw_curves({"rising": curve}, levels={"y0": 38.0})
    floored = draw_curves({"rising": [(0.0, 30.0), *curve[1:]]}, levels={"y0": 38.0})
    np.testing.assert_array_equal(shown, floored)


def test_every_curve_has_a_colour_and_a_level_a_line():
    curves = {"one": [(0.0, 30.0), (9.0, 31.0)], "two": [(0.0, 33.0), (9.0, 34.0)]}
    sheet = draw_curves(curves, levels={"y0": 32.0})
    heights = [places(sheet, colour)[0].min() for colour in COLOURS[:2]]
    assert heights[1] < heights[0]
    grey = places(sheet, (85, 85, 85))[0]
    assert np.bincount(grey).max() > 0.9 * SIZE[1]


def test_lines_of_a_log_that_measured_nothing_are_passed_over(tmp_path):
    log = [{"seconds": 1.0}, {"seconds": 2.0, "psnr": 35.0}, {"seconds": 3.0, "psnr": 36.0}]
    assert curve_of(log) == [(2.0, 35.0), (3.0, 36.0)]
    write_curves(tmp_path / "none.png", {"empty": []}, levels={})
    assert not (tmp_path / "none.png").exists()
    for _ in range(2):  # a later run draws over an earlier one
        write_curves(tmp_path / "c.png", {"one": curve_of(log)}, levels={"y0": 34.0})
    assert read_photograph(tmp_path / "c.png").pixels.shape[2] == 3
