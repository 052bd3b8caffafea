"""What every stage of the core computes from small scenes, compared with recorded numbers.

A law says what a stage must do; these say that it does what it did, constants that were tuned on
photographs included. After a change that is meant to change results, record them again, see
`record_stages`.
"""

from __future__ import annotations

import json

import pytest
from record_stages import ALL, RECORD
from stage_samples import summarise

# Of the largest number of a list. NumPy 1.26 and 2.4, OpenCV 4.14 and 5.0, with and without vector
# instructions, differ by up to 5e-5; where images are resampled, OpenCV 4 and 5 by up to 3e-3.
TOLERANCE = 2e-4
RESAMPLED = dict.fromkeys(("motions", "likenesses", "frames"), 4e-3)


def differences(found, recorded, tolerance, place=""):
    """Name the places where two nested results differ."""
    if isinstance(recorded, dict):
        assert found.keys() == recorded.keys(), place
        parts = [(key, found[key], recorded[key]) for key in recorded]
    elif isinstance(recorded, list) and any(isinstance(part, list | dict) for part in recorded):
        assert len(found) == len(recorded), place
        parts = zip(range(len(found)), found, recorded, strict=True)
    elif isinstance(recorded, list):
        scale = max(map(abs, recorded), default=0)
        near = found == pytest.approx(recorded, rel=0, abs=tolerance * scale + 1e-12)
        return [] if near else [place]
    else:
        return [] if found == recorded else [place]
    return [d for key, *two in parts for d in differences(*two, tolerance, f"{place}/{key}")]


@pytest.fixture(scope="module")
def record():
    return json.loads(RECORD.read_text("utf-8"))


def test_all_stages_are_recorded(record):
    assert record.keys() == ALL.keys()


@pytest.mark.parametrize("name", ALL)
def test_a_stage_computes_what_it_did(record, name):
    found = summarise(ALL[name]())
    assert differences(found, record[name], RESAMPLED.get(name, TOLERANCE)) == []
