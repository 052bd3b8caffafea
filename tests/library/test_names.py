"""Names of cameras: spelling does not matter, the model does."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expinterp.core.response.prior import load_prior
from expinterp.library.names import find_camera, nearest_cameras, read_name

KNOWN = sorted(set(load_prior().cameras) - {""})
STATED = {  # EXIF maker and model, as the project joins them: the name in the library
    "NIKON CORPORATION NIKON D90": "NIKON D90",
    "NIKON CORPORATION NIKON D2X": "NIKON D2X",
    "Nikon D90": "NIKON D90",
    "Canon                    Canon EOS 7D   ": "Canon EOS 7D",
    "Canon EOS 7D\0\0\0\0": "Canon EOS 7D",
    "SONY NEX-5": "SONY NEX-5",
    "NEX-5": "SONY NEX-5",
    "nex5": "SONY NEX-5",
    "samsung SM-A528B": "samsung SM-A528B",
    "SM-A528B": "samsung SM-A528B",
    "asus ASUS_Z01RD": "ASUS_Z01RD",
    "Panasonic DMC-G7": "Panasonic DMC-G7",
    "FUJIFILM X-H1": "FUJIFILM X-H1",
    "SAMSUNG EX2F ": "SAMSUNG EX2F",
    "Sony D6503": "Sony D6503",
    "Canon PowerShot S95": "Canon PowerShot S95",
    "EOS 350D": "Canon EOS 350D DIGITAL",
    "Canon EOS REBEL T2i": "Canon EOS 550D",
    "Canon EOS Kiss Digital N": "Canon EOS 350D DIGITAL",
}
OTHERS = [
    "NIKON D900", "NIKON D9", "NIKON D2Xs", "NIKON D2H", "NIKON D550", "Canon EOS 5D Mark II",
    "Canon EOS 5DS", "Canon EOS 60D", "Canon EOS M", "Canon EOS R70", "SONY NEX-5N", "SONY NEX-5R",
    "Panasonic DMC-G70", "Panasonic DMC-GF70", "Apple iPhone 6s", "Apple iPhone 6 Plus",
    "Apple iPhone X", "Canon PowerShot S9", "realme X3 SuperZoom", "Canon D90", "Apple", "", " - ",
    "NIKON CORPORATION", "X3+",
]  # fmt: skip
LETTERS = st.text("0123456789abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=4)
known = st.sampled_from(KNOWN)


@pytest.mark.parametrize("stated", STATED)
def test_a_camera_is_found_however_it_is_spelled(stated: str) -> None:
    assert find_camera(stated, KNOWN) == STATED[stated]


@pytest.mark.parametrize("other", OTHERS)
def test_another_model_is_another_camera(other: str) -> None:
    assert find_camera(other, KNOWN) is None


@given(known, st.data())
def test_case_spaces_and_punctuation_do_not_matter(name: str, data: st.DataObject) -> None:
    between = st.sampled_from([" ", "  ", "-", "_", " - ", "\t", "\0", "."])
    joined = "".join(
        data.draw(between) if part in " -_" else part.upper() if data.draw(st.booleans()) else part
        for part in re.split(r"([ \-_])", name)
    )
    assert find_camera(f" {joined}\0\0 ", KNOWN) == name


@given(known, LETTERS, st.booleans())
def test_a_model_with_more_letters_is_another_camera(name: str, more: str, apart: bool) -> None:
    longer = f"{name} {more}" if apart else name + more
    found = find_camera(longer, KNOWN)
    assert found is None or (found != name and read_name(found) == read_name(longer))


@given(st.text(max_size=40))
def test_any_text_is_a_name_or_none(text: str) -> None:
    key = read_name(text)
    assert key == read_name(f"  {text.upper().lower()} ") or not text.isascii()
    assert key.is_same(key) is bool(key.model)
    assert find_camera(text, [text]) == (text if key.model else None)


@given(known, known)
def test_cameras_of_the_library_are_all_different(one: str, two: str) -> None:
    assert read_name(one).is_same(read_name(two)) is (one == two)


def test_a_model_alone_is_found_only_if_one_maker_has_it() -> None:
    names = ["Canon X1", "SONY X1", "SONY X2"]
    assert find_camera("X1", names) is None
    assert find_camera("X2", names) == "SONY X2"
    assert find_camera("Canon X1", [*names, "X1"]) == "Canon X1"
    assert find_camera("Leica X2", names) is None
    assert find_camera("Leica X2", ["X2"]) == "X2"


def test_words_of_companies_count_where_no_maker_is_named() -> None:
    assert not read_name("Imaging 3").is_same(read_name("3"))
    assert read_name("Nikon Imaging 3").is_same(read_name("3"))


def test_near_names_are_offered() -> None:
    assert nearest_cameras("d91", KNOWN)[0] == "NIKON D90"
    assert nearest_cameras("canon eos 5d mark ii", KNOWN)[0] == "Canon EOS 5D"
    assert nearest_cameras("nikond90", KNOWN)[0] == "NIKON D90"
    assert {name.split()[0] for name in nearest_cameras("Nikon", KNOWN)} == {"NIKON"}
    assert nearest_cameras("zzz", KNOWN) == []


def test_numbers_apart_stay_apart() -> None:
    assert not read_name("Acme 1 20").is_same(read_name("Acme 12 0"))
    assert read_name("Acme 1-20").is_same(read_name("Acme 1 20"))
