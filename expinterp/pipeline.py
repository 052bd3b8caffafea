"""The functions that most users need: interpolate two exposures, fuse several, or merge them.

`interpolate` measures a pair and renders one exposure between the two. `fuse` renders virtual
exposures between all shots and fuses everything. By default both refine with the bundled network.
Images are arrays of display-encoded code values, uint8 or uint16, (rows, cols) or
(rows, cols, 1 or 3), R G B; results have the shape and dtype of the inputs.

Letters: t1 > t2 are the exposure times of ``long`` and ``short``; y0 is the result without network.

Sources: Zheng, Li, Yang and Wu, ICASSP 2020, arXiv:1905.03890 (interpolation); Yang, Wu, Wang and
Li, IEEE Access 2020 (fusion with virtual exposures).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import inf
from typing import TYPE_CHECKING, Literal, TypeAlias

from expinterp.core.arrays import Pixels
from expinterp.core.denoise import Denoise
from expinterp.core.exposure import MEDIUM
from expinterp.core.fusion import Method, Weighting
from expinterp.core.fusion.exposures import Fusion, fuse_exposures, merge_exposures
from expinterp.core.fusion.plan import Virtual, plan_exposures
from expinterp.core.pair import Pair, measure_exposures
from expinterp.core.radiance import Radiance
from expinterp.core.registration.opacity import Opacities
from expinterp.core.registration.viewing import Deghost, Reference, Viewing
from expinterp.core.render import Interpolation, render
from expinterp.core.response.calibration import Profile
from expinterp.core.response.prior import ResponsePrior
from expinterp.library import prior_of
from expinterp.refine import bundled_refiner, choose_profile

if TYPE_CHECKING:
    from expinterp.refine import Refiner

    Refinement: TypeAlias = Refiner | Literal["bundled", False] | None


def interpolate(
    long: Pixels,
    short: Pixels,
    *,
    ratio: float | None = None,
    response: Profile | None = None,
    camera: str | None = None,
    position: float = MEDIUM,
    refiner: Refinement = "bundled",
    denoise: Denoise = "auto",
    align: bool = True,
    deghost: Deghost = "auto",
    reference: Reference = "auto",
    crop: bool = False,
) -> Interpolation:
    """Compute the photograph between two exposures of one scene.

    Parameters
    ----------
    long, short : uint8 or uint16 arrays, shape (rows, cols) or (rows, cols, 1 or 3)
        Display-encoded, R G B; the same shape and dtype.
    ratio : float, optional
        Exposure ratio t1/t2, if known; below 1 if the order is known to be wrong. The image
        half-way does not depend on it.
    response : Profile, optional
        The camera's profile; by default that of a tuned network, else the response is estimated
        from the pair.
    camera : str, optional
        Name of the camera, one of `cameras`: the estimate then starts from the curves of this
        camera. It has no effect with a profile.
    position : float
        Between ``short`` (0) and ``long`` (1), linear in stops; ½ is the geometric mean √(t1·t2).
    refiner : 'bundled', Refiner, None or False
        The network: the bundled one, one from `open_refiner`, or none, which gives y0.
    denoise : {'auto', 'off'} or float
        Strength, 0..1, with which the noise of ``short``, brightened, is removed. ``auto``: 1 with
        the network, 0 without.
    align : bool
        Whether to measure the camera motion and correct it.
    deghost : {'auto', 'off'}
        Whether a thing that moved is taken from one image only.
    reference : {'auto', 'long', 'short'}
        The image whose view and moving things are kept. ``auto``: the view of the better exposed
        one (half-way after a small drift), and what moved from the one that knows most of it.
    crop : bool
        Whether the result is cropped to what both images show; by default it has the size of the
        inputs.

    Returns
    -------
    Interpolation
        ``.medium`` has the shape (unless cropped) and dtype of the inputs.

    Raises
    ------
    ValueError
        If arrays or options are not as above, `camera` is not known, `ratio` is not positive and
        finite, or `position` is not within 0..1.
    PairError
        If the two differ in size, channels or bit depth, or are not a long and a short exposure of
        one scene.
    ModelError
        If the bundled network is missing.
    """
    prior, network = prior_of(camera), _open(refiner)
    profile = choose_profile(response, network)
    pair = measure_exposures(
        long,
        short,
        ratio=ratio,
        response=profile,
        prior=prior,
        viewing=Viewing(align, deghost, reference, crop),
    )
    return render(pair, position, refiner=network, denoise=denoise)


def measure(
    long: Pixels,
    short: Pixels,
    *,
    ratio: float | None = None,
    response: Profile | None = None,
    prior: ResponsePrior | None = None,
    align: bool = True,
    deghost: Deghost = "auto",
    reference: Reference = "auto",
    crop: bool = False,
    opacities: Opacities = (),
) -> Pair:
    """Measure two exposures of one scene, for `render`: order, motion, response, exposure ratio.

    Parameters
    ----------
    long, short, ratio, align, deghost, reference, crop
        As for `interpolate`.
    response, prior, opacities
        As for `expinterp.core.pair.measure_exposures`.

    Raises
    ------
    ValueError
        If arrays or options are not as above.
    PairError
        If the two are not a long and a short exposure of one scene.
    """
    return measure_exposures(
        long,
        short,
        ratio=ratio,
        response=response,
        prior=prior,
        viewing=Viewing(align, deghost, reference, crop),
        opacities=opacities,
    )


def fuse(
    images: Sequence[Pixels],
    *,
    virtual: Virtual = "auto",
    response: Profile | None = None,
    camera: str | None = None,
    refiner: Refinement = "bundled",
    denoise: Denoise = "auto",
    weighting: Weighting | None = None,
    method: Method = "guided",
    levels: int | None = None,
    align: bool = True,
    deghost: Deghost = "auto",
    reference: Reference = "auto",
    crop: bool = False,
) -> Fusion:
    """Fuse exposures of one scene, with virtual ones between those too far apart.

    Parameters
    ----------
    images : sequence of uint8 or uint16 arrays, shape (rows, cols) or (rows, cols, 1 or 3)
        Display-encoded, R G B; the same shape and dtype; one or more, in any order.
    virtual : 'auto' or int
        Number of virtual exposures between adjacent ones; ``auto``: as many as their step needs.
    response, camera
        As for `interpolate`.
    refiner, denoise
        Of virtual exposures, as for `interpolate`.
    weighting : Weighting, optional
        The parameters of the weights.
    method : {'guided', 'mertens'}
        Weights that follow the edges of the picture, or plain ones.
    levels : int, optional
        Levels of the pyramid; by default all.
    align, deghost
        As for `interpolate`.
    reference : {'auto', 'long', 'short'}
        The image whose view and moving things are kept: the brightest (``long``) or the darkest
        (``short``). ``auto``: the view of the best exposed one, and what moved from the one that
        knows most of it.
    crop : bool
        Whether the result is cropped to what all images show.

    Returns
    -------
    Fusion
        ``.fused`` has the shape (unless cropped) and dtype of the inputs.

    Raises
    ------
    ValueError
        If arrays or options are not as above, or `camera` is not known.
    PairError
        If the images differ in size, channels or bit depth, or if virtual exposures are wanted and
        two adjacent images do not show one scene.
    ModelError
        If the bundled network is missing.
    """
    prior, network = prior_of(camera), None if virtual == 0 else _open(refiner)
    profile = choose_profile(response, network)
    plan = plan_exposures(
        images,
        virtual=virtual,
        response=profile,
        prior=prior,
        viewing=Viewing(align, deghost, reference, crop),
    )
    return fuse_exposures(
        plan, refiner=network, denoise=denoise, weighting=weighting, method=method, levels=levels
    )


def merge(
    images: Sequence[Pixels],
    *,
    times: Sequence[float] | None = None,
    response: Profile | None = None,
    camera: str | None = None,
    denoise: Denoise = "auto",
    align: bool = True,
    deghost: Deghost = "auto",
    reference: Reference = "auto",
    crop: bool = False,
) -> Radiance:
    """Merge exposures of one scene to its radiance: linear light, relative.

    Parameters
    ----------
    images : sequence of uint8 or uint16 arrays, shape (rows, cols) or (rows, cols, 1 or 3)
        Display-encoded, R G B; the same shape and dtype; two or more, in any order.
    times : sequence of float, optional
        Exposure times in seconds, or other numbers proportional to the exposure, of each image.
        Without them, ratios are measured from the pixels; with them, they are refined so.
    response : Profile, optional
        The camera's profile, from `calibrate`; by default the response is estimated.
    denoise : {'auto', 'off'} or float
        Strength, 0..1, with which noise is removed from the exposures; ``auto`` is 1.
    camera, align, deghost, reference, crop
        As for `fuse`.

    Returns
    -------
    Radiance
        ``.radiance`` is float32 (rows, cols, channels), and 1 is white in the middle image.

    Raises
    ------
    ValueError
        If arrays or options are not as above, or `camera` is not known.
    PairError
        If the images differ in size, channels or bit depth, do not show one scene, or are all
        exposed alike.
    """
    if times is not None and (len(times) != len(images) or not all(0 < t < inf for t in times)):
        msg = f"times must be a positive number for each of the {len(images)} images, not {times}"
        raise ValueError(msg)

    def ratio(long: int, short: int) -> float | None:
        return times[long] / times[short] if times is not None else None

    prior = prior_of(camera)
    plan = plan_exposures(
        images,
        virtual=0,
        measured=True,
        response=response,
        prior=prior,
        viewing=Viewing(align, deghost, reference, crop),
        stated_ratio=ratio,
    )
    stated = [ratio(long, short) for short, long in pairwise(plan.order)]
    return merge_exposures(plan, stated=stated, response=response, prior=prior, denoise=denoise)


def _open(refiner: Refinement) -> Refiner | None:
    if refiner == "bundled":
        return bundled_refiner()
    if refiner and not hasattr(refiner, "refine"):
        msg = f"refiner must be 'bundled', one from open_refiner, None or False, not {refiner!r}"
        raise ValueError(msg)
    return refiner or None
