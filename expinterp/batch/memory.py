"""How much memory a task takes at its peak, so that tasks running together fit.

The coefficients bound what ``python benchmarks/batch.py memory`` measured, in bytes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

from expinterp.batch.settings import BatchSettings
from expinterp.batch.tasks import Task
from expinterp.brackets import Bracket
from expinterp.core.fusion.plan import MAX_STEP
from expinterp.errors import ImageFileError
from expinterp.images.header import Header, read_header
from expinterp.scene_io import FusionJob, FusionOptions, Job

BASE = 180 * 2**20  # of a process that has opened the network and run a tiny task
THREAD = 64 * 2**20  # of each thread but the first
# For each pixel, by depth:
PAIR = {8: 17, 16: 28}  # of an interpolation
RESIDUAL = {8: 28, 16: 36}  # in addition, if the residual is written
STACK = 14  # of a fusion, and for each exposure in it:
EXPOSURE = {8: 6, 16: 10}
ENCODER = {"avif": 38, "webp": 6}  # in addition, for formats with large encoders
RAW = 24  # in addition, for LibRaw's own picture and the values of the sensors
WIDEST = 8.0  # EV assumed from end to end of a bracket that states nothing
DOUBT = 0.5  # EV by which a step may be larger in the pixels than in the files


def estimate_memory(task: Task, settings: BatchSettings) -> int:
    """Estimate the bytes that a task takes at its peak, its process included."""
    headers = list(_read_headers(task.bracket, settings.folder))
    sizes = ((header.rows * header.cols, header.depth) for header in headers)
    pixels, depth = max(sizes, default=(0, 8))
    each = max(_weigh_pixel(job, task.bracket, depth) for job in task.jobs)
    written = settings.format or next((header.format for header in headers), "")
    each += ENCODER.get(written, 0) + RAW * any(header.format == "raw" for header in headers)
    return BASE + ((settings.threads or 1) - 1) * THREAD + pixels * each


def _weigh_pixel(job: Job, bracket: Bracket, depth: int) -> int:
    """Estimate the bytes that a job takes for each pixel of a photograph."""
    if isinstance(job, FusionJob):
        return STACK + EXPOSURE[depth] * count_exposures(bracket, job.options)
    return PAIR[depth] + ("residual" in job.outputs) * RESIDUAL[depth]


def count_exposures(bracket: Bracket, options: FusionOptions) -> int:
    """Estimate how many exposures are fused; at most so many if the bracket states its steps."""
    gaps = len(bracket.frames) - 1
    if options.virtual != "auto":
        return len(bracket.frames) + gaps * options.virtual
    steps = [WIDEST / gaps] * gaps
    if bracket.evs is not None:
        steps = [abs(one - two) for one, two in pairwise(bracket.evs)]
    return len(bracket.frames) + sum(math.ceil((step + DOUBT) / MAX_STEP) - 1 for step in steps)


def _read_headers(bracket: Bracket, folder: Path) -> Iterator[Header]:
    for frame in bracket.frames:
        with suppress(ImageFileError):  # the task will report it
            yield read_header(folder / frame)
