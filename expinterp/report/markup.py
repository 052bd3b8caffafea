"""HTML that cannot be broken by a name: whatever is not markup already is escaped on its way in."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from html import escape

VOID = {"img", "input", "meta"}  # elements without an end tag
_BIDI_CONTROLS = {*map(chr, (*range(0x202A, 0x202F), *range(0x2066, 0x206A)))}
_UNSEEN = {"Cc", "Cs", "Zl", "Zp"}  # control characters, lone surrogates, line separators


class Html(str):
    """Text that is markup already."""

    __slots__ = ()


def shown(text: str) -> str:
    r"""Make a name visible: what would break a line, turn text round or is no character, as ``\\x``.

    File names may hold anything, bytes that are no UTF-8 included (as lone surrogates).

    Examples
    --------
    >>> print(shown("a\nb\udcff"))
    a\nb\udcff
    """
    if text.isprintable():  # as nearly all is, megabytes of base64 among it
        return text
    return "".join(_visible(char) for char in text)


def _visible(char: str) -> str:
    if unicodedata.category(char) in _UNSEEN or char in _BIDI_CONTROLS:
        return char.encode("unicode_escape").decode("ascii")
    return char


def markup(content: object) -> Html:
    """Turn content into markup: `Html` as it is, None into nothing, all else escaped."""
    if isinstance(content, Html):
        return content
    return Html("" if content is None else escape(shown(str(content))))


def join(contents: Iterable[object], between: str = "") -> Html:
    """Put contents one after the other."""
    return Html(markup(between).join(markup(content) for content in contents))


def element(tag: str, *children: object, **attributes: object) -> Html:
    """Build an element.

    Parameters
    ----------
    children : objects
        `Html`, or anything whose text is escaped; None is nothing.
    attributes : objects
        Underscores become hyphens, one at the end is dropped (``class_``). True stands for an
        attribute without a value; None and False leave it out.

    Examples
    --------
    >>> element("a", "A & B", href='"x"', hidden=True, title=None)
    '<a href="&quot;x&quot;" hidden>A &amp; B</a>'
    """
    pairs = "".join(_attribute(name, value) for name, value in attributes.items())
    if tag in VOID:
        return Html(f"<{tag}{pairs}>")
    return Html(f"<{tag}{pairs}>{join(children)}</{tag}>")


def _attribute(name: str, value: object) -> str:
    if value is None or value is False:
        return ""
    key = name.removesuffix("_").replace("_", "-")
    return f" {key}" if value is True else f' {key}="{markup(value)}"'


def name(text: str) -> Html:
    """Mark up the name of a file or bracket: its writing direction stays its own."""
    return element("bdi", text)
