"""Tuning to one camera: its response from its own brackets, and a network that knows its colours.

The network that it starts from grows (see `grow`) and goes on learning from triples of some scenes,
with y0 computed by the response measured on all frames of these. The other scenes decide which
weights are kept, and whether the result is handed back at all. If it is, half the budget is left, and
spent on learning from these other scenes as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from expinterp.core.pair import measure
from expinterp.core.render import render
from expinterp.core.response import Profile
from expinterp.errors import ImageFileError, ModelError
from expinterp.evaluation import (
    Candidate,
    Case,
    Material,
    Method,
    Outcome,
    Study,
    Triple,
    evaluate,
    fidelity_study,
    find_material,
)
from expinterp.evaluation.figures import summarise
from expinterp.files import check_output, replacing
from expinterp.refine import Refiner, model_path, open_refiner
from expinterp.refine.contract import PROFILE
from expinterp.training.build import (
    Told,
    TrainingOutputs,
    describe_line,
    hand_over,
    share_of,
    state_facts,
)
from expinterp.training.collect import Photographs, collect, take_brackets
from expinterp.training.data import join_patches
from expinterp.training.export import export_network, import_network
from expinterp.training.network import Network, grow
from expinterp.training.settings import TUNING, TrainingSettings
from expinterp.training.train import shape_of, train

HELD_OUT = 0.25  # share of the scenes
TRIAL = "tuned.onnx"  # in the folder of the run: what was measured
ALL = "all"  # likewise: the run that learns from all scenes
START, RESPONSE, TUNED = "start", "profile", "tuned"  # the methods that are compared


@dataclass(frozen=True)
class Tuned:
    """What came of tuning.

    Attributes
    ----------
    study : Study
        The model it started from, the same with the camera's profile, and the tuned one.
    outcomes : tuple of Outcome
        On the triples of held-out scenes.
    remarks : tuple of str
        What a person should know.
    """

    study: Study
    outcomes: tuple[Outcome, ...]
    remarks: tuple[str, ...]

    def psnr(self, method: str) -> float:
        """Give the mean PSNR of a method, dB."""
        found = summarise(self.outcomes, method, self.study.columns[0])
        return found.mean if found else -float("inf")


def choose_scenes(source: Path, camera: str | None) -> Material:
    """Find the brackets of one camera.

    Raises
    ------
    ImageFileError
        If there are none, or those of several cameras.
    """
    material = find_material(source).of_camera(camera or "")
    cameras = sorted({triple.camera or "unknown" for triple in material.triples})
    if len(cameras) > 1:
        message = f"{source}: brackets of {', '.join(cameras)}; choose one of them with --camera"
        raise ImageFileError(message)
    if not material.triples:
        reason = "; ".join([*map(str, material.damaged), *material.remarks][:3])
        message = (
            f"{source}: no evenly spaced long, medium and short exposure of one scene "
            f"({reason or 'nothing else either'}); give each scene a subfolder"
        )
        raise ImageFileError(message)
    return material


def settings_for(material: Material, *, settings: TrainingSettings = TUNING) -> TrainingSettings:
    """Hold out a quarter of the scenes, one at least."""
    scenes = {triple.scene for triple in material.triples}
    return replace(settings, held_out=max(1, round(HELD_OUT * len(scenes))))


def tune(
    source: Path,
    material: Material,
    target: TrainingOutputs,
    profile_file: Path,
    settings: TrainingSettings,
    *,
    model: Path | None = None,
    told: Told = lambda words, share: None,
) -> Tuned:
    """Tune a network to the camera of brackets; write it, the camera's profile, card and curves.

    Parameters
    ----------
    source : Path
        Where `material` was found.
    model : Path, optional
        The network to start from; the bundled one if not given.
    told : function, optional
        Called with what is being done and the share that is done, 0..1.

    Raises
    ------
    ModelError
        If the tuned network is no better on the held-out scenes than the one it started from. The
        profile is written all the same if it is of use by itself.
    ExpInterpError
        If a file cannot be read or written.
    """
    target.check([source])
    check_output(profile_file, overwrite=target.overwrite)
    start = model or model_path()
    network = start_from(start, settings)
    supply = take_brackets(source, material, settings)
    profile = supply.profile
    if profile is None:
        msg = f"tuning knows the camera; settings.known must not be {settings.known!r}"
        raise ValueError(msg)
    half = halve(settings)
    lesson = collect([supply], half, cache=target.run, told=lambda words: told(words, 0.0))
    network = train(
        lesson.patches,
        half,
        target.run,
        held_out=lesson.held_out,
        start=network,
        told=lambda line: told(describe_line(line), share_of(line) / 2),
    )
    facts = state_facts([supply.source], settings, licence=None)
    facts |= {PROFILE: profile.to_json(), "tuned_from": open_refiner(start, device="cpu").digest}
    trial = target.run / TRIAL
    export_network(network, trial, facts)
    apart = [one for one in material.triples if one.scene in supply.held_out]
    found = compare(apart, profile, start, trial, remarks=lesson.remarks)
    worse = explain_worse(found, profile_file)
    if worse is None or found.psnr(RESPONSE) >= found.psnr(START):
        with replacing(profile_file, overwrite=target.overwrite) as stream:
            stream.write(profile.to_json().encode())
    if worse:
        raise ModelError(worse)
    rest = collect(
        [turn(supply)],
        portion(half, supply),
        cache=target.run,
        told=lambda words: told(f"all scenes: {words}", 0.5),
    )
    network = train(
        join_patches([lesson.patches, rest.patches]),
        half,
        target.run / ALL,
        start=network,
        told=lambda line: told(f"all scenes: {describe_line(line)}", (1 + share_of(line)) / 2),
    )
    whole = replace(supply.source, learned=(*supply.learned, *supply.held_out))
    facts |= state_facts([whole], settings, licence=None)
    hand_over(network, target, settings, [whole], facts=facts, remarks=lesson.remarks)
    return found


def halve(settings: TrainingSettings) -> TrainingSettings:
    """Give half of a budget."""
    minutes = settings.minutes and settings.minutes / 2
    return replace(settings, minutes=minutes, steps=max(1, settings.steps // 2))


def turn(supply: Photographs) -> Photographs:
    """Learn from the scenes that were held out, and hold none out."""
    return replace(supply, learned=supply.held_out, held_out=())


def portion(settings: TrainingSettings, supply: Photographs) -> TrainingSettings:
    """Take as many patches of each held-out scene as of those that were learned from."""
    share = len(supply.held_out) / len(supply.learned)
    return replace(settings, photographs=max(1, round(share * settings.photographs)))


def start_from(model: Path, settings: TrainingSettings) -> Network | None:
    """Grow a model into the shape that is tuned; None, for new weights, if it cannot."""
    torch.manual_seed(settings.seed)
    try:
        return grow(import_network(model), shape_of(settings))
    except ValueError:
        return None


def compare(
    triples: Sequence[Triple],
    profile: Profile,
    start: Path,
    tuned: Path,
    *,
    remarks: Sequence[str] = (),
) -> Tuned:
    """Measure what tuning is worth on whole pictures, as ``interpolate`` would make them."""
    before, after = (open_refiner(path, device="cpu") for path in (start, tuned))
    study = fidelity_study(refiners={})
    methods = (
        Method(START, "the network it started from, two files alone", _made(before, None)),
        Method(RESPONSE, "the same with the camera's profile", _made(before, profile)),
        Method(TUNED, "tuned network and profile", _made(after, profile)),
    )
    study = replace(study, methods=methods, base=START)
    return Tuned(study, tuple(evaluate(study, triples)), tuple(remarks))


def _made(refiner: Refiner, profile: Profile | None) -> Callable[[Case], Iterator[Candidate]]:
    def make(case: Case) -> Iterator[Candidate]:
        pair = measure(case.long, case.short, response=profile)
        yield Candidate(render(pair, refiner=refiner).medium)

    return make


def explain_worse(found: Tuned, profile_file: Path) -> str | None:
    """Say that a network is no better than what there was without it; None if it is."""
    start, response, tuned = (found.psnr(name) for name in (START, RESPONSE, TUNED))
    if tuned > max(start, response):
        return None
    kept = f"; the profile alone is worth {response - start:+.2f} dB, see {profile_file}"
    return (
        f"the tuned network has {tuned:.2f} dB on the held-out scenes, no more than the one it "
        f"started from ({max(start, response):.2f} dB), and is not written"
        f"{kept if response >= start else ''}; give more scenes"
    )
