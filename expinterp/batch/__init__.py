"""Running a plan: brackets become tasks, tasks results, and the journal keeps both."""

from __future__ import annotations

from expinterp.batch.local import local_runner
from expinterp.batch.naming import TemplateError, check_template
from expinterp.batch.run import Outlook, Summary, preview, run_batch
from expinterp.batch.tasks import Settings, Task
from expinterp.batch.work import Result, Runner

__all__ = [
    "Outlook",
    "Result",
    "Runner",
    "Settings",
    "Summary",
    "Task",
    "TemplateError",
    "check_template",
    "local_runner",
    "preview",
    "run_batch",
]
