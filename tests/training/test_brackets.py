"""Photographed brackets as training data: usable triples, their y0, and the split by scene."""

from __future__ import annotations

import weakref
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the extra 'train': pip install expinterp[train]")

from evaluation_samples import TIMES, shoot, write_list, write_scene

from expinterp.errors import ImageFileError
from expinterp.evaluation import find_material, open_case
from expinterp.images import Metadata, read_photograph, with_exposure_time, write_photograph
from expinterp.pipeline import interpolate
from expinterp.training.brackets import (
    BracketTriple,
    calibrate_brackets,
    find_fault,
    list_triples,
    read_triples,
)
from expinterp.training.settings import TrainingSettings
from expinterp.training.sources import collect_data, open_source

pytestmark = pytest.mark.train
SMALL = TrainingSettings(photographs=6, patches=4, held_out=1)


def case_with(tmp_path, change):
    """Open a bracket whose medium was changed."""
    paths = write_scene(tmp_path / "scene")
    pixels = change(read_photograph(paths[1]).pixels)
    meta = with_exposure_time(Metadata(), TIMES[1])
    write_photograph(pixels, paths[1], metadata=meta, overwrite=True)
    (triple,) = find_material(tmp_path).triples
    return open_case(triple)


def test_a_still_registered_triple_has_no_fault(tmp_path):
    assert find_fault(case_with(tmp_path, lambda medium: medium)) is None


@pytest.mark.parametrize("shift", [2, -3])
def test_a_shifted_medium_is_refused_with_its_distance(tmp_path, shift):
    fault = find_fault(case_with(tmp_path, lambda medium: np.roll(medium, shift, axis=1)))
    assert f"{abs(shift)}.0 pixels beside" in fault
    assert "register" in fault


def test_a_scene_that_moved_is_refused(tmp_path):
    def move(medium):
        moved = medium.copy()
        moved[20:60, 30:80] = medium[20:60, 30:80][::-1, ::-1]
        return moved

    assert "has moved" in find_fault(case_with(tmp_path, move))


def test_y0_is_that_of_the_command_line(tmp_path):
    write_scene(tmp_path / "scene")
    triples = find_material(tmp_path).triples
    (example,) = read_triples(triples, known="nothing")
    made = interpolate(example.long, example.short, refiner=None).medium
    np.testing.assert_array_equal(np.rint(example.stage_one[0] * 255).astype(np.uint8), made)
    np.testing.assert_array_equal(example.medium, shoot(TIMES[1]))


def test_grey_and_sixteen_bits_become_three_channels_of_eight(tmp_path):
    for index, time in enumerate(TIMES):
        pixels = shoot(time, bits=16)[..., :1]
        meta = with_exposure_time(Metadata(), time)
        write_photograph(pixels, tmp_path / f"{index}.png", metadata=meta)
    (example,) = read_triples(find_material(tmp_path).triples, known="nothing")
    for picture in (example.long, example.medium, example.short):
        assert picture.dtype == np.uint8
        assert picture.shape == example.stage_one[0].shape == (96, 128, 3)


def test_an_unusable_triple_is_a_reason_in_place_of_pictures(tmp_path):
    good, bad = (write_scene(tmp_path / name, seed=seed) for seed, name in enumerate("ab"))
    triples = find_material(tmp_path).triples
    bad[1].write_bytes(bad[1].read_bytes()[:3000])
    read = list(read_triples(triples, known="nothing"))
    assert [type(one) for one in read] == [BracketTriple, str]
    assert str(bad[1]) in read[1]
    assert good[1].exists()


def test_a_profile_of_all_frames_makes_y0_better_on_another_scene(tmp_path):
    write_list(tmp_path, {"one": 0, "two": 1, "three": 2})
    material = find_material(tmp_path)
    profile = calibrate_brackets(material.brackets[:2])
    assert (profile.camera, profile.shots, profile.scale) == ("A B", 18, 1.0)
    errors = {}
    for known in ("nothing", "camera"):
        (example,) = read_triples(material.triples[2:], known=known, profile=profile)
        errors[known] = float(np.square(example.stage_one[0] - example.medium / 255).mean())
    assert errors["camera"] < errors["nothing"]


def test_frames_without_times_give_no_profile():
    with pytest.raises(ImageFileError, match="times are known"):
        calibrate_brackets([])


def test_brackets_give_all_triples_as_far_apart_as_given_ones(tmp_path):
    material = read_material(tmp_path)
    found = list_triples(material, ["one"])
    assert len(found) == len({one.files for one in found}) == 5  # 4 EV, of nine stops
    assert {one.ev for one in found} == {4.0}
    assert {one.scene for one in found} == {"one"}
    assert list_triples(material, []) == []


def read_material(tmp_path):
    write_list(tmp_path, {"one": 0, "two": 1})
    return find_material(tmp_path)


def test_of_large_photographs_fewer_triples_are_read(tmp_path, monkeypatch):
    from expinterp.training import sources as module

    triples = list_triples(read_material(tmp_path), ["one", "two"])
    assert module.thin(triples, seed=1) == triples
    monkeypatch.setattr(module, "FEWEST", 3)
    monkeypatch.setattr(module, "MOST_PIXELS", 4 * 96 * 128)
    thinned = module.thin(triples, seed=1)
    assert len(thinned) == 4
    assert [one for one in triples if one in thinned] == thinned
    monkeypatch.setattr(module, "MOST_PIXELS", 0)
    assert len(module.thin(triples, seed=1)) == 3


def test_brackets_are_split_by_scene(tmp_path):
    for seed in range(4):
        write_scene(tmp_path / f"scene{seed}", seed=seed)
    source = open_source(tmp_path, SMALL)
    assert len(source.held_out) == 1
    assert sorted(source.learned + source.held_out) == [f"scene{n}" for n in range(4)]
    data = collect_data([source], SMALL)
    assert len(data.patches) == 24  # as many as of six rendered triples
    assert data.patches.picture.max() == 2
    assert data.held_out.picture.max() == 0
    seeds = [replace(SMALL, seed=seed) for seed in range(2, 6)]
    others = [open_source(tmp_path, settings).description for settings in seeds]
    assert {other.digest for other in others} == {source.description.digest}
    assert {other.held_out for other in others} - {source.held_out}


def test_no_photograph_is_kept_after_its_patches_are_cut(tmp_path, monkeypatch):
    from expinterp.training import sources as module

    seen, alive = [], []

    def watched(files, **options):
        for one in read_triples(files, **options):
            seen.append(weakref.ref(one))
            yield one
            del one
            alive.append(sum(each() is not None for each in seen))

    for seed in range(4):
        write_scene(tmp_path / f"scene{seed}", seed=seed)
    monkeypatch.setattr(module, "read_triples", watched)
    collect_data([open_source(tmp_path, SMALL)], SMALL)
    assert alive == [1, 1, 1, 1]  # the last one, which the loop holds


def test_a_source_without_usable_triples_is_refused_with_reasons(tmp_path):
    for seed in range(2):
        paths = write_scene(tmp_path / f"scene{seed}", seed=seed)
        medium = read_photograph(paths[1])
        shifted = np.roll(medium.pixels, 5, axis=1)
        write_photograph(shifted, paths[1], metadata=medium.metadata, overwrite=True)
    with pytest.raises(ImageFileError, match=r"no triple is usable \(.* pixels beside"):
        collect_data([open_source(tmp_path, SMALL)], SMALL)


def test_patches_are_cached_by_source_and_settings(tmp_path):
    for seed in range(2):
        write_scene(tmp_path / "card" / f"scene{seed}", seed=seed)
    kept = tmp_path / "run"
    kept.mkdir()
    source = open_source(tmp_path / "card", SMALL)
    first = collect_data([source], SMALL, cache=kept)
    again = collect_data(
        [source], SMALL, cache=kept, progress=lambda words: pytest.fail("cut again")
    )
    np.testing.assert_array_equal(first.patches.residual, again.patches.residual)
    collect_data([source], replace(SMALL, side=8), cache=kept)
    assert len(list(kept.iterdir())) == 2


@pytest.mark.parametrize("held_out", [2, 5])
def test_a_source_needs_scenes_to_learn_from_and_to_hold_out(tmp_path, held_out):
    for seed in range(2):
        write_scene(tmp_path / f"scene{seed}", seed=seed)
    with pytest.raises(ImageFileError, match="2 scenes"):
        open_source(tmp_path, replace(SMALL, held_out=held_out))
