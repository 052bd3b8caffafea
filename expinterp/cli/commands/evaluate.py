"""``expinterp evaluate``: compare results with the photographed medium."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from expinterp.cli.command import Command, refuse
from expinterp.cli.console import Console
from expinterp.cli.options import (
    DEVICE,
    FILE,
    MOVING,
    OVERWRITE,
    PAGE,
    RESPONSE,
    STREAM,
    flag,
    json_option,
    value,
)
from expinterp.cli.progress import show_count
from expinterp.errors import ExitCode
from expinterp.text import dump_json

if TYPE_CHECKING:
    from expinterp.evaluation import Evaluation, Material, Outcome, Profiles, Study

HELP = """Measure the quality of the results on your own photographs.

\b
expinterp evaluate brackets                       # PSNR and SSIM against the photographed medium
expinterp evaluate brackets --model mycam.onnx --html figures.html
expinterp evaluate brackets --fusion              # fused pictures, with enfuse and MergeMertens
expinterp evaluate scenes.json --camera D90 --json > figures.json

SOURCE is a folder with a subfolder for each still scene, of three or more exposures. All triples of
evenly spaced exposures are used, by the exposures stated in the files. SOURCE may also be a list of
scenes in JSON, or a folder that holds one as scenes.json. --model may name any network, also one
made by 'expinterp train --target image'. The photographed medium is not aligned: a camera that moved
makes every result worse. The share of pixels that moved is printed. A file that cannot be read stops
nothing else; the exit code is then 10.
"""

SECTIONS = {
    "Comparison": (
        flag("--fusion", "Measure fusions of the pair instead."),
        value("--camera", str, "NAME", "Only cameras whose name contains NAME."),
        value(
            "--only", str, "METHOD", "Only this method of the tables; repeatable.", multiple=True
        ),
        RESPONSE,
        *MOVING,
    ),
    "Network": (
        value(
            "--model models", FILE, "FILE", "Compare another network; repeatable.", multiple=True
        ),
        *DEVICE,
    ),
    "Page": (
        value("--html", PAGE, "FILE.html", "Also write an HTML page of tables and charts."),
        flag("--pictures", "Include photographs in the page; mind their copyright."),
        OVERWRITE,
    ),
    "Messages": (json_option("Print the record as JSON, on standard output."),),
}


@click.command(
    cls=Command,
    sections=SECTIONS,
    help=HELP,
    short_help="Measure the quality of results on photographed triples.",
)
@click.argument("source", type=FILE)
@click.pass_context
def evaluate(context: click.Context, /, **options: Any) -> int:
    """Find the triples, run every method on each, print the scores."""
    refuse(_contradictions(options))
    from expinterp.cli.tables import print_tables
    from expinterp.evaluation import find_material, tabulate

    console = context.ensure_object(Console)
    material = find_material(options["source"]).of_camera(options["camera"] or "")
    _check(material, options)
    console.warn(*material.remarks)
    evaluation = _evaluate(material, options, console)
    if options["html"]:
        _write_page(evaluation, options, console)
    if options["as_json"]:
        click.echo(dump_json(evaluation.as_json(), indent=2))
    else:
        print_tables(tabulate(evaluation.study, evaluation.outcomes))
    for failure in evaluation.failures:
        console.error(str(failure))
    return ExitCode.BATCH if evaluation.failures else ExitCode.OK


def _contradictions(options: dict[str, Any]) -> Iterator[str]:
    """List the arguments that contradict each other."""
    if str(options["html"]) == STREAM:
        yield "--html needs the name of a file; stdout is for the tables"
    if options["pictures"] and options["html"] is None:
        yield "--pictures is for the page; add --html"


def _check(material: Material, options: dict[str, Any]) -> None:
    """Refuse a source without triples, and a page that cannot be written, before any work."""
    from expinterp.errors import ImageFileError
    from expinterp.files import check_output

    if not material.triples:
        reason = "; ".join([*map(str, material.damaged), *material.remarks][:3])
        of_camera = f" of a camera {options['camera']!r}" if options["camera"] else ""
        message = (
            f"{options['source']}: no evenly spaced long, medium and short exposure of one scene"
            f"{of_camera} ({reason or 'no photographs found'}); give each scene a subfolder"
        )
        raise ImageFileError(message)
    if options["html"]:
        files = [options["source"], *(file for one in material.triples for file in one.files)]
        check_output(options["html"], overwrite=options["overwrite"], inputs=files)


def _evaluate(material: Material, options: dict[str, Any], console: Console) -> Evaluation:
    """Run every method on every triple."""
    from expinterp.evaluation import Evaluation, Profiles, evaluate
    from expinterp.evaluation.tables import describe_scores

    profiles = Profiles(material.brackets)
    study = _study(profiles, options, console)
    outcomes: list[Outcome] = []
    with show_count(console, len(material.triples)) as count:
        for one in evaluate(study, material.triples, keep_views=options["pictures"]):
            console.detail(f"{one.triple.name}: {describe_scores(study, one.scores)}")
            outcomes.append(one)
            count()
    failures = [failure for one in outcomes for failure in one.failures]
    return Evaluation(
        study,
        str(options["source"]),
        tuple(outcomes),
        (*failures, *profiles.failures, *material.damaged),
        material.remarks,
    )


def _study(profiles: Profiles, options: dict[str, Any], console: Console) -> Study:
    """Choose the methods and scores."""
    from expinterp.core.registration.viewing import Viewing
    from expinterp.evaluation import fidelity_study, fusion_study, open_networks
    from expinterp.library import read_profile

    refiners = open_networks(
        options["models"], device=options["device"], threads=options["threads"]
    )
    notices = dict.fromkeys(refiner.notice for refiner in refiners.values())
    console.warn(*filter(None, notices))
    profile = read_profile(options["response"]) if options["response"] else None
    viewing = Viewing(deghost=options["deghost"], reference=options["reference"])
    common: dict[str, Any] = {"refiners": refiners, "profile": profile, "viewing": viewing}
    if options["fusion"]:
        study = fusion_study(**common)
    else:
        study = fidelity_study(**common, profiles=profiles)
    try:
        return study.only(options["only"])
    except ValueError as error:
        message = f"--only {error}"
        raise click.UsageError(message) from error


def _write_page(evaluation: Evaluation, options: dict[str, Any], console: Console) -> None:
    from expinterp.evaluation.page import write_page

    write_page(evaluation, options["html"], overwrite=options["overwrite"])
    console.detail(f"wrote {options['html']}")
