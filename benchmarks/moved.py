"""Pairs in which something moved, before and after: the picture ``examples/moved.jpg``.

    python benchmarks/moved.py PANORAMAS -o examples/moved.jpg

In the first two rows a ball, lit by the panorama, rolls over the floor between the shots. They are 4
and 6 stops apart. In the third row the camera is held by hand. The scenes are views of
`benchmarks/contact_sheet.py`. The last column is the photograph that a camera takes at the
exposure between, at the moment that the result shows.

Needs PANORAMAS: the folder of .hdr files from the npm package ``@pmndrs/assets``.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import needs
import numpy as np
from contact_sheet import SCENES
from evidence import with_heads, write
from motion import OFF, Random, Scene, interpolate, move_camera, photograph_moment

from expinterp.metrics import psnr
from expinterp.training.simulator.render import View, project
from expinterp.training.simulator.triples import read_radiance

BALLS = ("lobby", 4), ("lobby", 6)  # scene, stops between the shots
HAND = "square"
PLACES = (270, 430), (410, 430)  # centre of the ball: column, row
RADIUS = 62  # pixels
ALBEDO = (0.35, 0.04, 0.03)  # of a red ball
SHADOW = 0.6  # share of the light that the ball takes from the floor below it
HEADS = ("long", "short", "left as they are", "by default", "photographed between")


def light_on(normals: np.ndarray, panorama: np.ndarray) -> np.ndarray:
    """Compute the light that matt surfaces receive: the panorama weighted by the cosine."""
    small = cv2.resize(panorama, (64, 32), interpolation=cv2.INTER_AREA).reshape(-1, 3)
    latitude = (0.5 - (np.arange(32) + 0.5) / 32) * np.pi
    longitude = ((np.arange(64) + 0.5) / 64 - 0.5) * 2 * np.pi
    lat, lon = (each.ravel() for each in np.meshgrid(latitude, longitude, indexing="ij"))
    towards = np.stack([np.cos(lat) * np.sin(lon), np.sin(lat), np.cos(lat) * np.cos(lon)])
    solid_angle = np.cos(lat) * (np.pi / 32) ** 2
    return np.maximum(normals @ towards, 0) * solid_angle @ small / np.pi


def put_ball(scene: np.ndarray, place: tuple[int, int], panorama: np.ndarray, yaw: float) -> None:
    """Draw a matt ball and its shadow into a picture of radiance, in place."""
    column, row = place
    shade = np.zeros(scene.shape[:2], np.float32)
    foot = (column, row + RADIUS)
    cv2.ellipse(shade, foot, (RADIUS, RADIUS // 3), 0, 0, 360, SHADOW, -1)
    scene *= 1 - cv2.GaussianBlur(shade, (0, 0), 9)[..., None]
    y, x = np.mgrid[-RADIUS : RADIUS + 1, -RADIUS : RADIUS + 1] / np.float32(RADIUS)
    inside = x**2 + y**2 < 1
    normals = np.stack([x, -y, -np.sqrt(np.maximum(1 - x**2 - y**2, 0))], axis=-1)[inside]
    turn = np.radians(yaw)
    east = normals[:, 0] * np.cos(turn) + normals[:, 2] * np.sin(turn)
    north = normals[:, 2] * np.cos(turn) - normals[:, 0] * np.sin(turn)
    light = light_on(np.stack([east, normals[:, 1], north], axis=-1), panorama)
    window = scene[row - RADIUS : row + RADIUS + 1, column - RADIUS : column + RADIUS + 1]
    window[inside] = light * np.float32(ALBEDO)


def roll_ball(panorama: np.ndarray, view: View, random: Random) -> Scene:
    """Photograph a view before and after a ball in it rolled on."""
    moments = []
    for place in PLACES:
        radiance = project(panorama, view)
        put_ball(radiance, place, panorama, view.yaw)
        moments.append(photograph_moment(radiance, view, random))
    return Scene(*moments, areas=())


def show(scene: Scene, off: dict[str, Any]) -> list[np.ndarray]:
    """Compute the pictures of one row."""
    pair = scene.first.long, scene.second.short
    before, after = (interpolate(*pair, **options) for options in (off, {}))
    truths = scene.first.medium, scene.second.medium
    return [*pair, before, after, max(truths, key=partial(psnr, after))]


def draw_rows(panoramas: Path) -> Iterator[list[np.ndarray]]:
    """Compute all rows."""
    random = np.random.default_rng(0)
    for name, step in BALLS:
        view = replace(SCENES[name], ev_step=step)
        panorama = read_radiance(panoramas / f"{view.panorama}.hdr")
        yield show(roll_ball(panorama, view, random), OFF)
    view = SCENES[HAND]
    panorama = read_radiance(panoramas / f"{view.panorama}.hdr")
    yield show(move_camera(panorama, view, random), OFF | {"align": False})


def main() -> None:
    """Render, compute, and write the sheet."""
    parser = argparse.ArgumentParser(description="Pairs in which something moved.")
    parser.add_argument("panoramas", type=needs.existing)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--width", type=int, default=240, help="of a picture, pixels")
    options = parser.parse_args()
    write(with_heads(list(draw_rows(options.panoramas)), HEADS, options.width), options.output)


if __name__ == "__main__":
    needs.run(main)
