"""The laws of simulated triples."""

import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from expinterp.errors import ImageFileError, MissingExtraError
from expinterp.training.simulator import triples as module
from expinterp.training.simulator.camera import Camera, linear_response, photograph
from expinterp.training.simulator.render import View, main, project
from expinterp.training.simulator.triples import (
    WINDOW,
    cut_window,
    is_informative,
    read_radiance,
    render_triple,
    render_triples,
)


def scene(seed=0):
    random = np.random.default_rng(seed)
    return np.exp(random.normal(0, 1, (260, 400, 3))).astype(np.float32)


def triple(seed=0):
    """The first informative triple after a seed."""
    random = np.random.default_rng(seed)
    rendered = (render_triple(cut_window(scene(), 1, random), Camera(), random) for _ in range(50))
    return next(shots for shots in rendered if is_informative(shots))


@pytest.mark.parametrize("reduction", [1, 2, 4])
def test_pictures_have_one_size_for_any_reduction(reduction):
    random = np.random.default_rng(1)
    camera = Camera(reduction=reduction)
    for _ in range(4):
        window = cut_window(scene(), reduction, random)
        assert render_triple(window, camera, random).medium.shape == (*WINDOW, 3)


def test_a_triple_is_ordered_and_a_linear_camera_halves_it_in_stops():
    shots = triple()
    assert (shots.long >= shots.medium).mean() > 0.999
    assert (shots.medium >= shots.short).mean() > 0.999
    open_ = (shots.long < 255) & (shots.short > 4)
    long, medium, short = (
        shot[open_].astype(float) for shot in (shots.long, shots.medium, shots.short)
    )
    offset = np.log2(medium**2 / (long * short))
    assert abs(np.median(offset)) < 0.15  # shutters drift by 0.015 EV


def test_rendered_pictures_are_a_little_less_colourful_than_their_radiance():
    window = scene()[: WINDOW[0], : WINDOW[1], :1] * np.float32([1.3, 1.0, 0.7])
    random = np.random.default_rng(0)
    redness = []
    for _ in range(20):
        medium = render_triple(window, Camera(), random).medium.astype(float)
        held = (medium > 8).all(axis=2) & (medium < 255).all(axis=2)
        red, _, blue = medium[held].mean(axis=0)
        redness.append((red - blue) / (red + blue))
    assert 0.3 * 0.4 - 0.01 < min(redness) < 0.2
    assert 0.24 < max(redness) < 0.3 * 1.0 + 0.01


def test_shots_without_shared_tones_are_refused():
    shots = triple()
    assert is_informative(shots)
    white = type(shots)(np.full_like(shots.long, 255), shots.medium, shots.short, None)
    assert not is_informative(white)


def write_exr(path, **channels):
    exr = pytest.importorskip("OpenEXR", reason="needs the extra 'train'")
    with exr.File({"type": exr.scanlineimage}, channels) as file:
        file.write(str(path))


def test_a_radiance_map_that_is_cut_off_is_refused_by_name(tmp_path):
    whole = cv2.imencode(".hdr", scene())[1].tobytes()
    for name, size in {"none": 0, "head": 40, "half": len(whole) // 2}.items():
        path = tmp_path / f"{name}.hdr"
        path.write_bytes(whole[:size])
        with pytest.raises(ImageFileError, match=rf"{name}\.hdr: cannot be read .*get it again"):
            read_radiance(path)
    with pytest.raises(ImageFileError, match=r"missing\.hdr"):
        read_radiance(tmp_path / "missing.hdr")


def test_a_radiance_map_without_colours_is_refused_by_name(tmp_path):
    write_exr(tmp_path / "grey.exr", Y=np.ones((4, 6), np.float32))
    (tmp_path / "cut.exr").write_bytes((tmp_path / "grey.exr").read_bytes()[:60])
    (tmp_path / "grey.hdr").write_bytes(cv2.imencode(".png", np.ones((4, 6), np.uint8))[1])
    for name in ("grey.exr", "cut.exr", "grey.hdr"):
        with pytest.raises(ImageFileError, match=f"{name}: .*channels R, G and B"):
            read_radiance(tmp_path / name)


def test_infinite_radiance_is_white_and_nowhere_black(tmp_path):
    sky = np.full((128, 160), 0.5, np.float32)
    sky[40:60, 50:70] = np.inf
    sky[0, 0] = np.nan
    write_exr(tmp_path / "sky.exr", R=sky, G=sky, B=sky)
    radiance = read_radiance(tmp_path / "sky.exr")
    assert radiance.max() == np.finfo(np.float16).max
    assert radiance[0, 0].tolist() == [0, 0, 0]
    crossed = np.array([[1.5, -0.4, -0.1], [-0.2, 1.5, -0.3], [0.0, -0.4, 1.4]], np.float32)
    camera = Camera(correction=crossed, blur=1.0, sharpening=0.5)
    shot = photograph(radiance, 1.0, camera, np.random.default_rng(0))
    assert shot[42:58, 52:68].min() == 255


def test_without_openexr_the_remedy_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "OpenEXR", None)
    with pytest.raises(MissingExtraError, match=r"sky\.exr: .*pip install 'expinterp\[train\]'"):
        read_radiance(tmp_path / "sky.exr")


RESPONSES = {"one": linear_response()[None]}


def test_scenes_take_turns_until_there_are_enough_triples():
    dark, bright = Path("dark.hdr"), Path("bright.hdr")
    red, blue = (scene() * np.float32([r, 1, b]) for r, b in ((9, 1), (1, 9)))
    triples = render_triples({dark: red, bright: blue}, RESPONSES, count=5, seed=0)
    leaning = [np.sign(int(t.medium[..., 0].sum()) - int(t.medium[..., 2].sum())) for t in triples]
    assert leaning == [1, -1, 1, -1, 1]


def test_a_scene_without_tones_is_refused_by_name(monkeypatch):
    monkeypatch.setattr(module, "DRAWS", 3)
    scenes = {Path("good.hdr"): scene(), Path("flat.hdr"): np.ones((260, 400, 3), np.float32)}
    triples = render_triples(scenes, RESPONSES, count=4, seed=0)
    next(triples)
    with pytest.raises(ImageFileError, match=r"flat\.hdr: none of 3 .*; take it out"):
        next(triples)


def test_a_view_straight_ahead_shows_the_middle_of_the_panorama():
    panorama = np.zeros((64, 128, 3), np.float32)
    panorama[28:36, 60:68] = 1.0
    picture = project(panorama, View("", 0, 0, 90, 1.0, 1, 2))
    rows, cols = picture.shape[:2]
    assert picture[rows // 2, cols // 2, 0] > 0.9
    assert picture[0, 0, 0] == 0


def test_rendering_the_examples_names_the_panorama_that_is_missing(tmp_path):
    with pytest.raises(SystemExit, match=r"apartment\.hdr: cannot be read"):
        main([str(tmp_path / "none"), str(tmp_path / "examples")])
    with pytest.raises(SystemExit, match="2"):
        main([])
