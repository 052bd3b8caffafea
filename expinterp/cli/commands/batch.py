"""``expinterp batch``: a folder of brackets in, a result of each out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from expinterp.cli.batch_messages import Watch, plan_lines, plan_table, tell_end, watching
from expinterp.cli.command import Command
from expinterp.cli.commands.fuse import VIRTUAL, WEIGHTS
from expinterp.cli.console import Talk
from expinterp.cli.options import (
    ALIGN,
    FILE,
    FORMATS,
    NETWORK,
    PAGE,
    RATIO,
    RESPONSE,
    TARGET,
    WRITING,
    excluding,
    fusion_options,
    interpolation_options,
    is_given,
    taken,
    threads_option,
)
from expinterp.cli.param_types import memory, times
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

A bracket of two gives the photograph between them, one of more a photograph between each two
neighbours; --mode fuse gives one of all its exposures. Subfolders are mirrored. Whatever stops it, the same command goes on where it stopped:
OUT holds a journal. A bracket that fails stops no other; the exit code is then 10.
"""
EXCLUSIVE = (
    ("ev", "time", "count"),
    ("times", "ratio"),
    ("refine", "model"),
    ("refine", "residual"),
    ("response", "share_response"),
    ("cluster", "max_memory"),
    ("dry_run", "log"),
    ("dry_run", "report"),
    ("plan", "set_size"),
    ("plan", "gap"),
    ("plan", "pattern"),
)
LOCAL = "local"  # as a --cluster: of processes of this machine
SAVED: tuple[Kind, ...] = ("intermediate", "residual")

MAKING: tuple[click.Option, ...] = (
    click.Option(
        ["-o", "--output", "out"], type=FILE, metavar="OUT", help="Folder of the results."
    ),
    click.Option(
        ["--mode"],
        type=click.Choice(["interpolate", "fuse", "both"]),
        default="interpolate",
        show_default=True,
        help="What is made of every bracket.",
    ),
)
FINDING: tuple[click.Option, ...] = (
    click.Option(["--set-size"], type=click.IntRange(2), metavar="N", help="Frames of a bracket."),
    click.Option(
        ["--gap"],
        type=click.FloatRange(0),
        metavar="SECONDS",
        help="Longest pause in a bracket.  [default: 5]",
    ),
    click.Option(
        ["--pattern"],
        metavar="PATTERN",
        help="Names without suffix, as in {set}_{frame}: a bracket is what shares {set}.",
    ),
    click.Option(["--plan"], type=FILE, metavar="FILE", help="Brackets as -n --json lists them."),
    click.Option(["-n", "--dry-run"], is_flag=True, help="Say what would be done, and do nothing."),
)
NAMING: tuple[click.Option, ...] = (
    click.Option(
        ["--name", "template"],
        default="{bracket}_{kind}",
        show_default=True,
        metavar="TEMPLATE",
        help="Of the outputs, from {bracket}, {kind}, {long}, {short}.",
    ),
    click.Option(["--format"], type=FORMATS, help="Of the outputs.  [default: of the photographs]"),
    click.Option(
        ["--on-existing"],
        type=click.Choice(["skip", "fail", "overwrite"]),
        default="fail",
        show_default=True,
        help="What to do where an output lies that no batch made.",
    ),
)
BETWEEN = (  # what means something to interpolating only
    *TARGET,
    click.Option(
        ["--save-intermediate", "intermediate"], is_flag=True, help="Also without network."
    ),
    click.Option(
        ["--save-residual", "residual"], is_flag=True, help="Also what the network added."
    ),
)
FUSED = (  # what means something to fusing only
    *VIRTUAL,
    *WEIGHTS,
    click.Option(
        ["--save-virtual"], is_flag=True, help="Also the exposures computed for fusing, in folders."
    ),
    click.Option(["--save-masks"], is_flag=True, help="Also what counts where, in folders."),
)
TIMES = click.Option(
    ["--times"], type=times, metavar="T,T...", help="Of every bracket's frames, brightest first."
)
SHARING: tuple[click.Option, ...] = (
    click.Option(
        ["--share-response"],
        is_flag=True,
        help="Estimate one response for all brackets of a camera.",
    ),
)
RUNNING: tuple[click.Option, ...] = (
    click.Option(
        ["-j", "--jobs"],
        type=click.IntRange(1),
        metavar="N",
        help="Brackets at a time.  [default: all CPUs]",
    ),
    click.Option(
        ["--max-memory"],
        type=memory,
        metavar="SIZE",
        help="Of all together, as in 8G.  [default: 3/4 of what there is]",
    ),
    click.Option(["--cluster"], metavar="ADDRESS|local", help="Do the work on a Dask cluster."),
)
TELLING: tuple[click.Option, ...] = (
    click.Option(
        ["--report"], type=PAGE, metavar="FILE.html", help="Also write a report, replacing it."
    ),
    click.Option(
        ["--log"], type=FILE, metavar="FILE", help="Add events to this file, as JSON lines."
    ),
    click.Option(["--json", "as_json"], is_flag=True, help="Print JSON lines on stdout."),
)
SECTIONS = {
    "Brackets": FINDING,
    "Results": (*MAKING, *NAMING, *WRITING),
    "Interpolation": BETWEEN,
    "Fusion": FUSED,
    "Photographs": (TIMES, RATIO, *RESPONSE, *SHARING, *ALIGN),
    "Network": (*NETWORK[:-1], threads_option("CPUs / jobs; 1 with --cluster")),
    "Work": RUNNING,
    "Messages": TELLING,
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
    """Plan, then print the plan or do it."""
    for contradiction in _contradictions(context, options):
        raise click.UsageError(contradiction)
    talk = context.ensure_object(Talk)
    plan, damaged = _plan(options)
    settings = _settings(plan, options)
    if options["dry_run"]:
        for line in _preview(plan, settings, options):
            click.echo(line)
        return ExitCode.OK
    return _run(plan, settings, options, talk, damaged)


def _contradictions(context: click.Context, options: dict[str, Any]) -> Iterator[str]:
    """Say which arguments cannot be had together, or mean nothing."""
    yield from excluding(context, EXCLUSIVE)
    if options["cluster"] not in {None, LOCAL} and options["jobs"]:
        yield "--jobs is for this machine; a cluster has as many processes as it was given"
    yield from _meaningless(context, options["mode"])
    if options["folder"] is None and options["plan"] is None:
        yield "name the FOLDER of the brackets, or a --plan"
    if options["out"] is None and not options["dry_run"]:
        yield "name the folder of the results with -o; -n needs none"
    if options["folder"] and options["out"] and _same(options["folder"], options["out"]):
        yield "FOLDER and OUT are the same; give the results a folder of their own"


def _meaningless(context: click.Context, mode: str) -> Iterator[str]:
    """Say which options that were typed mean nothing to the mode."""
    idle = {"interpolate": FUSED, "fuse": (*BETWEEN, RATIO), "both": ()}[mode]
    for option in idle:
        if is_given(context, option.name):
            yield f"{option.opts[-1]} means nothing to --mode {mode}; leave it out"


def _same(one: Path, two: Path) -> bool:
    return one.resolve() == two.resolve()


def _plan(options: dict[str, Any]) -> tuple[Plan, list[str]]:
    """Find the brackets, or read them; also what is wrong with files that cannot be read."""
    from expinterp.brackets import PlanError, is_damaged, plan_brackets, read_plan, scan

    folder = options["folder"]
    try:
        if options["plan"]:
            plan = read_plan(options["plan"])
            return (replace(plan, folder=str(folder)) if folder else plan), []
        frames = scan(folder, exclude=[options["out"]] if options["out"] else [])
        chosen = taken(options, ("set_size", "gap", "pattern"))
        plan = plan_brackets(frames, folder=str(folder.resolve()), **chosen)
    except PlanError as error:
        raise click.UsageError(str(error)) from error
    return plan, [f"{frame.path}: {frame.problem}" for frame in frames if is_damaged(frame)]


def _settings(plan: Plan, options: dict[str, Any]) -> BatchSettings:
    """Say what to make of every bracket; refuse here what would fail for each of them."""
    from expinterp.batch import BatchSettings, TemplateError, check_template
    from expinterp.scene_io.profiles import read_profile

    kinds: tuple[Kind, ...] = ("medium", *(kind for kind in SAVED if options[kind]))
    fuses = options["mode"] != "interpolate"
    interpolates = options["mode"] != "fuse"
    several = interpolates * len(kinds) + fuses * (
        1 + options["save_virtual"] + options["save_masks"]
    )
    try:
        check_template(options["template"], kinds=several)
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
        save_virtual=options["save_virtual"],
        save_masks=options["save_masks"],
        template=options["template"],
        format=options["format"],
        shared=options["share_response"],
    )


def _preview(plan: Plan, settings: BatchSettings, options: dict[str, Any]) -> Iterator[str]:
    """Say what would be done: as a table, or as JSON lines."""
    from expinterp.batch import preview, shared_before

    if settings.shared:
        settings = shared_before(plan.brackets, settings)
    outlook = preview(plan, settings, on_existing=options["on_existing"])
    return plan_lines(plan, outlook) if options["as_json"] else plan_table(plan, outlook)


def _run(
    plan: Plan, settings: BatchSettings, options: dict[str, Any], talk: Talk, damaged: Sequence[str]
) -> int:
    """Do the plan, telling how it comes on, and at the end how it went."""
    from expinterp.batch import Summary, run_batch, share_responses

    if not plan.brackets:
        return tell_end(Summary(), plan, damaged, talk)
    from expinterp.files import check_output

    def prepare(settings: BatchSettings) -> BatchSettings:
        if options["report"]:
            check_output(options["report"], overwrite=True, inputs=_photographs(plan, settings))
        if not settings.shared:
            return settings
        return share_responses(plan.brackets, settings, local.gather, told=talk.detail)

    with watching(
        talk,
        log=options["log"],
        inputs=_photographs(plan, settings),
        as_json=options["as_json"],
    ) as watch:
        local = _local(options, watch)
        summary = run_batch(
            plan,
            settings,
            _runner(options, local, watch),
            on_existing=options["on_existing"],
            prepare=prepare,
            began=watch.began,
            ended=watch.ended,
        )
    code = tell_end(summary, plan, damaged, talk)
    if options["report"]:
        _report(settings.out, options["report"], talk)
    return code


def _photographs(plan: Plan, settings: BatchSettings) -> Iterator[Path]:
    return (settings.folder / frame for bracket in plan.brackets for frame in bracket.frames)


def _report(out: Path, target: Path, talk: Talk) -> None:
    """Write the page of what the journal holds now."""
    from expinterp.report import write_report

    for remark in write_report(str(out), str(target), overwrite=True):
        talk.warn(remark)


def _runner(options: dict[str, Any], local: Local, watch: Watch) -> Runner:
    """Choose what does the work: this machine, or a cluster."""
    from expinterp.batch import Cluster

    if options["cluster"] is None:
        return local.run
    return Cluster(
        options["cluster"],
        jobs=options["jobs"],
        threads=options["threads"],
        notice=watch.notice,
    ).run


def _local(options: dict[str, Any], watch: Watch) -> Local:
    """Share out CPUs and memory."""
    from expinterp.batch import Local

    return Local(
        jobs=options["jobs"],
        threads=options["threads"],
        room=options["max_memory"],
        notice=watch.notice,
    )
