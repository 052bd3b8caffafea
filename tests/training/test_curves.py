"""Training curves as a picture."""

from __future__ import annotations

from xml.etree import ElementTree

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the extra 'train': pip install expinterp[train]")

from expinterp.training.curves import curve_of, draw_curves, write_curves

pytestmark = pytest.mark.train
SVG = "{http://www.w3.org/2000/svg}"


def lines(drawn: str, style: str) -> list[np.ndarray]:
    """Read the points of the lines of a style; the last one belongs to the legend."""
    found = ElementTree.fromstring(drawn).iter(f"{SVG}polyline")
    chosen = [one.attrib["points"].split() for one in found if one.attrib["class"] == style]
    return [np.array([point.split(",") for point in points], float) for points in chosen]


def test_a_curve_goes_from_its_first_point_to_its_last():
    curve, key = lines(draw_curves({"a": [(0, 30), (50, 35), (100, 40)]}, levels={}), "blue")
    (left, bottom), middle, (right, top) = curve
    assert left == 0 < right
    assert top == 0 < bottom
    assert middle == pytest.approx([right / 2, bottom / 2], abs=0.1)
    assert key[0, 1] > bottom


def test_how_bad_a_curve_begins_leaves_room_for_how_it_ends():
    curve = [(0.0, 5.0), (50.0, 35.0), (100.0, 40.0)]
    shown = draw_curves({"rising": curve}, levels={"y0": 38.0})
    assert shown == draw_curves({"rising": [(0.0, 30.0), *curve[1:]]}, levels={"y0": 38.0})


def test_every_curve_has_a_colour_and_a_level_a_line():
    curves = {"one": [(0.0, 30.0), (9.0, 31.0)], "two": [(0.0, 33.0), (9.0, 34.0)]}
    drawn = draw_curves(curves, levels={"y0": 32.0})
    one, two, level = (lines(drawn, style)[0] for style in ("blue", "red", "grey"))
    assert two[:, 1].max() < level[0, 1] == level[1, 1] < one[:, 1].min()
    assert level[1, 0] >= one[1, 0]
    assert all(f">{name}</text>" in drawn for name in ("one", "two", "y0"))


def test_lines_of_a_log_that_measured_nothing_are_left_out(tmp_path):
    log = [{"seconds": 1.0}, {"seconds": 2.0, "psnr": 35.0}, {"seconds": 3.0, "psnr": 36.0}]
    assert curve_of(log) == [(2.0, 35.0), (3.0, 36.0)]
    write_curves(tmp_path / "none.svg", {"empty": []}, levels={})
    assert not (tmp_path / "none.svg").exists()
    for names in (("one",), ("one", "two")):  # a later run draws over an earlier one
        curves = dict.fromkeys(names, curve_of(log))
        write_curves(tmp_path / "c.svg", curves, levels={"y0": 34.0})
    assert (tmp_path / "c.svg").read_text("utf-8") == draw_curves(curves, levels={"y0": 34.0})
