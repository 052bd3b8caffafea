"""Journals as a batch writes them, with small pictures, and a reader of pages."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from expinterp.core.ghosts import Ghosts
from expinterp.scene_io.ghosts import encode_mask

VOID = {"img", "input", "meta"}
ODD_NAME = "<script>alert(1)</script> \"q\" & 'co'"
WARNING = "long.jpg: its <orientation> tag differs"
ERROR = {"type": "PairError", "message": "a.jpg & b.jpg do not match", "exit_code": 4}


def header(folder: Path, out: Path, **options: Any) -> dict[str, Any]:
    return {
        "kind": "header", "schema_version": 1, "version": "0.1.0", "folder": str(folder),
        "out": str(out), "mode": "interpolate", "options": options,
    }  # fmt: skip


def job_record(long: str, short: str, medium: str, warnings: Iterable[str] = ()) -> dict[str, Any]:
    """Build the record of a pair, as ``interpolate --json`` prints it."""
    shot = {"rows": 80, "cols": 120, "bit_depth": 8, "iso": 100.0, "f_number": 8.0, "camera": "A B"}
    clipped = {"black": 0.0036, "white": 0.19733}
    return {
        "schema_version": 1, "version": "0.1.0", "command": "interpolate",
        "inputs": [
            {"role": "long", "file": long, "time": 0.25, "clipped": clipped, **shot},
            {"role": "short", "file": short, "time": 1 / 64, "clipped": clipped, **shot},
        ],
        "outputs": [{"kind": "medium", "file": medium, "ev": 2.0, "time": 1 / 16}],
        "ratio": {"stated": 16.0, "measured": 15.2}, "motion": None,
        "response": {"source": "pair", "file": None, "camera": None, "curves": None, "residual": None},
        "refinement": {"sha256": "0", "provider": "CPUExecutionProvider", "threads": 2},
        "timings": {"read": 0.1, "measure": 0.02, "render": 1.5, "write": 0.2},
        "warnings": list(warnings),
    }  # fmt: skip


def fused_record(long: str, short: str, fused: str) -> dict[str, Any]:
    """Build the record of a fusion, as ``fuse --json`` prints it."""
    record = job_record(long, short, fused)
    metrics = {
        "mef_ssim": 0.9782, "order_violations": {"everywhere": 0.0027, "highlight_shadow": 0.0}
    }  # fmt: skip
    return record | {
        "command": "fuse",
        "inputs": [row | {"role": "image"} for row in record["inputs"]],
        "outputs": [{"kind": "fused", "file": fused, "ev": None, "time": None}],
        "fusion": {"method": "guided", "metrics": metrics},
    }


def moved(share: float, reference: str, *, number: int = 1) -> dict[str, Any]:
    """State that something moved in the middle of a picture, and is from the shot of a number."""
    sources = np.zeros((80, 120), np.uint8)
    sources[20:60, 30:90] = number
    mask = encode_mask(Ghosts(sources, share), shots=2)
    return {"share": share, "reference": reference, "mask": mask}


def result(name: str, frames: list[str], outputs: list[str], **more: Any) -> dict[str, Any]:
    return {
        "kind": "result", "bracket": name, "status": "done", "frames": frames, "outputs": outputs,
        "bytes": [1] * len(outputs), "fingerprint": "f", "reports": [], "error": None,
        "seconds": 1.5, "finished": "2026-11-23T06:17:36.402+00:00", **more,
    }  # fmt: skip


def done(name: str, frames: list[str], output: str, *warnings: str) -> dict[str, Any]:
    record = job_record(*(f"/card/{frame}" for frame in frames), f"/out/{output}", warnings)
    return result(name, frames, [output], reports=[record])


def write_journal(out: Path, lines: Iterable[dict[str, Any]]) -> Path:
    """Write a journal: lines as given, each result planned before."""
    path = out / "expinterp-journal.jsonl"
    with path.open("w", encoding="utf-8") as stream:
        for line in lines:
            if line["kind"] == "result":
                plan = {"kind": "planned", "bracket": line["bracket"], "claimed": True}
                plan |= {"fingerprint": "f", "outputs": line["outputs"]}
                stream.write(json.dumps(plan) + "\n")
            stream.write(json.dumps(line) + "\n")
    return path


def draw(path: Path, *, light: float = 1.0, noise: float = 0.0, size: int = 120) -> None:
    """Draw a scene and save it as a photograph."""
    random = np.random.default_rng(1)
    y, x = np.mgrid[0 : size * 2 // 3, 0:size] / size
    scene = np.stack([0.2 + x, 0.3 + y, 0.9 - x * y], axis=2) * light
    codes = 255 * np.clip(scene, 0, 1) ** 0.45 + noise * random.normal(size=scene.shape)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.clip(codes, 0, 255).astype(np.uint8)).save(path, quality=90)


def sample_batch(folder: Path) -> Path:
    """Make a batch with every kind of result; return the folder of its journal."""
    card, out = folder / "card", folder / "out"
    for name, light in (("long.jpg", 1.0), ("short.jpg", 0.06), ("x.jpg", 0.3)):
        draw(card / name, light=light)
    draw(out / "medium.jpg", light=0.25)
    (card / "broken.jpg").write_bytes((card / "long.jpg").read_bytes()[:500])
    pair = ["long.jpg", "short.jpg"]
    neighbours = [job_record("long.jpg", "x.jpg", ""), job_record("x.jpg", "short.jpg", "")]
    lines = [
        header(card, out, quality=95, refine=True, nested={"count": None, "ev": 1.5}),
        {"kind": "leftover", "path": "single <1>.jpg", "reason": "a single shot"},
        done("plain 10", pair, "medium.jpg"),
        done("plain 9", pair, "medium.jpg"),
        done("warned", pair, "medium.jpg", WARNING),
        done(ODD_NAME, pair, "medium.jpg"),
        done("مجلس \u202egpj", pair, "medium.jpg"),
        result("failed", ["long.jpg", "broken.jpg"], [], status="failed", error=ERROR),
        result("skipped", pair, [], status="skipped", seconds=0.0),
        result(
            "fused",
            pair,
            ["medium.jpg"],
            reports=[fused_record(*pair, "medium.jpg") | {"ghosts": moved(0.25, "/card/long.jpg")}],
        ),
        result("three", ["long.jpg", "x.jpg", "short.jpg"], ["medium.jpg"], reports=neighbours),
        done("vanished", ["gone\n1.jpg", "caf\udce9.jpg"], "gone.jpg"),
    ]
    write_journal(out, lines)
    return out


@dataclass(repr=False)  # which would repeat the text of all parents
class Element:
    """An element of a page: its attributes, and its text with that of its children."""

    tag: str
    attributes: dict[str, str | None]
    parents: tuple[Element, ...] = ()
    text: str = ""

    def inside(self, tag: str) -> bool:
        return any(parent.tag == tag for parent in self.parents)


@dataclass(repr=False)  # which would repeat the text of all parents
class Reader(HTMLParser):
    """Reads a page as a browser without scripts would; refuses tags that do not match."""

    elements: list[Element] = field(default_factory=list)
    open: list[Element] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, dict(attrs), tuple(self.open))
        assert len(element.attributes) == len(attrs), f"an attribute of {tag} comes twice"
        self.elements.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop().tag == tag

    def handle_data(self, data: str) -> None:
        for element in self.open:
            element.text += data

    def all(self, *tags: str) -> list[Element]:
        return [element for element in self.elements if element.tag in tags]


def read_page(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert reader.open == [], "tags are left open"
    return reader
