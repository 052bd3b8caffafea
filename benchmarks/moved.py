"""A pair in which something moved: without the removal of ghosts, the result shows it twice.

    python benchmarks/moved.py PANORAMAS -o examples/moved.jpg

The scene is a view of `benchmarks/contact_sheet.py` with a ball on the floor, lit by the panorama.
The ball rolls between the long and the short exposure. Columns: long, short, fused as it is.

Needs PANORAMAS: the folder of .hdr files from the npm package ``@pmndrs/assets``.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import needs
import numpy as np
from contact_sheet import MARGIN, SCENES, arrange

import expinterp
from expinterp.training.simulator.camera import photograph
from expinterp.training.simulator.render import example_camera, project
from expinterp.training.simulator.triples import read_radiance

SCENE = "lobby"
PLACES = {"long": (270, 430), "short": (410, 430)}  # centre of the ball: column, row
RADIUS = 62  # pixels
ALBEDO = (0.35, 0.04, 0.03)  # of a red ball
SHADOW = 0.6  # share of the light that the ball takes from the floor below it
QUALITY = 88


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


def render_pair(panorama: np.ndarray) -> list[np.ndarray]:
    """Simulate a long and a short photograph of the view, with the ball at two places."""
    view, random, shots = SCENES[SCENE], np.random.default_rng(0), []
    for sign, place in zip((1, -1), PLACES.values(), strict=True):
        radiance = project(panorama, view)
        put_ball(radiance, place, panorama, view.yaw)
        radiance /= np.float32(view.white)
        factor = 2.0 ** (sign * view.ev_step / 2)
        shots.append(photograph(radiance, factor, example_camera(), random))
    return shots


def main() -> None:
    """Render, fuse, and write the sheet."""
    parser = argparse.ArgumentParser(description="A pair in which something moved.")
    parser.add_argument("panoramas", type=needs.existing)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--width", type=int, default=420, help="of a picture, pixels")
    options = parser.parse_args()
    pair = render_pair(read_radiance(options.panoramas / f"{SCENES[SCENE].panorama}.hdr"))
    fused = expinterp.fuse(pair, refiner=expinterp.open_refiner(), deghost="off").fused
    sheet = arrange([[*pair, fused]], options.width)[:-MARGIN, :-MARGIN]
    cv2.imwrite(str(options.output), sheet[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, QUALITY])


if __name__ == "__main__":
    needs.run(main)
