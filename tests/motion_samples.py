"""A scene seen from two poses, exposed long from the one and short from the other."""

from __future__ import annotations

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


def textured(shape=SHAPE, *, seed=0):
    """A scene whose texture is as coarse as a lens leaves it."""
    return cv2.GaussianBlur(scene(shape, seed=seed, stops=5).astype(np.float32), (0, 0), 1.0)


def seen(radiance, matrix):
    """The scene from another pose: where its points lie is what the matrix says."""
    if np.array_equal(matrix, np.eye(3)):
        return radiance  # OpenCV never ends on a single pixel
    size = radiance.shape[1::-1]
    mode = cv2.BORDER_REFLECT_101
    return cv2.warpAffine(radiance, matrix[:2], size, flags=cv2.INTER_CUBIC, borderMode=mode)


def shots(matrix, *, ratio=16, bits=8, shape=SHAPE, seed=0):
    radiance = textured(shape, seed=seed)
    moved = np.maximum(seen(radiance, matrix), 0)
    return expose(radiance, TIME, bits=bits), expose(moved, TIME / ratio, bits=bits)
