"""Running a plan: brackets become tasks, tasks results, and the journal keeps both."""

from __future__ import annotations

from expinterp.batch.cluster import Cluster
from expinterp.batch.local import Local
from expinterp.batch.naming import TemplateError, check_template
from expinterp.batch.run import Outlook, Summary, preview, run_batch
from expinterp.batch.settings import Settings
from expinterp.batch.share import share_responses, shared_before
from expinterp.batch.tasks import Task
from expinterp.batch.work import Result, Runner

__all__ = [
    "Cluster",
    "Local",
    "Outlook",
    "Result",
    "Runner",
    "Settings",
    "Summary",
    "Task",
    "TemplateError",
    "check_template",
    "preview",
    "run_batch",
    "share_responses",
    "shared_before",
]
