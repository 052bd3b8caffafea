"""One bracket as part of the page: its pictures, what was measured, what went wrong.

Small pictures are plain images. The larger ones stand in a ``<noscript>``: a browser with scripts
keeps that as text until somebody looks at the bracket, when ``batch.js`` makes a slider of it; one
without scripts shows them one below the other.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from expinterp.report.page import link, table, terms
from expinterp.report.pictures import Encoded, Picture
from expinterp.report.plots import Series, plot_histograms, plot_tones
from expinterp.report.results import BracketResult, File, mapping, number, text
from expinterp.report.wording import count, duration, exposure_time, moment, share, stops
from expinterp.svg import Html, element, join, name

INPUT_STYLES = ("input-1", "input-2", "input-3", "input-4")  # classes, brightest first
NOT_PLOTTED = {"residual", "mask"}  # pictures of something else than the scene
NOT_FOUND, NOT_SHOWN = "not found", "cannot be shown"  # why there is no picture of a file
COLUMNS = ("Picture", "File", "Time", "ISO", "Aperture", "Size", "At black", "At white", "Camera")
Item = TypeVar("Item")
STATE_WORDS = {"failed": "Failed", "done": "Done", "skipped": "Skipped"}


@dataclass(frozen=True)
class Shown:
    """A file and what could be shown of it.

    Attributes
    ----------
    file : File
    picture : Picture or str
        Or why there is none: `NOT_FOUND` or `NOT_SHOWN`.
    """

    file: File
    picture: Picture | str


def write_card(
    result: BracketResult, shown: Sequence[Shown], *, number: int, beside: Path | None
) -> Html:
    """Write a bracket.

    Parameters
    ----------
    shown : sequence of Shown
        One for each of the files of the result, in their order.
    number : int
        Of the bracket in the page, for ids.
    beside : Path or None
        The folder of the page, for links.
    """
    return element(
        "article",
        element("h3", name(result.name)),
        _state(result),
        element(
            "div",
            _facts(result),
            _error(result),
            _remarks(result.warnings),
            element("ul", *map(_strip_item, shown), class_="strip", role="list"),
            _details(result, shown, beside),
            class_="body",
        ),
        class_="bracket",
        id=f"bracket-{number}",
        data_state=result.state,
        aria_label=result.name,
    )


def _state(result: BracketResult) -> Html:
    words = STATE_WORDS.get(result.state) or count(len(result.warnings), "warning")
    return element("p", words, class_=f"state {result.state}")


def _facts(result: BracketResult) -> Html | None:
    """Say in one line what matters most."""
    ratios = [mapping(report.get("ratio")) for report in result.reports]
    times = [exposure_time(file.time) for file in result.files if file.made]
    facts = [
        _labelled("measured", [stops(number(ratio.get("measured"))) for ratio in ratios]),
        _labelled("stated", [stops(number(ratio.get("stated"))) for ratio in ratios]),
        _labelled("result at", times),
        _labelled("took", [duration(result.seconds)]),
    ]
    said = [element("li", fact) for fact in facts if fact]
    return element("ul", *said, class_="facts", role="list") if said else None


def _labelled(label: str, values: Iterable[str]) -> str:
    said = ", ".join(dict.fromkeys(filter(None, values)))
    return f"{label} {said}" if said else ""


def _error(result: BracketResult) -> Html | None:
    if not result.error:
        return None
    code = number(result.error.get("exit_code"))
    kind = text(result.error.get("type"))
    origin = kind + (f", exit code {code:.0f}" if code is not None else "")
    said = text(result.error.get("message")) or "no message"
    return element(
        "p", name(said), element("small", f" ({origin})") if origin else None, class_="remark error"
    )


def _remarks(warnings: Sequence[str]) -> Html | None:
    if not warnings:
        return None
    return element(
        "ul",
        *(element("li", name(said), class_="remark warning") for said in warnings),
        class_="remarks",
        role="list",
    )


def _strip_item(one: Shown) -> Html:
    file = one.file
    caption = element(
        "figcaption",
        element("span", element("b", file.label), " ", exposure_time(file.time)),
        element("span", name(file.path.name)),
    )
    made = "made" if file.made else None
    return element("li", element("figure", _thumbnail(one), caption), class_=made)


def _thumbnail(one: Shown) -> Html:
    if isinstance(one.picture, str):
        return element("p", one.picture, class_="absent")
    return _image(one.picture.thumb, one.file)


def _image(encoded: Encoded, file: File) -> Html:
    data = base64.b64encode(encoded.data).decode("ascii")
    return element(
        "img",
        alt=f"{file.label}: {file.name}",
        width=encoded.cols,
        height=encoded.rows,
        loading="lazy",
        decoding="async",
        src=f"data:image/webp;base64,{data}",
    )


def _details(result: BracketResult, shown: Sequence[Shown], beside: Path | None) -> Html:
    summary = element(
        "summary", "Compare and details", element("span", ": ", name(result.name), class_="unseen")
    )
    return element(
        "details",
        summary,
        element("div", _views(shown), _plots(shown), class_="look"),
        _file_table(result, shown, beside),
        _numbers(result),
    )


def _views(shown: Sequence[Shown]) -> Html | None:
    """Put the larger pictures aside, in the order of the strip."""
    views = [
        element(
            "figure",
            _image(one.picture.view, one.file),
            element("figcaption", one.file.label, ": ", name(one.file.name)),
        )
        for one in shown
        if isinstance(one.picture, Picture)
    ]
    if not views:
        return None
    return element("div", element("noscript", *views), class_="compare")


def _plots(shown: Sequence[Shown]) -> Html | None:
    """Draw the histograms, and the tone curves of all that is no fusion."""
    series = _series(shown)
    if not series:
        return None
    tones = [drawn for file, drawn in series if file.role != "fused"]
    return element(
        "div",
        plot_histograms([drawn for _, drawn in series]),
        plot_tones(tones) if len(tones) > 1 else None,
        class_="plots",
    )


def _series(shown: Sequence[Shown]) -> list[tuple[File, Series]]:
    """Choose what is plotted, and how: a few inputs from the brightest to the darkest, results."""
    plotted = [
        (one.file, one.picture.histogram)
        for one in shown
        if isinstance(one.picture, Picture) and one.file.role not in NOT_PLOTTED
    ]
    inputs = _spread([pair for pair in plotted if not pair[0].made], len(INPUT_STYLES))
    results = [pair for pair in plotted if pair[0].made]
    styles = [*_spread(INPUT_STYLES, len(inputs)), "result", *["result-2"] * len(results)]
    return [
        (file, Series(file.label, style, histogram))
        for (file, histogram), style in zip(inputs + results, styles, strict=False)
    ]


def _spread(items: Sequence[Item], most: int) -> list[Item]:
    """Take at most so many of the items, evenly, the first and the last among them.

    Examples
    --------
    >>> _spread("abcdefg", 4), _spread("abcd", 2), _spread("abc", 4)
    (['a', 'c', 'e', 'g'], ['a', 'd'], ['a', 'b', 'c'])
    """
    if most < 2 or len(items) <= most:
        return list(items[:most])
    return [items[round(place * (len(items) - 1) / (most - 1))] for place in range(most)]


def _file_table(result: BracketResult, shown: Sequence[Shown], beside: Path | None) -> Html:
    """List the files, leaving out columns that say nothing."""
    rows = [_file_row(one, beside) for one in shown]
    kept = [place for place in range(len(COLUMNS)) if place < 2 or any(row[place] for row in rows)]
    return table(
        [COLUMNS[place] for place in kept],
        [[row[place] for place in kept] for row in rows],
        caption=f"Files of {result.name}",
    )


def _file_row(one: Shown, beside: Path | None) -> list[object]:
    file, facts = one.file, one.file.facts
    clipped = mapping(facts.get("clipped"))
    size = [number(facts.get(side)) for side in ("cols", "rows")]
    iso, aperture = number(facts.get("iso")), number(facts.get("f_number"))
    return [
        file.label,
        _linked(one, beside),
        exposure_time(file.time),
        f"{iso:g}" if iso else "",
        f"f/{aperture:g}" if aperture else "",
        " × ".join(f"{side:.0f}" for side in size if side),
        share(number(clipped.get("black"))),
        share(number(clipped.get("white"))),
        text(facts.get("camera")),
    ]


def _linked(one: Shown, beside: Path | None) -> Html:
    """Link to a file that is there, and say what keeps it from being shown."""
    named = name(one.file.name)
    if one.picture != NOT_FOUND:
        named = link(one.file.path, named, beside=beside)
    return join((named, one.picture) if isinstance(one.picture, str) else (named,), ", ")


def _numbers(result: BracketResult) -> Html:
    """List what else the jobs measured."""
    pairs: list[tuple[str, object]] = []
    spent: dict[str, float] = {}
    for report in result.reports:
        pairs.append(("Response", _response(mapping(report.get("response")))))
        pairs.append(("Network", _network(report)))
        pairs += _fusion(mapping(report.get("fusion")))
        for stage, seconds in mapping(report.get("timings")).items():
            spent[stage] = spent.get(stage, 0.0) + (number(seconds) or 0.0)
    timings = ", ".join(f"{stage} {duration(seconds)}" for stage, seconds in spent.items())
    pairs += [("Timings", timings), ("Finished", moment(result.finished))]
    return terms([*dict.fromkeys(pairs)], class_="numbers")


def _response(response: Mapping[str, Any]) -> str:
    source, camera = text(response.get("source")), text(response.get("camera"))
    return ", ".join(filter(None, (source, camera, text(response.get("file")))))


def _network(report: Mapping[str, Any]) -> str:
    if "refinement" not in report:
        return ""
    used = mapping(report["refinement"])
    return text(used.get("provider")).removesuffix("ExecutionProvider") or "not used"


def _fusion(fusion: Mapping[str, Any]) -> list[tuple[str, object]]:
    """List how the shots were fused, and how well, if that was measured."""
    metrics = mapping(fusion.get("metrics"))
    order = mapping(metrics.get("order_violations"))
    similarity = number(metrics.get("mef_ssim"))
    reversed_ = [
        f"{share(part)} {where}"
        for key, where in (
            ("everywhere", "of all pairs"),
            ("highlight_shadow", "of highlights and shadows"),
        )
        if (part := number(order.get(key))) is not None
    ]
    return [
        ("Fusion", text(fusion.get("method"))),
        ("MEF-SSIM", "" if similarity is None else f"{similarity:.3f}"),
        ("Brightness reversed", ", ".join(reversed_)),
    ]
