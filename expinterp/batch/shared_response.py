"""One response for all brackets of a camera, so that the pictures of a series match.

Each bracket of a sample is measured in a process of its own; the measurements are combined in the
order of the plan, so that the number and speed of processes do not matter. The response is kept
beside the outputs, as a profile that ``--response`` can read too.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from expinterp.batch.naming import portable, tell_apart
from expinterp.batch.settings import BatchSettings, camera_key
from expinterp.batch.tasks import Task, make_tasks
from expinterp.brackets import Bracket
from expinterp.core.arrays import Floats
from expinterp.core.comparison import recognise
from expinterp.core.exposure import exposure_ratio
from expinterp.core.pair import measure_exposures
from expinterp.core.registration.viewing import Viewing
from expinterp.core.response.calibration import Profile
from expinterp.core.response.prior import ResponsePrior, SharedEstimate, estimate_shared, load_prior
from expinterp.errors import ImageFileError
from expinterp.files import read_small, replacing
from expinterp.images import read_photographs
from expinterp.library import open_library
from expinterp.library.own import MAX_PROFILE
from expinterp.scene_io.shots import reconcile
from expinterp.text import MALFORMED, parse_json

SAMPLE = 48  # brackets of a camera that are measured; ten are nearly as good as all
FEWEST = 2  # brackets that share a response

Gather = Callable[
    [Sequence[Task], BatchSettings, Callable[[Task, BatchSettings], "PairLevels"]],
    list["PairLevels"],
]


@dataclass(frozen=True)
class PairLevels:
    """What was measured on the pairs of one bracket.

    Attributes
    ----------
    levels : list of tuples of float64 arrays
        Matched levels of each pair, per channel.
    stated : list of float or None
        ln(t1/t2) of each pair, if its files state it and its pixels agree.
    """

    levels: list[tuple[Floats, ...]]
    stated: list[float | None]


def measure_task(task: Task, settings: BatchSettings) -> PairLevels:
    """Measure each two adjacent exposures of a bracket; pairs that fail are left out."""
    found = PairLevels([], [])
    prior = open_library().narrow([task.bracket.camera], named=settings.camera)
    for names in pairwise(task.bracket.frames):
        try:
            long, short = read_photographs([str(settings.folder / name) for name in names])
            if long.encoding:
                continue  # its response is known
            short, _ = reconcile(long, short)
            ratio = exposure_ratio(long.exposure, short.exposure)
            pair = measure_exposures(
                long.pixels,
                short.pixels,
                ratio=ratio,
                prior=prior,
                viewing=Viewing(align=False),
                opacities=[long.alpha, short.alpha],
            )
        except Exception:  # noqa: BLE001, S112 - its own task will report it
            continue
        found.levels.append(pair.levels)
        stated = pair.ratio_given if not pair.notices and task.bracket.camera else None
        found.stated.append(stated and float(np.log(stated)))
    return found


def share_responses(
    brackets: Iterable[Bracket],
    settings: BatchSettings,
    gather: Gather,
    *,
    notify: Callable[[str], None] = lambda message: None,
) -> BatchSettings:
    """Estimate a response for each camera, and return settings that use it.

    Parameters
    ----------
    brackets : iterable of Bracket
    settings : BatchSettings
    gather : function
        Calls a function with each of several tasks: `Local.gather`.
    notify : function
        Called with a line for each response.

    Raises
    ------
    OutputError
        If a profile cannot be written.
    """
    profiles = {}
    samples = _samples(brackets, settings)
    paths = _paths(samples, settings)
    for key, sample in samples.items():
        path = paths[key]
        if not _is_current(path, sample):
            measured = gather(sample, settings, measure_task)
            camera = sample[0].bracket.camera
            prior = open_library().narrow([camera], named=settings.camera)
            profile = make_profile(measured, camera=camera, prior=prior)
            if profile is None:
                continue
            _write(path, profile, sample)
            notify(f"{path.name}: {len(sample)} brackets agree within {profile.residual:.2f} stops")
        profiles[key] = path
    return replace(settings, profiles=profiles)


def reuse_responses(brackets: Iterable[Bracket], settings: BatchSettings) -> BatchSettings:
    """Return settings with the responses that an earlier run estimated from the same brackets."""
    samples = _samples(brackets, settings)
    paths = _paths(samples, settings)
    current = {key: path for key, path in paths.items() if _is_current(path, samples[key])}
    return replace(settings, profiles=current)


def make_profile(
    measured: Sequence[PairLevels], *, camera: str | None, prior: ResponsePrior | None = None
) -> Profile | None:
    """Estimate a profile from the brackets of one camera; None if they show nothing."""
    pairs = [
        (levels, stated)
        for one in measured
        for levels, stated in zip(one.levels, one.stated, strict=True)
        if any(map(len, levels))
    ]
    if not pairs:
        return None
    levels, stated = (list(column) for column in zip(*pairs, strict=True))
    found = estimate_shared(levels, recognise(levels, prior or load_prior()), stated=stated)
    residual = misfit(levels, found)
    return Profile(found.response, round(residual, 4), 2 * len(pairs), camera, found.scale)


def misfit(pairs: Sequence[Sequence[Floats]], found: SharedEstimate) -> float:
    """Compute the root mean square of g(z1) − g(z2) − ln k over all levels, in stops."""
    errors = []
    for levels, log_ratio in zip(pairs, found.log_ratios, strict=True):
        for curve, channel in zip(found.response, levels, strict=False):
            z1, z2 = np.interp(channel, np.arange(len(curve)), curve).T
            errors.append(z1 - z2 - log_ratio)
    return float(np.sqrt(np.mean(np.concatenate(errors) ** 2)) / np.log(2))


def _samples(brackets: Iterable[Bracket], settings: BatchSettings) -> dict[str, list[Task]]:
    """Choose brackets of each camera, evenly spaced in the plan."""
    cameras: dict[str, list[Bracket]] = defaultdict(list)
    for bracket in brackets:
        cameras[camera_key(bracket)].append(bracket)
    return {
        key: make_tasks(_evenly(mine, SAMPLE), replace(settings, profiles={}))
        for key, mine in cameras.items()
        if len(mine) >= FEWEST
    }


def _evenly(brackets: Sequence[Bracket], count: int) -> list[Bracket]:
    step = max(len(brackets) / count, 1)
    return [brackets[int(k * step)] for k in range(min(count, len(brackets)))]


def _paths(keys: Iterable[str], settings: BatchSettings) -> dict[str, Path]:
    """Return the files of the responses; names of cameras may differ in letter case alone."""
    names = {key: f"expinterp-response-{portable(key.lower())}" for key in keys}
    marks = tell_apart([[name] for name in names.values()], list(names))
    return {
        key: settings.out / f"{name}{mark}.json"
        for (key, name), mark in zip(names.items(), marks, strict=True)
    }


def _origin(sample: Iterable[Task]) -> str:
    """Compute a digest of the brackets that a profile is made from."""
    return hashlib.sha256("".join(task.fingerprint for task in sample).encode()).hexdigest()[:32]


def _is_current(path: Path, sample: Iterable[Task]) -> bool:
    try:
        content = read_small(path, MAX_PROFILE)
        Profile.from_json(content.decode())
        return bool(parse_json(content)["made_from"] == _origin(sample))
    except (ImageFileError, *MALFORMED):
        return False


def _write(path: Path, profile: Profile, sample: Iterable[Task]) -> None:
    facts = {**json.loads(profile.to_json()), "made_from": _origin(sample)}
    with replacing(path, overwrite=True) as stream:
        stream.write(json.dumps(facts).encode() + b"\n")
