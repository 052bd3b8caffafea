"""Which files of a folder form brackets, in which order.

`scan` reads headers; `plan_brackets` is pure: what it is told about frames is all it knows. A
`Plan` can be saved as JSON lines, edited and read again.
"""

from __future__ import annotations

from expinterp.brackets.folder import is_damaged, scan
from expinterp.brackets.frames import Frame
from expinterp.brackets.grouping import plan_brackets
from expinterp.brackets.plan import Bracket, Leftover, Plan, PlanError, read_plan

__all__ = [
    "Bracket",
    "Frame",
    "Leftover",
    "Plan",
    "PlanError",
    "is_damaged",
    "plan_brackets",
    "read_plan",
    "scan",
]
