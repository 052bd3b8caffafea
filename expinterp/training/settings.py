"""The settings of a training run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Known = Literal["nothing", "times", "camera"]
Loss = Literal["relative", "paper"]


@dataclass(frozen=True)
class TrainingSettings:
    """Everything that decides the result of a run, besides its pictures."""

    photographs: int = 4000  # rendered; brackets that all serve give as many patches
    patches: int = 20  # per photograph
    side: int = 6  # pixels of a patch
    strangers: float = 0.6  # share of photographs whose camera stage one has never seen
    tone: bool = False  # whether the tone error of whole pictures is to be learned
    known: Known = "nothing"  # what stage one is told of brackets: see `brackets`
    held_out: int = 4  # scenes
    fold: int = 1  # fold, width, kernels, sight, plain: see network.Shape
    width: int = 16
    kernels: tuple[int, ...] = (3, 1)
    sight: str = "all"
    plain: bool = False
    steps: int = 8000
    minutes: float | None = None  # the budget, in place of steps
    batch: int = 384  # patches, nearly all from different photographs
    rate: float = 2e-3  # of Adam, falling to zero along a half cosine
    loss: Loss = "relative"  # Lr as in the paper, or each picture's over that of its y0
    colour: float = 0.3  # w of L = Lr + w·Lc
    floor: float = 3e-4  # see losses.relative
    average: float = 0.998  # weight of the past in the average of weights that is handed back
    best: bool = False  # hand back the weights that did best on held-out scenes, not the last
    seed: int = 1


TUNING = TrainingSettings(  # of a model to one camera
    known="camera",
    best=True,
    width=32,
    kernels=(3, 1, 1),
    photographs=8000,
    side=4,  # many small patches, from as many pictures as there are, teach most
    batch=768,
    colour=0.0,
    minutes=6.0,
)
