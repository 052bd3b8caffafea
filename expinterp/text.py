r"""Text from files and file names: names made visible, and JSON with ordinary numbers only.

File names, names of cameras and values in JSON may hold anything: line breaks, escape sequences
that set the title of a terminal, 10⁴⁰⁰. People read them through `visible`.
"""

from __future__ import annotations

import html
import json
import math
import os
import re
import unicodedata
from typing import Any, TypeAlias

Natural: TypeAlias = tuple[Any, ...]  # text, number, text, ...

HIDDEN = {*map(chr, (*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0xFFFE, 0xFFFF))}
HIDDEN_KINDS = {"Cc", "Cs", "Zl", "Zp"}  # control characters, lone surrogates, line separators
_DIGITS = re.compile(r"(\d+)")
LONGEST = 255  # digits of a number in a name; no file has a longer one
LONGEST_NUMBER = 19  # digits: more than any size, time or count has
# What a program raises that looks for values in JSON and finds others.
MALFORMED = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)


def visible(text: str) -> str:
    r"""Make a name visible: line breaks, controls and characters that reverse text become ``\\x``.

    File names may hold anything, even bytes that are no UTF-8 (as lone surrogates).

    Examples
    --------
    >>> print(visible("a\nb\udcff"))
    a\nb\udcff
    """
    if text.isprintable():  # the usual case, also for megabytes of base64
        return text
    return "".join(_visible(char) for char in text)


def rounded(number: float, digits: int) -> str:
    """Write a number with so many significant digits, and without an exponent.

    Examples
    --------
    >>> rounded(243.2, 2), rounded(99.7, 2), rounded(0.0312, 2)
    ('240', '100', '0.031')
    """
    return f"{float(f'{number:.{digits}g}'):.15g}"


def quote_attribute(text: str) -> str:
    r"""Return a text as an attribute of XML, in quotes.

    ``xml.sax.saxutils.quoteattr`` does the same, but loads the modules of HTTP: 15 ms.

    Examples
    --------
    >>> quote_attribute('a < "b"\n')
    '"a &lt; &quot;b&quot;&#10;"'
    """
    escaped = html.escape(text).translate({ord(char): f"&#{ord(char)};" for char in "\t\n\r"})
    return f'"{escaped}"'


def natural_key(text: str) -> Natural:
    """Return a key that sorts names as people do: ``shot9`` before ``shot10``."""
    parts = _DIGITS.split(text.casefold())
    return tuple(int(part[:LONGEST]) if at % 2 else part for at, part in enumerate(parts))


def _visible(char: str) -> str:
    if char in HIDDEN or unicodedata.category(char) in HIDDEN_KINDS:
        return char.encode("unicode_escape").decode("ascii")
    return char


def is_storable(name: str) -> bool:
    """Return whether a file system can store a name, as far as its characters are concerned."""
    try:
        return b"\0" not in os.fsencode(name)
    except UnicodeEncodeError:
        return False


def parse_json(text: str | bytes) -> Any:
    """Read JSON whose numbers all are finite floats or integers of ordinary size.

    Raises
    ------
    ValueError
        If it is no JSON, or holds NaN, Infinity, 1e999 or an integer of more than 19 digits.
    RecursionError
        If it is nested too deeply.
    """
    return json.loads(text, parse_int=_whole, parse_float=_finite, parse_constant=_finite)


def _whole(text: str) -> int:
    if len(text.lstrip("-")) > LONGEST_NUMBER:
        msg = f"the number {text[:LONGEST_NUMBER]}… is too large"
        raise ValueError(msg)
    return int(text)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        msg = f"{text[:LONGEST_NUMBER]} is no finite number"
        raise ValueError(msg)
    return number


def dump_json(value: Any, *, indent: int | None = None) -> str:
    """Write JSON that every reader accepts: numbers that are not finite become null.

    Examples
    --------
    >>> dump_json({"psnr": math.inf, "name": "a"})
    '{"psnr": null, "name": "a"}'
    """
    try:
        return json.dumps(value, indent=indent, allow_nan=False)
    except ValueError:
        return json.dumps(_without_nan(value), indent=indent)


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_nan(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
