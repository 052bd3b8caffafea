"""Plan which files of a folder form brackets, in which order.

`scan` reads headers; `plan_brackets` uses the frames only, and reads no files. A `Plan` can be saved
as JSON lines, edited and read again. A *frame* is one file; a *scene*, a set that people put into a
folder of its own or under one name (`scenes`); other frames form *chains*, cut into *runs*
(`chains`), divided into sets of the *shapes* that their camera makes (`shapes`, `cameras`). Sets
without objection are *brackets* (`grouping`); other files are leftovers.
"""

from __future__ import annotations

from expinterp.brackets.folder import is_damaged, scan
from expinterp.brackets.frames import Frame
from expinterp.brackets.grouping import plan_brackets
from expinterp.brackets.plan import Bracket, Leftover, Plan, PlanError

__all__ = [
    "Bracket",
    "Frame",
    "Leftover",
    "Plan",
    "PlanError",
    "is_damaged",
    "plan_brackets",
    "scan",
]
