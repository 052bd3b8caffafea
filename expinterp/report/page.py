"""The frame of a page: head, styles, script, tables; other modules write its content.

A page is one file. Its security policy blocks everything from elsewhere, and runs only the styles
and scripts written here.
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
from expinterp.report.pictures import Encoded
from expinterp.svg import Html, element, join


def begin_page(title: str, *, styles: Sequence[str], script: str | None = None) -> Html:
    """Write the page up to its content, which follows in ``<main>``.

    Parameters
    ----------
    title : str
        Of the window.
    styles : sequence of str
        Files of this package, in their order.
    script : str, optional
        A file of this package; `end_page` includes it.
    """
    style = "\n".join(map(read_asset, styles))
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
    """Name an inline style or script in the policy by its hash, so that no other one runs."""
    digest = hashlib.sha256(code.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def table(headers: Sequence[str], rows: Sequence[Sequence[object]], *, caption: str) -> Html:
    """Write a table whose first column names its rows; a narrow screen scrolls it sideways."""
    head = element("tr", *(element("th", header, scope="col") for header in headers))
    body = [
        element("tr", element("th", first, scope="row"), *(element("td", cell) for cell in rest))
        for first, *rest in rows
    ]
    parts = (element("caption", caption), element("thead", head), element("tbody", *body))
    return element(
        "div",
        element("table", *parts),
        class_="scroll",
        tabindex=0,
        role="region",
        aria_label=f"Table: {caption}",
    )


def terms(pairs: Sequence[tuple[str, object]], **attributes: object) -> Html:
    """Write a list of terms and their values, without those that are empty."""
    groups = [
        element("div", element("dt", term), element("dd", value))
        for term, value in pairs
        if value not in {"", None}
    ]
    return element("dl", *groups, **attributes) if groups else join(())


def image(encoded: Encoded, words: str, **attributes: object) -> Html:
    """Write a picture as part of the page; `words` describe it to those who cannot see it."""
    data = base64.b64encode(encoded.data).decode("ascii")
    return element(
        "img",
        alt=words,
        width=encoded.cols,
        height=encoded.rows,
        loading="lazy",
        decoding="async",
        src=f"data:image/{encoded.form};base64,{data}",
        **attributes,
    )


def link(path: Path, content: object, *, beside: Path | None) -> Html:
    """Link to a file, if possible relative to `beside`, the folder of the page.

    A name that no URL can express stays plain.
    """
    try:
        target = _address(path, beside)
    except ValueError:  # characters that no file name holds
        return element("span", content)
    return element("a", content, href=target)


def _address(path: Path, beside: Path | None) -> str:
    """Write a URL; symbolic links of folders are resolved first, so that ``..`` leads back."""
    real = Path(os.path.realpath(path.parent), path.name)
    try:
        if beside is not None:
            return "./" + quote(os.fsencode(Path(os.path.relpath(real, beside)).as_posix()))
    except ValueError:
        os.fsencode(real)  # raises again if the name is the reason, and not another drive
    return real.as_uri()
