"""The settings of a training run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

KnownMetadata = Literal["nothing", "times", "camera"]  # what stage one uses besides two files
Loss = Literal["relative", "paper"]


@dataclass(frozen=True)
class TrainingSettings:
    """Everything that decides the result of a run, besides the training data.

    Model files state these names and values as JSON.
    """

    photographs: int = 4000  # triples to render; brackets are cut into as many patches
    patches: int = 20  # per rendered triple
    side: int = 6  # of a square patch, pixels
    strangers: float = 0.6  # share of rendered triples, 0..1, whose camera stage one does not know
    tone: bool = False  # whether to learn the tone errors of whole pictures: see `without_tone`
    known: KnownMetadata = "nothing"  # of brackets
    held_out: int = 4  # scenes of every source
    fold: int = 1  # fold, width, kernels, separable, sight and plain: see `NetworkShape`
    width: int = 16
    kernels: tuple[int, ...] = (3,)
    separable: bool = True
    sight: str = "all"
    plain: bool = False
    steps: int = 8000  # the budget
    minutes: float | None = None  # the budget in time, in place of steps
    batch: int = 384  # patches, nearly all from different photographs
    rate: float = 2e-3  # of Adam; falls to zero along half a cosine
    loss: Loss = "relative"  # Lr as in the paper, or divided by the error of y0
    colour: float = 0.3  # w of L = Lr + w·Lc
    floor: float = 1e-4  # mean squared error, see `relative`
    average: float = 0.998  # decay per step of the running average of the weights
    best: bool = False  # return the weights that did best on held-out scenes, not the last ones
    seed: int = 1


TUNING = TrainingSettings(  # of a model to one camera
    known="camera",
    best=True,
    width=32,
    kernels=(3, 1, 1),
    separable=False,
    photographs=8000,
    side=4,  # many small patches from as many pictures as possible teach most
    batch=768,
    colour=0.0,
    floor=3e-4,
    minutes=6.0,
)
