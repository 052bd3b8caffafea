"""Interpolate two arrays; here Pillow reads and writes the files.

python examples/interpolate_arrays.py long.jpg short.jpg mid.png
"""

from __future__ import annotations

import sys

import numpy as np
from PIL import Image

import expinterp


def main(long_path: str, short_path: str, output: str) -> None:
    """Read two files, compute the medium exposure and write it."""
    long, short = (np.asarray(Image.open(path).convert("RGB")) for path in (long_path, short_path))
    result = expinterp.interpolate(long, short)
    Image.fromarray(result.medium).save(output)


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
