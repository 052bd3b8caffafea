"""Tuning to one camera: its response, measured on its own brackets, and a network for its colours.

The network to start from is grown (see `grow`). It learns from triples of some scenes, with y0
computed by the response that is measured on all frames of these scenes. The other scenes decide
which weights are kept, and whether tuning was worth it. If it was, the network then spends the
second half of the budget on all scenes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from expinterp import library
from expinterp.core.pair import measure_exposures
from expinterp.core.render import render
from expinterp.core.response.calibration import Profile
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
    Progress,
    TrainingOutputs,
    learn,
    model_facts,
    show_log,
    write_outputs,
)
from expinterp.training.export import export_network, import_network
from expinterp.training.network import Network, grow
from expinterp.training.patches import Patches, join_patches
from expinterp.training.settings import TUNING, TrainingSettings
from expinterp.training.sources import BracketSource, SourceDescription, collect_data, open_brackets
from expinterp.training.train import shape_of, train

HELD_OUT = 0.25  # share of the scenes
TRIAL = "tuned.onnx"  # in the folder of the run: the network that is measured
ALL = "all"  # in the folder of the run: the run on all scenes
START, RESPONSE, TUNED = "start", "profile", "tuned"  # the methods that are compared


@dataclass(frozen=True)
class TuningResult:
    """How good the tuned network is on the held-out scenes."""

    study: Study  # the model to start from, the same with the camera's profile, the tuned one
    outcomes: tuple[Outcome, ...]
    warnings: tuple[str, ...]  # which triples are not used, and why

    def psnr(self, method: str) -> float:
        """Return the mean PSNR of a method, dB."""
        found = summarise(self.outcomes, method, self.study.columns[0])
        return found.mean if found else -float("inf")


def choose_scenes(source: Path, camera: str | None) -> Material:
    """Find the brackets of one camera; ImageFileError if there are none, or of several."""
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
    """Hold out a quarter of the scenes, at least one."""
    scenes = {triple.scene for triple in material.triples}
    return replace(settings, held_out=max(1, round(HELD_OUT * len(scenes))))


def tune(
    source: Path,
    material: Material,
    outputs: TrainingOutputs,
    profile_file: Path,
    settings: TrainingSettings,
    *,
    model: Path | None = None,
    remember: bool = False,
    progress: Progress = lambda words, share: None,
) -> TuningResult:
    """Tune a network to the camera of brackets; write it, the camera's profile, card and curves.

    Parameters
    ----------
    source : Path
        Where `material` was found.
    model : Path, optional
        The network to start from; the bundled one if not given.
    remember : bool
        Whether the profile is also stored in the user's library of cameras.
    progress : function, optional
        Called with the current step and the share that is done, 0..1.

    Raises
    ------
    ModelError
        If the tuned network is no better on the held-out scenes than the one to start from. The
        profile is written nevertheless if it alone is an improvement.
    ExpInterpError
        If a file cannot be read or written, or a camera without a name is to be remembered.
    """
    outputs.check([source])
    check_output(profile_file, overwrite=outputs.overwrite)
    start, half = model or model_path(), halve(settings)
    network = grow_model(start, settings)
    brackets = open_brackets(source, material, settings)
    profile = _profile_of(brackets, settings)
    if remember:
        _prepare_library(profile.camera, source)
    first, second = split_progress(progress)
    data, network = learn([brackets], half, outputs.run, start=network, progress=first)
    facts = tuned_facts(brackets.description, settings, profile, start)
    trial = outputs.run / TRIAL
    export_network(network, trial, facts)
    result = compare(brackets.held_out_triples, profile, start, trial, warnings=data.warnings)
    keep_profile(result, profile, profile_file, overwrite=outputs.overwrite, remember=remember)
    network = learn_all(brackets, data.patches, network, half, run=outputs.run, progress=second)
    learned = (*brackets.description.learned, *brackets.description.held_out)
    described = replace(brackets.description, learned=learned)
    facts = tuned_facts(described, settings, profile, start)
    write_outputs(network, outputs, settings, [described], facts=facts, warnings=data.warnings)
    return result


def _prepare_library(camera: str | None, source: Path) -> None:
    """Refuse, before any training, what cannot be remembered after it."""
    if not library.is_name(camera or ""):
        message = f"{source}: the files name no camera to remember; calibrate --camera names one"
        raise ImageFileError(message)
    library.make_own_folder()


def split_progress(progress: Progress) -> tuple[Progress, Progress]:
    """Return functions that report the two halves of the budget."""
    return (
        lambda words, share: progress(words, share / 2),
        lambda words, share: progress(f"all scenes: {words}", (1 + share) / 2),
    )


def tuned_facts(
    source: SourceDescription, settings: TrainingSettings, profile: Profile, start: Path
) -> dict[str, str]:
    """Return the metadata of a tuned model besides its contract."""
    facts = {PROFILE: profile.to_json(), "tuned_from": open_refiner(start, device="cpu").digest}
    return model_facts([source], settings) | facts


def grow_model(model: Path, settings: TrainingSettings) -> Network | None:
    """Grow a model to the shape that is tuned; None, for random weights, if that is impossible."""
    torch.manual_seed(settings.seed)
    try:
        return grow(import_network(model), shape_of(settings))
    except ValueError:
        return None


def _profile_of(brackets: BracketSource, settings: TrainingSettings) -> Profile:
    if brackets.profile is None:
        msg = f"tuning needs the camera's profile; settings.known must not be {settings.known!r}"
        raise ValueError(msg)
    return brackets.profile


def halve(settings: TrainingSettings) -> TrainingSettings:
    """Halve the budget."""
    minutes = settings.minutes and settings.minutes / 2
    return replace(settings, minutes=minutes, steps=max(1, settings.steps // 2))


def learn_all(
    brackets: BracketSource,
    patches: Patches,
    start: Network,
    settings: TrainingSettings,
    *,
    run: Path,
    progress: Progress,
) -> Network:
    """Train on all scenes: on `patches`, and on as many per scene of the held-out ones."""
    share = len(brackets.held_out) / len(brackets.learned)
    rest = collect_data(
        [learn_held_out(brackets)],
        replace(settings, photographs=max(1, round(share * settings.photographs))),
        cache=run,
        progress=lambda words: progress(words, 0.0),
    )
    both = join_patches([patches, rest.patches])
    return train(both, settings, run / ALL, start=start, on_log=show_log(progress))


def learn_held_out(brackets: BracketSource) -> BracketSource:
    """Return a source that learns from the held-out scenes, and holds none out."""
    return replace(brackets, learned=brackets.held_out, held_out=())


def compare(
    triples: Sequence[Triple],
    profile: Profile,
    start: Path,
    tuned: Path,
    *,
    warnings: tuple[str, ...],
) -> TuningResult:
    """Compare two models on whole pictures, computed as ``interpolate`` computes them."""
    before, after = (open_refiner(path, device="cpu") for path in (start, tuned))
    study = fidelity_study(refiners={})
    methods = (
        Method(START, "the network it started from, two files alone", _refined(before, None)),
        Method(RESPONSE, "the same with the camera's profile", _refined(before, profile)),
        Method(TUNED, "tuned network and profile", _refined(after, profile)),
    )
    study = replace(study, methods=methods, base=START)
    return TuningResult(study, tuple(evaluate(study, triples)), warnings)


def _refined(refiner: Refiner, profile: Profile | None) -> Callable[[Case], Iterator[Candidate]]:
    def compute(case: Case) -> Iterator[Candidate]:
        pair = measure_exposures(case.long, case.short, response=profile)
        yield Candidate(render(pair, refiner=refiner).medium)

    return compute


def keep_profile(
    result: TuningResult, profile: Profile, file: Path, *, overwrite: bool, remember: bool = False
) -> None:
    """Write the profile if it is an improvement; ModelError if the tuned network is none."""
    start, response, tuned = (result.psnr(name) for name in (START, RESPONSE, TUNED))
    better = tuned > max(start, response)
    if better or response >= start:
        with replacing(file, overwrite=overwrite) as stream:
            stream.write(profile.to_json().encode())
        if remember:
            library.remember(profile)
    if not better:
        kept = f"; the profile alone is worth {response - start:+.2f} dB, see {file}"
        message = (
            f"the tuned network has {tuned:.2f} dB on the held-out scenes, no more than the one it "
            f"started from ({max(start, response):.2f} dB), and is not written"
            f"{kept if response >= start else ''}; use more scenes"
        )
        raise ModelError(message)
