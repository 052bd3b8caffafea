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

RELATIVE = (
    2e-4  # of the largest number of a list: other versions of OpenCV and NumPy round otherwise
)


def differences(found, recorded, place=""):
    """Name the places where two nested results differ."""
    if isinstance(recorded, dict):
        assert found.keys() == recorded.keys(), place
        return [
            d for key in recorded for d in differences(found[key], recorded[key], f"{place}/{key}")
        ]
    if isinstance(recorded, list) and any(isinstance(part, list | dict) for part in recorded):
        assert len(found) == len(recorded), place
        parts = enumerate(zip(found, recorded, strict=True))
        return [d for k, both in parts for d in differences(*both, f"{place}/{k}")]
    if isinstance(recorded, list):
        scale = max(map(abs, recorded), default=0)
        same = found == pytest.approx(recorded, rel=0, abs=RELATIVE * scale + 1e-12)
    else:
        same = found == recorded
    return [] if same else [place]


@pytest.fixture(scope="module")
def record():
    return json.loads(RECORD.read_text("utf-8"))


def test_all_stages_are_recorded(record):
    assert record.keys() == ALL.keys()


@pytest.mark.parametrize("name", ALL)
def test_a_stage_computes_what_it_did(record, name):
    assert differences(summarise(ALL[name]()), record[name]) == []
