"""Make all exposures of a scene consistent with one of them, the reference.

Adjacent exposures were compared. From the reference outwards, each exposure follows the one before
it in all regions that moved between the two, or between any two on the way. What an exposure does
not cover, since the camera moved, is filled in the same way.

One reference for the whole picture, not one per region: a thing that stands in two places is then
never shown twice.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from expinterp.core.arrays import Codes, Floats, Mask, Pixels
from expinterp.core.ghosts.detect import (
    BRIGHT,
    CORRECTION,
    DARK,
    SEEN,
    SPAN,
    Conflict,
    smooth_table,
)
from expinterp.core.ghosts.follow import follow
from expinterp.core.ghosts.sources import Ghosts
from expinterp.core.mapping import imf_from_response
from expinterp.core.parallel import copy_image

UNCERTAINTY = 1 / math.sqrt(12)  # standard deviation of a value anywhere in an interval, by width
NOISE = 1.0  # code values


@dataclass(frozen=True, eq=False)
class Link:
    """Two adjacent exposures, compared.

    Attributes
    ----------
    response : float64 array, shape (channels, 256)
    log_ratio : float
        Of the brighter to the darker one, on the scale of the response.
    conflict : Conflict or None
        What moved; None if that was not looked for.
    still : int64 array, shape (channels, 256, 256)
        The joint histogram of what did not move, brighter by darker code values.
    copies : tuple of uint8 arrays, shape (rows, cols, channels)
        Small copies of the darker and the brighter one; empty if no ghosts were looked for.
    """

    response: Floats
    log_ratio: float
    conflict: Conflict | None
    still: NDArray[np.int64]
    copies: tuple[Codes, ...] = ()


Links: TypeAlias = Sequence[Link | None]  # between each shot and the next; None: not comparable


@dataclass(frozen=True, eq=False)
class Consistent:
    """Shots that show one scene at one moment.

    Attributes
    ----------
    shots : list of arrays, shape (rows, cols, channels)
        From dark to bright. A shot in which nothing was replaced is the array as given.
    ghosts : Ghosts or None
        What moved; None if that was not looked for.
    reference : int
        Index of the shot that shows where things are.
    """

    shots: list[Pixels]
    ghosts: Ghosts | None
    reference: int


def make_consistent(
    shots: Sequence[Pixels],
    links: Links,
    covered: Sequence[Mask | None],
    viewpoint: int,
    *,
    fresh: Sequence[bool],
    reference: int | None,
    deghost: bool,
) -> Consistent:
    """Fill what shots do not cover, and let all show what moved as one of them does.

    Parameters
    ----------
    shots : sequence of uint8 or uint16 arrays, shape (rows, cols, channels)
        From dark to bright, registered.
    links : sequence of Link or None
    covered : sequence of bool arrays, shape of small copies, or None
        Where each shot shows the scene; None for everywhere.
    viewpoint : int
        Index of the shot that the others are aligned to; it covers everything.
    fresh : sequence of bool
        Whether each shot may be changed in place; others are copied if something is replaced.
    reference : int or None
        Index of the shot that shows where things are; None chooses it.
    deghost : bool
        Whether things that moved are taken from one shot.
    """
    work = _Work(list(shots), list(fresh), links)
    _fill_uncovered(work, covered, viewpoint)
    if not deghost:
        return Consistent(work.shots, None, viewpoint)
    if reference is None:
        reference = choose_reference(links, default=viewpoint)
    moved = work.spread(reference, lambda _, link: link.conflict)
    rows, cols = shots[0].shape[:2]
    if moved is None:
        return Consistent(work.shots, Ghosts.none(rows, cols), reference)
    number = len(shots) - reference  # counted from 1, from bright to dark
    small = moved.astype(np.uint8) * np.uint8(number)
    sources = cv2.resize(small, (cols, rows), interpolation=cv2.INTER_NEAREST)
    ghosts = Ghosts(np.asarray(sources, np.uint8), float(moved.mean()))
    return Consistent(work.shots, ghosts, reference)


def _fill_uncovered(work: _Work, covered: Sequence[Mask | None], viewpoint: int) -> None:
    """Fill what shots do not cover from others: all from one, then that one from the next to it."""

    def uncovered(place: int, _: Link) -> Conflict | None:
        mask = covered[place]
        return None if mask is None else Conflict(~mask, ~mask)

    work.spread(viewpoint, uncovered)
    if covered[viewpoint] is not None and len(covered) > 1:  # no shot covers everything
        work.spread(viewpoint - 1 if viewpoint else 1, uncovered, only=viewpoint)


def choose_reference(links: Links, *, default: int) -> int:
    """Choose the shot that knows most of what moved: with the least mean squared error expected.

    The error is that of the shot mapped to the exposure half-way between the darkest and the
    brightest: its noise times the slope of the mapping, or the unknown beyond a clipped end.

    `default` is returned if nothing moved, or if not all shots could be compared.
    """
    known = [link for link in links if link]
    regions = [link.conflict.region for link in known if link.conflict]
    moved = np.any(regions, axis=0)
    if not moved.any() or len(known) < len(links):
        return default
    steps = np.r_[0.0, np.cumsum([link.log_ratio for link in known])]
    errors = []
    copies = [known[0].copies[0], *(link.copies[1] for link in known)]
    for place, copy in enumerate(copies):
        link = known[min(place, len(known) - 1)]
        table = _squared_error(link.response, steps[-1] / 2 - steps[place])
        codes = copy[moved]
        errors.append(np.mean([row[codes[:, c]].mean() for c, row in enumerate(table)]))
    return len(copies) - 1 - int(np.argmin(errors[::-1]))  # equal: the brighter one


def _squared_error(response: Floats, log_scale: float) -> Floats:
    """Tabulate the squared error expected of each code value, mapped to another exposure."""
    imf = imf_from_response(response, scale=math.exp(log_scale))
    error = np.hypot(NOISE * np.gradient(imf, axis=1), 1)
    white = UNCERTAINTY * (255 - imf[:, BRIGHT : BRIGHT + 1])
    error[:, BRIGHT + 1 :] = np.maximum(white, 0)
    error[:, :DARK] = np.maximum(error[:, :DARK], imf[:, DARK : DARK + 1] / 2)
    return error**2


@dataclass(frozen=True, eq=False)
class _Work:
    """Shots that are made consistent."""

    shots: list[Pixels]
    fresh: list[bool]
    links: Links

    def spread(
        self,
        start: int,
        conflict_of: Callable[[int, Link], Conflict | None],
        *,
        only: int | None = None,
    ) -> Mask | None:
        """Let shots, or only one, follow each other outwards from one; return all regions."""
        everything: Mask | None = None
        for step, end in ((1, len(self.shots)), (-1, -1)):
            before: Conflict | None = None
            for place in range(start + step, end, step):
                link = self.links[min(place, place - step)]
                if link is None or only not in {None, place}:
                    break
                before = _join(conflict_of(place, link), before)
                if before is not None:
                    self._replace(place, step, before, link)
                    everything = before.region | (False if everything is None else everything)
        return everything

    def _replace(self, place: int, step: int, conflict: Conflict, link: Link) -> None:
        """Let a shot follow the one before it."""
        if not self.fresh[place]:
            self.shots[place], self.fresh[place] = copy_image(self.shots[place]), True
        channels = self.shots[place].shape[2]
        imf = map_step(link, step, channels=channels)
        copies = link.copies[::step]  # of the darker and the brighter one
        follow(
            self.shots[place - step],
            self.shots[place],
            conflict,
            imf,
            brighter=step < 0,
            copies=tuple(np.broadcast_to(copy, (*copy.shape[:2], channels)) for copy in copies),
        )


def map_step(link: Link, step: int, *, channels: int | None = None) -> Floats:
    """Tabulate the mapping to the next brighter (1) or darker (−1) shot, for so many channels."""
    imf = imf_from_response(link.response, scale=math.exp(step * link.log_ratio))
    joint = link.still if step < 0 else link.still.swapaxes(1, 2)
    fitted = np.stack([_fit_medians(*pair) for pair in zip(imf, joint, strict=True)])
    return np.broadcast_to(fitted, (channels or len(fitted), fitted.shape[1]))


def _fit_medians(imf: Floats, joint: NDArray[np.int64]) -> Floats:
    """Correct a mapping by the medians of the target at each code value of the source.

    So a replaced pixel is what an unmoved one would be, even where the response is not exact.
    """
    counts = joint.cumsum(axis=1)
    total = counts[:, -1]
    medians = (counts >= total[:, np.newaxis] / 2).argmax(axis=1).astype(np.float64)
    seen = (total >= SEEN) & (medians > DARK + 2) & (medians < BRIGHT - 2)
    seen[: DARK + 1], seen[BRIGHT:] = False, False
    if seen.sum() <= SPAN:
        return imf
    medians[~seen] = imf[~seen]
    ends = (imf <= 0) | (imf >= 255)  # stay: what is clipped in the target stays clipped
    difference = np.clip(medians - imf, -CORRECTION, CORRECTION)
    correction = smooth_table(difference, seen | ends)
    return np.maximum.accumulate(np.clip(imf + correction, 0, 255))


def _join(own: Conflict | None, before: Conflict | None) -> Conflict | None:
    """Add the regions replaced in the shot before, of which nothing may stay."""
    if own is None or not own.region.any():
        return before and Conflict(before.region, before.region)
    if before is None:
        return own
    return Conflict(own.region | before.region, own.contradicted | before.region)
