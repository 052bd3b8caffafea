"""Measure a pair once, then render several exposures of it, evenly spaced in stops.

python examples/ladder.py long.jpg short.jpg step_{}.png
"""

from __future__ import annotations

import sys

import expinterp
from expinterp.core.exposure import even_positions, exposure_ratio, time_at
from expinterp.images import read_photograph, with_exposure_time, with_provenance, write_photograph

STEPS = 3


def main(long_path: str, short_path: str, output: str) -> None:
    """Write `STEPS` virtual exposures, dark to bright, and print their mean code values."""
    long, short = (read_photograph(path) for path in (long_path, short_path))
    ratio = exposure_ratio(long.exposure, short.exposure)
    pair = expinterp.measure(long.pixels, short.pixels)
    for number, position in enumerate(even_positions(STEPS), start=1):
        medium = expinterp.render(pair, position).medium
        time = ratio and time_at(position, short_time=long.exposure.time / ratio, ratio=ratio)
        metadata = with_exposure_time(long.metadata, time)
        steps = f"ladder: exposure {number} of {STEPS}"
        metadata = with_provenance(metadata, action="derived", parameters=steps)
        write_photograph(medium, output.format(number), metadata=metadata)
        print(f"{output.format(number)}: mean code value {medium.mean():.1f}")


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
