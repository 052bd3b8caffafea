"""README and guides: links lead somewhere, command lines parse, options and scripts exist."""

from __future__ import annotations

import importlib.util
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

import expinterp
from expinterp import cli

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
SOURCES = [
    *ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("models/*.md"),
    *ROOT.glob("examples/*.md"),
]  # fmt: skip
PAGES = {path.relative_to(ROOT).as_posix(): path for path in sorted(SOURCES)}
MOST_WORDS = 1200  # of the README
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
COMMANDS = cli.commands.commands
DASK = {"--nworkers", "--nthreads"}

each_page = pytest.mark.parametrize("page", PAGES)


def prose(page: str) -> str:
    """Return a page without its code blocks."""
    return FENCE.sub("", PAGES[page].read_text("utf-8"))


def blocks(page: str, language: str) -> list[str]:
    return [
        text for name, text in FENCE.findall(PAGES[page].read_text("utf-8")) if name == language
    ]


def inline(page: str) -> list[str]:
    """Return the code within sentences, on one line each."""
    return [" ".join(code.split()) for code in re.findall(r"`([^`]+)`", prose(page))]


def command_lines(page: str) -> Iterator[list[str]]:
    """Split every line of the shell blocks, and code within sentences, into commands."""
    lines = [line for block in blocks(page, "sh")
             for line in block.replace("\\\n", " ").splitlines()]  # fmt: skip
    lines += [code for code in inline(page) if "…" not in code and len(code.split()) > 2]
    for line in lines:
        lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        command: list[str] = []
        for word in [*lexer, "&&"]:
            if set(word) <= set("&|<>;"):
                yield command
                command = [word] if word in {"<", ">"} else []
            else:
                command.append(word)


def options_of(command: click.Command) -> set[str]:
    return {flag for option in command.params for flag in (*option.opts, *option.secondary_opts)
            if flag.startswith("-")} | {"--help", "-h"}  # fmt: skip


def anchors(path: Path) -> set[str]:
    """Return the anchors of a page's headings, as MkDocs and code hosts name them."""
    heads = re.findall(r"^#+ (.*)$", FENCE.sub("", path.read_text("utf-8")), re.MULTILINE)
    return {re.sub(r"\s+", "-", re.sub(r"[^\w\s-]", "", head).strip().lower()) for head in heads}


def test_the_readme_is_short() -> None:
    assert len(README.read_text("utf-8").split()) <= MOST_WORDS


def test_all_files_state_the_same_version() -> None:
    for name, line in {"CITATION.cff": "version: {}", "pyproject.toml": 'version = "{}"'}.items():
        assert line.format(expinterp.__version__) in (ROOT / name).read_text("utf-8").splitlines()


@each_page
def test_links_lead_somewhere(page: str) -> None:
    for link in re.findall(r"\]\((?!https?:)([^)\s]+)\)", prose(page)):
        name, _, anchor = link.partition("#")
        target = PAGES[page].parent / name if name else PAGES[page]
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@each_page
def test_command_lines_parse(page: str) -> None:
    program = click.Context(cli.commands, **cli.commands.context_settings)  # it names --help
    for name, *arguments in filter(None, command_lines(page)):
        if name == "expinterp" and arguments[0] in COMMANDS:
            try:
                COMMANDS[arguments[0]].make_context(arguments[0], [*arguments[1:]], parent=program)
            except click.exceptions.Exit:  # --help
                continue
        assert name != "expinterp" or arguments[0] in {*COMMANDS, "--help"}, arguments


@each_page
def test_scripts_exist_and_have_their_options(page: str) -> None:
    for name, *arguments in filter(None, command_lines(page)):
        if name != "python":
            continue
        if arguments[0] == "-m":
            assert importlib.util.find_spec(arguments[1]), arguments
            continue
        script = (ROOT / arguments[0]).read_text("utf-8")
        for option in arguments[1:]:
            assert not option.startswith("-") or f'"{option}"' in script, arguments


@each_page
def test_code_in_sentences_names_commands_and_options_that_exist(page: str) -> None:
    scripts = "".join(path.read_text("utf-8") for path in ROOT.glob("benchmarks/*.py"))
    known = DASK.union(*map(options_of, COMMANDS.values()))
    for code in inline(page):
        first, *rest = code.split()
        if first.startswith("--"):
            assert first in known or f'"{first}"' in scripts, code
        elif first == "expinterp" and rest:
            assert rest[0] in {*COMMANDS, "--help"}, code
            flags = {word for word in rest[1:] if word.startswith("--")}
            assert flags <= options_of(COMMANDS.get(rest[0], cli.commands)), code


@pytest.mark.parametrize(
    ("command", "pages"),
    [
        ("interpolate", ["docs/interpolate.md"]),
        ("fuse", ["docs/fuse.md", "docs/interpolate.md"]),
        ("merge", ["docs/merge.md"]),
        ("batch", ["docs/batch.md", "docs/fuse.md", "docs/interpolate.md"]),
        ("calibrate", ["docs/camera.md", "docs/interpolate.md"]),
        ("tune", ["docs/camera.md", "docs/interpolate.md"]),
    ],
)
def test_guides_name_every_option(command: str, pages: list[str]) -> None:
    named = {word.strip(",") for page in pages for code in inline(page) for word in code.split()}
    options = {flag for flag in options_of(COMMANDS[command]) if flag.startswith("--")}
    assert options - named == {"--help"}


def test_the_library_page_begins_as_the_readme_does() -> None:
    """The README's Python is run in `test_examples`."""
    assert blocks("docs/library.md", "python")[:1] == blocks("README.md", "python")


def test_every_guide_is_in_the_navigation() -> None:
    navigation = (ROOT / "mkdocs.yml").read_text("utf-8")
    for path in ROOT.glob("docs/*.md"):
        assert re.search(rf"^ +- (\w+: )?{path.name}$", navigation, re.MULTILINE), path
