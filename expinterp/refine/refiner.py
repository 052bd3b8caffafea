"""Stage two: what the mapped inputs cannot show, added to y0 by a small network (LRL).

Images here are (rows, cols, 3), R G B, display-encoded, float32, 0..1; grey ones are spread over
three channels and averaged back. A picture is refined tile by tile; see `tiles`. What the network
reads and answers is its `Contract`.

Source: Zheng, Li, Yang and Wu, ICASSP 2020, arXiv:1905.03890 (hybrid learning).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from expinterp.core.intermediate import Planes, quantise
from expinterp.core.mapping import Pixels
from expinterp.core.parallel import map_threads
from expinterp.refine.contract import OUTPUT, Contract
from expinterp.refine.tiles import Tile, cut_tiles

Block = NDArray[np.float32]
CPU = "CPUExecutionProvider"
TILE = (64, 512)  # rows, cols of a tile, which stays in the cache; never changes the result


class Session(Protocol):
    """The part of an ONNX Runtime session that is used; tests put a fake in its place."""

    def run(self, output_names: list[str], feeds: dict[str, Block]) -> list[Block]:
        """Compute the named outputs."""


class StageOne(Protocol):
    """Stage one, pixel by pixel, on blocks (rows, cols, channels) of the two photographs.

    Answers are float32 (channels, rows, cols), 0..1. It is called from several threads.
    """

    def __call__(self, long: Pixels, short: Pixels) -> Planes:
        """Compute y0."""

    def mapped(self, long: Pixels, short: Pixels) -> tuple[Planes, Planes]:
        """Compute Λ13(x1) and Λ23(x2)."""


class Refiner:
    """An opened model.

    Made by `open_refiner`; the constructor takes any session that honours the contract.

    Attributes
    ----------
    contract : Contract
    provider : str
        What the session itself says it runs on.
    notice : str or None
        What the user should be told once: ``auto`` found a GPU build but runs on the CPU.
    threads : int
        Tiles in work at a time, one thread each.
    digest : str
        SHA-256 of the model file.
    """

    def __init__(
        self,
        session: Session,
        contract: Contract,
        *,
        provider: str = CPU,
        notice: str | None = None,
        threads: int = 1,
        digest: str = "",
    ) -> None:
        self.session = session
        self.contract = contract
        self.provider = provider
        self.notice = notice
        self.threads = threads
        self.digest = digest

    def refine(
        self,
        long: Pixels,
        short: Pixels,
        intermediate: StageOne,
        *,
        half_way: StageOne | None = None,
        strength: float = 1.0,
        tile: tuple[int, int] = TILE,
        progress: Callable[[float], None] | None = None,
    ) -> Pixels:
        """Refine y0 of a pair, without ever holding a float picture of it.

        Parameters
        ----------
        long, short : uint8 or uint16 array, shape (rows, cols, 1 or 3)
            Display-encoded code values, same shape and dtype.
        intermediate : StageOne
        half_way : StageOne, optional
            Stage one at the geometric mean, which the network is made for; give it where
            `intermediate` is for another exposure.
        strength : float
            Factor on the residual.
        tile : (rows, cols)
            Size of the pieces; changes memory and time, never the result.
        progress : function, optional
            Called with the share done, 0..1, after every tile.

        Returns
        -------
        array of the dtype and shape of `long`
            Clipped and rounded once.
        """
        out = np.empty_like(long)

        def work(piece: Tile) -> None:
            one, two = piece.take(long), piece.take(short)
            y0 = intermediate(one, two)
            seen = (half_way, half_way(one, two)) if half_way else (intermediate, y0)
            refined = self._run(self._look(one, two, *seen))
            refined *= np.float32(strength)
            refined += y0
            quantise(refined[(slice(None), *piece.inner)], out[piece.core])

        pieces = list(cut_tiles(long.shape[:2], self.contract, tile=tile))
        map_threads(work, pieces, threads=self.threads, progress=progress)
        return out

    def residual(self, pictures: Mapping[str, Block], *, tile: tuple[int, int] = TILE) -> Block:
        """Compute the residual of a whole picture, tile by tile.

        Parameters
        ----------
        pictures : mapping of str to float32 array, shape (rows, cols, 1 or 3), 0..1
            By the names of the contract's inputs.

        Returns
        -------
        float32 array of the same shape
            To be added to y0 and clipped once.
        """
        seen = {name: pictures[name] for name in self.contract.inputs}
        out = np.empty_like(next(iter(seen.values())), np.float32)

        def work(piece: Tile) -> None:
            planes = {name: _planes(piece.take(picture)) for name, picture in seen.items()}
            residual = self._run(planes)[(slice(None), *piece.inner)]
            out[piece.core] = residual.transpose(1, 2, 0)

        pieces = list(cut_tiles(out.shape[:2], self.contract, tile=tile))
        map_threads(work, pieces, threads=self.threads)
        return out

    def _look(
        self, long: Pixels, short: Pixels, stage_one: StageOne, y0: Planes
    ) -> dict[str, Planes]:
        """Give the planes that the network reads; what it does not read is not computed."""
        inputs, top = self.contract.inputs, np.iinfo(long.dtype).max
        seen = {"intermediate": y0}
        if "long" in inputs or "short" in inputs:
            seen |= {"long": _planes(long, top), "short": _planes(short, top)}
        if "darkened" in inputs or "brightened" in inputs:
            seen["darkened"], seen["brightened"] = stage_one.mapped(long, short)
        return {name: seen[name] for name in inputs}

    def _run(self, pictures: Mapping[str, Planes]) -> Planes:
        """Run the network on planes (1 or 3, rows, cols) whose sides fit the alignment.

        Within the halo of its borders the residual is not what the whole picture would give.
        """
        feeds = {
            name: np.broadcast_to(planes, (3, *planes.shape[1:]))[None]
            for name, planes in pictures.items()
        }
        residual: Planes = self.session.run([OUTPUT], feeds)[0][0]
        if all(len(planes) == 1 for planes in pictures.values()):
            residual = np.mean(residual, axis=0, keepdims=True, dtype=np.float32)
        return residual


def _planes(block: NDArray[Any], top: int = 1) -> Block:
    """Turn a block (rows, cols, channels) into planes (channels, rows, cols), divided by `top`."""
    planes: Block = np.empty((block.shape[2], *block.shape[:2]), np.float32)
    np.multiply(block.transpose(2, 0, 1), np.float32(1 / top), out=planes)
    return planes
