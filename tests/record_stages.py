"""Record what every stage of the core computes from the small scenes of `stage_samples`, and
where it decides otherwise, by the ladders of `threshold_samples`.

Run ``python tests/record_stages.py`` after a change that is meant to change results, and look at
what the difference of the recorded file names: only stages that the change concerns.
"""

from __future__ import annotations

import json
from pathlib import Path

from stage_samples import STAGES, summarise
from threshold_samples import THRESHOLDS

ALL = STAGES | THRESHOLDS
RECORD = Path(__file__).parent / "core" / "stages.json"

if __name__ == "__main__":
    found = {name: summarise(compute()) for name, compute in sorted(ALL.items())}
    lines = (f"{json.dumps(name)}: {json.dumps(values)}" for name, values in found.items())
    RECORD.write_text("{\n" + ",\n".join(lines) + "\n}\n", "utf-8")
