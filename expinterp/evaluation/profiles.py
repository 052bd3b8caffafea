"""Camera profiles from other scenes of the same camera, measured when first needed."""

from __future__ import annotations

from collections.abc import Iterable

from expinterp.core.response.calibration import Profile, calibrate
from expinterp.errors import in_words
from expinterp.evaluation.scenes.triples import FailedTriple, TimedBracket, Triple
from expinterp.images import read_photographs
from expinterp.scene_io.shots import check_alike, refuse_known

FEWEST = 5  # exposures of a scene that a profile needs


class Profiles:
    """The profiles of all scenes with enough exposures.

    Attributes
    ----------
    failures : list of FailedTriple
        Scenes whose calibration failed, so far.
    """

    def __init__(self, brackets: Iterable[TimedBracket]) -> None:
        self.failures: list[FailedTriple] = []
        self._brackets = [
            one for one in brackets if one.camera is not None and len(set(one.times)) >= FEWEST
        ]
        self._made: dict[str, dict[str, Profile]] = {}

    def of_others(self, triple: Triple) -> list[Profile]:
        """Return the profiles of the other scenes of the camera; none if it is not known."""
        if triple.camera is None:
            return []
        if triple.camera not in self._made:
            self._made[triple.camera] = self._calibrate(triple.camera)
        made = self._made[triple.camera]
        return [profile for scene, profile in made.items() if scene != triple.scene]

    def _calibrate(self, camera: str) -> dict[str, Profile]:
        """Calibrate a camera on each of its scenes, unless it has only one."""
        mine = [bracket for bracket in self._brackets if bracket.camera == camera]
        found = {one.scene: self._try(one) for one in mine} if len(mine) > 1 else {}
        return {scene: profile for scene, profile in found.items() if profile}

    def _try(self, bracket: TimedBracket) -> Profile | None:
        """Calibrate on one scene; a failure is recorded."""
        try:
            return calibrate_bracket(bracket)
        except Exception as error:  # noqa: BLE001 - must not stop the other scenes
            self.failures.append(FailedTriple(bracket.scene, in_words(error), ("calibrated",)))
            return None


def calibrate_bracket(bracket: TimedBracket) -> Profile:
    """Measure the response of a camera from the files of a scene.

    Raises
    ------
    ExpInterpError
        If a file cannot be read, or the files do not match.
    """
    shots = read_photographs([str(file) for file in bracket.files])
    refuse_known(shots)
    check_alike(shots)
    return calibrate([shot.pixels for shot in shots], bracket.times, camera=bracket.camera)
