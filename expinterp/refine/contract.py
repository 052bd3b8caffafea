"""What a model file must keep to, and what it states about itself.

The network answers the *residual* that makes y0 the medium: y ≈ clip(y0 + residual). It reads what
it names of five pictures: ``intermediate`` (y0), ``long`` (x1) and ``short`` (x2) as photographed,
and both at the exposure of y0: ``darkened`` (Λ13(x1)) and ``brightened`` (Λ23(x2)), which differ
where no table per channel serves. Everything else is the `Contract`, stored in the file itself.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from expinterp.core.response import Profile
from expinterp.errors import ModelError

INPUTS = ("intermediate", "long", "short", "darkened", "brightened")  # a model names its own
OUTPUT = "residual"
CONTRACT = {  # what metadata must say; a change of meaning is a new version
    "contract": "1",
    "output": OUTPUT,
    "channels": "RGB",
    "encoding": "display, 0..1",
    "kind": "residual",
}
PROFILE = "profile"  # in the metadata of a tuned model: its camera's, as JSON
REPAIR = "name another model, or reinstall expinterp if it is the bundled one"


@dataclass(frozen=True)
class Contract:
    """What a model states about itself, besides `CONTRACT`.

    Attributes
    ----------
    inputs : tuple of str
        Which of `INPUTS` it reads.
    alignment : int
        Side of the block of pixels that the network folds into one; rows and cols of what it
        is given are multiples of it.
    halo : int
        Pixels that the network looks at on each side, rounded up to the alignment.
    facts : mapping of str to str
        All metadata of the file: training data, licences, settings.
    profile : Profile or None
        That of the one camera which the model is tuned to; its y0 is to be computed with it.
    """

    inputs: tuple[str, ...]
    alignment: int
    halo: int
    facts: Mapping[str, str]
    profile: Profile | None = None


def read_contract(session: Any, content: bytes, path: Path) -> Contract:
    """Check a model against `CONTRACT`, its ports and its own checksum.

    Raises
    ------
    ModelError
        Naming the first thing that is not as it must be.
    """
    facts: dict[str, str] = dict(session.get_modelmeta().custom_metadata_map)
    _check_facts(facts, content, path)
    inputs = _read_inputs(facts, session, path)
    alignment, halo = _read_sizes(facts, path)
    return Contract(inputs, alignment, halo, facts, _read_profile(facts, path))


def _check_facts(facts: Mapping[str, str], content: bytes, path: Path) -> None:
    """Check the fixed part of the contract and the checksum."""
    for key, expected in CONTRACT.items():
        if facts.get(key) != expected:
            message = f"the model {path} says {key} = {facts.get(key)}, not {expected!r}; {REPAIR}"
            raise ModelError(message)
    if "checksum" in facts and facts["checksum"] != checksum(content, facts["checksum"]):
        message = f"the model {path} does not match its own checksum; {REPAIR}"
        raise ModelError(message)


def _read_inputs(facts: Mapping[str, str], session: Any, path: Path) -> tuple[str, ...]:
    """Read which pictures the network takes, and check that its ports agree."""
    inputs = tuple(facts.get("inputs", "").split(","))
    ports = [(port.name, port.type, port.shape[:2]) for port in session.get_inputs()]
    if not set(inputs) <= set(INPUTS):
        message = (
            f"the model {path} says inputs = {facts.get('inputs')}, not some of {INPUTS}; {REPAIR}"
        )
        raise ModelError(message)
    if ports != [(name, "tensor(float)", [1, 3]) for name in inputs]:
        message = f"the model {path} has inputs {ports}, not float32 (1, 3, rows, cols); {REPAIR}"
        raise ModelError(message)
    return inputs


def _read_profile(facts: Mapping[str, str], path: Path) -> Profile | None:
    """Read the camera profile that a tuned model carries."""
    try:
        return Profile.from_json(facts[PROFILE]) if PROFILE in facts else None
    except (KeyError, TypeError, ValueError) as error:
        message = f"the model {path} carries no sound camera profile; {REPAIR}"
        raise ModelError(message) from error


def _read_sizes(facts: Mapping[str, str], path: Path) -> tuple[int, int]:
    """Read alignment and halo, in pixels."""
    try:
        alignment, halo = int(facts["alignment"]), int(facts["halo"])
    except (KeyError, ValueError) as error:
        message = f"the model {path} does not state its alignment and halo; {REPAIR}"
        raise ModelError(message) from error
    if alignment < 1 or halo < 0 or halo % alignment:
        stated = f"alignment = {alignment} and halo = {halo}"
        message = f"the model {path} says {stated}, not a multiple of it; {REPAIR}"
        raise ModelError(message)
    return alignment, halo


def checksum(content: bytes, stated: str) -> str:
    """Compute the SHA-256 of a model file with its own `stated` checksum blanked out."""
    return hashlib.sha256(content.replace(stated.encode(), b"0" * len(stated))).hexdigest()
