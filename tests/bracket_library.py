"""Made-up disks of photographers: the files of several cameras, and which of them are brackets.

Cameras behave as real ones do: clocks tick in whole seconds, times are rounded to nominal shutter
speeds, file numbers start again after 9999, a bracket takes less than a second, dark frames follow
long exposures. Photographers delete, copy, develop and edit files, take single shots in between,
break off brackets, and set exposures by hand.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone

import numpy as np

from expinterp.brackets import Frame
from expinterp.core.exposure import Exposure
from expinterp.images.thumbnails import pack_thumbnail

FIELD = 48  # pixels of a scene, four per block of a thumbnail
TIMES = [1 / n for n in (8000, 6400, 5000, 4000, 3200, 2500, 2000, 1600, 1250, 1000, 800, 640, 500)]
TIMES += [1 / n for n in (400, 320, 250, 200, 160, 125, 100, 80, 60, 50, 40, 30, 25, 20, 15, 13)]
TIMES += [1 / 10, 1 / 8, 1 / 6, 1 / 5, 1 / 4, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 1.3, 1.6, 2.0, 2.5, 3.2]
TIMES += [4.0, 5.0, 6.0, 8.0, 10.0, 13.0, 15.0, 20.0, 25.0, 30.0]
FIRST_TIME = -39  # thirds of a stop relative to one second


def order_of(style: str, count: int, step: float) -> list[float]:
    """Return the compensations of a set in the order in which a camera takes them."""
    if count == 2:
        return {"rising": [-step, 0], "falling": [0, -step], "base": [0, -step]}[style]
    rising = [step * (at - count // 2) for at in range(count)]
    if style == "base":
        return sorted(rising, key=lambda stops: (abs(stops), stops))
    return rising if style == "rising" else rising[::-1]


@dataclass
class Scene:
    """Radiance in stops, one value per pixel, and the metered exposure."""

    radiance: np.ndarray
    metered: float

    def thumbnail(self, stops: float, random) -> bytes:
        """Photograph it, handheld or in wind, through a response, with noise and clipping."""
        down, right = random.integers(0, 2, 2)
        seen = self.radiance[down : down + FIELD, right : right + FIELD]
        linear = 0.18 * np.exp2(seen + stops) + random.normal(0, 0.002, seen.shape)
        codes = 255 * np.clip(linear, 0, 1) ** (1 / 2.2)
        return pack_thumbnail(np.clip(np.rint(codes + random.normal(0, 1, codes.shape)), 0, 255))


@dataclass
class Camera:
    """A camera body and how it behaves."""

    model: str
    serial: str | None = None
    prefix: str = "IMG_"
    marks: bool = True  # whether it marks brackets
    biases: bool = True  # whether it states the compensation
    fractions: bool = True  # whether its clock has fractions of a second
    thumbnails: bool = False
    style: str = "base"
    zone: timezone | None = None
    size: tuple[int, int] = (4000, 6000)


@dataclass
class Library:
    """Files, and the ground truth: which sets of paths are brackets, and whether they have EXIF."""

    frames: dict[str, Frame] = field(default_factory=dict)
    brackets: dict[frozenset[str], bool] = field(default_factory=dict)
    bare: set[str] = field(default_factory=set)


class Roll:
    """A memory card in a camera: pictures are taken into a folder, numbered in sequence."""

    def __init__(self, library, camera, folder, random, *, number=1):
        self.library, self.camera, self.folder, self.random = library, camera, folder, random
        self.number = number
        self.clock = datetime(2024, 5, 6, 9, 0, 0)
        self.f_number, self.iso, self.focal = 8.0, 100.0, 24.0
        self.dark_frames = False

    def scene(self, light: float | None = None) -> Scene:
        """Create a new scene: sky, ground, and some objects."""
        random = self.random
        coarse = random.normal(0, 1.6, (6, 6))
        fine = random.normal(0, 0.8, (12, 12))
        size = FIELD + 2
        rows = np.linspace(0, 1, size)[:, np.newaxis]
        sky = 2.0 * (rows < random.uniform(0.2, 0.6))
        field_ = _enlarged(coarse, size) + _enlarged(fine, size) + sky
        light = random.uniform(-10, 0) if light is None else light
        return Scene(field_ - field_.mean(), light)

    def wait(self, low: float, high: float | None = None) -> None:
        self.clock += timedelta(seconds=float(self.random.uniform(low, high or low)))

    def shoot(self, scene, stops=0.0, *, mode="auto", bias=None, pause=0.2, by="time", keep=True):
        """Take a picture and return its path; `by` is what the camera varies."""
        camera = self.camera
        third = round(3 * (scene.metered + (stops if by == "time" else 0)))
        place = min(max(third - FIRST_TIME, 0), len(TIMES) - 1)
        time = TIMES[place]
        iso = self.iso * 2.0 ** (round(3 * stops) / 3) if by == "iso" else self.iso
        moment = self.clock if camera.fractions else self.clock.replace(microsecond=0)
        path = f"{self.folder}/{camera.prefix}{self.number:04d}.jpg".lstrip("/")
        actual = (place + FIRST_TIME - round(3 * scene.metered)) / 3 + np.log2(iso / self.iso)
        thumbnail = scene.thumbnail(actual, self.random)
        frame = Frame(
            path,
            size=camera.size,
            captured=moment.replace(tzinfo=camera.zone),
            exposure=Exposure(time, float(round(iso)), self.f_number, camera.model),
            bias=(stops if bias is None else bias) if camera.biases else None,
            mode=mode if camera.marks else None,
            focal_length=self.focal,
            serial=camera.serial,
            thumbnail=thumbnail,
        )
        if not camera.thumbnails:
            self.library.bare.add(path)
        self.number = 1 if self.number == 9999 else self.number + 1
        dark_frame = time if self.dark_frames and time >= 1 else 0.0
        self.clock += timedelta(seconds=time + dark_frame + pause)
        if keep:
            self.library.frames[path] = frame
        return path

    def bracket(
        self, scene, count, step, *, lost=(), repeated=None, mode="bracket", pause=0.15, by="time"
    ):
        """Take a set; frames with an index in `lost` are deleted, one may be taken twice."""
        paths = []
        for at, stops in enumerate(order_of(self.camera.style, count, step)):
            for _ in range(2 if at == repeated else 1):
                bias = 0.0 if mode == "manual" else None
                shared = {"mode": mode, "bias": bias, "pause": pause, "by": by}
                paths.append(self.shoot(scene, stops, keep=at not in lost, **shared))
        if not len(lost) and repeated is None:
            self.library.brackets[frozenset(paths)] = True
        return paths


def _enlarged(field_, size):
    at = np.linspace(0, len(field_) - 1, size)
    low = np.minimum(at.astype(int), len(field_) - 2)
    part = (at - low)[:, np.newaxis]
    rows = field_[low] * (1 - part) + field_[low + 1] * part
    return (rows.T[low] * (1 - part) + rows.T[low + 1] * part).T


# --- what photographers do -----------------------------------------------------------------------


EVENTS = {"set": 0.6, "single": 0.1, "burst": 0.05, "lost": 0.06, "broken": 0.01}  # probabilities
EVENTS |= {"repeated": 0.02, "trial": 0.05, "extra": 0.04, "walk": 0.06, "lone": 0.01}


def session(roll, sets, events, *, mode="bracket", pause=0.15, by="time", tidy=False, hurry=0.3):
    """Take brackets of given kinds, with other events between them unless the session is tidy."""
    odds = [1.0] + [0.0] * 9 if tidy else list(EVENTS.values())
    random = roll.random
    for kind in random.choice(list(EVENTS), events, p=odds):
        roll.wait(1.0, 4.0) if random.random() < hurry else roll.wait(8, 300)
        scene = roll.scene()
        count, step = sets[random.integers(len(sets))]
        shared = {"mode": mode, "pause": pause, "by": by}
        single = "manual" if mode == "manual" else "auto"
        if kind in {"set", "lost", "repeated"}:
            lost = random.choice(count, random.integers(1, count), replace=False)
            twice = random.integers(1, count - 1) if kind == "repeated" and count > 2 else None
            lost = lost if kind == "lost" else ()
            roll.bracket(scene, count, step, lost=lost, repeated=twice, **shared)
        elif kind == "single":
            roll.shoot(scene, mode=single)
        elif kind == "burst":
            for _ in range(random.integers(2, 9)):
                roll.shoot(scene, mode=single, pause=0.1)
        elif kind == "broken" and len(sets) == 1:  # else it may be a smaller set
            stops = order_of(roll.camera.style, count, step)
            for value in stops[: random.integers(1, count)]:
                roll.shoot(scene, value, **shared)
        elif kind == "trial":
            roll.shoot(scene, mode=single, pause=float(random.uniform(1, 4)))
            roll.bracket(scene, count, step, **shared)
        elif kind == "extra":
            roll.bracket(scene, count, step, **shared)
            roll.wait(1, 4)
            roll.shoot(scene, mode=single)
        elif kind == "walk":
            walk(roll, int(random.integers(2, 7)))
        else:
            roll.shoot(scene, mode=mode)


def walk(roll, count):
    """Take single shots of several scenes in automatic exposure, one after the other."""
    light = roll.random.uniform(-10, -3)
    for _ in range(count):
        light += roll.random.choice([0, 0, 1, 2, 3, 6, -1, -2, -3, -6]) / 3
        roll.shoot(roll.scene(light), pause=float(roll.random.uniform(0.5, 4)))


def panorama(roll, sets, views, *, locked, mode="bracket"):
    """Take sets in quick succession, turning between them; exposure is locked or metered again."""
    count, step = sets[roll.random.integers(len(sets))]
    light = roll.random.uniform(-9, -2)
    roll.wait(60, 300)
    for _ in range(views):
        light += 0 if locked else roll.random.choice([-2, -1, 0, 0, 1, 2]) / 3
        roll.bracket(roll.scene(light), count, step, mode=mode)
        roll.wait(0.8, 2.5)


def time_lapse(roll, count, step, shots, every):
    """Take sets at a fixed interval from a tripod while the light fades."""
    scene = roll.scene(-6.0)
    roll.wait(100)
    for at in range(shots):
        begin = roll.clock
        roll.bracket(Scene(scene.radiance, -6.0 + round(at / 5) / 3), count, step)
        roll.clock = max(roll.clock, begin + timedelta(seconds=every))


def fail(library, random, count):
    """Make some files of brackets unreadable: their sets are no longer brackets."""
    for place in random.choice(len(library.brackets), count, replace=False):
        paths = sorted(list(library.brackets)[place])
        path = paths[random.integers(len(paths))]
        library.frames[path] = Frame(path, "", problem="damaged JPEG")
    bad = {path for path, frame in library.frames.items() if frame.problem}
    library.brackets = {
        paths: known for paths, known in library.brackets.items() if not paths & bad
    }


def add_raw_files_and_copies(library, random, share):
    """Add raw files beside some, and edited and copied versions of others."""
    for path, frame in list(library.frames.items()):
        stem = path.removesuffix(".jpg")
        if random.random() < share:
            library.frames[f"{stem}.CR2"] = Frame(f"{stem}.CR2", "raw")
        if random.random() < 0.01:
            edited = replace(frame, path=f"{stem}-Edit.tif", format="tiff")
            library.frames[edited.path] = edited
        if random.random() < 0.01:
            copy = replace(frame, path=f"{stem} (1).jpg")
            library.frames[copy.path] = copy


def rename(library, folder, name):
    """Rename the files of a folder; `name` returns the new name from the position and the frame."""
    moved = {}
    mine = [path for path in library.frames if path.rpartition("/")[0] == folder]
    ordered = sorted(mine, key=lambda path: (library.frames[path].captured, path))
    for at, path in enumerate(ordered):
        moved[path] = f"{folder}/{name(at, library.frames[path])}"
        library.frames[moved[path]] = replace(library.frames.pop(path), path=moved[path])
    library.brackets = {
        frozenset(moved.get(path, path) for path in paths): known
        for paths, known in library.brackets.items()
    }


def strip(library, top):
    """Remove the EXIF blocks of all files below a folder."""
    for path, frame in library.frames.items():
        if path.startswith(f"{top}/"):
            library.frames[path] = Frame(path, size=frame.size, thumbnail=frame.thumbnail)
    for paths in library.brackets:
        if any(path.startswith(f"{top}/") for path in paths):
            library.brackets[paths] = False


CANON = Camera("Canon R6", "0123")


def make_library(seed: int) -> Library:
    """Create a disk of about 4,000 files."""
    random = np.random.default_rng(seed)
    library = Library()

    def roll(folder, camera, **options):
        return Roll(library, camera, folder, random, **options)

    add_cards(library, roll)
    add_tripods(roll)
    add_single_shots(roll, random)
    add_odd_times(library, roll, random)
    add_renamed(library, roll)
    add_folders(roll, random)
    fail(library, random, 6)
    for path in library.bare & library.frames.keys():
        library.frames[path] = replace(library.frames[path], thumbnail=None)
    add_stripped(library, roll, random)
    add_raw_files_and_copies(library, random, 0.15)
    return library


def add_cards(library, roll):
    """Add memory cards as they come out of cameras."""
    session(roll("DCIM/100CANON", CANON, number=9930), [(3, 2)], 40)
    # The folder changes within a day, and within a set, when the file numbers start again.
    names = [path.rpartition("/")[2] for path in library.frames]
    anew = [f"DCIM/100CANON/{name}" for name in names if name < "IMG_9"]
    _move(library, anew, "DCIM/100CANON", "DCIM/101CANON")

    nikon = Camera("Nikon Z6", "77", prefix="DSC_", marks=False, biases=False, style="rising")
    session(roll("nikon/mixed", nikon, number=1), [(3, 1), (5, 1), (7, 1)], 90, hurry=0.1)

    pair = Camera("Fuji X-T4", prefix="DSCF", fractions=False, thumbnails=True, style="falling")
    session(roll("pairs", pair, number=400), [(2, 4)], 60, mode="manual", pause=2.5)
    plain = replace(pair, serial="1", thumbnails=False, biases=False)
    shared = {"mode": "manual", "pause": 2.5, "tidy": True, "hurry": 0}
    session(roll("pairs/plain", plain), [(2, 3)], 30, **shared)

    for number, shift in ((100, 0), (6200, 3601)):  # two bodies of one model, one clock is wrong
        body = roll("wedding", Camera("Canon R5", fractions=False), number=number)
        body.clock += timedelta(seconds=shift)
        session(body, [(3, 2)], 45)

    session(roll("iso", replace(CANON, serial="3"), number=1), [(3, 1)], 20, by="iso")


def add_tripods(roll):
    """Add many sets from one place: panoramas, time lapses, the self-timer."""
    pano = roll("pano", Camera("Sony A7", prefix="DSC0", fractions=False), number=1200)
    for locked in (True, False, True):
        panorama(pano, [(3, 2), (5, 1)], 12, locked=locked)
        session(pano, [(3, 2), (5, 1)], 10)

    lapse = Camera("Canon 5D", "9", fractions=False)
    time_lapse(roll("lapse", lapse, number=3000), 3, 2, 40, 10)
    time_lapse(roll("lapse/quick", lapse, number=3200), 3, 2, 40, 4)

    timer = roll("timer", Camera("Pentax K1", prefix="IMGP", biases=False), number=1)
    session(timer, [(3, 2)], 25, mode="manual", pause=2.3, tidy=True, hurry=0.0)


def add_single_shots(roll, random):
    """Add events: single shots only, exposed for the light, often in quick succession."""
    silent = Camera("Olympus E-1", prefix="P506", marks=False, biases=False, fractions=False)
    for camera in (silent, replace(silent, marks=True), replace(silent, thumbnails=True), CANON):
        event = roll(f"event/{camera.model} {camera.marks} {camera.thumbnails}", camera)
        for _ in range(40):
            walk(event, int(random.integers(1, 7)))
            event.wait(1, 60)


def add_odd_times(library, roll, random):
    """Add midnight, long exposures with dark frames, and the night of the clock change."""
    night = roll("midnight", replace(CANON, style="falling"), number=50)
    night.clock = datetime(2024, 5, 6, 23, 57)
    session(night, [(3, 2)], 30, hurry=0.6)

    dark = roll("night", replace(CANON, serial="5"), number=5000)
    dark.dark_frames = True
    for _ in range(25):
        dark.wait(20, 60)
        dark.bracket(dark.scene(random.uniform(-2, 2.5)), 3, 2, pause=0.5)

    zone = timezone(timedelta(hours=1))
    change = roll("summertime", replace(CANON, serial="8", zone=zone))
    change.clock = datetime(2024, 3, 31, 1, 59)
    session(change, [(3, 2)], 12, tidy=True, hurry=1.0)
    _change_clock(library, "summertime", datetime(2024, 3, 31, 2))


def add_renamed(library, roll):
    """Add names without file numbers, and names given after some files had been deleted."""
    session(roll("phone", Camera("Pixel 8", marks=False)), [(3, 2)], 30)
    rename(library, "phone", lambda at, frame: f"PXL_{frame.captured:%Y%m%d_%H%M%S%f}.jpg")
    session(roll("export", replace(CANON, serial="4")), [(3, 2)], 40)
    rename(library, "export", lambda at, frame: f"wedding-{at:03d}.jpg")


def add_folders(roll, random):
    """Add a folder per set; some lack a frame."""
    for at in range(30):
        room = roll(f"scenes/room {at:02d}", replace(CANON, serial="6"), number=7000 + 10 * at)
        room.clock += timedelta(minutes=10 * at)
        count = int(random.choice([2, 3, 5]))
        lost = [int(random.integers(count))] if at % 10 == 9 else ()
        room.bracket(room.scene(), 5 if lost else count, 4 / 3, lost=lost)


def add_stripped(library, roll, random):
    """Add files without EXIF: numbered in sequence, a folder per set, a name per set."""
    old = Camera("forgotten", prefix="IMG_")
    session(roll("stripped/flat", old, number=300), [(3, 2)], 60)
    session(roll("stripped/mixed", old, number=4300), [(2, 3), (3, 2), (5, 4 / 3)], 60)
    rising = replace(old, style="rising")
    session(roll("stripped/tidy", rising, number=8300), [(3, 2)], 40, tidy=True)
    rename(library, "stripped/tidy", lambda at, frame: f"picture {at:04d}.jpg")
    for at in range(40):
        one = roll(f"stripped/folders/église {at}", rising, number=7000 + 10 * at)
        one.bracket(one.scene(), int(random.choice([2, 3, 5, 7])), 4 / 3)
    for at in range(4):
        card = roll(f"stripped/folders/Sunday {at}", old, number=100 * at + 1)
        walk(card, int(random.integers(2, 6)))
    for at in range(20):
        one = roll("stripped/names", old, number=10 * at)
        paths = one.bracket(one.scene(), 3, 2)
        _move(library, paths, "stripped/names/IMG_", f"stripped/names/hall{chr(97 + at)}_")
    strip(library, "stripped")


def _move(library, paths, old, new):
    """Move files, and their entries in the ground truth."""
    moved = {path: path.replace(old, new) for path in paths}
    for path, to in moved.items():
        if path in library.frames:
            library.frames[to] = replace(library.frames.pop(path), path=to)
    library.brackets = {
        frozenset(moved.get(path, path) for path in known): stated
        for known, stated in library.brackets.items()
    }


def _change_clock(library, folder, moment):
    """Switch a camera that states its time zone to summer time."""
    summer = timezone(timedelta(hours=2))
    for path, frame in library.frames.items():
        if path.startswith(f"{folder}/") and frame.captured.replace(tzinfo=None) >= moment:
            library.frames[path] = replace(frame, captured=frame.captured.astimezone(summer))
