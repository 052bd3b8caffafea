"""The contract of a model file: its inputs, its output, and the metadata it must state.

The network computes the *residual*: y ≈ clip(y0 + residual). Its inputs are some of five images:
``intermediate`` (y0), ``long`` (x1) and ``short`` (x2) as photographed, and both mapped to the
exposure of y0, ``darkened`` (Λ13(x1)) and ``brightened`` (Λ23(x2)). The latter two differ where one
table per channel cannot describe the scene. All are float32 (1, 3, rows, cols), R G B,
display-encoded, 0..1. The output is float32 of the same shape, finite and within ±`LARGEST`. The
metadata are stored in the file itself, see `Contract`. A network that takes minutes for one tile is
stopped: see `expinterp.refine.model`.

Source: Zheng, Li, Yang and Wu, ICASSP 2020, arXiv:1905.03890 (residual learning on y0).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from expinterp.core.response.calibration import Profile
from expinterp.errors import ModelError
from expinterp.text import MALFORMED

INPUTS = ("intermediate", "long", "short", "darkened", "brightened")  # a model has some of these
OUTPUT = "residual"
MOST_ALIGNMENT, MOST_HALO = 64, 256  # pixels; tiles with more would fill the memory
LARGEST = 16.0  # absolute value of a residual; where code values are 0..1, ±1 is meant
CONTRACT = {  # fixed entries of the metadata; a change of meaning needs a new version
    "contract": "1",
    "output": OUTPUT,
    "channels": "RGB",
    "encoding": "display, 0..1",
    "kind": "residual",
}
PROFILE = "profile"  # key of the camera profile, as JSON, in the metadata of a tuned model
REPAIR = "name another model, or reinstall expinterp if it is the bundled one"


@dataclass(frozen=True)
class Contract:
    """The metadata of a model, besides `CONTRACT`.

    Attributes
    ----------
    inputs : tuple of str
        Those of `INPUTS` that the network reads.
    alignment : int
        Rows and cols of the inputs are multiples of it, as the network folds blocks of this side
        into one pixel; 1 to `MOST_ALIGNMENT`.
    halo : int
        Radius of the receptive field in pixels, rounded up to the alignment; `MOST_HALO` at most.
    facts : mapping of str to str
        All metadata of the file: training data, licences, settings.
    profile : Profile or None
        Of the camera that the model is tuned to; y0 must be computed with it.
    """

    inputs: tuple[str, ...]
    alignment: int
    halo: int
    facts: Mapping[str, str]
    profile: Profile | None = None


def read_contract(session: Any, content: bytes, path: Path) -> Contract:
    """Check a model against `CONTRACT`, its inputs and its own checksum.

    Parameters
    ----------
    session : onnxruntime.InferenceSession
    content : bytes
        Of the model file.
    path : Path
        For messages.

    Raises
    ------
    ModelError
        Naming the first violation.
    """
    facts: dict[str, str] = dict(session.get_modelmeta().custom_metadata_map)
    _check_facts(facts, content, path)
    inputs = _read_inputs(facts, session, path)
    _check_output(session, path)
    alignment, halo = _read_sizes(facts, path)
    return Contract(inputs, alignment, halo, facts, _read_profile(facts, path))


def _check_facts(facts: Mapping[str, str], content: bytes, path: Path) -> None:
    """Check the fixed part of the contract, and the checksum."""
    for key, expected in CONTRACT.items():
        if facts.get(key) != expected:
            message = f"the model {path} has {key} = {facts.get(key)}, not {expected!r}; {REPAIR}"
            raise ModelError(message)
    if "checksum" in facts and facts["checksum"] != checksum(content, facts["checksum"]):
        message = f"the model {path} does not match its own checksum; {REPAIR}"
        raise ModelError(message)


def _read_inputs(facts: Mapping[str, str], session: Any, path: Path) -> tuple[str, ...]:
    """Read the stated inputs, and check that the network has just these."""
    inputs = tuple(facts.get("inputs", "").split(","))
    found = [(node.name, node.type, node.shape[:2]) for node in session.get_inputs()]
    stated = [(name, "tensor(float)", [1, 3]) for name in inputs]
    if not set(inputs) <= set(INPUTS) or found != stated:
        message = (
            f"the model {path} states the inputs {inputs} and has {found}; "
            f"they must be float32 (1, 3, rows, cols), some of {INPUTS}; {REPAIR}"
        )
        raise ModelError(message)
    return inputs


def _check_output(session: Any, path: Path) -> None:
    """Check that the network computes a residual in three channels."""
    found = [(node.name, node.type, node.shape[:2]) for node in session.get_outputs()]
    if (OUTPUT, "tensor(float)", [1, 3]) not in found:
        message = (
            f"the model {path} has the outputs {found}; one must be {OUTPUT!r}, "
            f"float32 (1, 3, rows, cols); {REPAIR}"
        )
        raise ModelError(message)


def _read_profile(facts: Mapping[str, str], path: Path) -> Profile | None:
    """Read the camera profile of a tuned model; None if the model has none."""
    try:
        return Profile.from_json(facts[PROFILE]) if PROFILE in facts else None
    except MALFORMED as error:
        message = f"the model {path} has a damaged camera profile; {REPAIR}"
        raise ModelError(message) from error


def _read_sizes(facts: Mapping[str, str], path: Path) -> tuple[int, int]:
    """Read alignment and halo, in pixels."""
    try:
        alignment, halo = int(facts["alignment"]), int(facts["halo"])
    except (KeyError, ValueError) as error:
        message = f"the model {path} does not state its alignment and halo; {REPAIR}"
        raise ModelError(message) from error
    known = 1 <= alignment <= MOST_ALIGNMENT and 0 <= halo <= MOST_HALO
    if not known or halo % alignment:
        stated = f"alignment = {alignment} and halo = {halo}"
        expected = f"1 to {MOST_ALIGNMENT}, and a multiple of it up to {MOST_HALO}"
        message = f"the model {path} has {stated}, not {expected}; {REPAIR}"
        raise ModelError(message)
    return alignment, halo


def checksum(content: bytes, stated: str) -> str:
    """Compute the SHA-256 of a model file in which zeros replace its `stated` checksum."""
    return hashlib.sha256(content.replace(stated.encode(), b"0" * len(stated))).hexdigest()
