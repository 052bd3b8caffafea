"""The shell of a page: head, styles, script, tables; what it is filled with comes from elsewhere.

A page is one file. Its security policy lets nothing in from anywhere, and of styles and scripts
runs only the very ones written here.
"""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from urllib.parse import quote

from expinterp import __version__
from expinterp.svg import Html, element, join


def begin_page(title: str, *, styles: Sequence[str], script: str | None = None) -> Html:
    """Write everything up to the content, which is to follow in ``<main>``.

    Parameters
    ----------
    title : str
        Of the window.
    styles : sequence of str
        Files of this package, in their order.
    script : str, optional
        A file of this package; `end_page` runs it.
    """
    style = "\n".join(read_asset(name) for name in styles)
    policy = "; ".join(
        (
            "default-src 'none'",
            "img-src data:",
            f"style-src {_source(style)}",
            f"script-src {_source(read_asset(script)) if script else chr(39) + 'none' + chr(39)}",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=policy),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", name="generator", content=f"expinterp {__version__}"),
        element("title", title),
        element("style", Html(style)),
    )
    skip = element("a", "Skip to the content", class_="skip", href="#content")
    return Html(f'<!DOCTYPE html>\n<html lang="en">\n{head}\n<body>\n{skip}\n')


def end_page(*, script: str | None = None) -> Html:
    """Write what follows the content."""
    footer = element("footer", element("p", f"Made by expinterp {__version__}."))
    code = element("script", Html(read_asset(script))) if script else ""
    return Html(f"\n{footer}\n{code}\n</body>\n</html>\n")


def read_asset(name: str) -> str:
    """Read a style sheet or script of this package."""
    return resources.files("expinterp.report").joinpath(name).read_text("utf-8")


def _source(code: str) -> str:
    """Name an inline style or script for the policy: by its hash, so that no other one runs."""
    digest = hashlib.sha256(code.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def table(headers: Sequence[str], rows: Sequence[Sequence[object]], *, caption: str) -> Html:
    """Write a table whose first column names its rows; a narrow screen scrolls it sideways."""
    head = element("tr", *(element("th", header, scope="col") for header in headers))
    body = [
        element(
            "tr",
            element("th", row[0], scope="row"),
            *(element("td", cell) for cell in row[1:]),
        )
        for row in rows
    ]
    whole = element(
        "table",
        element("caption", caption),
        element("thead", head),
        element("tbody", *body),
    )
    return element(
        "div", whole, class_="scroll", tabindex=0, role="region", aria_label=f"Table: {caption}"
    )


def terms(pairs: Sequence[tuple[str, object]], **attributes: object) -> Html:
    """Write a list of terms and what they are, leaving out what is empty."""
    groups = [
        element("div", element("dt", term), element("dd", said))
        for term, said in pairs
        if said not in {"", None}
    ]
    return element("dl", *groups, **attributes) if groups else join(())


def link(path: Path, content: object, *, beside: Path | None) -> Html:
    """Link to a file: relative to the page's folder `beside` where the two have a way between them.

    A name that no URL can express stays plain.
    """
    try:
        target = _address(path, beside)
    except ValueError:  # characters that no file name holds
        return element("span", content)
    return element("a", content, href=target)


def _address(path: Path, beside: Path | None) -> str:
    """Write a URL; folders are followed through links first, so that ``..`` leads back."""
    real = Path(os.path.realpath(path.parent), path.name)
    try:
        if beside is not None:
            return "./" + quote(os.fsencode(Path(os.path.relpath(real, beside)).as_posix()))
    except ValueError:
        os.fsencode(real)  # raises again if the name is the reason, and not another drive
    return real.as_uri()
