"""Colours of a JPEG XL and colour profiles: one from the other.

A codestream states primaries and a curve. A profile of tables cannot be stated so.
"""

from __future__ import annotations

from dataclasses import astuple

import numpy as np

from expinterp.core.encoding import SPACES, SRGB_CURVE, Curve
from expinterp.images.codecs.jxl.header import DCI, GAMMA, LINEAR, REC709, SRGB_TRANSFER, Colours
from expinterp.images.developing.profiles import (
    SRGB,
    grey_profile,
    has_primaries,
    icc_profile,
    matrix_profile,
    read_curve,
    read_primaries,
)
from expinterp.images.metadata.icc import profile_space

_CURVES = {
    SRGB_TRANSFER: SRGB_CURVE,
    REC709: SPACES["rec2020"].curve,
    LINEAR: Curve(1.0),
    DCI: Curve(2.6),
}
_SAME = 6e-4  # differences of x and y below come from rounding
_NAME = "Colours of a JPEG XL"


def colours_of_profile(icc: bytes | None, *, grey: bool = False) -> Colours | None:
    """Return the colours that a profile states, sRGB without one; None if they cannot be stated."""
    if icc is None:
        return Colours(grey=grey)
    curve = read_curve(icc)
    if curve is None or not (has_primaries(icc) or profile_space(icc) == "GRAY"):
        return None
    known = (transfer for transfer, each in _CURVES.items() if each == curve)
    transfer = next(known, GAMMA)
    primaries = SRGB if grey else read_primaries(icc)
    return Colours(grey=grey, primaries=primaries, transfer=transfer, gamma=curve.exponent)


def profile_of_colours(colours: Colours) -> tuple[bytes | None, bool]:
    """Return the profile of colours, None for sRGB; and whether they could be read."""
    curve = Curve(colours.gamma) if colours.transfer == GAMMA else _CURVES.get(colours.transfer)
    if colours.profile or curve is None:
        return None, False
    if colours.transfer == LINEAR:  # the light is encoded anew, as sRGB
        curve = SRGB_CURVE
    like_srgb = np.allclose(colours.primaries, SRGB, atol=_SAME) or colours.grey
    if like_srgb and curve == SRGB_CURVE:
        return None, True
    if colours.grey:
        return grey_profile(_NAME, curve), True
    for name, space in SPACES.items():
        stated = np.ravel(space.primaries)
        alike = np.allclose(astuple(space.curve), astuple(curve), atol=1e-4)
        if alike and np.allclose(colours.primaries[:6], stated, atol=_SAME):
            return icc_profile(name), True
    return matrix_profile(_NAME, colours.primaries, curve), True
