"""Markup and charts: text stays text, files are well-formed, points lie where the axes say."""

from __future__ import annotations

import re
from itertools import pairwise
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from report_samples import Reader, read_page
from text_samples import ANY_TEXT

from expinterp.core.response.calibration import Profile
from expinterp.scene_io.profiles import draw_response
from expinterp.svg import COLOURS, LETTER, Axis, Chart, element
from expinterp.text import visible

SVG = "{http://www.w3.org/2000/svg}"
GAMMA = np.log((np.arange(256) + 0.5) / 128.5) * np.array([[2.4], [2.2], [2.0]])
VALUES = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=9)
POINTS = st.lists(st.tuples(st.floats(-1e3, 1e3), st.floats(-1e3, 1e3)), min_size=1, max_size=9)


# Markup


@given(ANY_TEXT)
def test_text_and_attributes_are_read_as_they_were_written(text: str) -> None:
    written = element("p", text, element("b", text), title=text)
    paragraph, bold = read_page(written).elements
    assert bold.text == visible(text)
    assert paragraph.text == 2 * visible(text)
    assert paragraph.attributes == {"title": visible(text)}


@given(ANY_TEXT)
def test_what_is_shown_is_one_line_of_utf_8_that_turns_no_text_round(text: str) -> None:
    line = visible(text)
    assert len(line.splitlines()) <= 1
    line.encode()
    assert not re.search("[\u202a-\u202e\u2066-\u2069\x00-\x1f]", line)


def test_names_in_other_scripts_stay_as_they_are() -> None:
    for name in ("صورة ١.jpg", "写真 #2?.jpg", "naïve – “x”.tif", "👩\u200d🚀.png"):
        assert visible(name) == name


def test_markup_is_not_escaped_twice() -> None:
    assert element("p", element("b", "&")) == "<p><b>&amp;</b></p>"


# Axes


@given(VALUES)
@example([0.0, 5e-324])
@example([1e6, 1e6 * (1 + 1e-12)])
def test_an_axis_covers_all_values_with_round_ticks(values: list[float]) -> None:
    axis = Axis.over(values)
    assert 2 <= len(axis.ticks) <= 9
    for value in values:
        assert -1e-6 <= axis.place(value) <= 1 + 1e-6
    assert len({label for _, label in axis.labels()}) == len(axis.ticks)
    steps = np.diff(axis.ticks)
    np.testing.assert_allclose(steps, steps[0], rtol=1e-6)
    mantissa = steps[0] / 10.0 ** np.floor(np.log10(steps[0] * (1 + 1e-9)))
    assert min(abs(mantissa / round_one - 1) for round_one in (1, 2, 5)) < 1e-6
    np.testing.assert_allclose([float(label) for _, label in axis.labels()], axis.ticks, atol=1e-9)


def test_an_axis_can_be_without_numbers() -> None:
    assert not [*Axis((0, 1), "pixels", numbered=False).labels()]


# Charts


def texts(page: Reader, anchor: str) -> dict[float, float]:
    """Read the tick labels: the place of each number, across (middle) or up (end)."""
    side = "x" if anchor == "middle" else "y"
    found = {}
    for one in page.all("text"):
        if one.attributes["text-anchor"] == anchor and re.fullmatch(r"-?[\d.]+", one.text):
            found[float(one.text)] = float(one.attributes[side]) - (4 if side == "y" else 0)
    return found


def by_labels(page: Reader, point: tuple[float, float]) -> tuple[float, float]:
    """Find the place of a point by the labels of the axes."""
    scales = (texts(page, "middle"), texts(page, "end"))
    return tuple(
        np.interp(value, sorted(scale), [scale[tick] for tick in sorted(scale)])
        for value, scale in zip(point, scales, strict=True)
    )


@given(POINTS)
def test_points_lie_where_the_labels_of_the_axes_say(points: list[tuple[float, float]]) -> None:
    chart = Chart(
        "t", Axis.over([x for x, _ in points], "x"), Axis.over([0.0, *(y for _, y in points)], "y")
    )
    shapes = [chart.line(points, "line")]
    shapes += [chart.dot(*point, "dot", "tip") for point in points]
    shapes += [chart.bar(*chart.across.ticks[:2], y, "bar", "tip") for _, y in points]
    page = read_page(chart.figure(shapes))
    expected = [by_labels(page, point) for point in points]
    (line,) = page.all("polyline")
    places = [tuple(map(float, pair.split(","))) for pair in line.attributes["points"].split()]
    np.testing.assert_allclose(places, expected, atol=0.11)
    dots = [[float(one.attributes[key]) for key in ("cx", "cy")] for one in page.all("circle")]
    np.testing.assert_allclose(dots, expected, atol=0.11)
    zero = by_labels(page, (0.0, 0.0))[1]
    for bar, (_, y) in zip(page.all("rect"), expected, strict=True):
        top, height = (float(bar.attributes[key]) for key in ("y", "height"))
        np.testing.assert_allclose((top, top + height), (min(y, zero), max(y, zero)), atol=0.21)
        assert float(bar.attributes["width"]) > 0


def test_a_level_spans_the_axes() -> None:
    chart = Chart("t", Axis((2, 4, 8)), Axis((0, 10)), size=(100, 50))
    assert 'points="0,10 100,10"' in chart.level(8.0, "zero")


@given(ANY_TEXT, ANY_TEXT)
def test_a_file_is_well_formed_and_its_text_is_text(one: str, two: str) -> None:
    chart = Chart(one, Axis((0, 1), two), Axis((0, 1), one))
    drawn = chart.document([chart.dot(0, 1, "red", two)], [("red", two), ("blue", one)])
    root = ElementTree.fromstring(drawn)
    said = [text.text or "" for text in root.iter(f"{SVG}text")]
    assert said.count(visible(one)) >= 3
    assert said.count(visible(two)) >= 2
    assert [tip.text or "" for tip in root.iter(f"{SVG}title")] == [visible(two)]


@given(st.lists(st.text("abcdefgh ", max_size=40), max_size=7), st.integers(100, 900))
def test_a_legend_lies_inside_the_drawing_and_overlaps_nothing(
    words: list[str], width: int
) -> None:
    chart = Chart("title", Axis((0, 1), "x"), Axis((0, 1), "y"), size=(width, 100))
    root = ElementTree.fromstring(chart.document([], [("red", each) for each in words]))
    left, top, whole, tall = map(float, root.attrib["viewBox"].split())
    lines = [line.attrib["points"].split() for line in root.iter(f"{SVG}polyline")]
    keys = [tuple(map(float, first.split(","))) for first, _ in lines]
    assert len(set(keys)) == len(keys) == len(words)
    for (x, y), (right, below) in pairwise(keys):
        assert below - y >= 12 or right - x > 30 + LETTER * max(map(len, words))
    for text in root.iter(f"{SVG}text"):
        x, y = float(text.attrib["x"]), float(text.attrib["y"])
        assert left <= x <= left + whole
        assert top + 10 <= y <= top + tall - 4


# The response of a camera


def curves(response: np.ndarray, title: str = "") -> list[np.ndarray]:
    """Read the points of the lines of a response, (x, y) per code value, without the legend."""
    root = ElementTree.fromstring(draw_response(Profile(response, 0.0, 3), title))
    lines = [line.attrib["points"].split() for line in root.iter(f"{SVG}polyline")]
    assert {line.attrib["class"] for line in root.iter(f"{SVG}polyline")} <= {*COLOURS}
    return [
        np.array([point.split(",") for point in points], float) for points in lines[: len(response)]
    ]


def test_a_response_has_a_rising_line_per_channel() -> None:
    drawn = curves(GAMMA)
    assert len(drawn) == 3
    for curve in drawn:
        assert len(curve) == 256
        assert (np.diff(curve[:, 0]) >= 0).all()
        assert (np.diff(curve[:, 1]) < 0).all()  # upwards
    assert len(curves(GAMMA[:1])) == 1


def test_channels_that_are_alike_have_the_same_line() -> None:
    same = curves(np.repeat(GAMMA[:1], 3, axis=0))
    np.testing.assert_array_equal(same[0], same[1])
    np.testing.assert_array_equal(same[0], same[2])


def test_unknown_ends_are_left_out() -> None:
    response = GAMMA.copy()
    response[:, :5] = -np.inf
    response[:, 255] = np.nan
    assert [len(curve) for curve in curves(response)] == [250] * 3


def test_a_flat_response_does_not_divide_by_zero() -> None:
    (curve,) = curves(np.zeros((1, 256)))
    assert np.isfinite(curve).all()


@pytest.mark.parametrize("title", ["<script>", "a & b", "Größe 写真", "nul\0"])
def test_a_camera_may_have_any_name(title: str) -> None:
    root = ElementTree.fromstring(draw_response(Profile(GAMMA, 0.0, 3), title))
    assert visible(title) in {text.text for text in root.iter(f"{SVG}text")}
