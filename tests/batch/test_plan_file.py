"""Plans as JSON lines: written, edited by hand, read again."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expinterp.batch.plan_file import parse_plan, read_plan
from expinterp.brackets import Bracket, Leftover, Plan, PlanError
from expinterp.errors import ImageFileError

PLAN = Plan(
    "/Bilder/Übung",
    (
        Bracket(
            "IMG_0001", ("b.jpg", "a.jpg"), "one scene", (0.25, 0.0625), (0.0, -2.0), "Model 7"
        ),
        Bracket("été/église", ("été/3.tif", "été/1.tif", "été/2.tif")),
    ),
    (Leftover("c.jpg", "a single shot"), Leftover("locked/", "the folder cannot be read")),
)

NAMES = st.text("aB ä字𝄞\\\"'{}.\n\t\u2028", min_size=1, max_size=8).filter(
    lambda name: name not in {".", ".."}
)


@st.composite
def plans(draw):
    paths = draw(st.lists(NAMES, min_size=0, max_size=12, unique=True))
    brackets = []
    while len(paths) >= 2 and draw(st.booleans()):
        size = draw(st.integers(2, len(paths)))
        taken, paths = paths[:size], paths[size:]
        numbers = st.tuples(*[st.floats(-1e9, 1e9)] * size)
        facts = {key: draw(st.none() | numbers) for key in ("times", "evs")}
        camera = draw(st.none() | NAMES)
        brackets.append(
            Bracket(f"{len(brackets)}", tuple(taken), draw(NAMES), **facts, camera=camera)
        )
    return Plan(draw(NAMES), tuple(brackets), tuple(Leftover(path, draw(NAMES)) for path in paths))


@given(plans())
def test_a_written_plan_is_read_back(plan):
    lines = list(plan.lines())
    assert not any("\n" in line for line in lines)
    assert parse_plan(lines) == plan


def test_a_plan_has_a_line_per_bracket_and_leftover():
    kinds = [json.loads(line)["kind"] for line in PLAN.lines()]
    assert kinds == ["plan", "bracket", "bracket", "leftover", "leftover"]


def test_a_plan_survives_any_console():
    """Redirected stdout has whatever encoding the system has; ASCII is in all of them."""
    name = b"caf\xe9.jpg".decode("utf-8", "surrogateescape")  # no text at all
    plan = replace(PLAN, leftovers=(Leftover(name, "a single shot"),))
    assert all(line.isascii() for line in plan.lines())
    assert parse_plan(plan.lines()) == plan


def test_an_edited_plan_is_read():
    """Lines struck out, reordered, and shortened to what matters; a byte-order mark, CRLF."""
    lines = [
        "\r",
        '{"kind": "bracket", "name": "mine", "frames": ["a.jpg", "b.jpg"], "status": "planned"}\r',
        "",
    ]
    plan = parse_plan(lines)
    assert plan == Plan("", (Bracket("mine", ("a.jpg", "b.jpg")),))


def test_a_bracket_that_lost_a_frame_in_editing_has_no_times():
    (line,) = (line for line in PLAN.lines() if '"IMG_0001"' in line)
    facts = json.loads(line)
    facts["frames"].append("new.jpg")
    (bracket,) = parse_plan([json.dumps(facts)]).brackets
    assert bracket.times is bracket.evs is None


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_plan_is_read_however_it_was_saved(tmp_path, encoding):
    path = tmp_path / "plan.jsonl"
    path.write_bytes("\r\n".join(PLAN.lines()).encode(encoding))
    assert read_plan(path) == PLAN


@pytest.mark.parametrize(
    "line",
    [
        "not JSON",
        "[]",
        "7",
        '{"name": "x"}',
        '{"kind": "brocket"}',
        '{"kind": "plan", "schema_version": 99, "folder": "/x"}',
        '{"kind": "plan", "schema_version": "1", "folder": "/x"}',
        '{"kind": "bracket", "name": "x", "frames": ["a.jpg"]}',
        '{"kind": "bracket", "name": "x", "frames": ["a.jpg", 7]}',
        '{"kind": "bracket", "name": "x", "frames": "ab"}',
        '{"kind": "bracket", "name": "", "frames": ["a.jpg", "b.jpg"]}',
        '{"kind": "bracket", "name": "x", "frames": ["a.jpg", "a.jpg"]}',
        '{"kind": "bracket", "name": "x", "frames": ["a.jpg", "../b.jpg"]}',
        '{"kind": "bracket", "name": "x", "frames": ["a.jpg", "/b.jpg"]}',
        '{"kind": "bracket", "name": "x", "frames": ["a.jpg", "b.jpg"], "times": ["1", "x"]}',
        '{"kind": "bracket", "name": "x", "frames": ["a.jpg", "b.jpg"], "times": 7}',
        '{"kind": "leftover"}',
        "[" * 100_000,
    ],
)
def test_a_line_that_makes_no_sense_is_refused(line):
    with pytest.raises(PlanError):
        parse_plan([line])


def test_the_refusal_names_the_line():
    with pytest.raises(PlanError, match="line 3"):
        parse_plan([*list(PLAN.lines())[:2], "oops"])


@pytest.mark.parametrize("names", [("x", "x"), ("x", "X"), ("ß", "SS")])
def test_names_that_a_file_system_may_confuse_are_refused(names):
    with pytest.raises(PlanError, match="name"):
        Plan("", tuple(Bracket(n, (f"{at}a", f"{at}b")) for at, n in enumerate(names)))


def test_a_file_in_two_brackets_is_refused():
    with pytest.raises(PlanError, match=r"b\.jpg"):
        Plan("", (Bracket("x", ("a.jpg", "b.jpg")), Bracket("y", ("b.jpg", "c.jpg"))))


def test_a_file_that_is_no_plan_is_refused(tmp_path):
    with pytest.raises(ImageFileError, match="missing"):
        read_plan(tmp_path / "missing.jsonl")
    (tmp_path / "picture.jpg").write_bytes(b"\xff\xd8\xff\xe0")
    with pytest.raises(PlanError, match="not Unicode text"):
        read_plan(tmp_path / "picture.jpg")
