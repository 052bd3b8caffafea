"""One pair of files, from reading to written outputs: what a command, or a batch item, does."""

from __future__ import annotations

from expinterp.job.plan import Job, Kind, Target, TargetError, Writing, refuse
from expinterp.job.work import Report, run

__all__ = [
    "Job",
    "Kind",
    "Report",
    "Target",
    "TargetError",
    "Writing",
    "refuse",
    "run",
]
