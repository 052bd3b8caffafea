"""Names of outputs that any file system can hold side by side."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expinterp.batch.naming import (
    LONGEST,
    TemplateError,
    check_template,
    identity,
    portable,
    stem_from,
    tell_apart,
)

TEXT = st.text(st.characters(exclude_characters="/\0"), min_size=1)
WINDOWS = {"con", "prn", "aux", "nul"} | {
    f"{p}{d}" for p in ("com", "lpt") for d in "0123456789¹²³"
}


@given(TEXT)
def test_a_portable_name_is_legal_everywhere(name: str) -> None:
    made = portable(name)
    assert made
    assert not set(made) & set('<>:"/\\|?*\x7f')
    assert min(made) >= " "
    assert made[-1] not in " ."
    assert made.split(".")[0].rstrip().lower() not in WINDOWS
    assert len(made.encode()) <= LONGEST + 1
    assert unicodedata.is_normalized("NFC", made)


@given(TEXT)
def test_a_portable_name_stays_as_it_is(name: str) -> None:
    assert portable(portable(name)) == portable(name)


@pytest.mark.parametrize("name", ["DSC_0001", "Tür", "a b.c", "写真", "-x", ".hidden"])
def test_common_names_are_kept(name: str) -> None:
    assert portable(name) == name


@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("con", "con_"), ("AUX.tar.gz", "AUX_.tar.gz"), ("lpt¹", "lpt¹_"), ("nul .x", "nul _.x"),
        ("..", "__"), ("a?b", "a_b"), ("end. ", "end__"), ("\udcff", "_"), ("e\u0301", "\u00e9"),
    ],
)  # fmt: skip
def test_names_that_some_systems_refuse_are_changed(name: str, made: str) -> None:
    assert portable(name) == made


def test_long_names_that_begin_alike_stay_apart() -> None:
    one, two = (portable("ü" * 200 + end) for end in "ab")
    assert one != two
    assert len(one.encode()) <= LONGEST


@pytest.mark.parametrize(
    ("one", "two"),
    [("a.jpg", "A.JPG"), ("é", "e\u0301"), ("Straße", "STRASSE"), ("İ", "i\u0307"), ("ﬁ", "FI")],
)
def test_names_that_one_file_system_confuses_are_the_same(one: str, two: str) -> None:
    assert identity(one) == identity(two)


def test_a_template_is_filled_in_and_folders_are_mirrored() -> None:
    fields = {"bracket": "card 1/day 2/b7", "kind": "mid", "long": "x/y", "short": "z"}
    assert stem_from("{bracket}_{kind}", fields) == "card 1/day 2/b7_mid"
    assert stem_from("{kind}/{long}-{short}", fields) == "card 1/day 2/mid/x_y-z"
    assert stem_from("../{bracket}", fields) == "card 1/day 2/__/b7"


@given(st.dictionaries(st.sampled_from(["bracket", "kind", "long", "short"]), st.text()))
def test_no_name_leads_out_of_the_folder(fields: dict[str, str]) -> None:
    blank = dict.fromkeys(("bracket", "kind", "long", "short"), "x")
    parts = stem_from("{bracket}_{kind}/{long}{short}", blank | fields).split("/")
    assert "" not in parts
    assert not {".", ".."} & set(parts)


@pytest.mark.parametrize(
    "template",
    ["", " / ", "fixed", "{kind}", "{nonsense}_{bracket}", "{bracket", "{bracket!r}", "{bracket:9}", "{}"],
)  # fmt: skip
def test_a_template_that_names_nothing_is_refused(template: str) -> None:
    with pytest.raises(TemplateError):
        check_template(template, kinds=1)


def test_several_kinds_need_several_names() -> None:
    check_template("{bracket}", kinds=1)
    check_template("{bracket}_{kind}", kinds=2)
    with pytest.raises(TemplateError, match="kind"):
        check_template("{bracket}", kinds=2)


NAMES = st.lists(
    st.sampled_from(["a", "A", "b/c", "B/c", "b", "é", "e\u0301", "b/c/d"]), max_size=6
)


@given(NAMES)
def test_no_two_owners_share_a_name(names: list[str]) -> None:
    marks = [f"owner {number}" for number in range(len(names))]
    added = tell_apart([[f"{name}.jpg"] for name in names], marks)
    final = [identity(f"{name}{mark}.jpg") for name, mark in zip(names, added, strict=True)]
    assert len(set(final)) == len(final)


def test_names_do_not_depend_on_the_order_or_on_others() -> None:
    apart = tell_apart([["a.jpg"], ["A.jpg"], ["b.jpg"]], ["1", "2", "3"])
    assert apart[2] == ""
    assert apart[:2] == tell_apart([["A.jpg"], ["a.jpg"]], ["2", "1"])[::-1]
    assert "" not in apart[:2]


def test_a_file_and_a_folder_never_share_a_name() -> None:
    apart = tell_apart([["A.jpg"], ["a.jpg/b.jpg"]], ["1", "2"])
    assert apart[0]
