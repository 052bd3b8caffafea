"""Running a plan: brackets become tasks, tasks give results, and a journal records both."""

from __future__ import annotations

from expinterp.batch.cluster import Cluster
from expinterp.batch.execute import Runner, TaskResult
from expinterp.batch.local import Local
from expinterp.batch.naming import TemplateError, check_template
from expinterp.batch.plan_file import read_plan
from expinterp.batch.run import Schedule, Summary, hidden_picture, preview, run_batch
from expinterp.batch.settings import BatchSettings
from expinterp.batch.shared_response import reuse_responses, share_responses
from expinterp.batch.tasks import Task

__all__ = [
    "BatchSettings",
    "Cluster",
    "Local",
    "Runner",
    "Schedule",
    "Summary",
    "Task",
    "TaskResult",
    "TemplateError",
    "check_template",
    "hidden_picture",
    "preview",
    "read_plan",
    "reuse_responses",
    "run_batch",
    "share_responses",
]
