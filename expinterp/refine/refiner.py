"""Refine y0 by a small network (LRL): add the residual that intensity mapping cannot give.

Letters: y0 is the intermediate image, x1 ``long``, x2 ``short``, Λ an intensity mapping function.
The network reads planes (3, rows, cols), R G B, display-encoded, float32, 0..1; a grey image is
repeated in three channels, and the residual averaged. Images are refined in tiles; see `tiles`. The
`Contract` states what the network reads and returns.

Source: Zheng, Li, Yang and Wu, ICASSP 2020, arXiv:1905.03890 (hybrid learning).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from expinterp.core.arrays import Pixels, Planes
from expinterp.core.intermediate import Blend, interleave, quantise_sum, split
from expinterp.core.parallel import map_threads
from expinterp.errors import ResidualError
from expinterp.refine.contract import LARGEST, OUTPUT, REPAIR, Contract
from expinterp.refine.tiles import Tile, cut_tiles

Block = NDArray[np.float32]  # (rows, cols, channels) or (1, 3, rows, cols)
CPU = "CPUExecutionProvider"
TILE = (64, 512)  # rows, cols of a tile, so that it fits the cache; does not change the result
FEW = 3  # threads; with more of them, small tiles wait for Python's lock
LARGE_TILE = (128, 1024)  # the same with more threads than that
GPU_TILE = (512, 2048)  # the same on a GPU: every tile costs a transfer and a launch for each layer


class Session(Protocol):
    """The part of an ONNX Runtime session that is used; tests replace it by a fake."""

    def run(self, output_names: list[str], feeds: dict[str, Block]) -> list[Block]:
        """Compute the named outputs."""


@dataclass(frozen=True, eq=False)
class Refiner:
    """An opened model, from `open_refiner`.

    Attributes
    ----------
    session : Session
    contract : Contract
    provider : str
        The ONNX Runtime provider that runs the network.
    notice : str or None
        Warning for the user: a GPU was requested, but the network runs on the CPU.
    threads : int
        Number of threads; each refines one tile at a time.
    digest : str
        SHA-256 of the model file.
    """

    session: Session = field(repr=False)
    contract: Contract
    _: KW_ONLY
    provider: str = CPU
    notice: str | None = None
    threads: int = 1
    digest: str = ""

    def refine(
        self,
        long: Pixels,
        short: Pixels,
        intermediate: Blend,
        *,
        half_way: Blend | None = None,
        strength: float = 1.0,
        rows: slice | None = None,
        tile: tuple[int, int] | None = None,
        progress: Callable[[float], None] | None = None,
    ) -> Pixels:
        """Refine y0 of a pair, tile by tile, so that floats of the full size never exist.

        Parameters
        ----------
        long, short : uint8 or uint16 array, shape (rows, cols, 1 or 3)
            Display-encoded code values, same shape and dtype.
        intermediate : Blend
            The tables of y0.
        half_way : Blend, optional
            Those of position ½, for which the network is trained; needed if `intermediate` is at
            another position.
        strength : float
            Factor on the residual.
        rows : slice, optional
            The rows to refine; by default all. The first one does not change the result if it is a
            multiple of the alignment.
        tile : (rows, cols), optional
            Size of the tiles; changes memory and time, not the result.
        progress : function, optional
            Called with the share done, 0..1, after every tile.

        Returns
        -------
        array of the dtype and shape of `long`, or of these rows of it
            Clipped and rounded once.
        """
        rows = rows or slice(0, len(long))
        out = np.empty_like(long[rows])

        def work(piece: Tile) -> None:
            one, two = piece.crop(long), piece.crop(short)
            y0 = intermediate(one, two)
            seen = (half_way, half_way(one, two)) if half_way else (intermediate, y0)
            residual = self._run(self._prepare(one, two, *seen))
            codes = quantise_sum(y0, residual, out.dtype, factor=strength)
            interleave(codes[(slice(None), *piece.inner)], out[piece.core_within(rows)])

        pieces = self._cut(long.shape, tile, rows)
        map_threads(work, pieces, threads=self.threads, progress=progress)
        return out

    def residual(
        self, images: Mapping[str, Block], *, tile: tuple[int, int] | None = None
    ) -> Block:
        """Compute the residual of whole images, tile by tile.

        Parameters
        ----------
        images : mapping of str to float32 array, shape (rows, cols, 1 or 3), 0..1
            The inputs of the contract, by name; display-encoded.

        Returns
        -------
        float32 array of the same shape
            To be added to y0 and clipped once.
        """
        inputs = {name: images[name] for name in self.contract.inputs}
        out = np.empty_like(next(iter(inputs.values())), np.float32)

        def work(piece: Tile) -> None:
            planes = {name: _to_planes(piece.crop(image)) for name, image in inputs.items()}
            residual = self._run(planes)[(slice(None), *piece.inner)]
            out[piece.core] = residual.transpose(1, 2, 0)

        map_threads(work, self._cut(out.shape, tile), threads=self.threads)
        return out

    def _cut(
        self, shape: tuple[int, ...], tile: tuple[int, int] | None, rows: slice | None = None
    ) -> list[Tile]:
        """Cut an image, or some rows of it, into tiles; by default of a size that suits the device."""
        size = tile or self._choose_tile()
        return list(cut_tiles(shape[:2], self.contract, tile=size, rows=rows))

    def _choose_tile(self) -> tuple[int, int]:
        if self.provider != CPU:
            return GPU_TILE
        return TILE if self.threads <= FEW else LARGE_TILE

    def _prepare(self, long: Pixels, short: Pixels, blend: Blend, y0: Planes) -> dict[str, Planes]:
        """Compute the inputs of the network, and only these."""
        inputs, top = self.contract.inputs, np.iinfo(long.dtype).max
        planes = {"intermediate": y0}
        if "long" in inputs or "short" in inputs:
            planes |= {"long": _to_planes(long, top), "short": _to_planes(short, top)}
        if "darkened" in inputs or "brightened" in inputs:
            planes["darkened"], planes["brightened"] = blend.mapped(long, short)
        return {name: planes[name] for name in inputs}

    def _run(self, inputs: Mapping[str, Planes]) -> Planes:
        """Run the network on planes (1 or 3, rows, cols) whose sides fit the alignment.

        Within the halo of the borders the residual differs from that of the whole image.
        """
        feeds = {
            name: np.broadcast_to(planes, (3, *planes.shape[1:]))[None]
            for name, planes in inputs.items()
        }
        (output,) = self.session.run([OUTPUT], feeds)
        _check_residual(output, next(iter(feeds.values())).shape)
        residual: Planes = output[0]
        if all(len(planes) == 1 for planes in inputs.values()):
            residual = np.mean(residual, axis=0, keepdims=True, dtype=np.float32)
        return residual


def _check_residual(output: Planes, shape: tuple[int, ...]) -> None:
    """Refuse the output of a network that no picture can be computed with.

    Raises
    ------
    ResidualError
        If it differs in shape from the inputs, is not finite, or larger than `LARGEST`.
    """
    if output.shape != shape:
        what = f"has shape {output.shape}, not {shape}"
    elif not (output.min() >= -LARGEST and output.max() <= LARGEST):  # nor if one of them is NaN
        what = f"is not finite, or beyond ±{LARGEST:g}, where ±1 is the whole range"
    else:
        return
    message = f"what the network computes {what}; {REPAIR}"
    raise ResidualError(message)


def _to_planes(block: NDArray[Any], top: int = 1) -> Planes:
    """Convert a block (rows, cols, channels) to planes (channels, rows, cols), divided by `top`."""
    planes: Planes = np.multiply(split(block), np.float32(1 / top), dtype=np.float32)
    return planes
