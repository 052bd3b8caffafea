"""Evaluation of triples in the formats that `interpolate` reads."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from evaluation_samples import TIMES, shoot
from synthetic import scene

from expinterp.evaluation import evaluate, fidelity_study, find_material, fusion_study
from expinterp.images import Metadata, with_exposure_time, write_photograph
from expinterp.refine import bundled_refiner
from expinterp.training.brackets import read_triples
from expinterp.training.simulator.dng import write_dng


def write_raw(folder: Path) -> None:
    light = scene((96, 128)).astype(np.float32)
    for time in TIMES:
        write_dng(folder / f"{round(1 / time):02d}.dng", light, time)


def write_jxl(folder: Path) -> None:
    for time in TIMES:
        metadata = with_exposure_time(Metadata(), time)
        write_photograph(shoot(time), folder / f"{round(1 / time):02d}.jxl", metadata=metadata)


def test_a_raw_triple_is_measured_by_its_known_response(tmp_path):
    write_raw(tmp_path)
    triples = find_material(tmp_path).triples
    (found,) = evaluate(
        fidelity_study(refiners={"network": bundled_refiner()}), triples, keep_views=True
    )
    assert not found.failures
    assert found.scores.keys() == {"blind", "times", "opencv"}
    assert found.scores["blind"]["psnr"] > 50
    assert {"long", "blind"} <= found.views.keys()
    (fused,) = evaluate(fusion_study(refiners={}).only(["virtual-0", "MergeMertens"]), triples)
    assert not fused.failures
    assert min(score["bracket"] for score in fused.scores.values()) > 0.5


def test_a_jpeg_xl_triple_is_measured(tmp_path):
    pytest.importorskip("pillow_jxl")
    write_jxl(tmp_path)
    (found,) = evaluate(
        fidelity_study(refiners={}).only(["blind"]), find_material(tmp_path).triples
    )
    assert not found.failures
    assert found.scores["blind"]["psnr"] > 30


def test_a_folder_of_raw_files_and_their_jpegs_is_read_as_the_jpegs(tmp_path):
    write_raw(tmp_path)
    for time in TIMES:
        metadata = with_exposure_time(Metadata(), time)
        write_photograph(shoot(time), tmp_path / f"{round(1 / time):02d}.jpg", metadata=metadata)
    (triple,) = find_material(tmp_path).triples
    assert {file.suffix for file in triple.files} == {".jpg"}
    (tmp_path / "04.jpg").unlink()
    (triple,) = find_material(tmp_path).triples
    assert {file.suffix for file in triple.files} == {".dng"}


def test_no_network_is_tuned_on_raw_triples(tmp_path):
    write_raw(tmp_path)
    (refused,) = read_triples(find_material(tmp_path).triples, known="nothing")
    assert "the response of raw and linear files is known; use the JPEG files" in refused
