"""One bracket as a card of the page: its pictures, measurements, warnings and errors.

The small pictures are plain images. The larger ones are in a ``<noscript>``: a browser with scripts
keeps it as text until the card is opened, then ``batch.js`` turns it into a slider; a browser
without scripts shows the pictures one below the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from expinterp.report.page import image, link, table, terms
from expinterp.report.pictures import Picture, decode_mask
from expinterp.report.plots import Series, plot_histograms, plot_tones
from expinterp.report.results import BracketFile, BracketResult, as_dict, as_number, as_text
from expinterp.report.wording import count, duration, exposure_time, moment, share, stops
from expinterp.svg import Html, bdi, element, join

INPUT_STYLES = ("input-1", "input-2", "input-3", "input-4")  # classes, brightest first
NOT_PLOTTED = {"residual", "mask", "ghosts"}  # pictures that do not show the scene
MASKED = {"medium", "fused"}  # pictures that a mask of what moved is laid over
LEGEND = (
    "Show what moved (orange: taken from the brightest shot, blue: from the darkest, "
    "another colour: from one between)"
)
NOT_FOUND, NOT_SHOWN = "not found", "cannot be shown"  # why a file has no picture
Item = TypeVar("Item")


@dataclass(frozen=True)
class ShownFile:
    """A file and its picture.

    Attributes
    ----------
    picture : Picture or str
        Or why there is none: `NOT_FOUND` or `NOT_SHOWN`.
    """

    file: BracketFile
    picture: Picture | str


def write_card(
    result: BracketResult, shown: Sequence[ShownFile], *, number: int, beside: Path | None
) -> Html:
    """Write a bracket.

    Parameters
    ----------
    shown : sequence of ShownFile
        The files of the result, in their order.
    number : int
        Of the bracket on the page, for ids.
    beside : Path or None
        The folder of the page, for links.
    """
    return element(
        "article",
        element("h3", bdi(result.name)),
        _state(result),
        element(
            "div",
            _facts(result),
            _error(result),
            _warnings(result.warnings),
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
    warned = result.state == "warned"
    words = count(len(result.warnings), "warning") if warned else result.state.capitalize()
    return element("p", words, class_=f"state {result.state}")


def _facts(result: BracketResult) -> Html | None:
    """Write the main figures in one line."""
    ratios = [as_dict(record.get("ratio")) for record in result.records]
    times = [exposure_time(file.time) for file in result.files if file.made]
    facts = [
        _labelled("measured", [stops(as_number(ratio.get("measured"))) for ratio in ratios]),
        _labelled("stated", [stops(as_number(ratio.get("stated"))) for ratio in ratios]),
        _labelled("result at", times),
        _labelled("took", [duration(result.seconds)]),
    ]
    items = [element("li", fact) for fact in (*facts, *_moved(result)) if fact]
    return element("ul", *items, class_="facts", role="list") if items else None


def _moved(result: BracketResult) -> Iterator[Html | str]:
    """Write how much moved, and which shots it was taken from."""
    ghosts = [as_dict(record.get("ghosts")) for record in result.records]
    references = [
        as_text(one.get("reference")).replace("\\", "/") for one in ghosts if one.get("share")
    ]
    yield _labelled("moved", [share(as_number(one.get("share"))) for one in ghosts])
    if names := dict.fromkeys(name.rpartition("/")[2] for name in references if name):
        yield join(["taken from ", join(map(bdi, names), ", ")])


def _labelled(label: str, values: Iterable[str]) -> str:
    known = ", ".join(dict.fromkeys(filter(None, values)))
    return f"{label} {known}" if known else ""


def _error(result: BracketResult) -> Html | None:
    if not result.error:
        return None
    code = as_number(result.error.get("exit_code"))
    kind = as_text(result.error.get("type"))
    origin = kind + (f", exit code {code:.0f}" if code is not None else "")
    message = as_text(result.error.get("message")) or "no message"
    return element(
        "p",
        bdi(message),
        element("small", f" ({origin})") if origin else None,
        class_="remark error",
    )


def _warnings(warnings: Sequence[str]) -> Html | None:
    if not warnings:
        return None
    items = (element("li", bdi(warning), class_="remark warning") for warning in warnings)
    return element("ul", *items, class_="remarks", role="list")


def _strip_item(one: ShownFile) -> Html:
    file = one.file
    caption = element(
        "figcaption",
        element("span", element("b", file.label), " ", exposure_time(file.time)),
        element("span", bdi(file.path.name)),
    )
    made = "made" if file.made else None
    return element("li", element("figure", _thumbnail(one), caption), class_=made)


def _thumbnail(one: ShownFile) -> Html:
    if isinstance(one.picture, str):
        return element("p", one.picture, class_="absent")
    return image(one.picture.thumb, _words(one.file))


def _words(file: BracketFile) -> str:
    return f"{file.label}: {file.name}"


def _details(result: BracketResult, shown: Sequence[ShownFile], beside: Path | None) -> Html:
    summary = element(
        "summary", "Compare and details", element("span", ": ", bdi(result.name), class_="unseen")
    )
    return element(
        "details",
        summary,
        element("div", _views(shown), _plots(shown), class_="look"),
        _file_table(result, shown, beside),
        _numbers(result),
    )


def _views(shown: Sequence[ShownFile]) -> Html | None:
    """Write the larger pictures, in the order of the strip."""
    views = [
        element(
            "figure",
            *_masked(one.file, image(one.picture.view, _words(one.file))),
            element("figcaption", one.file.label, ": ", bdi(one.file.name)),
        )
        for one in shown
        if isinstance(one.picture, Picture)
    ]
    if not views:
        return None
    return element("div", element("noscript", *views), class_="compare")


def _masked(file: BracketFile, picture: Html) -> Iterable[Html]:
    """Lay the mask of what moved over a result, if anything did, with a box that shows it."""
    mask = decode_mask(as_text(as_dict(file.facts.get("ghosts")).get("mask")))
    if mask is None or file.role not in MASKED:
        return [picture]
    tints = image(mask, f"What moved: {file.name}", class_="mask")
    box = element("label", element("input", type="checkbox"), f" {LEGEND}")
    return [element("div", picture, tints, class_="layers"), box]


def _plots(shown: Sequence[ShownFile]) -> Html | None:
    """Draw the histograms, and the tone curves of all but fused pictures."""
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


def _series(shown: Sequence[ShownFile]) -> list[tuple[BracketFile, Series]]:
    """Choose the pictures to plot and their styles: a few inputs, brightest first, then results."""
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
    """Choose at most so many items, evenly spaced, with the first and the last.

    Examples
    --------
    >>> _spread("abcdefg", 4), _spread("abcd", 2), _spread("abc", 4)
    (['a', 'c', 'e', 'g'], ['a', 'd'], ['a', 'b', 'c'])
    """
    if most < 2 or len(items) <= most:
        return list(items[:most])
    return [items[round(place * (len(items) - 1) / (most - 1))] for place in range(most)]


def _file_table(result: BracketResult, shown: Sequence[ShownFile], beside: Path | None) -> Html:
    """List the files, without empty columns."""
    rows = [_file_row(one, beside) for one in shown]
    kept = [column for column in rows[0] if any(row[column] for row in rows)] if rows else []
    cells = [[row[column] for column in kept] for row in rows]
    return table(kept, cells, caption=f"Files of {result.name}")


def _file_row(one: ShownFile, beside: Path | None) -> dict[str, object]:
    file, facts = one.file, one.file.facts
    clipped = as_dict(facts.get("clipped"))
    size = [as_number(facts.get(side)) for side in ("cols", "rows")]
    iso, aperture = as_number(facts.get("iso")), as_number(facts.get("f_number"))
    return {
        "Picture": file.label,
        "File": _linked(one, beside),
        "Time": exposure_time(file.time),
        "ISO": f"{iso:g}" if iso else "",
        "Aperture": f"f/{aperture:g}" if aperture else "",
        "Size": " × ".join(f"{side:.0f}" for side in size if side),
        "Clipped black": share(as_number(clipped.get("black"))),
        "Clipped white": share(as_number(clipped.get("white"))),
        "Camera": as_text(facts.get("camera")),
    }


def _linked(one: ShownFile, beside: Path | None) -> Html:
    """Link to a file that exists; also write why it has no picture."""
    named = bdi(one.file.name)
    if one.picture != NOT_FOUND:
        named = link(one.file.path, named, beside=beside)
    return join((named, one.picture) if isinstance(one.picture, str) else (named,), ", ")


def _numbers(result: BracketResult) -> Html:
    """List the other measurements of the jobs."""
    pairs: list[tuple[str, object]] = []
    spent: dict[str, float] = {}
    for record in result.records:
        pairs.append(("Response", _response(as_dict(record.get("response")))))
        pairs.append(("Network", _network(record)))
        pairs += _fusion(as_dict(record.get("fusion")))
        for stage, seconds in as_dict(record.get("timings")).items():
            spent[stage] = spent.get(stage, 0.0) + (as_number(seconds) or 0.0)
    timings = ", ".join(f"{stage} {duration(seconds)}" for stage, seconds in spent.items())
    pairs += [("Timings", timings), ("Finished", moment(result.finished))]
    return terms([*dict.fromkeys(pairs)], class_="numbers")


def _response(response: Mapping[str, Any]) -> str:
    source, camera, file = (as_text(response.get(key)) for key in ("source", "camera", "file"))
    curves = as_number(response.get("curves"))
    counted = "" if curves is None else count(round(curves), "curve")
    return ", ".join(filter(None, (source, camera, counted, file)))


def _network(record: Mapping[str, Any]) -> str:
    if "refinement" not in record:
        return ""
    used = as_dict(record["refinement"])
    return as_text(used.get("provider")).removesuffix("ExecutionProvider") or "not used"


def _fusion(fusion: Mapping[str, Any]) -> list[tuple[str, object]]:
    """List the method of fusion, and its quality if that was measured."""
    metrics = as_dict(fusion.get("metrics"))
    order = as_dict(metrics.get("order_violations"))
    similarity = as_number(metrics.get("mef_ssim"))
    reversed_ = [
        f"{share(part)} {where}"
        for key, where in (
            ("everywhere", "of all pairs of pixels"),
            ("highlight_shadow", "of pairs of a highlight and a shadow"),
        )
        if (part := as_number(order.get(key))) is not None
    ]
    return [
        ("Fusion", as_text(fusion.get("method"))),
        ("MEF-SSIM", "" if similarity is None else f"{similarity:.3f}"),
        ("Brightness order reversed", ", ".join(reversed_)),
    ]
