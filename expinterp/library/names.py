"""Names of cameras: two spellings of one camera are equal, two cameras never are.

EXIF states a maker and a model, and writers differ in case, spaces, company names and whether the
model repeats the maker: "NIKON CORPORATION NIKON D90", "Nikon D90", "nikon d-90". Nothing is
guessed: "D900" is not "D90", and "EOS 5D" is not "EOS 5D Mark II".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache

ANY = "any"  # in place of a name: no camera, the mixture of all
MAKERS = {
    "apple", "asus", "canon", "casio", "dji", "eastman", "epson", "fairphone", "fuji",
    "fujifilm", "google", "gopro", "hasselblad", "honor", "hp", "htc", "huawei", "infinix",
    "kodak", "konica", "kyocera", "leica", "lenovo", "lg", "lge", "mamiya", "meizu",
    "microsoft", "minolta", "motorola", "nikon", "nokia", "nothing", "olympus", "omds",
    "oneplus", "oppo", "palm", "panasonic", "pentax", "phase", "polaroid", "realme", "ricoh",
    "samsung", "sanyo", "sharp", "sigma", "sony", "tcl", "tecno", "vivo", "xiaomi", "yi",
    "zeiss", "zte",
}  # fmt: skip
COMPANY = {  # words of makers that say nothing about the camera
    "ag", "camera", "co", "company", "computer", "corp", "corporation", "digital", "electric",
    "electronics", "gmbh", "imaging", "inc", "industrial", "international", "ltd", "optical",
    "technologies", "technology",
}  # fmt: skip
IDLE = {"digital"}  # "EOS 350D DIGITAL" is the EOS 350D
SAME = {  # Canon's names in America and Japan: the name in Europe
    "eosrebel": "eos300d",
    "eoskiss": "eos300d",
    "eosrebelxt": "eos350d",
    "eoskissn": "eos350d",
    "eosrebelt2i": "eos550d",
    "eoskissx4": "eos550d",
    "eosrebelt3i": "eos600d",
    "eoskissx5": "eos600d",
    "eosrebelt6s": "eos760d",
    "eos8000d": "eos760d",
}
WORDS = re.compile(r"[^\W_]+|\+")
NEAR = 0.55  # similarity from which a name is offered in place of an unknown one


@dataclass(frozen=True)
class CameraKey:
    """What a name says, without its spelling.

    Attributes
    ----------
    makers : frozenset of str
        Empty if only the model is known; two if a brand and its owner are named.
    model : str
        Without spaces and punctuation; empty if there is none.
    """

    makers: frozenset[str]
    model: str

    def is_same(self, other: CameraKey) -> bool:
        """Return whether both can be one camera: models are equal, and makers do not differ."""
        apart = self.makers and other.makers and not self.makers & other.makers
        return bool(self.model) and self.model == other.model and not apart


@lru_cache(maxsize=4096)
def read_name(name: str) -> CameraKey:
    """Read the name of a camera.

    Examples
    --------
    >>> read_name("NIKON CORPORATION NIKON D90") == read_name("Nikon  d-90")
    True
    >>> read_name("D90").is_same(read_name("NIKON D90")), read_name("D90").is_same(read_name("D9"))
    (True, False)
    """
    name = name.casefold().replace("om digital solutions", "omds")  # or "OM-1" would begin with it
    words = ["plus" if word == "+" else word for word in WORDS.findall(name)]
    makers: set[str] = set()
    while words and (words[0] in MAKERS or (makers and words[0] in COMPANY)):
        word = words.pop(0)
        makers |= {word} & MAKERS
    model = _join([word for word in words if word not in IDLE])
    return CameraKey(frozenset(makers), SAME.get(model, model))


def _join(words: Sequence[str]) -> str:
    """Join words; a mark stays between two numbers, so that "1 20" is not "12 0"."""
    joined = ""
    for word in words:
        between = joined[-1:].isdigit() and word[0].isdigit()
        joined += f"-{word}" if between else word
    return joined


def is_same_camera(one: str, two: str) -> bool:
    """Return whether two names are of one camera."""
    return one == two or read_name(one).is_same(read_name(two))


def find_camera(name: str, names: Iterable[str]) -> str | None:
    """Return the one of `names` that is the same camera; None if none is, or several could be."""
    wanted = read_name(name)
    found = [each for each in names if read_name(each).is_same(wanted)]
    exact = [each for each in found if read_name(each).makers == wanted.makers]
    if exact:
        return exact[0]
    return found[0] if len({read_name(each) for each in found}) == 1 else None


def nearest_cameras(name: str, names: Iterable[str]) -> list[str]:
    """List up to three of `names` that are spelled like an unknown one, the nearest first.

    The models are compared; if none is near, as maker and model are written in one, all letters.
    """
    models = {each: read_name(each).model for each in names}
    letters = {each: "".join(WORDS.findall(each.casefold())) for each in models}
    written = "".join(WORDS.findall(name.casefold()))
    return _nearest(read_name(name).model, models) or _nearest(written, letters)


def _nearest(wanted: str, keys: Mapping[str, str]) -> list[str]:
    """List up to three names by how much their keys are like the wanted one."""
    near = get_close_matches(wanted, dict.fromkeys(keys.values()), n=3, cutoff=NEAR)
    return [name for close in near for name, key in keys.items() if key == close][:3]
