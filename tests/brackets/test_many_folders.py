"""What is planned for many small folders made by chance, as `many_folders.txt` records it.

What their files state lies on both sides of each rule's limit: pauses, steps, thumbnails, names,
numbers, compensation. A line of the record has what became of the files of some folders, and a sum
over the plans. So a sum that changes does not mean an error; it means that a plan changed: look at
it, and write the record anew by running this file.
"""

import zlib
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from functools import cache
from pathlib import Path
from random import Random

import numpy as np
import pytest
from bracket_library import order_of

from expinterp.brackets import Frame, plan_brackets
from expinterp.core.exposure import Exposure

RECORD = Path(__file__).with_name("many_folders.txt")
FOLDERS, LINES = 24, 20
NOON = datetime(2024, 5, 6, 12, tzinfo=timezone.utc)
PAUSES = (0.0, 0.5, 2.0, 3.0, 4.9, 5.5, 6.1, 9.0, 14.9, 15.2, 16.1, 40.0, 890.0, 905.0, -1.0, 5e4)
STEPS = (1 / 3, 0.5, 2 / 3, 1.0, 1.0, 4 / 3, 2.0, 2.0, 2.0, 3.0)
OFF = (0.05, 0.08, 0.12, 0.2, 0.23, 0.27, 1 / 3, 0.55, 0.65, -0.1, -0.24, -0.35)
MIXED = (0.35, 0.45, 0.55, 0.65, 0.8, 1.0)
NAMES = (
    "IMG_{n:04d}", "IMG_{n:04d}", "IMG_{n:04d}", "DSC_{n:04d}", "hall {s:02d}-{k}", "hall{s:02d}{c}",
    "a{n}", "20240506_1200{k:02d}_{n:03d}", "church {s} ({k})", "view-{e:+.0f}EV", "IMG_{n:04d}-{k}",
)  # fmt: skip
PLACES = ("", "", "trip", "DCIM/100CANON", "DCIM/101CANON", "trip/{s}", "room {s}")
OPTIONS = (
    {}, {}, {}, {}, {}, {}, {}, {}, {}, {"set_size": 3}, {"set_size": 3}, {"set_size": 2}, {"gap": 2.0},
    {"gap": 15.0}, {"pattern": "{set}-{frame}"}, {"pattern": r"(?P<set>.*)(\d|[a-z])"}, {"prefer": "jpeg"},
)  # fmt: skip


@cache
def view(number):
    """The light of a scene, in stops; the last one has almost no detail."""
    chance = Random(number)
    return np.array([chance.gauss(0, 0.01 if number == 9 else 1.2) for _ in range(144)])


@cache
def thumbnail(one, other, share, sixths):
    """A small picture of a scene, or of two mixed, by an exposure in sixths of a stop."""
    light = (1 - share) * view(one) + share * view(other) + sixths / 6
    codes = 255 * np.clip(0.18 * np.exp2(light), 0, 1) ** (1 / 2.2)
    return np.rint(257 * np.rint(4 * codes) / 4).astype("<u2").tobytes()


class Folder:
    """Files made by chance, in the habits of one or two cameras."""

    def __init__(self, seed):
        self.chance = chance = Random(seed)
        self.frames, self.clock = {}, NOON
        self.name, self.place = chance.choice(NAMES), chance.choice(PLACES)
        self.number = chance.choice((1, 7, 40, 9990, 9997))
        self.sets, self.shown = (
            [self.habit() for _ in range(chance.choice((1, 1, 1, 2)))],
            chance.random() < 0.6,
        )
        self.stripped, self.nominal = chance.random() < 0.15, chance.random() < 0.6
        self.zone = chance.choice((None, None, None, timezone(timedelta(hours=2))))
        self.pause = chance.choice((0.2, 0.2, 1.0, 2.0, 4.0, 5.5))
        self.rare = chance.choice((0.0, 0.02, 0.05, 0.15))
        for scene in range(chance.choice((1, 1, 2, 3, 4, 6, 8))):
            self.act(scene)

    def often(self, share=1.0):
        """Whether something odd happens."""
        return self.chance.random() < share * self.rare

    def habit(self):
        chance = self.chance
        count = chance.choice((2, 2, 3, 3, 3, 3, 5, 5, 7, 4))
        step = chance.choice(STEPS)
        style = chance.choice(("base", "rising", "falling"))
        stops = order_of(style, count, step) if count != 4 else [0, -1, 2, 4]
        mode = chance.choice((None, "auto", "manual", "bracket", "bracket"))
        return {
            "stops": stops, "mode": mode, "bias": chance.choice((None, "zero", "follows", "follows")),
            "counts": chance.random() < 0.15, "iso": chance.random() < 0.1,
            "camera": chance.choice(("Model 7", "Model 7", None, "Model 8")), "size": (40, 60),
            "serial": chance.choice((None, "1")), "focal": chance.choice((None, 24.0)),
        }  # fmt: skip

    def act(self, scene):
        chance, habit = self.chance, self.chance.choice(self.sets)
        self.clock += timedelta(seconds=chance.choice((1.5, 4.0, 8.0, 12.0, 60.0, 700.0)))
        metered, what = chance.randrange(-6, 7) / 3, chance.random()
        if what < 0.12 + self.rare:  # single shots
            for _ in range(chance.choice((1, 1, 2, 3))):
                light = metered + chance.choice((0, 0, -1, 1, -2, 2))
                self.shoot(
                    scene, light, {**habit, "mode": chance.choice((habit["mode"], "auto"))}, 0, 1
                )
            return
        lost = chance.randrange(len(habit["stops"])) if self.often(2) else None
        for at, stops in enumerate(habit["stops"], 1):
            for _ in range(2 if self.often(0.4) else 1):
                if lost == at - 1:
                    self.number += 1
                else:
                    self.shoot(scene, metered + stops, habit, stops, at)

    def shoot(self, scene, level, habit, stops, at):
        chance = self.chance
        level += chance.choice(OFF) if self.often() else 0
        time = 2.0 ** (round(3 * level) / 3) / 64 if self.nominal else 1.03 * 2.0**level / 60
        iso = 100.0
        if habit["iso"]:
            time, iso = 1 / 64, 100 * 2.0**level
        path = self.path(scene, at, stops)
        mixed = (scene % 8 + 1) % 8 if self.often() else scene % 8
        share = chance.choice(MIXED) if mixed != scene % 8 else 0.0
        seen = thumbnail(
            9 if self.often(0.3) else scene % 8, mixed, share, round(6 * (level + self.dim(0)))
        )
        bias = {"zero": 0.0, "follows": stops + self.dim(0)}.get(habit["bias"])
        frame = Frame(
            path, size=(30, 40) if self.often(0.3) else habit["size"],
            captured=self.clock.replace(tzinfo=self.zone) if not self.often(0.2) else None,
            exposure=Exposure(None if self.often(0.2) else time, iso, 5.6 if self.often(0.4) else 8.0, habit["camera"]),
            bias=None if self.often(0.3) else bias, mode="auto" if self.often(0.5) else habit["mode"],
            shot=at if habit["counts"] else None, flash=chance.choice((False, True)) if self.often() else None,
            focal_length=habit["focal"] and habit["focal"] * chance.choice((1.0, 1.0, 1.0, 1.018, 1.025)),
            serial=habit["serial"], thumbnail=seen if self.shown and not self.often(0.2) else None,
        )  # fmt: skip
        if self.stripped or self.often(0.4):
            frame = Frame(path, size=frame.size, thumbnail=seen)
        self.keep(frame)
        self.number = (
            self.number - 1 + (chance.choice((2, 3, 9)) if self.often() else 1)
        ) % 9999 + 1
        pause = chance.choice(PAUSES) if self.often() else self.pause
        self.clock += timedelta(seconds=time + (time if time >= 1 and self.often(5) else 0) + pause)

    def dim(self, usual):
        """A brightness or compensation that is somewhat off."""
        return self.chance.choice((0.35, 0.45, 0.6, -0.3, 0.2)) if self.often(0.5) else usual

    def path(self, scene, at, stops):
        place = self.place.format(s=scene)
        if self.place.startswith("DCIM") and self.number < 9000 and self.often(0.2):
            place = "DCIM/101CANON"
        name = self.name.format(n=self.number, s=scene, k=at, c="abcdefghi"[at % 9], e=stops)
        return f"{place}/{name}.jpg".lstrip("/")

    def keep(self, frame):
        """Keep a file, and at times others of the same shot."""
        stem = frame.path.removesuffix(".jpg")
        if self.often(0.3):
            frame = Frame(frame.path, "", problem="damaged")
        others = (
            (f"{stem}.CR2", "raw", {}), (f"{stem}.tif", "tiff", {}), (f"{stem}-Edit.tif", "tiff", {}),
            (f"{stem} (1).jpg", "jpeg", {}), (f"{stem}_fused.jpg", "jpeg", {"thumbnail": None}),
            (f"{stem}.heic", "heif", {"depth": 16}), (f"{stem}.ORF", "raw", {"exposure": Exposure()}),
        )  # fmt: skip
        self.frames[frame.path] = frame
        if self.often():
            path, form, facts = self.chance.choice(others)
            self.frames[path] = replace(frame, path=path, format=form, **facts)


def planned(seed):
    """Return how many files of a folder are in brackets, how many are left, and the lines of the plan."""
    folder, options = Folder(seed), Random(seed).choice(OPTIONS)
    plan = plan_brackets(folder.frames.values(), **options)
    placed = [path for bracket in plan.brackets for path in bracket.frames]
    assert sorted([*placed, *(each.path for each in plan.leftovers)]) == sorted(folder.frames)
    assert all(each.reason for each in plan.leftovers)
    if size := options.get("set_size"):
        assert {len(bracket.frames) for bracket in plan.brackets} <= {size}
    return len(placed), len(plan.leftovers), "\n".join(plan.lines())


def line_of(number):
    found, left, total = 0, 0, 0
    for seed in range(number * FOLDERS, (number + 1) * FOLDERS):
        placed, others, lines = planned(seed)
        found, left, total = found + placed, left + others, zlib.crc32(lines.encode(), total)
    return f"folders from {number * FOLDERS}: {found} files in brackets, {left} left; {total:08x}"


def some_folders():
    return (list(Folder(seed).frames.values()) for seed in range(0, FOLDERS * LINES, 15))


def sets(plan):
    return {frozenset(bracket.frames) for bracket in plan.brackets}


def test_the_order_of_files_makes_no_difference():
    for frames in some_folders():
        shuffled = Random(len(frames)).sample(frames, len(frames))
        assert plan_brackets(shuffled) == plan_brackets(frames)


@pytest.mark.parametrize("delta", [timedelta(days=-900, seconds=1), timedelta(hours=7, seconds=30)])
def test_a_clock_that_is_wrong_makes_no_difference(delta):
    for frames in some_folders():
        shifted = [replace(f, captured=f.captured and f.captured + delta) for f in frames]
        assert plan_brackets(shifted) == plan_brackets(frames)


def test_the_name_of_a_folder_makes_no_difference():
    for frames in some_folders():
        renamed = [replace(frame, path=f"Ünder/way/{frame.path}") for frame in frames]
        expected = {
            frozenset(f"Ünder/way/{path}" for path in s) for s in sets(plan_brackets(frames))
        }
        assert sets(plan_brackets(renamed)) == expected


@pytest.mark.parametrize("number", range(LINES))
def test_each_folder_has_the_recorded_plan(number):
    assert line_of(number) == RECORD.read_text().splitlines()[number]


if __name__ == "__main__":
    RECORD.write_text("\n".join(map(line_of, range(LINES))) + "\n")
