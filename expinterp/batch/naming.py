"""Names of outputs that any file system can hold side by side.

Some file systems ignore letter case (macOS, Windows), the composition of letters (macOS), or
trailing dots and spaces (Windows). A folder of outputs may be copied from one to another, so two
names are the same here if they are the same on any of them.
"""

from __future__ import annotations

import hashlib
import string
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

TEMPLATE = "{bracket}_{kind}"
FIELDS = ("bracket", "kind", "long", "short")
FORBIDDEN = str.maketrans(dict.fromkeys('<>:"/\\|?*\x7f' + "".join(map(chr, range(32))), "_"))
RESERVED = {"con", "prn", "aux", "nul", "conin$", "conout$"} | {
    f"{port}{digit}" for port in ("com", "lpt") for digit in "0123456789¹²³"
}
LONGEST = 180  # bytes of a name in UTF-8: 255 less numbers, suffix and temporary name
DIGITS = 8  # of the mark that makes equal names different


class TemplateError(ValueError):
    """A template that cannot name outputs."""


def check_template(template: str, *, kinds: int) -> None:
    """Refuse a template that cannot name outputs.

    Parameters
    ----------
    template : str
        As in ``{bracket}_{kind}``; '/' makes folders.
    kinds : int
        How many kinds of output a bracket has.

    Raises
    ------
    TemplateError
        If it has unknown fields, or gives two kinds of output one name.
    """
    known = ", ".join(f"{{{name}}}" for name in FIELDS)
    try:
        parsed = [part for part in string.Formatter().parse(template) if part[1] is not None]
    except ValueError as error:
        message = f"the template {template!r} is not valid ({error}); use {known}"
        raise TemplateError(message) from error
    for _, name, form, conversion in parsed:
        if name not in FIELDS or form or conversion:
            message = f"the template {template!r} has an unknown field {{{name}}}; use {known}"
            raise TemplateError(message)
    used = {name for _, name, _, _ in parsed}
    if not used & {"bracket", "long", "short"}:
        message = f"the template {template!r} gives all brackets one name; put {{bracket}} into it"
        raise TemplateError(message)
    if kinds > 1 and "kind" not in used:
        message = f"the template {template!r} gives two outputs one name; put {{kind}} into it"
        raise TemplateError(message)


def stem_from(template: str, fields: Mapping[str, str]) -> str:
    """Fill in a template; return a path without suffix that is legal on any file system.

    Parameters
    ----------
    template : str
        One that `check_template` accepts.
    fields : mapping of str to str
        A value for each of `FIELDS`, any text; only ``bracket`` may contain folders.

    Examples
    --------
    >>> stem_from("{bracket}_{kind}", {"bracket": "day 1/DSC_1", "kind": "mid"})
    'day 1/DSC_1_mid'
    """
    folder, _, name = fields["bracket"].rpartition("/")
    plain = {key: value.replace("/", "_") for key, value in fields.items()}
    filled = template.format(**plain | {"bracket": name})
    return "/".join(portable(part) for part in f"{folder}/{filled}".split("/") if part)


def portable(name: str) -> str:
    """Change the name of a file or folder to be legal on any file system; most do not change.

    Examples
    --------
    >>> portable("what?."), portable("aux.jpg"), portable("DSC_1")
    ('what__', 'aux_.jpg', 'DSC_1')
    """
    whole = name.encode("utf-8", "replace").decode()
    clean = unicodedata.normalize("NFC", whole).translate(FORBIDDEN)
    kept = clean.rstrip(" .")
    clean = kept + "_" * (len(clean) - len(kept))
    if len(clean.encode()) > LONGEST:
        clean = f"{clean.encode()[: LONGEST - DIGITS - 1].decode(errors='ignore')}-{_mark(name)}"
    first, dot, rest = clean.partition(".")
    return f"{first}_{dot}{rest}" if first.rstrip().lower() in RESERVED else clean or "_"


def identity(path: str) -> str:
    """Reduce a path to the letters by which every file system can distinguish it."""
    decomposed = unicodedata.normalize("NFD", path).casefold()
    return unicodedata.normalize("NFD", decomposed)


def tell_apart(names: Sequence[Sequence[str]], marks: Sequence[str]) -> list[str]:
    """Choose what is added to the names of each owner so that no two owners share one.

    Parameters
    ----------
    names : sequence of sequences of str
        Paths of the outputs of each owner.
    marks : sequence of str
        Text that identifies each owner, the same in every run.

    Returns
    -------
    list of str
        For each owner: empty if nobody shares its names, else a hyphen and digits that depend on
        its mark only.
    """
    uses: Counter[str] = Counter()
    for group in names:
        uses.update({identity(name) for name in group})
    folders = set(map(identity, _folders(name for group in names for name in group)))

    def shared(name: str) -> bool:
        return uses[identity(name)] > 1 or identity(name) in folders

    return [
        f"-{_mark(mark)}" if any(map(shared, group)) else ""
        for group, mark in zip(names, marks, strict=True)
    ]


def _folders(names: Iterable[str]) -> set[str]:
    """List all folders above some files."""
    found: set[str] = set()
    for name in names:
        folder = name.rpartition("/")[0]
        while folder and folder not in found:
            found.add(folder)
            folder = folder.rpartition("/")[0]
    return found


def _mark(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:DIGITS]
