"""The report of a batch: what the page shows, and that no name can break it."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
from collections import deque
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from report_samples import (
    ERROR,
    ODD_NAME,
    WARNING,
    Reader,
    done,
    draw,
    fused_record,
    header,
    moved,
    read_page,
    result,
    sample_batch,
    write_journal,
)
from text_samples import ANY_TEXT

from expinterp.batch.journal import JournalContents, read
from expinterp.errors import ImageFileError, OutputError, OutputExistsError
from expinterp.report import write_report, writing
from expinterp.report.overview import _options, busy_seconds
from expinterp.report.page import begin_page, link, read_asset
from expinterp.report.pictures import Sizes
from expinterp.report.plots import RANKS, SIZE, Series, plot_histograms, plot_tones, quantiles
from expinterp.report.results import read_results


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("batch")
    write_report(sample_batch(folder), folder / "report.html")
    return (folder / "report.html").read_text("utf-8")


@pytest.fixture(scope="module")
def reader(page: str) -> Reader:
    return read_page(page)


# The page as a whole


def test_every_id_is_unique_and_every_reference_leads_to_one(reader: Reader) -> None:
    ids = [one.attributes["id"] for one in reader.elements if "id" in one.attributes]
    assert len(ids) == len(set(ids))
    for one in reader.elements:
        for name in ("aria-labelledby", "for"):
            assert one.attributes.get(name, ids[0]) in ids
        if (one.attributes.get("href") or "").startswith("#"):
            assert (one.attributes["href"] or "")[1:] in ids


def test_every_picture_has_words(reader: Reader) -> None:
    assert reader.all("img")
    assert all(one.attributes["alt"] for one in reader.all("img"))
    for drawing in reader.all("svg"):
        hidden = drawing.attributes.get("aria-hidden") == "true"
        assert hidden or (drawing.attributes["role"] == "img" and drawing.attributes["aria-label"])


def test_every_input_has_a_label(reader: Reader) -> None:
    named = {one.attributes.get("for") for one in reader.all("label")}
    assert reader.all("input")
    for one in reader.all("input"):
        assert one.attributes.get("id") in named or one.inside("label")


def test_headings_follow_one_another(reader: Reader) -> None:
    levels = [int(one.tag[1]) for one in reader.all("h1", "h2", "h3", "h4")]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert max(np.diff(levels)) == 1


def test_page_has_its_landmarks_and_its_language(reader: Reader) -> None:
    for tag in ("header", "main", "footer", "title"):
        assert len(reader.all(tag)) == 1
    assert reader.all("html")[0].attributes["lang"] == "en"
    skip = reader.all("a")[0]
    assert skip.attributes["href"] == "#content"
    assert reader.all("main")[0].attributes["id"] == "content"


def test_page_loads_nothing_from_elsewhere(page: str, reader: Reader) -> None:
    assert not re.search(r"(?:src|href|action|srcset|data)=.?(?:https?:|//|file:)", page)
    assert not re.search(r"@import|url\(|https?://", page)
    assert not reader.all("link", "iframe", "object", "base", "form[action]")
    for one in reader.all("img"):
        assert (one.attributes["src"] or "").startswith(
            ("data:image/webp;base64,", "data:image/png;base64,")
        )


def test_security_policy_allows_only_the_code_of_the_page(reader: Reader) -> None:
    (meta,) = (one for one in reader.all("meta") if "http-equiv" in one.attributes)
    policy = dict(rule.split(" ", 1) for rule in (meta.attributes["content"] or "").split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["img-src"] == "data:"
    for tag in ("style", "script"):
        (code,) = reader.all(tag)
        digest = base64.b64encode(hashlib.sha256(code.text.encode()).digest()).decode()
        assert policy[f"{tag}-src"] == f"'sha256-{digest}'"
    handlers = {name for one in reader.elements for name in one.attributes if name[:2] == "on"}
    assert not handlers
    assert not [one for one in reader.elements if "style" in one.attributes]


def test_page_without_a_script_allows_none() -> None:
    assert "script-src 'none'" in begin_page("a page", styles=("page.css",)).replace("&#x27;", "'")


def skeleton(page: str) -> list[tuple[str, ...]]:
    return [(one.tag, *sorted(one.attributes)) for one in read_page(page).elements]


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=ANY_TEXT.filter(bool), other=ANY_TEXT.filter(bool))
def test_no_name_changes_the_structure_of_the_page(tmp_path: Path, name: str, other: str) -> None:
    def skeleton_with(name: str, other: str) -> list[tuple[str, ...]]:
        lines = [
            header(tmp_path / "card", tmp_path, template=other),
            {"kind": "leftover", "path": name, "reason": other},
            done(name, ["no/" + other, "no/b"], "no/" + name, other),
            result(
                name + "x", ["no/" + name], [], status="failed", error=ERROR | {"message": other}
            ),
        ]
        write_report(write_journal(tmp_path, lines), tmp_path / "x.html", overwrite=True)
        return skeleton((tmp_path / "x.html").read_text("utf-8"))

    assert skeleton_with(name, other) == skeleton_with("tame", "words")


# What it shows


def test_failures_come_first_and_names_in_the_order_of_their_numbers(reader: Reader) -> None:
    states = [one.attributes["data-state"] for one in reader.all("article")]
    assert states == ["failed", "warned", *["done"] * 7, "skipped"]
    names = [one.text for one in reader.all("h3")]
    assert names.index("plain 9") < names.index("plain 10")
    assert ODD_NAME in names


def test_failures_warnings_leftovers_and_options_are_shown(reader: Reader) -> None:
    failed, warned, *_ = reader.all("article")
    assert f"{ERROR['message']} (PairError, exit code 4)" in failed.text
    assert WARNING in warned.text
    head = reader.all("header")[0].text
    assert "single <1>.jpga single shot" in head
    assert re.search("quality95.*refineyes.*ev1.5.*version0.1.0", head)
    assert "count" not in head  # an option that was left open


def test_options_of_both_results_are_listed_once(tmp_path: Path) -> None:
    shared = {"writing": {"quality": 95}, "refine": True}
    options = {"interpolation": shared, "fusion": {**shared, "method": "guided"}}
    listed = str(_options(JournalContents(header=header(tmp_path, tmp_path, **options))))
    assert [listed.count(f"<dt>{name}</dt>") for name in ("quality", "refine", "method")] == [
        1,
        1,
        1,
    ]


def test_brackets_are_counted_by_state(reader: Reader) -> None:
    said = {
        tag: [
            one.text for one in reader.all(tag) if one.parents[-2].attributes == {"class": "counts"}
        ]
        for tag in ("dt", "dd")
    }
    assert dict(zip(said["dt"], said["dd"], strict=True)) == {
        "Brackets": "10", "Failed": "1", "With warnings": "1", "Done": "7", "Skipped": "1",
        "Left over": "1",
    }  # fmt: skip


def test_rate_counts_what_was_worked_on(reader: Reader) -> None:
    assert "9 brackets in 1.5 s, 360 a minute, from 2026-11-23" in reader.all("header")[0].text


def test_measurements_are_shown(reader: Reader) -> None:
    card = next(one for one in reader.all("article") if one.text.startswith("plain 9"))
    for words in (
        "measured 15.2:1 (3.9 EV)", "stated 16:1 (4.0 EV)", "result at 1/16 s", "took 1.5 s",
        "long 1/4 s", "f/8", "120 × 80", "20 %", "0.36 %", "A B", "render 1.5 s", "CPU",
    ):  # fmt: skip
        assert words in card.text


def test_missing_and_broken_pictures_are_named(reader: Reader) -> None:
    by_name = {one.text: one.parents[-1].text for one in reader.all("h3")}
    assert by_name["vanished"].count("not found") == 6  # in the strip, and in the table
    assert "cannot be shown" in by_name["failed"]
    assert r"gone\n1.jpg" in by_name["vanished"]
    assert r"caf\udce9.jpg" in by_name["vanished"]


def captions(reader: Reader, bracket: str) -> list[str]:
    """List the labels in the strip of a bracket."""
    card = next(one for one in reader.all("article") if one.text.startswith(bracket))
    return [one.text for one in reader.all("b") if card in one.parents and one.inside("figcaption")]


def test_shots_are_labelled_by_role_or_number(reader: Reader) -> None:
    assert captions(reader, "plain 9") == ["long", "short", "medium"]
    assert captions(reader, "three") == ["shot 1", "shot 2", "shot 3", "result"]
    assert captions(reader, "fused") == ["shot 1", "shot 2", "fused"]


def test_a_fusion_is_described_and_has_no_tone_curve(reader: Reader) -> None:
    card = next(one for one in reader.all("article") if one.text.startswith("fused"))
    assert re.search(
        "Fusionguided.*MEF-SSIM0.978.*reversed0.27 % of all pairs of pixels, 0 %", card.text
    )
    lines = [one for one in reader.all("polyline") if card in one.parents]
    assert [one.attributes["class"] for one in lines] == [
        "area", "input-1", "input-4", "result", "input-1", "input-4", "result",
        "equal", "input-4", "input-4",
    ]  # fmt: skip


def test_what_moved_is_stated_and_laid_over_the_result_alone(reader: Reader) -> None:
    card = next(one for one in reader.all("article") if one.text.startswith("fused"))
    assert "moved 25 %" in card.text
    assert "taken from long.jpg" in card.text
    (mask,) = (one for one in reader.all("img") if one.attributes.get("class") == "mask")
    assert card in mask.parents
    assert mask.inside("noscript")
    assert mask.attributes["alt"] == "What moved: medium.jpg"
    source = str(mask.attributes["src"]).removeprefix("data:image/png;base64,")
    with Image.open(BytesIO(base64.b64decode(source))) as image:
        assert image.getpixel((60, 40)) == (230, 159, 0, 255)
        assert image.getpixel((10, 10))[3] == 0
    (box,) = (one for one in reader.all("input") if one.attributes["type"] == "checkbox")
    assert "orange: taken from the brightest shot" in box.parents[-1].text


def as_text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


PNG = base64.b64decode(moved(0.25, "long.jpg")["mask"])


@pytest.mark.parametrize(
    "mask",
    [
        None,
        7,
        "",
        "no base64!",
        as_text(b"<svg onload=alert(1)>"),
        as_text(b"\x89PNG\r\n\x1a\n"),
        as_text(PNG[:20]),
        as_text(PNG + bytes(20_000)),
        as_text(b"P6 1 1 255 abc"),
    ],
)
def test_a_mask_that_is_not_valid_is_left_out(tmp_path: Path, mask: object) -> None:
    draw(tmp_path / "x.jpg")

    def page(mask: object) -> str:
        ghosts = {"share": 0.25, "reference": "a/long.jpg", "mask": mask}
        record = fused_record("x.jpg", "x.jpg", "x.jpg") | {"ghosts": ghosts}
        lines = [header(tmp_path, tmp_path), result("r", ["x.jpg"], ["x.jpg"], reports=[record])]
        path = tmp_path / "report.html"
        write_report(write_journal(tmp_path, lines), path, overwrite=True)
        return path.read_text("utf-8")

    assert "moved 25 %" in page(mask)
    assert 'class="mask"' not in page(mask)
    assert 'class="mask"' in page(as_text(PNG))


def test_no_shot_is_named_if_nothing_moved(tmp_path: Path) -> None:
    draw(tmp_path / "x.jpg")
    ghosts = {"share": 0.0, "reference": "a/long.jpg"}
    record = fused_record("x.jpg", "x.jpg", "x.jpg") | {"ghosts": ghosts}
    lines = [header(tmp_path, tmp_path), result("r", ["x.jpg"], ["x.jpg"], reports=[record])]
    write_report(write_journal(tmp_path, lines), tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text("utf-8")
    assert "moved 0 %" in page
    assert "taken from <bdi>" not in page


def test_nothing_is_animated() -> None:
    for name in ("page.css", "batch.css"):
        assert not re.search("animation|transition|smooth", read_asset(name))


# Links


NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/\0"), min_size=1)
PATHS = st.lists(NAMES | st.just("caf\udce9"), min_size=1, max_size=3).map("/".join)


@given(PATHS.filter(lambda path: os.path.normpath(path) == path and not path.startswith("..")))
def test_links_lead_from_the_page_to_the_file(path: str) -> None:
    (anchor,) = read_page(link(Path("/a/b/c", path), "x", beside=Path("/a/d"))).elements
    way = unquote_to_bytes(anchor.attributes["href"] or "")
    assert not re.match("[a-z]+:", anchor.attributes["href"] or "")
    assert os.path.normpath(b"/a/d/" + way) == os.fsencode("/a/b/c/" + path)


def test_a_page_on_stdout_links_by_absolute_urls(tmp_path: Path) -> None:
    assert f'href="{(tmp_path / "a b").as_uri()}"' in link(tmp_path / "a b", "x", beside=None)


def test_names_that_no_url_can_express_are_not_linked(tmp_path: Path) -> None:
    for beside in (tmp_path, None):
        assert link(tmp_path / "\ud800", "x", beside=beside) == "<span>x</span>"


# Numbers and plots

COUNTS = st.dictionaries(st.integers(0, 255), st.integers(1, 50), min_size=1, max_size=30)
HISTOGRAMS = COUNTS.map(lambda counts: np.array([counts.get(code, 0) for code in range(256)]))


@given(HISTOGRAMS, st.floats(0.001, 0.999))
def test_quantiles_are_those_of_the_pixels(histogram: np.ndarray, rank: float) -> None:
    pixels = np.repeat(np.arange(256), histogram)
    expected = np.quantile(pixels, rank, method="inverted_cdf")
    assert quantiles(histogram, np.array([rank]))[0] == expected


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 5)), max_size=12))
def test_busy_time_is_that_of_the_seconds_with_work_in_them(spans: list[tuple[int, int]]) -> None:
    seconds = {second for start, length in spans for second in range(start, start + length)}
    assert busy_seconds((start, start + length) for start, length in spans) == len(seconds)


def points(drawing: str, style: str) -> np.ndarray:
    """Read the points of a line as shares of the axes, from the lower left corner."""
    curve, _key = (
        one for one in read_page(drawing).all("polyline") if one.attributes["class"] == style
    )
    pairs = np.array([p.split(",") for p in (curve.attributes["points"] or "").split()], float)
    return np.array([0, 1]) + pairs / (SIZE[0], -SIZE[1])


def series(*codes: int, style: str = "result", label: str = "x") -> Series:
    return Series(label, style, np.bincount(codes, minlength=256))


def test_histogram_shows_the_tones_that_occur() -> None:
    heights = points(plot_histograms([series(*[40] * 9, *[200] * 4)]), "result")[:, 1]
    assert heights[40 // 4] == 1
    assert heights[200 // 4] == pytest.approx(2 / 3, abs=1e-3)  # square roots: 4 of 9
    assert heights.sum() == heights[10] + heights[50]


def test_clipped_tones_do_not_flatten_the_others() -> None:
    heights = points(plot_histograms([series(*[255] * 900, 100)]), "result")[:, 1]
    assert heights[[25, 63]].tolist() == [1, 1]


@given(st.integers(2, 4))
def test_tone_curve_is_the_mapping_between_two_exposures(divisor: int) -> None:
    long = series(*range(240), label="long")
    short = series(*(code // divisor for code in range(240)), style="input-1")
    drawn = points(plot_tones([long, short]), "input-1") * 255
    assert len(drawn) == len(RANKS)
    np.testing.assert_allclose(drawn[:, 1], drawn[:, 0] // divisor, atol=1.5)


@settings(max_examples=30)
@given(st.lists(HISTOGRAMS, min_size=1, max_size=3))
def test_plots_stay_in_their_frame(histograms: list[np.ndarray]) -> None:
    styles = [f"input-{i}" for i in range(len(histograms))]
    all_series = [Series("x", style, one) for style, one in zip(styles, histograms, strict=True)]
    drawings = [(plot_histograms(all_series), styles), (plot_tones(all_series), styles[1:])]
    for drawing, drawn in drawings:
        for style in drawn:
            curve = points(drawing, style)
            assert curve.min() >= 0
            assert curve.max() <= 1


# Journals


def test_values_of_wrong_types_count_as_missing(tmp_path: Path) -> None:
    report = dict.fromkeys(("inputs", "outputs", "ratio", "response", "timings", "warnings"), 7)
    odd = {
        "status": 1, "frames": ["a", None, 3], "reports": [7, None, report, {"inputs": [None]}],
        "error": "x", "seconds": "long", "finished": [], "outputs": {}, "bytes": {},
    }  # fmt: skip
    lines = [header(tmp_path, tmp_path) | {"options": None, "mode": 3}, result("r", [], []) | odd]
    write_report(write_journal(tmp_path, lines), tmp_path / "x.html")
    assert "<h3" in (tmp_path / "x.html").read_text("utf-8")


@pytest.mark.parametrize("finished", ["", "noon", "0001-01-01T00:00:00+00:00", "9999-12-31T23:59"])
def test_invalid_times_are_left_out(tmp_path: Path, finished: str) -> None:
    line = result("r", [], [], finished=finished, seconds=1e12)
    write_report(write_journal(tmp_path, [header(tmp_path, tmp_path), line]), tmp_path / "x.html")
    assert "a minute" not in (tmp_path / "x.html").read_text("utf-8")


@pytest.mark.parametrize("seconds", [float("nan"), float("inf"), 10**400, -5, True])
def test_invalid_numbers_are_left_out(tmp_path: Path, seconds: float) -> None:
    lines = [header(tmp_path, tmp_path), result("r", [], [], seconds=seconds)]
    write_report(write_journal(tmp_path, lines), tmp_path / "x.html")
    assert (
        "took"
        not in (tmp_path / "x.html").read_text("utf-8").partition("<h3")[2].partition("<script")[0]
    )


@pytest.mark.parametrize(
    "content",
    [
        "not json", '{"kind": "result"}\n', "[1]\n",
        '{"kind": "header", "schema_version": 9}\n',
        '{"kind": "header", "schema_version": "x"}\n',
        '{"kind": "header", "schema_version": 1}\n{"kind": "planned"}\n',
        '{"kind": "header", "schema_version": 1}\n' + 100_000 * "[",
        '{"kind": "header", "schema_version": 1}\n{"kind": "result", "bracket": []}\n',
    ],
)  # fmt: skip
def test_files_that_are_not_journals_are_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "j.jsonl").write_text(content, "utf-8")
    with pytest.raises(ImageFileError, match=r"j\.jsonl"):
        write_report(tmp_path / "j.jsonl", tmp_path / "x.html")
    assert not (tmp_path / "x.html").exists()


def test_a_torn_last_line_is_ignored_and_the_last_result_counts(tmp_path: Path) -> None:
    lines = [header(tmp_path, tmp_path), result("r", [], [], status="failed", error=ERROR)]
    journal = write_journal(tmp_path, [*lines, result("r", [], [])])
    with journal.open("a", encoding="utf-8") as stream:
        stream.write('{"kind": "resu')
    write_report(tmp_path, tmp_path / "x.html")
    (card,) = read_page((tmp_path / "x.html").read_text("utf-8")).all("article")
    assert card.attributes["data-state"] == "done"


def test_files_of_one_name_in_two_folders_are_distinguished(tmp_path: Path) -> None:
    rows = [
        {"role": role, "file": f"/card/{name}"}
        for role, name in (("long", "sub/a.jpg"), ("short", "a.jpg"))
    ]
    line = result("r", ["sub/a.jpg", "a.jpg"], [], reports=[{"inputs": rows}])
    record = read(write_journal(tmp_path, [header(tmp_path, tmp_path), line]))
    (bracket,) = read_results(record, tmp_path)
    assert [file.label for file in bracket.files] == ["long", "short"]


def test_a_journal_that_was_moved_with_its_outputs_shows_them(tmp_path: Path) -> None:
    out = sample_batch(tmp_path)
    out.rename(tmp_path / "moved")
    warnings = write_report(tmp_path / "moved", tmp_path / "x.html")
    assert warnings == ["4 pictures of the batch cannot be found or shown any more"]


# Writing


@pytest.fixture
def small_batch(tmp_path: Path) -> Path:
    draw(tmp_path / "card" / "a.jpg")
    lines = [header(tmp_path / "card", tmp_path)]
    lines += [result(f"r{number}", ["a.jpg"], []) for number in range(30)]
    return write_journal(tmp_path, lines)


def test_an_existing_page_is_kept_unless_told(small_batch: Path, tmp_path: Path) -> None:
    target = tmp_path / "x.html"
    target.write_text("mine", "utf-8")
    with pytest.raises(OutputExistsError):
        write_report(small_batch, target)
    assert target.read_text("utf-8") == "mine"
    write_report(small_batch, target, overwrite=True)
    assert target.read_text("utf-8").startswith("<!DOCTYPE html>")


@pytest.mark.parametrize("name", ["expinterp-journal.jsonl", "card/a.jpg"])
def test_files_of_the_batch_are_never_replaced(
    small_batch: Path, tmp_path: Path, name: str
) -> None:
    before = (tmp_path / name).read_bytes()
    with pytest.raises(OutputExistsError, match="input"):
        write_report(small_batch, tmp_path / name, overwrite=True)
    assert (tmp_path / name).read_bytes() == before


def test_a_missing_folder_is_named(small_batch: Path, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="no folder"):
        write_report(small_batch, tmp_path / "none" / "x.html")


def test_interruption_leaves_nothing(small_batch: Path, tmp_path: Path) -> None:
    def interrupt(stage: str, share: float) -> None:
        if share > 0.5:
            raise KeyboardInterrupt

    before = sorted(tmp_path.iterdir())
    with pytest.raises(KeyboardInterrupt):
        write_report(small_batch, tmp_path / "x.html", progress=interrupt)
    assert sorted(tmp_path.iterdir()) == before


def test_pictures_are_made_a_few_ahead_of_the_page(
    small_batch: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: deque[Path] = deque()
    make = writing.make_picture

    def count(path: Path, sizes: Sizes) -> Any:
        begun.append(path)
        return make(path, sizes)

    monkeypatch.setattr(writing, "make_picture", count)
    ahead = []
    write_report(
        small_batch, tmp_path / "x.html",
        progress=lambda stage, share: ahead.append(len(begun) - round(share * 30)),
    )  # fmt: skip
    assert len(ahead) == 30
    assert max(ahead) <= 2 * writing.WORKERS


def test_same_batch_gives_the_same_page(small_batch: Path, tmp_path: Path) -> None:
    pages = []
    for name in ("x.html", "y.html"):
        write_report(small_batch, tmp_path / name)
        pages.append((tmp_path / name).read_bytes())
    assert pages[0] == pages[1]


def test_an_empty_batch_has_a_page(tmp_path: Path) -> None:
    (tmp_path / "expinterp-journal.jsonl").write_text(
        json.dumps(header(tmp_path, tmp_path)) + "\n", "utf-8"
    )
    write_report(tmp_path, tmp_path / "x.html")
    assert "0 brackets" in (tmp_path / "x.html").read_text("utf-8")


def test_brackets_beyond_the_page_are_counted(
    small_batch: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "MOST_BRACKETS", 20)
    warnings = write_report(small_batch, tmp_path / "x.html")
    assert warnings == ["the page shows 20 of 30 brackets, worst first"]
    assert "10 more brackets in the journal" in (tmp_path / "x.html").read_text("utf-8")


# Colours


def tokens(scheme: str) -> dict[str, tuple[float, ...]]:
    """Read the colours of a scheme from the style sheet, each channel 0..1."""
    light, dark = read_asset("page.css").split("@media (prefers-color-scheme: dark)")
    pairs = re.findall(r"--([\w-]+): #([0-9a-f]{6});", light)
    if scheme == "dark":
        pairs += re.findall(r"--([\w-]+): #([0-9a-f]{6});", dark)
    return {name: tuple(int(code[i : i + 2], 16) / 255 for i in (0, 2, 4)) for name, code in pairs}


def contrast(one: tuple[float, ...], two: tuple[float, ...]) -> float:
    """Compute the contrast of two colours as WCAG 2.2 defines it."""

    def luminance(colour: tuple[float, ...]) -> float:
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour]
        return float(np.dot(linear, (0.2126, 0.7152, 0.0722)))

    dark, light = sorted((luminance(one), luminance(two)))
    return (light + 0.05) / (dark + 0.05)


TEXT = [
    *((ink, ground) for ink in ("ink", "quiet", "accent") for ground in ("page", "card")),
    *((ink, ground) for ink in ("failed", "warned") for ground in ("page", "card")),
    ("done", "card"), ("ink", "failed-tint"), ("ink", "warned-tint"), ("on-accent", "accent"),
]  # fmt: skip
LINES = [
    ("control", "page"), ("control", "card"), ("result", "card"), ("result", "result-tint"),
    *((f"input-{place}", ground) for place in (1, 2, 3, 4) for ground in ("card", "result-tint")),
]  # fmt: skip


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_and_lines_have_enough_contrast(scheme: str) -> None:
    colours = tokens(scheme)
    for pairs, least in ((TEXT, 4.5), (LINES, 3.0)):
        for one, two in pairs:
            assert contrast(colours[one], colours[two]) >= least, (scheme, one, two)


def test_greys_are_neutral() -> None:
    """They surround photographs, and must not shift their colours."""
    for scheme in ("light", "dark"):
        for name in ("page", "card", "well", "ink", "quiet", "line", "control"):
            assert len(set(tokens(scheme)[name])) == 1, (scheme, name)


def test_style_sheets_use_colours_that_exist() -> None:
    used = re.findall(r"var\(--([\w-]+)\)", read_asset("batch.css") + read_asset("page.css"))
    assert set(used) - {"space", "cut", "shape", "grip"} <= set(tokens("light"))
    assert set(tokens("light")) == set(tokens("dark"))
