"""Plan which files of a folder form brackets, in which order.

`scan` reads headers; `plan_brackets` reads no files: it uses the frames only. A `Plan` can be saved
as JSON lines, edited and read again. In the order in which the planner finds them:

frame      what the name, the header and the thumbnail of one file state (`frames`)
thumbnail  a picture in 12 × 12 grey blocks (`thumbnail_match`)
level      how much light a frame recorded, in stops; the brightness of its thumbnail where the file
           states no exposure
scene      a set that people put into a folder of its own, or under one name (`scenes`)
chain      the frames of one camera in the order in which they were taken (`chains`)
run        a part of a chain without a break in time, settings or file numbers (`runs`)
shape      the order and the step of the levels of a set, such as 0 −2 +2 EV (`shapes`)
window     a part of a run that has a shape, so that it may be a set (`windows`)
partition  a run divided into sets of the shapes that its camera makes (`camera_shapes`, `partition`)
set        the frames of one scene at several exposures (`sets`), judged by `evidence` and
           `completeness`
bracket    a set that is accepted, as part of the plan (`plan`); other files are leftovers
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
