"""Folders to train from: radiance maps, and curves of cameras and films."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from synthetic import gamma_response, scene


def write_maps(folder: Path) -> Path:
    """Write three radiance maps with a licence."""
    folder.mkdir()
    for seed in range(3):
        picture = scene((140, 180), seed=seed).astype(np.float32)
        cv2.imwrite(str(folder / f"map{seed}.hdr"), picture[..., ::-1])
    (folder / "LICENSE-maps").write_text("CC0", "utf-8")
    return folder


def write_curves(folder: Path) -> Path:
    """Write response curves of three cameras, a, b and c, and of two films."""
    folder.mkdir()
    logs = np.stack([gamma_response(gamma).T for gamma in (1.8, 2.0, 2.2, 2.4)])
    names = np.array(["a", "a", "b", "c"])
    np.savez(
        folder / "measured_log_exposure.npz", log_exposure=logs, camera=names, scene=list("wxyz")
    )
    light = np.linspace(0, 1, 1024)
    films = np.stack([light ** (1 / gamma) for gamma in (1.5, 2.5)])
    np.savez(folder / "dorf_film_144.npz", irradiance=light, brightness=films)
    return folder
