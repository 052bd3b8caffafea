"""Odd values for options and in JSON, and a command that must refuse or bear them."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from expinterp import cli
from expinterp.errors import ExitCode

KNOWN = set(map(int, ExitCode)) - {ExitCode.UNEXPECTED, ExitCode.INTERRUPTED}
NUMBERS = [-1, 0, 3, 2**63, 10**400, 0.5, -0.0, 1e-320, 1e308, float("nan"), float("inf")]
TEXTS = [
    "",
    ".",
    "no/..",
    "/dev/null/",
    "\0",
    "\ud800",
    "\udcff",
    "x" * 300,
    "a/" * 3000,
    "\x1b[2J\u202e",
    "1",
]
ODD = st.sampled_from(
    [None, True, *NUMBERS, *TEXTS, [], [[]], {}, {"a": 1}, [1, 2], ["a", "b"], [None, None]]
)
FEW = settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
MANY = settings(FEW, max_examples=400)


def places(value: Any, most: int = 4) -> list[list[Any]]:
    """List the places of all values within a value, as keys; of long lists the first few."""
    if isinstance(value, dict):
        inner = list(value.items())
    else:
        inner = list(enumerate(value))[:most] if isinstance(value, list) else []
    return [[], *([key, *rest] for key, part in inner for rest in places(part, most))]


@st.composite
def spoilt(draw: st.DrawFn, sound: Any) -> Any:
    """Replace, remove or add one or two values somewhere in a sound one."""
    value = [copy.deepcopy(sound)]
    for _ in range(draw(st.integers(1, 2))):
        keys = [0, *draw(st.sampled_from(places(value[0])))]
        holder: Any = value
        for key in keys[:-1]:
            holder = holder[key]
        if draw(st.booleans()) or holder is value:
            holder[keys[-1]] = copy.deepcopy(draw(ODD))
        else:
            del holder[keys[-1]]
    return value[0]


def check(capsys: pytest.CaptureFixture[str], *arguments: str) -> int:
    """Run a command; its code must be known, its messages lines without a control character."""
    code = cli.main(list(arguments))
    out, err = capsys.readouterr()
    assert code in KNOWN, (arguments, err)
    lines = err.removesuffix("\n").split("\n") if err else []
    assert all(line.startswith("expinterp: ") and line.isprintable() for line in lines), err
    errors = [line for line in lines if line.startswith("expinterp: error: ")]
    if code not in {ExitCode.OK, ExitCode.BATCH}:
        assert len(errors) == 1, (arguments, err)
    if "--json" in arguments and code == ExitCode.OK:
        for text in out.splitlines() if arguments[0] == "batch" else [out]:
            json.loads(text, parse_constant=pytest.fail)
    return code
