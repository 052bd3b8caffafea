"""The picture of a response: one readable SVG, a curve per channel, whatever the title."""

from __future__ import annotations

from xml.etree import ElementTree

import numpy as np
import pytest

from expinterp.scene_io.plot import COLOURS, HEIGHT, MARGIN, WIDTH, plot_response

SVG = "{http://www.w3.org/2000/svg}"
GAMMA = np.log((np.arange(256) + 0.5) / 128.5) * np.array([[2.4], [2.2], [2.0]])


def curves(svg: str) -> list[np.ndarray]:
    """Read the points of all curves, (x, y) per code value."""
    lines = ElementTree.fromstring(svg).iter(f"{SVG}polyline")
    return [
        np.array([point.split(",") for point in line.attrib["points"].split()], float)
        for line in lines
    ]


def test_one_curve_per_channel_inside_the_frame() -> None:
    svg = plot_response(GAMMA, title="a camera")
    assert [
        line.attrib["stroke"] for line in ElementTree.fromstring(svg).iter(f"{SVG}polyline")
    ] == [*COLOURS]
    for curve in curves(svg):
        assert len(curve) == 256
        assert (np.diff(curve[:, 0]) >= 0).all()
        assert (np.diff(curve[:, 1]) < 0).all()  # upwards
        assert curve.min() >= MARGIN
        assert curve[:, 0].max() <= WIDTH - MARGIN
        assert curve[:, 1].max() <= HEIGHT - MARGIN


def test_curves_of_all_channels_meet_where_they_should() -> None:
    same = curves(plot_response(np.repeat(GAMMA[:1], 3, axis=0), title=""))
    np.testing.assert_array_equal(same[0], same[1])
    np.testing.assert_array_equal(same[0], same[2])


def test_a_grey_camera_has_one_curve() -> None:
    assert len(curves(plot_response(GAMMA[:1], title="grey"))) == 1


def test_unknown_ends_are_left_out() -> None:
    response = GAMMA.copy()
    response[:, :5] = -np.inf
    response[:, 255] = np.nan
    assert [len(curve) for curve in curves(plot_response(response, title=""))] == [250] * 3


@pytest.mark.parametrize("title", ["<script>", "a & b", "Größe 写真"])
def test_titles_are_text(title: str) -> None:
    texts = ElementTree.fromstring(plot_response(GAMMA, title=title)).iter(f"{SVG}text")
    assert title in {text.text for text in texts}


def test_a_flat_response_does_not_divide_by_zero() -> None:
    (curve,) = curves(plot_response(np.zeros((1, 256)), title=""))
    assert np.isfinite(curve).all()
