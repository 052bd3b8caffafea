"""Quality of fusions of two exposures: plain, with virtual exposures between, by other programs.

Photographs are first reduced to `assessment.LONGER_SIDE` pixels and 8 bits, so that scores are
comparable. Every method gets the long and the short photograph; those named ``+medium`` also get
the photographed medium. The reference is the content of all three.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

from expinterp import pipeline
from expinterp.core.fusion.plan import Virtual
from expinterp.core.registration.viewing import USUAL, Viewing
from expinterp.core.response.calibration import Profile
from expinterp.evaluation.peers import enfuse, has_enfuse, merge_mertens
from expinterp.evaluation.scenes.cases import Case, open_small
from expinterp.evaluation.study import BUNDLED, Candidate, Column, Method, Scores, Study
from expinterp.images import Pixels
from expinterp.metrics import MEF_LEAST, mef_ssim, order_violations, out_of_range
from expinterp.refine import Refiner
from expinterp.scene_io.record import describe_refiner

COLUMNS = (
    Column("bracket", "MEF-SSIM", "structure of all three photographs that is kept, 0 to 1", 4),
    Column("inputs", "of inputs", "the same for long and short only", 4),
    Column(
        "everywhere",
        "reversed %",
        "pairs of pixels whose order of brightness is reversed",
        3,
        factor=100,
        rises=False,
    ),
    Column(
        "highlight_shadow",
        "high/shadow %",
        "the same for a highlight, visible only in short, and a shadow, visible only in long",
        4,
        factor=100,
        rises=False,
    ),
    Column(
        "out_of_range",
        "out of range %",
        "values that had to be clipped to the range",
        3,
        factor=100,
        rises=False,
    ),
)
MEDIUM = "+medium"  # suffix of methods that get the photographed medium
Fuse = Callable[[Sequence[Pixels], Profile | None], Candidate]  # with the known response


def fusion_study(
    *, refiners: Mapping[str, Refiner], profile: Profile | None = None, viewing: Viewing = USUAL
) -> Study:
    """Compare fusions of the pair.

    Parameters
    ----------
    refiners : mapping of str to Refiner
        Networks that refine virtual exposures, by name.
    profile : Profile, optional
        Of the camera.
    viewing : Viewing
        How moving things are handled.
    """
    networks = {_auto(name): describe_refiner(each) for name, each in refiners.items()}
    given_two = fusions(refiners, profile, viewing)
    given_three = {name: fuse for name, fuse in given_two.items() if name not in networks}
    methods = [
        *(Method(n, n, of_pair(fuse), networks.get(n)) for n, fuse in given_two.items()),
        *(Method(n + MEDIUM, n + MEDIUM, of_three(fuse)) for n, fuse in given_three.items()),
    ]
    reading = partial(open_small, viewing=viewing)
    return Study("fusion", tuple(methods), COLUMNS, "virtual-0", 0.0, reading, score, views)


def fusions(
    refiners: Mapping[str, Refiner], profile: Profile | None = None, viewing: Viewing = USUAL
) -> dict[str, Fuse]:
    """List the fusions available on this machine: other programs, then this package."""
    ours = {
        _auto(name): fuse_by_us("auto", each, profile, viewing) for name, each in refiners.items()
    }
    peers = {"enfuse": enfuse} if has_enfuse() else {}
    peers["MergeMertens"] = merge_mertens
    return {
        **{name: _without_response(peer) for name, peer in peers.items()},
        "virtual-0": fuse_by_us(0, viewing=viewing),
        **ours,
    }


def _without_response(peer: Callable[[Sequence[Pixels]], Candidate]) -> Fuse:
    def fuse(shots: Sequence[Pixels], _: Profile | None = None) -> Candidate:
        return peer(shots)

    return fuse


def _auto(network: str) -> str:
    return "virtual-auto" if network == BUNDLED else f"virtual-auto {network}"


def fuse_by_us(
    virtual: Virtual,
    refiner: Refiner | None = None,
    profile: Profile | None = None,
    viewing: Viewing = USUAL,
) -> Fuse:
    """Return a fusion by this package. It uses no network where the response is known."""

    def fuse(shots: Sequence[Pixels], known: Profile | None = None) -> Candidate:
        result = pipeline.fuse(
            shots,
            virtual=virtual,
            refiner=None if known else refiner,
            response=known or profile,
            deghost=viewing.deghost,
            reference=viewing.reference,
        )
        base = result.stack.base
        return Candidate(result.fused, None if base is None else out_of_range(base))

    return fuse


def of_pair(fuse: Fuse) -> Callable[[Case], Iterable[Candidate]]:
    """Fuse the short and the long photograph."""
    return lambda case: [fuse([case.short, case.long], case.response)]


def of_three(fuse: Fuse) -> Callable[[Case], Iterable[Candidate]]:
    """Fuse the short, the medium and the long photograph."""
    return lambda case: [fuse([case.short, case.medium, case.long], case.response)]


def score(case: Case, candidate: Candidate) -> Scores:
    """Measure a fused picture.

    Returns
    -------
    Scores
        ``bracket`` and ``inputs``: MEF-SSIM against all three photographs, and against long and
        short (which falls even when the true medium is added); None for pictures too small.
        ``everywhere`` and ``highlight_shadow``: shares of pairs of pixels whose order of brightness
        is reversed; None without such pairs. ``out_of_range``.
    """
    fused, inputs = candidate.pixels, [case.short, case.long]
    order = order_violations(fused, case.scene)
    fits = min(fused.shape[:2]) >= MEF_LEAST
    return {
        "bracket": mef_ssim([*inputs, case.medium], fused) if fits else None,
        "inputs": mef_ssim(inputs, fused) if fits else None,
        "everywhere": order.everywhere,
        "highlight_shadow": order.highlight_shadow,
        "out_of_range": candidate.out_of_range,
    }


def views(case: Case, results: Mapping[str, Pixels]) -> Mapping[str, Pixels]:
    """Return the inputs and all results, uncropped."""
    shown = {"long": case.long, "short": case.short, **results}
    return {label: case.finish(image) for label, image in shown.items()}
