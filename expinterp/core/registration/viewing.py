"""How the shots of a scene are brought to one view and one moment: the choices of a user."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

Deghost: TypeAlias = Literal["auto", "off"]
Reference: TypeAlias = Literal["auto", "long", "short"]


@dataclass(frozen=True)
class Viewing:
    """How camera motion and moving things are handled.

    Attributes
    ----------
    align : bool
        Whether the camera motion is measured and undone.
    deghost : {'auto', 'off'}
        Whether things that moved are looked for and taken from one shot.
    reference : {'auto', 'long', 'short'}
        The shot whose view and moving things are kept: the brightest (``long``) or the darkest
        (``short``). ``auto``: the view of the best exposed one (of a pair, half-way after a small
        drift), and what moved from the one that knows most of it.
    crop : bool
        Whether results are cropped to what all shots show.

    Raises
    ------
    ValueError
        If `deghost` or `reference` is none of the words above.
    """

    align: bool = True
    deghost: Deghost = "auto"
    reference: Reference = "auto"
    crop: bool = False

    def __post_init__(self) -> None:
        choices = {"deghost": (self.deghost, Deghost), "reference": (self.reference, Reference)}
        for name, (choice, known) in choices.items():
            if choice not in get_args(known):
                words = ", ".join(map(repr, get_args(known)))
                msg = f"{name} must be one of {words}, got {choice!r}"
                raise ValueError(msg)


USUAL = Viewing()
