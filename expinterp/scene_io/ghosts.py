"""What moved in a scene, as a picture, as a small mask for pages, and in the record of a job."""

from __future__ import annotations

import base64
from typing import Any

import cv2

from expinterp.core.ghosts import Ghosts
from expinterp.core.ghosts.picture import draw_ghosts, draw_mask
from expinterp.images import Photograph, Pixels, write_photograph
from expinterp.scene_io.jobs import Job

MASK_SIDE = 240  # pixels of the longer side, as of the thumbnails of a report


def write_ghosts(
    job: Job, file: str, result: Pixels, ghosts: Ghosts | None, *, shots: int, like: Photograph
) -> tuple[str, ...]:
    """Write a picture of what was taken from which shot; return the warnings of the writer.

    It is grey where nothing moved, everywhere if that was not looked for. `result` is encoded like
    the shot `like`.
    """
    result = like.encoding.finish(result) if like.encoding else result
    picture = draw_ghosts(result, ghosts or Ghosts.none(*result.shape[:2]), shots=shots)
    options = {**job.options.writing.options(file), "bit_depth": None}
    return write_photograph(picture, file, **options, inputs=job.images)


def describe_ghosts(ghosts: Ghosts | None, reference: Photograph) -> dict[str, Any] | None:
    """Describe how much moved, and the shot that it was taken from."""
    if ghosts is None:
        return None
    return {"share": round(ghosts.share, 5), "reference": reference.name}


def encode_mask(ghosts: Ghosts | None, *, shots: int) -> str:
    """Encode a small mask of what moved as PNG in base64; empty if nothing did."""
    if ghosts is None or not ghosts.share:
        return ""
    mask = cv2.cvtColor(draw_mask(ghosts, shots=shots, side=MASK_SIDE), cv2.COLOR_RGBA2BGRA)
    _, data = cv2.imencode(".png", mask, [cv2.IMWRITE_PNG_COMPRESSION, 9])
    return base64.b64encode(data.tobytes()).decode("ascii")
