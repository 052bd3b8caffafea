"""Running a plan: brackets become tasks, tasks results, and the journal keeps both."""

from __future__ import annotations

from expinterp.batch.cluster import Cluster
from expinterp.batch.execute import Runner, TaskResult
from expinterp.batch.local import Local
from expinterp.batch.naming import TemplateError, check_template
from expinterp.batch.run import Outlook, Summary, preview, run_batch
from expinterp.batch.settings import BatchSettings
from expinterp.batch.shared_response import share_responses, shared_before
from expinterp.batch.tasks import Task

__all__ = [
    "BatchSettings",
    "Cluster",
    "Local",
    "Outlook",
    "Runner",
    "Summary",
    "Task",
    "TaskResult",
    "TemplateError",
    "check_template",
    "preview",
    "run_batch",
    "share_responses",
    "shared_before",
]
