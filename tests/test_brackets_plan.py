"""Plans as JSON lines: written, edited by hand, read again."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expinterp.brackets import (
    Bracket,
    Leftover,
    Plan,
    PlanError,
    parse_plan,
    read_plan,
    write_plan,
)
from expinterp.errors import ImageFileError, OutputExistsError

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
        numbers = st.tuples(*[st.floats(allow_nan=False, allow_infinity=False)] * size)
        facts = {key: draw(st.none() | numbers) for key in ("times", "evs")}
        camera = draw(st.none() | NAMES)
        brackets.append(
            Bracket(f"{len(brackets)}", tuple(taken), draw(NAMES), **facts, camera=camera)
        )
    return Plan(draw(NAMES), tuple(brackets), tuple(Leftover(path, draw(NAMES)) for path in paths))


@given(plans())
def test_what_is_written_is_read(plan):
    lines = list(plan.lines())
    assert not any("\n" in line for line in lines)
    assert parse_plan(lines) == plan


def test_a_file_holds_a_line_per_bracket_and_leftover(tmp_path):
    path = tmp_path / "plan.jsonl"
    write_plan(PLAN, path)
    assert read_plan(path) == PLAN
    kinds = [json.loads(line)["kind"] for line in path.read_bytes().splitlines()]
    assert kinds == ["plan", "bracket", "bracket", "leftover", "leftover"]
    assert "église".encode() in path.read_bytes()


def test_a_file_name_that_is_no_text_survives(tmp_path):
    name = b"caf\xe9.jpg".decode("utf-8", "surrogateescape")
    plan = Plan("/x", (), (Leftover(name, "a single shot"),))
    write_plan(plan, tmp_path / "plan.jsonl")
    assert read_plan(tmp_path / "plan.jsonl") == plan


def test_an_existing_file_is_kept(tmp_path):
    path = tmp_path / "plan.jsonl"
    path.write_text("precious")
    with pytest.raises(OutputExistsError):
        write_plan(PLAN, path)
    assert path.read_text() == "precious"
    write_plan(PLAN, path, overwrite=True)
    assert read_plan(path) == PLAN


def test_an_edited_plan_is_read():
    """Lines struck out, reordered, and shortened to what matters; a byte-order mark, CRLF."""
    lines = [
        "\r",
        '{"kind": "bracket", "name": "mine", "frames": ["a.jpg", "b.jpg"], "status": "planned"}\r',
        "",
    ]
    plan = parse_plan(lines, folder="/photos")
    assert plan == Plan("/photos", (Bracket("mine", ("a.jpg", "b.jpg")),))


def test_a_bracket_that_lost_a_frame_in_editing_has_no_times():
    (line,) = (line for line in PLAN.lines() if '"IMG_0001"' in line)
    facts = json.loads(line)
    facts["frames"].append("new.jpg")
    (bracket,) = parse_plan([json.dumps(facts)]).brackets
    assert bracket.times is bracket.evs is None


def test_a_plan_saved_with_a_byte_order_mark_is_read(tmp_path):
    path = tmp_path / "plan.jsonl"
    text = "\r\n".join(PLAN.lines())
    path.write_bytes(b"\xef\xbb\xbf" + text.encode())
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
    with pytest.raises(PlanError, match="UTF-8"):
        read_plan(tmp_path / "picture.jpg")
