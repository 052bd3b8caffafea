"""Exposures of one scene in order of brightness, and the virtual ones that go between neighbours.

Source of the ladder: Yang, Wu, Wang and Li, IEEE Access 2020 (the smallest number of virtual
exposures, evenly spaced in stops, that the exposure ratio needs).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, TypeAlias
from zlib import crc32

from expinterp.core.exposure import ev_step, ladder
from expinterp.core.mapping import Pixels, sample
from expinterp.core.pair import Pair

Virtual: TypeAlias = int | Literal["auto"]

# EV between neighbours up to which fusion keeps their order: what just clips in the longer one is
# still near mid-grey in the next, 255 · 2^(−2.5 / 2.2) = 116. More steps gain nothing measurable.
MAX_STEP = 2.5


def order_by_brightness(images: Sequence[Pixels]) -> list[int]:
    """Give the indices of exposures of one still scene from dark to bright.

    Where two are equally bright, what they show decides, not which was given first.
    """

    def brightness(index: int) -> tuple[float, int]:
        codes = sample(images[index])
        return float(codes.mean()), crc32(codes.data)

    return sorted(range(len(images)), key=brightness)


def check_virtual(virtual: Virtual) -> None:
    """Refuse what is no number of virtual exposures.

    Raises
    ------
    ValueError
    """
    if virtual != "auto" and not (isinstance(virtual, int) and virtual >= 0):
        msg = f"virtual must be 'auto' or how many exposures, 0 or more, got {virtual!r}"
        raise ValueError(msg)


def virtual_positions(pair: Pair, virtual: Virtual) -> tuple[float, ...]:
    """Place virtual exposures between two neighbours.

    Parameters
    ----------
    pair : Pair
        From `measure`.
    virtual : 'auto' or int
        How many; ``auto``: the fewest that leave no step above `MAX_STEP`, by what the pixels say
        of the ratio.

    Returns
    -------
    tuple of float
        Positions between the darker (0) and the brighter (1), in stops.
    """
    if virtual == "auto":
        virtual = math.ceil(ev_step(pair.ratio_measured) / MAX_STEP) - 1
    return ladder(virtual)
