"""The frame of the command line: start, help, errors and their exit codes."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from batch_samples import card
from cli_samples import damaged_png

import expinterp
from expinterp import cli
from expinterp.__main__ import MESSAGE
from expinterp.errors import ExitCode, ExpInterpError, one_line

HEAVY = {"numpy", "cv2", "onnxruntime", "PIL", "tifffile", "imageio", "rich", "torch"}
BAR = 0.25  # seconds of one CPU until --help and --version are done: what an idle machine waits


def command(*arguments: str, **kwargs: object) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "expinterp", *arguments],
        capture_output=True,
        text=True,
        check=False,
        **kwargs,  # type: ignore[call-overload]
    )


def failing(error: BaseException) -> Callable[..., None]:
    def fail(*_: object, **__: object) -> None:
        raise error

    return fail


@pytest.fixture
def fail_with(monkeypatch: pytest.MonkeyPatch) -> Callable[[BaseException], None]:
    """Make ``expinterp doctor`` fail with an error of our choice."""
    return lambda error: monkeypatch.setattr(cli.doctor, "callback", failing(error))


@pytest.mark.parametrize("flag", ["--help", "--version", "-h"])
def test_help_and_version_load_nothing_heavy(flag: str) -> None:
    code = (
        "import sys\nfrom expinterp.cli import main\n"
        f"code = main([{flag!r}])\nprint(sorted(sys.modules))\nsys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.strip("[]' ") for name in done.stdout.splitlines()[-1].split(",")}
    assert "click" in loaded
    assert not loaded & HEAVY


@pytest.mark.slow
@pytest.mark.parametrize("flag", ["--help", "--version"])
def test_help_and_version_are_quick(flag: str) -> None:
    resource = pytest.importorskip("resource", reason="CPU time of children, POSIX")

    def spent() -> float:
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return float(usage.ru_utime + usage.ru_stime)

    def once() -> float:
        before = spent()
        assert command(flag).returncode == ExitCode.OK
        return spent() - before

    assert min(once() for _ in range(5)) <= BAR


def test_version_is_the_package_s() -> None:
    assert command("--version").stdout.split()[-1] == expinterp.__version__


@pytest.mark.parametrize("name", sorted(cli.commands.commands))
def test_every_command_explains_itself_with_an_example(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main([name, "-h"]) == ExitCode.OK
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert any(line.startswith(f"expinterp {name}") for line in lines)


@pytest.mark.parametrize(
    ("error", "code"),
    [(kind, kind.exit_code) for kind in [ExpInterpError, *ExpInterpError.__subclasses__()]],
)
def test_every_error_has_its_exit_code_and_one_line(
    error: type[ExpInterpError],
    code: ExitCode,
    fail_with: Callable[[BaseException], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    fail_with(error("it broke;\n mend it"))
    assert cli.main(["doctor"]) == code
    out, err = capsys.readouterr()
    assert (out, err) == ("", "expinterp: error: it broke; mend it\n")


def test_exit_codes_are_the_published_ones() -> None:
    kinds = ExpInterpError.__subclasses__()
    assert {kind.__name__: int(kind.exit_code) for kind in kinds} == {
        "ImageFileError": 3,
        "PairError": 4,
        "OutputExistsError": 5,
        "OutputError": 6,
        "DeviceError": 7,
        "ModelError": 8,
        "MissingExtraError": 9,
    }


def test_an_unexpected_error_is_one_line_and_a_hint(
    fail_with: Callable[[BaseException], None], capsys: pytest.CaptureFixture[str]
) -> None:
    fail_with(ZeroDivisionError("by zero"))
    assert cli.main(["doctor"]) == ExitCode.UNEXPECTED
    err = capsys.readouterr().err
    assert err == "expinterp: error: unexpected ZeroDivisionError: by zero; --debug shows where\n"


def test_debug_shows_the_traceback(
    fail_with: Callable[[BaseException], None], capsys: pytest.CaptureFixture[str]
) -> None:
    fail_with(ExpInterpError("it broke"))
    assert cli.main(["doctor", "--debug"]) == ExitCode.UNEXPECTED
    err = capsys.readouterr().err
    assert "Traceback" in err
    assert err.endswith("expinterp: error: it broke\n")


def test_ctrl_c_is_130(
    fail_with: Callable[[BaseException], None], capsys: pytest.CaptureFixture[str]
) -> None:
    fail_with(KeyboardInterrupt())
    assert cli.main(["doctor"]) == ExitCode.INTERRUPTED
    assert capsys.readouterr().err.encode() == MESSAGE


def test_memory_running_out_is_reported_plainly(
    fail_with: Callable[[BaseException], None], capsys: pytest.CaptureFixture[str]
) -> None:
    fail_with(MemoryError())
    assert cli.main(["doctor"]) == ExitCode.IMAGE_FILE
    assert "not enough memory" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["nonsense"], ["doctor", "--nonsense"], ["interpolate"]])
def test_usage_errors_are_2_and_name_the_help(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(arguments) == ExitCode.USAGE
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert "--help" in err


def test_bare_command_prints_its_help_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([]) == ExitCode.USAGE
    out, err = capsys.readouterr()
    assert out == ""
    assert "interpolate" in err


def test_the_list_of_commands_breaks_off_no_sentence() -> None:
    assert "..." not in command("--help").stdout.partition("Commands:")[2]


@pytest.mark.parametrize(
    "words",
    ["interpolate ", "interpolate a ", "interpolate a b -o ", "interpolate a b --response ",
     "fuse a ", "fuse a b --save-virtual ", "calibrate ", "calibrate a b --plot "],
)  # fmt: skip
def test_files_are_completed(words: str) -> None:
    words = f"expinterp {words}"
    asked = {"COMP_WORDS": words, "COMP_CWORD": str(len(words.split()))}
    done = command(env={**os.environ, **asked, "_EXPINTERP_COMPLETE": "bash_complete"})
    assert done.stdout.split() == ["file,"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device that takes nothing")
def test_an_stderr_that_takes_nothing_changes_no_exit_code() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "expinterp", "interpolate", "no.jpg", "no.jpg", "-o", "a.png"],
            stderr=full, check=False,
        )  # fmt: skip
    assert done.returncode == ExitCode.IMAGE_FILE


def test_names_stand_in_messages_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    cli.main(["interpolate", "no  such.jpg", "no  such.jpg", "-o", "a.png"])
    assert capsys.readouterr().err.startswith("expinterp: error: no  such.jpg: ")
    assert one_line(" of a  library:\n\n  bad\r\n") == "of a  library: bad"


def test_a_full_disk_is_not_blamed_on_stdout(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "/disk/file")

    monkeypatch.setattr("expinterp.brackets.scan", fail)
    assert cli.main(["batch", "card", "-n"]) == ExitCode.OUTPUT
    assert "/disk/file: cannot be written (no space left" in capsys.readouterr().err


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script(shell: str) -> None:
    done = command(env={**os.environ, "_EXPINTERP_COMPLETE": f"{shell}_source"})
    assert done.returncode == ExitCode.OK
    assert "_EXPINTERP_COMPLETE" in done.stdout


def test_a_missing_system_library_is_one_line_with_the_remedies(tmp_path: Path) -> None:
    """On slim systems ``import cv2`` fails for want of libGL."""
    message = "libGL.so.1: cannot open shared object file: No such file or directory"
    (tmp_path / "cv2.py").write_text(f"raise ImportError({message!r})", "utf-8")
    done = command(
        "interpolate", "a.jpg", "b.jpg", "-o", "c.jpg",
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(tmp_path)},
    )  # fmt: skip
    assert done.returncode == ExitCode.MISSING_EXTRA
    assert done.stderr.count("\n") == 1
    assert "apt install libgl1" in done.stderr
    assert "opencv-python-headless" in done.stderr


@pytest.mark.parametrize("arguments", [["--help"], ["doctor", "--json"]])
def test_a_reader_that_leaves_is_no_error_message(arguments: list[str]) -> None:
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "wb") as closed:
        done = subprocess.run(
            [sys.executable, "-m", "expinterp", *arguments],
            stdout=closed, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    assert done.stderr == ""
    assert done.returncode == ExitCode.OUTPUT


@pytest.mark.parametrize(("chosen", "used"), [(None, "1"), ("3", "3")])
def test_a_command_keeps_numpy_to_one_thread_unless_asked(chosen: str | None, used: str) -> None:
    code = (
        "import os; from expinterp import __main__, cli; cli.run = lambda: print(os.environ[NAME]);"
    )
    code += "__main__.run()"
    name = "OPENBLAS_NUM_THREADS"
    env = {key: value for key, value in os.environ.items() if key != name}
    env |= {name: chosen} if chosen else {}
    command = [sys.executable, "-c", f"NAME = {name!r}; {code}"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == used


def test_public_names_resolve_and_others_do_not() -> None:
    for name in expinterp.__all__:
        assert getattr(expinterp, name).__name__ == name
        assert name in dir(expinterp)
    with pytest.raises(AttributeError, match="nonsense"):
        _ = expinterp.nonsense


def test_importing_the_package_is_light() -> None:
    code = "import sys, expinterp; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-OO", "-c", code], capture_output=True, text=True, check=True
    )
    assert not set(done.stdout.split()) & (HEAVY | {"click", "expinterp.pipeline"})


def damaged_lzw(path: Path) -> None:
    from PIL import Image

    Image.effect_noise((64, 64), 50).save(path, "TIFF", compression="tiff_lzw")
    content = bytearray(path.read_bytes())
    content[400:1200] = b"\xff" * 800
    path.write_bytes(content)


@pytest.mark.parametrize("damage", [damaged_png, damaged_lzw])
def test_libraries_say_nothing_of_their_own_about_damaged_files(
    damage: Callable[[Path], None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    damage(tmp_path / "long")
    done = command("interpolate", "long", "long", "-o", "mid.png", cwd=tmp_path)
    assert done.returncode == ExitCode.IMAGE_FILE
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("expinterp: error: long")
    monkeypatch.chdir(tmp_path)
    loud = cli.main(["interpolate", "long", "long", "-o", "mid.png", "--debug"])
    assert loud == ExitCode.IMAGE_FILE
    assert "Traceback" in capsys.readouterr().err


def test_help_lists_options_under_headings(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["batch", "--help"]) == ExitCode.OK
    shown = capsys.readouterr().out
    sought = ("Results:\n", "  --mode", "Fusion:\n", "  --levels", "Network:\n", "  --model")
    places = [shown.index(words) for words in sought]
    assert places == sorted(places)
    assert shown.rstrip().splitlines()[-1].lstrip().startswith("-h, --help")


def test_a_plan_passes_through_a_console_that_has_not_its_letters(tmp_path: Path) -> None:
    """As on Windows, where redirected stdout has the code page of the system."""
    name = "café карта"
    card(tmp_path / name, 1)
    latin = {**os.environ, "PYTHONIOENCODING": "cp1252"}
    plan = command("batch", name, "-n", "--json", cwd=tmp_path, env=latin)
    assert (plan.returncode, plan.stderr) == (ExitCode.OK, "")
    (tmp_path / "plan.jsonl").write_text(plan.stdout)
    again = command("batch", "--plan", "plan.jsonl", "-n", cwd=tmp_path, env=latin)
    assert again.returncode == ExitCode.OK
    assert "planned" in again.stdout


def test_a_table_shows_names_that_stdout_cannot_express(tmp_path: Path) -> None:
    (tmp_path / "card" / "карта").mkdir(parents=True)
    (tmp_path / "card" / "карта" / "alone.jpg").write_bytes(b"no picture")
    latin = {**os.environ, "PYTHONIOENCODING": "cp1252"}
    done = command("batch", "card", "-n", cwd=tmp_path, env=latin)
    assert done.returncode == ExitCode.OK
    assert r"left over: \u043a\u0430\u0440\u0442\u0430/alone.jpg" in done.stdout


def test_an_option_sets_a_field_of_one_class_only():
    """Options fill the fields that have their names."""
    from dataclasses import fields

    from expinterp.core.fusion import Weighting
    from expinterp.scene_io import (
        Development,
        FusionOptions,
        InterpolationOptions,
        WantedExposure,
        Writing,
    )

    for kinds in (
        (InterpolationOptions, Development, WantedExposure, Writing),
        (FusionOptions, Development, Weighting, Writing),
    ):
        names = [field.name for kind in kinds for field in fields(kind)]
        assert sorted(names) == sorted(set(names))


def test_help_states_no_range_without_bounds(capsys):
    for name in cli.commands.commands:
        assert cli.main([name, "--help"]) == ExitCode.OK
        assert "None" not in capsys.readouterr().out
