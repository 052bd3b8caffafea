"""Write the report of a batch from its journal, a few brackets in memory at a time."""

from __future__ import annotations

import os
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import BinaryIO

from expinterp.batch.journal import NAME, JournalContents, read
from expinterp.errors import ImageFileError
from expinterp.files import STREAM, check_output, replacing
from expinterp.report.cards import NOT_FOUND, NOT_SHOWN, ShownFile, write_card
from expinterp.report.overview import write_filters, write_overview
from expinterp.report.page import begin_page, end_page
from expinterp.report.pictures import Sizes, make_picture, share_out
from expinterp.report.results import BracketFile, BracketResult, as_text, read_results
from expinterp.report.wording import count
from expinterp.svg import Html, element

STYLES, SCRIPT = ("page.css", "batch.css"), "batch.js"
MOST_BRACKETS = 2_000  # that a browser still shows without delay
WORKERS = 2  # pictures made at a time


def write_report(
    journal: str | Path,
    target: str | Path,
    *,
    overwrite: bool = False,
    progress: Callable[[str, float], None] = lambda stage, share: None,
) -> list[str]:
    """Write the report of a batch: one file of HTML that needs nothing else.

    The photographs are read again, made small and included, 48 MB at most in all.

    Parameters
    ----------
    journal : str or Path
        The journal of the batch, or the folder that holds it.
    target : str or Path
        The page; ``-`` is standard output.
    overwrite : bool
        Whether the target may be replaced. Files of the batch never are.
    progress : function
        Called with the stage and the share of all work that is done, 0..1.

    Returns
    -------
    list of str
        Warnings.

    Raises
    ------
    ImageFileError
        If the journal cannot be read.
    OutputExistsError, OutputError
        If the page cannot be written there; an existing file stays as it was.
    """
    contents = read(Path(journal))
    path = Path(journal)
    path = path / NAME if path.is_dir() else path
    results = read_results(contents, _output_folder(contents, path))
    check_output(target, overwrite=overwrite, inputs=chain([path], _photographs(results)))
    beside = None if str(target) == STREAM else Path(os.path.realpath(Path(target).parent))
    cards = Cards(results[:MOST_BRACKETS], beside, progress)
    with _opened(target, overwrite=overwrite) as stream:
        for part in _parts(contents, results, cards):
            stream.write(part.encode())
    return list(_warnings(results, cards))


def _output_folder(contents: JournalContents, path: Path) -> Path:
    """Find the folder of the outputs: that of the journal, even if it was moved."""
    if path.name == NAME:
        return path.parent.absolute()
    return Path(as_text(contents.header.get("out")))


def _photographs(results: Sequence[BracketResult]) -> Iterator[Path]:
    """List the files of a batch that exist."""
    return (file.path for result in results for file in result.files if file.path.is_file())


def _opened(target: str | Path, *, overwrite: bool) -> AbstractContextManager[BinaryIO]:
    if str(target) == STREAM:
        return nullcontext(sys.stdout.buffer)
    return replacing(target, overwrite=overwrite)


def _warnings(results: Sequence[BracketResult], cards: Cards) -> Iterator[str]:
    if cards.absent:
        yield f"{count(cards.absent, 'picture')} of the batch cannot be found or shown any more"
    if len(results) > len(cards.results):
        yield f"the page shows {len(cards.results):,} of {len(results):,} brackets, worst first"


def _parts(
    contents: JournalContents, results: Sequence[BracketResult], cards: Cards
) -> Iterator[Html]:
    """Write the page piece by piece."""
    folder = Path(as_text(contents.header.get("folder"))).name
    yield begin_page(f"Batch report: {folder}", styles=STYLES, script=SCRIPT)
    yield write_overview(contents, results)
    yield Html('<main id="content" tabindex="-1">')
    yield Html('<section aria-labelledby="brackets"><h2 id="brackets">Brackets</h2>')
    yield write_filters(cards.results)
    yield from cards
    if rest := len(results) - len(cards.results):
        yield element("p", f"{count(rest, 'more bracket')} in the journal.")
    yield Html("</section></main>")
    yield end_page(script=SCRIPT)


@dataclass
class Cards:
    """The cards of a page, built a few ahead while they are written.

    Attributes
    ----------
    absent : int
        Number of pictures that could not be shown, so far.
    """

    results: Sequence[BracketResult]
    beside: Path | None
    progress: Callable[[str, float], None]
    absent: int = 0

    def __iter__(self) -> Iterator[Html]:
        """Write card after card."""
        waiting = iter(self.results)
        ahead: deque[Future[list[ShownFile]]] = deque()
        with ThreadPoolExecutor(WORKERS) as pool:
            try:
                for number, result in enumerate(self.results, 1):
                    more = islice(waiting, 2 * WORKERS - len(ahead))
                    ahead.extend(pool.submit(self._show, result) for result in more)
                    shown = ahead.popleft().result()
                    self.absent += sum(isinstance(one.picture, str) for one in shown)
                    yield write_card(result, shown, number=number, beside=self.beside)
                    self.progress("pictures", number / len(self.results))
            finally:
                for future in ahead:
                    future.cancel()

    def _show(self, result: BracketResult) -> list[ShownFile]:
        sizes = share_out(len(self.results), len(result.files))
        return [show(file, sizes) for file in result.files]


def show(file: BracketFile, sizes: Sizes) -> ShownFile:
    """Build the picture of a file, or state why there is none."""
    if not file.path.is_file():
        return ShownFile(file, NOT_FOUND)
    try:
        return ShownFile(file, make_picture(file.path, sizes))
    except ImageFileError:
        return ShownFile(file, NOT_SHOWN)
