"""Opening the networks that are compared, each under a name of its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import cv2

from expinterp.evaluation.study import BUNDLED
from expinterp.refine import Device, Refiner, open_refiner


def open_networks(
    models: Sequence[Path], *, device: Device = "auto", threads: int | None = None
) -> dict[str, Refiner]:
    """Open the bundled network and others.

    Returns
    -------
    dict of str to Refiner
        The bundled one as ``refined``, the others by the names of their files, or by their paths
        where several files have one name.

    Raises
    ------
    ModelError, DeviceError
        As `open_refiner`.
    """
    if threads:
        cv2.setNumThreads(threads)  # all that is not the network works as wide as OpenCV
    files: list[Path | None] = [None, *models]
    names = [BUNDLED, *name_models(models)]
    return {
        name: open_refiner(file, device=device, threads=threads)
        for name, file in zip(names, files, strict=True)
    }


def name_models(models: Sequence[Path]) -> list[str]:
    """Name models after their files, as briefly as tells them apart.

    Examples
    --------
    >>> name_models([Path("a/lrl.onnx"), Path("b/lrl.onnx"), Path("b/other.onnx")])
    ['a/lrl.onnx', 'b/lrl.onnx', 'other.onnx']
    """
    shared = Counter(model.name for model in models)
    return [model.name if shared[model.name] == 1 else model.as_posix() for model in models]
