"""``expinterp batch``: a folder of brackets in, a result of each out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from expinterp.cli.batch_messages import BatchMonitor, monitor_batch, print_plan, show_summary
from expinterp.cli.command import Command, refuse
from expinterp.cli.console import Console
from expinterp.cli.jobs import fusion_options, interpolation_options, name_camera, warn_of_library
from expinterp.cli.options import (
    CAMERA,
    DENOISE,
    DEVELOPMENT,
    FILE,
    FORMATS,
    FUSION,
    MOTION,
    NETWORK,
    PAGE,
    RATIO,
    RESPONSE,
    STREAM,
    TARGET,
    WRITING,
    choice,
    excluding,
    file_option,
    flag,
    given,
    is_given,
    json_option,
    number,
    threads_option,
    value,
)
from expinterp.cli.param_types import Number, memory, times
from expinterp.errors import ExitCode

if TYPE_CHECKING:
    from expinterp.batch import BatchSettings, Local, Runner
    from expinterp.brackets import Plan
    from expinterp.scene_io import Kind

HELP = """Compute results of all the brackets in FOLDER.

\b
expinterp batch card -o results
expinterp batch card -o results --mode fuse
expinterp batch card -n                                  # what would be done
expinterp batch card -n --json > plan.jsonl              # to be edited, then
expinterp batch --plan plan.jsonl -o results

Of two exposures, the photograph between them is computed; of more, one between each two adjacent
ones. --mode fuse computes one photograph of all exposures. Subfolders are mirrored. After any
interruption, the same command continues, since OUT holds a journal. A bracket that fails does not
stop the others; the exit code is then 10.
"""
EXCLUSIVE = (
    ("ev", "time", "count"),
    ("times", "ratio"),
    ("refine", "model"),
    ("refine", "residual"),
    ("response", "share_response"),
    ("response", "camera"),
    ("cluster", "max_memory"),
    ("dry_run", "log"),
    ("dry_run", "report"),
    ("plan", "set_size"),
    ("plan", "gap"),
    ("plan", "pattern"),
)
TEMPLATE = "{bracket}_{kind}"
LOCAL = "local"  # as a --cluster: of processes of this machine
SAVED: tuple[Kind, ...] = ("intermediate", "residual", "ghosts")
BETWEEN = (  # options of interpolation only
    *TARGET,
    flag("--save-intermediate intermediate", "Also write the image without network and denoising."),
    flag("--save-residual residual", "Also write what network and denoising changed."),
)
FUSED = (  # options of fusion only
    *FUSION,
    flag("--save-virtual", "Save the computed exposures in folders."),
    flag("--save-masks", "Save the weights as images in folders."),
)
BRACKETS = (
    number("--set-size", "Number of frames in a bracket.", least=2),
    value("--gap", Number(0), "SECONDS", "Longest pause in a bracket.  [default: 5]"),
    value("--pattern", str, "PATTERN", "File names, such as {set}_{frame}: a {set} is a bracket."),
    choice("--prefer", ["raw", "jpeg"], "raw", "File of a shot that has a raw file and a JPEG."),
    file_option("--plan", "Brackets as listed by -n --json."),
    flag("-n --dry-run", "Show what would be done, and do nothing."),
)
MODES = ["interpolate", "fuse", "both"]
EXISTING = ["skip", "fail", "overwrite"]
NAMES_HELP = "Names of the results, from {bracket}, {kind}, {long}, {short}."
RESULTS = (
    file_option("-o --output out", "Folder of the results.", metavar="OUT"),
    choice("--mode", MODES, MODES[0], "What is computed of each bracket."),
    value("--name template", str, "TEMPLATE", NAMES_HELP, default=TEMPLATE, show_default=True),
    value("--format", FORMATS, None, "Format of the results.  [default: of the photographs]"),
    choice("--on-existing", EXISTING, "fail", "What to do if a file exists that no batch wrote."),
    flag("--save-ghosts ghosts", "Also write a picture of what was taken from which shot."),
    *WRITING,
)
PHOTOGRAPHS = (
    value("--times", times, "T,T...", "Exposure times of each bracket, brightest first."),
    RATIO,
    RESPONSE,
    CAMERA,
    flag("--share-response", "Estimate one response for all brackets of a camera."),
    *MOTION,
    DENOISE,
    *DEVELOPMENT,
)
WORK = (
    number("-j --jobs", "Brackets at a time.  [default: number of CPUs]"),
    value("--max-memory", memory, "SIZE", "Memory of all jobs, such as 8G.  [default: 3/4 of all]"),
    value("--cluster", str, "ADDRESS|local", "Run the jobs on a Dask cluster."),
)
MESSAGES = (
    value("--report", PAGE, "FILE.html", "Write a report, replacing an old one."),
    file_option("--log", "Append events to this file, as JSON lines."),
    json_option("Print JSON lines, on standard output."),
)
SECTIONS = {
    "Brackets": BRACKETS,
    "Results": RESULTS,
    "Interpolation": BETWEEN,
    "Fusion": FUSED,
    "Photographs": PHOTOGRAPHS,
    "Network": (*NETWORK[:-1], threads_option("CPUs / jobs; 1 with --cluster")),
    "Work": WORK,
    "Messages": MESSAGES,
}


@click.command(
    cls=Command,
    sections=SECTIONS,
    help=HELP,
    short_help="Compute results of all brackets in a folder.",
)
@click.argument("folder", type=FILE, required=False)
@click.pass_context
def batch(context: click.Context, /, **options: Any) -> int:
    """Plan, then print the plan or run it."""
    refuse(_contradictions(context, options))
    console = context.ensure_object(Console)
    options = name_camera(options)
    warn_of_library(console, options["response"], options["camera"])
    plan, damaged = _plan(options)
    console.warn(*_not_searched(options))
    settings = _settings(plan, options)
    if options["dry_run"]:
        _preview(plan, settings, options)
        return ExitCode.OK
    return _run(plan, settings, options, console, damaged)


def _contradictions(context: click.Context, options: dict[str, Any]) -> Iterator[str]:
    """List arguments that contradict each other, or have no effect."""
    yield from excluding(context, EXCLUSIVE)
    folder, out = options["folder"], options["out"]
    if options["cluster"] not in {None, LOCAL} and options["jobs"]:
        yield "--jobs is for this machine; a cluster has as many processes as it was given"
    yield from _without_effect(context, options["mode"])
    if options["ghosts"] and options["deghost"] == "off":
        yield "--deghost off leaves nothing for --save-ghosts; give one of them"
    if str(options["report"]) == STREAM:
        yield "--report needs the name of a file, not -; 'expinterp report' prints a page"
    if folder is None and options["plan"] is None:
        yield "name the FOLDER of the brackets, or a --plan"
    if out is None and not options["dry_run"]:
        yield "name the folder of the results with -o; -n needs none"
    if folder and out and folder.resolve() == out.resolve():
        yield "FOLDER and OUT are the same; give the results a folder of their own"


def _without_effect(context: click.Context, mode: str) -> Iterator[str]:
    """List the options that were typed but have no effect in the mode."""
    others = {"interpolate": FUSED, "fuse": (*BETWEEN, RATIO), "both": ()}[mode]
    for option in others:
        if is_given(context, option.name):
            yield f"{option.opts[-1]} has no effect with --mode {mode}; leave it out"


def _plan(options: dict[str, Any]) -> tuple[Plan, list[str]]:
    """Find the brackets, or read them; also return a message for each file that is damaged."""
    from expinterp.batch import read_plan
    from expinterp.brackets import PlanError, is_damaged, plan_brackets, scan

    folder = options["folder"]
    try:
        if options["plan"]:
            plan = read_plan(options["plan"])
            return (replace(plan, folder=str(folder)) if folder else plan), []
        frames = scan(folder, exclude=[options["out"]] if options["out"] else [])
        chosen = given(options, ("set_size", "gap", "pattern", "prefer"))
        plan = plan_brackets(frames, folder=str(folder.resolve()), **chosen)
    except PlanError as error:
        raise click.UsageError(str(error)) from error
    return plan, [f"{frame.path}: {frame.problem}" for frame in frames if is_damaged(frame)]


def _not_searched(options: dict[str, Any]) -> Iterator[str]:
    """Warn of photographs that are left out because the results go beside them."""
    from expinterp.batch import hidden_picture

    folder, out = options["folder"], options["out"]
    found = hidden_picture(folder, out) if out and not options["plan"] else None
    if found:
        words = "are not searched, as it is the folder of the results; choose another one with -o"
        yield f"{out}: the pictures there, such as {found}, {words}"


def _settings(plan: Plan, options: dict[str, Any]) -> BatchSettings:
    """Collect the settings; refuse here what would fail for each bracket."""
    from expinterp.batch import BatchSettings, TemplateError, check_template
    from expinterp.library import read_profile

    kinds: tuple[Kind, ...] = ("medium", *(kind for kind in SAVED if options[kind]))
    fuses, interpolates = options["mode"] != "interpolate", options["mode"] != "fuse"
    folders = {name: options[name] for name in ("save_virtual", "save_masks")}
    outputs = interpolates * len(kinds) + fuses * (1 + options["ghosts"] + sum(folders.values()))
    try:
        check_template(options["template"], kinds=outputs)
    except TemplateError as error:
        raise click.UsageError(str(error)) from error
    if options["response"]:
        read_profile(options["response"])
    return BatchSettings(
        folder=Path(plan.folder).resolve(),
        out=(options["out"] or Path()).resolve(),
        interpolation=interpolation_options(options) if interpolates else None,
        fusion=fusion_options(options, metrics=False) if fuses else None,
        kinds=kinds,
        template=options["template"],
        format=options["format"],
        shared=options["share_response"],
        library=_library(options),
        **folders,
    )


def _library(options: dict[str, Any]) -> str | None:
    """Digest the user's own cameras; None if no result can depend on them."""
    from expinterp.library import ANY, open_library

    unused = options["response"] or options["camera"] == ANY
    return None if unused else open_library().digest()


def _preview(plan: Plan, settings: BatchSettings, options: dict[str, Any]) -> None:
    """Print what would be done."""
    from expinterp.batch import preview, reuse_responses

    if settings.shared:
        settings = reuse_responses(plan.brackets, settings)
    schedule = preview(plan, settings, on_existing=options["on_existing"])
    print_plan(plan, schedule, as_json=options["as_json"])


def _run(
    plan: Plan,
    settings: BatchSettings,
    options: dict[str, Any],
    console: Console,
    damaged: Sequence[str],
) -> int:
    """Run the plan, showing progress and a summary."""
    from expinterp.batch import Summary, run_batch, share_responses
    from expinterp.files import check_output

    if not plan.brackets:
        if options["report"]:
            console.warn(f"{options['report']}: is not written, as there are no brackets")
        return show_summary(Summary(), plan, damaged, console)
    report = options["report"]

    def prepare(settings: BatchSettings) -> BatchSettings:
        if report:
            check_output(report, overwrite=True, inputs=_photographs(plan, settings))
        if not settings.shared:
            return settings
        return share_responses(plan.brackets, settings, local.gather, notify=console.detail)

    with monitor_batch(
        console, log=options["log"], inputs=_photographs(plan, settings), as_json=options["as_json"]
    ) as monitor:
        local = _local(options, monitor)
        summary = run_batch(
            plan,
            settings,
            _runner(options, local, monitor),
            on_existing=options["on_existing"],
            prepare=prepare,
            began=monitor.began,
            ended=monitor.ended,
        )
    code = show_summary(summary, plan, damaged, console)
    if report:
        from expinterp.report import write_report

        console.warn(*write_report(str(settings.out), str(report), overwrite=True))
    return code


def _photographs(plan: Plan, settings: BatchSettings) -> Iterator[Path]:
    return (settings.folder / frame for bracket in plan.brackets for frame in bracket.frames)


def _runner(options: dict[str, Any], local: Local, monitor: BatchMonitor) -> Runner:
    """Choose what runs the tasks: this machine, or a cluster."""
    from expinterp.batch import Cluster

    address = options["cluster"]
    if address is None:
        return local.run
    jobs, threads = options["jobs"], options["threads"]
    return Cluster(address, jobs=jobs, threads=threads, notice=monitor.notice).run


def _local(options: dict[str, Any], monitor: BatchMonitor) -> Local:
    """Divide CPUs and memory of this machine."""
    from expinterp.batch import Local

    return Local(
        jobs=options["jobs"],
        threads=options["threads"],
        room=options["max_memory"],
        notice=monitor.notice,
    )
