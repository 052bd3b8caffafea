"""A synthetic scene with a thing that stands elsewhere in each shot, and the truth about it."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
from motion_samples import textured
from synthetic import expose

SHAPE = (160, 240)
TIME = 0.15  # of the long shot: nearly nothing is white
COLOUR = (1.6, 0.5, 0.3)  # radiance of the thing
SIDE = 40  # pixels
HERE, THERE = (60, 40), (60, 150)  # rows and columns of its corner


@cache
def background(seed=0):
    """The scene without the thing; read only."""
    radiance = textured(SHAPE, seed=seed).astype(float)
    radiance.flags.writeable = False
    return radiance


def place(at, radiance=None, *, side=SIDE, colour=COLOUR, disk=False):
    """The scene with a square or a disk whose corner is at (row, column)."""
    out = np.array(background() if radiance is None else radiance)
    spot = np.zeros(out.shape[:2], np.uint8)
    if disk:
        cv2.circle(spot, (at[1] + side // 2, at[0] + side // 2), side // 2, 1, -1)
    else:
        spot[at[0] : at[0] + side, at[1] : at[1] + side] = 1
    out[spot > 0] = colour
    return out


def noisy(image, sigma, *, seed=0):
    """Add noise of so many code values (of 8 bits) to an image."""
    top = np.iinfo(image.dtype).max
    noise = np.random.default_rng(seed).normal(0, sigma * top / 255, image.shape)
    return np.clip(np.rint(image + noise), 0, top).astype(image.dtype)


def photograph(scenes, times, *, bits=8):
    return [expose(scene, time, bits=bits) for scene, time in zip(scenes, times, strict=True)]


def distance(image, truth):
    """How far two images are apart, in code values of 8 bits."""
    step = np.iinfo(image.dtype).max / 255
    return np.abs(image.astype(float) - truth) / step


def rms(image, truth):
    return float(np.sqrt(np.mean(distance(image, truth) ** 2)))
