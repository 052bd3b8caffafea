"""A scene seen from two poses, exposed long from the one and short from the other."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from synthetic import expose, scene

SHAPE = (400, 600)
TIME = 0.6  # of the long shot: most of the scene is below white


def similarity(right=0.0, down=0.0, *, degrees=0.0, scale=1.0, shape=SHAPE):
    """Matrix of a motion about the middle of a frame."""
    turned = cv2.getRotationMatrix2D((shape[1] / 2, shape[0] / 2), degrees, scale)
    turned[:, 2] += right, down
    return np.vstack([turned, [0, 0, 1]])


def hand(right=0.0, down=0.0, *, degrees=0.0, scale=1.0, tilt=(0.0, 0.0), shape=SHAPE):
    """Matrix of a motion: shifts in longer sides; `tilt` by which the rims grow or shrink."""
    rows, cols = shape
    longer = max(shape)
    to_middle = np.array([[1, 0, -cols / 2], [0, 1, -rows / 2], [0, 0, 1.0]])
    tilted = np.eye(3)
    tilted[2, :2] = 2 * np.array(tilt) / longer
    tilted = np.linalg.inv(to_middle) @ tilted @ to_middle
    moved = similarity(right * longer, down * longer, degrees=degrees, scale=scale, shape=shape)
    matrix = moved @ tilted
    return matrix / matrix[2, 2]


def error(found, truth, shape=SHAPE):
    """How far two motions part on average, in pixels, over a grid of points of a frame."""
    axes = [np.linspace(0, length - 1, 5) for length in shape[1::-1]]
    points = np.stack([*map(np.ravel, np.meshgrid(*axes)), np.ones(25)])
    (x1, y1, w1), (x2, y2, w2) = found @ points, truth @ points
    return float(np.hypot(x1 / w1 - x2 / w2, y1 / w1 - y2 / w2).mean())


@lru_cache(16)
def textured(shape=SHAPE, *, seed=0):
    """A scene whose texture is as coarse as a lens leaves it."""
    radiance = cv2.GaussianBlur(scene(shape, seed=seed, stops=5).astype(np.float32), (0, 0), 1.0)
    radiance.flags.writeable = False
    return radiance


def seen(radiance, matrix):
    """The scene from another pose: where its points lie is what the matrix says."""
    if np.array_equal(matrix, np.eye(3)):
        return radiance  # OpenCV never ends on a single pixel
    size = radiance.shape[1::-1]
    mode = cv2.BORDER_REFLECT_101
    return cv2.warpPerspective(radiance, matrix, size, flags=cv2.INTER_CUBIC, borderMode=mode)


def shots(matrix, *, ratio=16, bits=8, shape=SHAPE, seed=0):
    radiance = textured(shape, seed=seed)
    moved = np.maximum(seen(radiance, matrix), 0)
    return expose(radiance, TIME, bits=bits), expose(moved, TIME / ratio, bits=bits)
