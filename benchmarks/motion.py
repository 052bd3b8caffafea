"""What moving things and a camera in the hand cost, and how much of that is undone.

    python benchmarks/motion.py PANORAMAS
    python benchmarks/motion.py PANORAMAS --write docs/evidence.md

Scenes are those of `benchmarks/contact_sheet.py`: views into panoramas, photographed by the camera
simulator. Each is photographed at two moments. The long shot is of the first, the short one of the
second, so that there are two right answers: the medium photograph of either moment, or of fused
pictures those of the *twins*, the pairs of one moment. A result counts against the nearer of the two.

things   Three things, cut out of another panorama, stand elsewhere at the second moment. Counted over
         the places that a thing has in either shot, with an edge.
hand     The camera is turned, tilted and zoomed between the two. Counted over the whole picture.
still    Nothing moves: what does the search for moving things spoil?

The *cost* is the PSNR of the twin less that of the moved pair. *Off*: ``--deghost off``, and for the
hand ``--no-align`` as well.

Needs PANORAMAS: the folder of .hdr files from the npm package ``@pmndrs/assets``.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any, TypeAlias

import cv2
import needs
import numpy as np
from contact_sheet import SCENES

import expinterp
from expinterp.errors import PairError
from expinterp.metrics import psnr
from expinterp.training.simulator.camera import photograph
from expinterp.training.simulator.render import View, example_camera, project
from expinterp.training.simulator.triples import read_radiance

STEPS = 4, 6  # stops between long and short
TRIALS = 2  # pairs of each scene and step
THINGS = 3  # of each pair
SIDE = 70, 170  # pixels: width of a thing
STEP = 0.3, 1.6  # of its width: how far it moves
EDGE = 6  # pixels around a place that count with it
VISIBLE, HALF = 25, 0.5  # code values by which so much of a thing differs from what it hides
TURN = 2.5, 2.5, 1.5  # degrees: most that the hand turns to the side, up, and around
ZOOM = 0.01  # most that the angle of view changes
BEGIN, END = "<!-- benchmarks/motion.py -->", "<!-- end -->"
OFF: dict[str, Any] = {"deghost": "off"}
Random: TypeAlias = np.random.Generator
Make: TypeAlias = Callable[..., np.ndarray]


@dataclass(frozen=True, eq=False)
class Moment:
    """Photographs of a scene at one moment."""

    long: np.ndarray
    medium: np.ndarray
    short: np.ndarray


@dataclass(frozen=True, eq=False)
class Scene:
    """A scene at two moments, and the areas that count, (rows, cols)."""

    first: Moment
    second: Moment
    areas: tuple[np.ndarray, ...]


def photograph_moment(radiance: np.ndarray, view: View, random: Random) -> Moment:
    """Photograph radiance at the three exposures of a view."""
    factors = (2.0 ** (stops * view.ev_step / 2) for stops in (1, 0, -1))
    scaled = radiance / np.float32(view.white)
    return Moment(*(photograph(scaled, each, example_camera(), random) for each in factors))


def cut_thing(donor: np.ndarray, random: Random) -> tuple[np.ndarray, np.ndarray]:
    """Cut a soft ellipse out of a picture: its radiance, and its opacity (rows, cols, 1)."""
    width = int(random.integers(*SIDE))
    row, col = (int(random.integers(0, size - width)) for size in donor.shape[:2])
    opacity = np.zeros((width, width), np.float32)
    axes = width // 2 - 4, int(random.uniform(0.25, 0.5) * width) - 4
    middle = (width // 2, width // 2)
    cv2.ellipse(opacity, middle, axes, random.uniform(0, 180), 0, 360, 1.0, -1)
    soft = cv2.GaussianBlur(opacity, (0, 0), 0.8)[..., np.newaxis]
    return cut(donor, (row, col), width), soft


def draw_places(shape: tuple[int, ...], width: int, random: Random) -> list[np.ndarray] | None:
    """Draw where a thing stands at two moments, (row, col); None if it leaves the picture."""
    room = np.array(shape[:2]) - width
    angle, step = random.uniform(0, 2 * np.pi), width * random.uniform(*STEP)
    first = random.integers(0, room)
    second = first + np.rint(step * np.array([np.sin(angle), np.cos(angle)])).astype(int)
    inside = (second >= 0).all() and (second <= room).all()
    return [first, second] if inside else None


def cut(picture: np.ndarray, place: Sequence[int], width: int) -> np.ndarray:
    """Return a window of a picture."""
    row, col = place
    return picture[row : row + width, col : col + width]


def footprint(
    shape: tuple[int, ...], opacity: np.ndarray, places: Sequence[np.ndarray]
) -> np.ndarray:
    """Return the pixels of the places of a thing, with an edge, bool (rows, cols)."""
    area = np.zeros(shape[:2], np.uint8)
    for row, col in places:
        area[row : row + len(opacity), col : col + len(opacity)] |= opacity[..., 0] > 0.02
    return cv2.dilate(area, np.ones((2 * EDGE + 1, 2 * EDGE + 1), np.uint8)) > 0


def is_visible(
    hidden: np.ndarray, thing: np.ndarray, opacity: np.ndarray, view: View, random: Random
) -> bool:
    """Return whether a thing differs from what it hides, and is not black or white in both shots."""
    inside = opacity[..., 0] > 0.5
    before, after = (photograph_moment(each, view, random) for each in (hidden, thing))
    differs = np.abs(after.medium[inside] - before.medium[inside].astype(int)).max(axis=1) > VISIBLE
    seen = (after.long[inside] < 248).all(axis=1) | (after.short[inside] > 4).all(axis=1)
    return bool((differs & seen).mean() > HALF)


def move_things(radiance: np.ndarray, donor: np.ndarray, view: View, random: Random) -> Scene:
    """Photograph a scene before and after things in it moved."""
    pictures = radiance.copy(), radiance.copy()
    areas: list[np.ndarray] = []
    while len(areas) < THINGS:
        thing, opacity = cut_thing(donor, random)
        places = draw_places(radiance.shape, len(opacity), random)
        if places is None:
            continue
        area = footprint(radiance.shape, opacity, places)
        apart = not any((area & other).any() for other in areas)
        hidden = [cut(radiance, place, len(opacity)) for place in places]
        if apart and all(is_visible(each, thing, opacity, view, random) for each in hidden):
            areas.append(area)
            for picture, place in zip(pictures, places, strict=True):
                window = cut(picture, place, len(opacity))
                window += opacity * (thing - window)
    moments = (photograph_moment(each, view, random) for each in pictures)
    return Scene(*moments, areas=tuple(areas))


def move_camera(panorama: np.ndarray, view: View, random: Random) -> Scene:
    """Photograph a scene before and after the hand moved the camera."""
    turns = random.uniform(0.3, 1, 3) * random.choice([-1, 1], 3) * TURN
    moved = replace(
        view,
        yaw=view.yaw + turns[0],
        pitch=view.pitch + turns[1],
        roll=turns[2],
        field=view.field * (1 + random.uniform(-ZOOM, ZOOM)),
    )
    moments = (photograph_moment(project(panorama, each), view, random) for each in (view, moved))
    return Scene(*moments, areas=(np.ones(project(panorama, view).shape[:2], bool),))


def build_scenes(panoramas: Path) -> Iterator[tuple[str, int, Scene]]:
    """Build all scenes; yields their kind and step too."""
    views = list(SCENES.values())
    maps = [read_radiance(panoramas / f"{view.panorama}.hdr") for view in views]
    for number, panorama in enumerate(maps):
        other = (number + 1) % len(views)
        scale = np.float32(views[number].white / views[other].white)
        donor = project(maps[other], views[other]) * scale
        for step, trial in product(STEPS, range(TRIALS)):
            view, random = (
                replace(views[number], ev_step=step),
                np.random.default_rng([number, trial]),
            )
            yield "things", step, move_things(project(panorama, view), donor, view, random)
            yield "hand", step, move_camera(panorama, view, random)


def interpolate(long: np.ndarray, short: np.ndarray, **options: Any) -> np.ndarray:
    """Compute the medium photograph."""
    return expinterp.interpolate(long, short, **options).medium


def fuse(long: np.ndarray, short: np.ndarray, **options: Any) -> np.ndarray:
    """Fuse a pair."""
    return expinterp.fuse([long, short], **options).fused


def score(scene: Scene, make: Make, off: dict[str, Any]) -> list[tuple[float, float, float]] | None:
    """Score each area of a scene: PSNR with options `off`, by default, and of the twin.

    The twin of a fused picture is the truth: its PSNR is infinite. None if the pair is refused; NaN
    if only the options `off` refuse it.
    """
    first, second = scene.first, scene.second
    twins = [make(each.long, each.short) for each in (first, second)]
    truths = twins if make is fuse else [first.medium, second.medium]
    plain, default = (attempt(make, first.long, second.short, **options) for options in (off, {}))
    if default is None:
        return None
    rows = []
    for area in scene.areas:
        figures = [over(area, default, truth) for truth in truths]
        nearer = int(np.argmax(figures))
        before = np.nan if plain is None else max(over(area, plain, truth) for truth in truths)
        rows.append((before, figures[nearer], over(area, twins[nearer], truths[nearer])))
    return rows


def attempt(make: Make, *pair: np.ndarray, **options: Any) -> np.ndarray | None:
    """Compute a picture; None if the pair is refused."""
    try:
        return make(*pair, **options)
    except PairError:
        return None


def over(area: np.ndarray, image: np.ndarray, truth: np.ndarray) -> float:
    """Compute the PSNR over an area."""
    return psnr(image[area][np.newaxis], truth[area][np.newaxis])


def score_still(still: Moment) -> tuple[float, float, bool]:
    """Compute what the search does to a still pair: share called moved, loss, fused picture alike."""
    result = expinterp.interpolate(still.long, still.short)
    plain = interpolate(still.long, still.short, **OFF)
    fused = (fuse(still.long, still.short, **options) for options in (OFF, {}))
    loss = psnr(plain, still.medium) - psnr(result.medium, still.medium)
    return result.pair.ghosts.share, loss, np.array_equal(*fused)


def measure(panoramas: Path) -> str:
    """Score everything; return tables in Markdown."""
    scored: dict[tuple[str, str, int], list[Any]] = {}
    still = []
    for number, (kind, step, scene) in enumerate(build_scenes(panoramas), 1):
        off = OFF if kind == "things" else OFF | {"align": False}
        for make in (interpolate, fuse):
            scored.setdefault((make.__name__, kind, step), []).append(score(scene, make, off))
        if kind == "hand":
            still.append(score_still(scene.first))
        print(f"\r{number} of {2 * TRIALS * len(STEPS) * len(SCENES)}", end="", file=sys.stderr)
    print(file=sys.stderr)
    tables = interpolate_table(scored), fuse_table(scored), still_table(still)
    return "\n\n".join("\n".join(table) for table in tables)


def interpolate_table(scored: dict[tuple[str, str, int], list[Any]]) -> Iterator[str]:
    """Write the table of interpolated pairs."""
    heads = "off", "by default", "nothing moved", "cost, off", "cost, by default", "worst tenth"
    yield f"| `interpolate` | pairs, refused | {' | '.join(heads)} |"
    yield "|---" * 8 + "|"
    for what, pairs, (off, default, twin) in read_scores(scored, "interpolate"):
        cost = twin - default
        means = np.nanmean(off), default.mean(), twin.mean(), np.nanmean(twin - off), cost.mean()
        cells = [f"{value:.1f} dB" for value in (*means, np.percentile(cost, 90))]
        yield f"| {what} | {pairs} | {' | '.join(cells)} |"


def fuse_table(scored: dict[tuple[str, str, int], list[Any]]) -> Iterator[str]:
    """Write the table of fused pairs."""
    yield "| `fuse` | pairs, refused | off | by default | worst tenth |"
    yield "|---" * 5 + "|"
    for what, pairs, (off, default, _) in read_scores(scored, "fuse"):
        cells = [
            f"{value:.1f} dB"
            for value in (np.nanmean(off), default.mean(), np.percentile(default, 10))
        ]
        yield f"| {what} | {pairs} | {' | '.join(cells)} |"


def read_scores(
    scored: dict[tuple[str, str, int], list[Any]], command: str
) -> Iterator[tuple[str, str, np.ndarray]]:
    """List what moved, how many pairs there are, and the scores of a command, (3, areas)."""
    for (name, kind, step), pairs in scored.items():
        kept = [pair for pair in pairs if pair]
        if name == command:
            counts = f"{len(pairs)}, {len(pairs) - len(kept)}"
            yield f"{kind}, {step} EV", counts, np.concatenate(kept).T


def still_table(rows: Sequence[tuple[float, float, bool]]) -> Iterator[str]:
    """Write the table of still pairs."""
    share, loss, alike = np.array(rows, float).T
    shares = f"{100 * np.median(share):.2f} %, {100 * share.max():.2f} %"
    yield "| pairs in which nothing moved | |"
    yield "|---|---|"
    yield f"| share of pixels called moved: median, most | {shares} |"
    yield f"| `interpolate` loses: mean, most | {loss.mean():.2f} dB, {loss.max():.2f} dB |"
    yield f"| `fuse`: the same picture to the bit | {alike.sum():.0f} of {len(rows)} |"


def marked(path: str) -> Path:
    """Check that a page has the marks between which the tables belong; a ``type`` for argparse."""
    page = needs.existing(path)
    if not re.search(f"{BEGIN}.*{END}", page.read_text("utf-8"), re.DOTALL):
        message = f"{page}: the lines {BEGIN} and {END} are missing; add them"
        raise argparse.ArgumentTypeError(message)
    return page


def write(tables: str, page: Path) -> None:
    """Put the tables between the marks of a page."""
    before, _, rest = page.read_text("utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    page.write_text(f"{before}{BEGIN}\n\n{tables}\n\n{END}{after}", "utf-8")


def main() -> None:
    """Measure, print, and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("panoramas", type=needs.existing)
    parser.add_argument("--write", type=marked, help="page to put the tables into")
    options = parser.parse_args()
    tables = measure(options.panoramas)
    print(tables)
    if options.write:
        write(tables, options.write)


if __name__ == "__main__":
    needs.run(main)
