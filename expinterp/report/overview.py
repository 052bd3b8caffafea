"""The head of the page: counts, time and options of the batch, and the files in no bracket."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from expinterp.batch.journal import JournalContents
from expinterp.report.page import table, terms
from expinterp.report.results import STATES, BracketResult, State, as_text
from expinterp.report.wording import count, duration
from expinterp.svg import Html, bdi, element

STATE_NAMES: Mapping[State, str] = {
    "failed": "Failed",
    "warned": "With warnings",
    "done": "Done",
    "skipped": "Skipped",
}
MOST_LEFTOVERS = 2_000  # rows of a table


def write_overview(journal: JournalContents, results: Sequence[BracketResult]) -> Html:
    """Write the head of the page."""
    folder = as_text(journal.header.get("folder"))
    return element(
        "header",
        element("h1", "Batch report"),
        element("p", bdi(folder), class_="folder") if folder else None,
        _counts(journal, results),
        *(element("p", sentence) for sentence in _sentences(results)),
        _leftovers(journal.leftovers),
        _options(journal),
    )


def _counts(journal: JournalContents, results: Sequence[BracketResult]) -> Html:
    """Count the brackets by state, failures first."""
    states = Counter(result.state for result in results)
    numbers = [("", "Brackets", len(results))]
    numbers += [(state, STATE_NAMES[state], states[state]) for state in STATES if states[state]]
    numbers += [("", "Not run yet", len(journal.planned) - len(results))]
    numbers += [("", "Left over", len(journal.leftovers))]
    groups = [
        element("div", element("dt", label), element("dd", f"{number:,}"), class_=state or None)
        for state, label, number in numbers
        if number > 0 or label == "Brackets"
    ]
    return element("dl", *groups, class_="counts")


def _sentences(results: Sequence[BracketResult]) -> Iterable[str]:
    worked = [result for result in results if result.state != "skipped"]
    spans = [span for result in worked if (span := _span(result))]
    busy = busy_seconds(spans)
    if not busy:
        return
    rate = 60 * len(worked) / busy
    yield (
        f"{count(len(worked), 'bracket')} in {duration(busy)}, {rate:,.3g} a minute, "
        f"{_period(min(start for start, _ in spans), max(end for _, end in spans))}."
    )


def _span(result: BracketResult) -> tuple[float, float] | None:
    """Compute when work on a bracket began and ended, in seconds since 1970; None if not valid."""
    try:
        end = datetime.fromisoformat(result.finished.replace("Z", "+00:00")).timestamp()
        start = end - (result.seconds or 0.0)
        datetime.fromtimestamp(start)
    except (OSError, OverflowError, ValueError):
        return None
    return start, end


def busy_seconds(spans: Iterable[tuple[float, float]]) -> float:
    """Add up the time of work: overlaps count once, pauses not at all.

    Examples
    --------
    >>> busy_seconds([(0.0, 4.0), (1.0, 2.0), (3.0, 6.0), (100.0, 101.0)])
    7.0
    """
    total, until = 0.0, -float("inf")
    for start, end in sorted(spans):
        total += max(0.0, end - max(start, until))
        until = max(until, end)
    return total


def _period(start: float, end: float) -> str:
    """Write a span of time in the time zone of this computer; the date once if it is one day."""
    first, last = (datetime.fromtimestamp(moment) for moment in (start, end))
    until = f"{last:%H:%M:%S}" if last.date() == first.date() else f"{last:%Y-%m-%d %H:%M:%S}"
    return f"from {first:%Y-%m-%d %H:%M:%S} to {until}"


def _leftovers(leftovers: Sequence[Mapping[str, Any]]) -> Html | None:
    """List the files in no bracket, with reasons."""
    if not leftovers:
        return None
    rows = [
        (bdi(as_text(row.get("path"))), bdi(as_text(row.get("reason"))))
        for row in leftovers[:MOST_LEFTOVERS]
    ]
    more = len(leftovers) - len(rows)
    return element(
        "details",
        element("summary", f"{count(len(leftovers), 'file')} in no bracket"),
        table(("File", "Reason"), rows, caption="Files in no bracket"),
        element("p", f"{count(more, 'more')} in the journal.") if more else None,
    )


def _options(journal: JournalContents) -> Html:
    """List the options of the batch; an option of both kinds of results is listed once."""
    header = journal.header
    options = [("mode", header.get("mode")), ("output", header.get("out"))]
    options += [*_flat(header.get("options")), ("version", header.get("version"))]
    pairs = list(dict.fromkeys((key, _value(value)) for key, value in options))
    return element("details", element("summary", "Options"), terms(pairs, class_="numbers"))


def _flat(options: object, key: str = "") -> Iterator[tuple[str, object]]:
    """List nested options, each under its own name."""
    if not isinstance(options, dict):
        yield key.replace("_", " "), options
        return
    for inner, value in options.items():
        yield from _flat(value, inner)


def _value(value: object) -> object:
    """Write the value of an option; nothing if it was not given."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return bdi(", ".join(map(str, value)))
    return bdi(str(value)) if value not in (None, "") else ""


def write_filters(results: Sequence[BracketResult]) -> Html:
    """Write the search box and the choice of states; hidden until a script makes them work."""
    states = Counter(result.state for result in results)
    choices = [_choice("all", "All", len(results))]
    choices += [_choice(s, STATE_NAMES[s], states[s]) for s in STATES if states[s]]
    search = element("input", type="search", id="search", autocomplete="off", spellcheck="false")
    return element(
        "form",
        element("p", element("label", "Search names and messages", for_="search"), search),
        element("fieldset", element("legend", "Show"), *choices),
        element("p", count(len(results), "bracket"), role="status", class_="quiet", id="status"),
        id="filters",
        role="search",
        aria_label="Brackets",
        hidden=True,
    )


def _choice(value: str, label: str, number: int) -> Html:
    radio = element("input", type="radio", name="state", value=value, checked=value == "all")
    words = element("span", label, " ", element("b", f"{number:,}"))
    return element("label", radio, words, class_="choice")
