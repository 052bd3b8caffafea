"""``expinterp doctor`` finds problems, prints the cure, and exits with the code of the first."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from expinterp import cli, doctor, refine
from expinterp.doctor import Finding
from expinterp.errors import ExitCode


def pretend(monkeypatch: pytest.MonkeyPatch, **versions: str | None) -> None:
    """Make distributions look installed, or not."""
    real = doctor.installed_version
    given = {name.replace("_", "-"): version for name, version in versions.items()}
    monkeypatch.setattr(
        doctor, "installed_version", lambda name: given[name] if name in given else real(name)
    )


def found(name: str) -> Finding:
    return next(finding for finding in doctor.examine() if finding.name == name)


def test_a_sound_installation_is_well(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["doctor", "--json"]) == ExitCode.OK
    report = json.loads(capsys.readouterr().out)
    assert report["schema_version"] == 1
    names = {finding["name"] for finding in report["findings"]}
    assert names >= {"python", "numpy", "opencv", "onnxruntime", "pillow", "tifffile"}
    assert names >= {"providers", "formats", "model", "onnxruntime wheels", "cv2 wheels"}


def test_every_finding_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["doctor"]) == ExitCode.OK
    out, err = capsys.readouterr()
    assert err == ""
    assert all(line.startswith("ok ") for line in out.splitlines()[1:])


def test_model_is_named_hashed_and_timed() -> None:
    detail = found("model").detail
    assert str(refine.model_path()) in detail
    assert len(max(detail.split(), key=len).strip(",")) >= 64
    assert detail.endswith("ms")


def test_two_onnxruntime_wheels_are_a_clash_with_a_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, onnxruntime="1.31.1", onnxruntime_gpu="1.31.1")
    clash = found("onnxruntime wheels")
    assert clash.code is ExitCode.DEVICE
    assert clash.cure is not None
    assert "pip uninstall -y onnxruntime onnxruntime-gpu" in clash.cure


def test_two_opencv_wheels_are_a_clash(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, opencv_python="5.0", opencv_python_headless="5.0")
    assert found("cv2 wheels").code is ExitCode.MISSING_EXTRA


def test_a_gpu_wheel_takes_the_place_of_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, onnxruntime=None, onnxruntime_gpu="1.31.1")
    assert found("onnxruntime-gpu").code is ExitCode.OK


def test_a_missing_package_names_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, tifffile=None)
    missing = found("tifffile")
    assert missing.code is ExitCode.MISSING_EXTRA
    assert missing.cure == "pip install tifffile"


def test_a_missing_model_gives_its_exit_code(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(refine.model, "model_path", lambda: tmp_path / "lrl.onnx")
    assert cli.main(["doctor"]) == ExitCode.MODEL
    assert "FAIL  model" in capsys.readouterr().out


def test_opencv_without_its_system_library_is_a_finding(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "cv2.py").write_text("raise ImportError('libGL.so.1: cannot open')", "utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "cv2", raising=False)
    broken = found("opencv")
    assert broken.code is ExitCode.MISSING_EXTRA
    assert "apt install libgl1" in broken.detail


def test_a_device_that_is_not_there_is_the_first_problem_and_has_a_cure(
    capsys: pytest.CaptureFixture[str],
) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this build of onnxruntime may have the device")
    assert cli.main(["doctor", "--device", "cuda"]) == ExitCode.DEVICE
    report = capsys.readouterr().out
    assert "onnxruntime-gpu[cuda,cudnn]" in report
    assert "expinterp doctor" not in report  # which is where the reader is


def test_first_problem_decides() -> None:
    findings = [
        Finding("a", ""),
        Finding("b", "", ExitCode.MODEL),
        Finding("c", "", ExitCode.DEVICE),
    ]
    assert doctor.first_problem(findings) is ExitCode.MODEL
    assert doctor.first_problem(findings[:1]) is ExitCode.OK


@pytest.mark.parametrize(("prefix", "command"), [
    ("/home/a/.local/pipx/venvs/expinterp", "pipx inject expinterp pillow-heif OpenEXR"),
    ("C:\\Users\\a\\uv\\tools\\expinterp", "uv tool install --with pillow-heif --with OpenEXR expinterp"),
])  # fmt: skip
def test_the_command_for_extras_is_that_of_the_installer(
    monkeypatch: pytest.MonkeyPatch, prefix: str, command: str
) -> None:
    pretend(monkeypatch, rawpy="0.28", pillow_heif=None, OpenEXR=None)
    monkeypatch.setattr("sys.prefix", prefix)
    assert found("formats").cure == f"{command}, if you need these formats"


def test_formats_are_listed_with_the_extras_that_they_need(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, rawpy="0.28", pillow_heif=None, OpenEXR=None)
    finding = found("formats")
    assert finding.code is ExitCode.OK
    assert finding.cure == "pip install 'expinterp[heif,exr]', if you need these formats"
    assert "not installed: HEIC, OpenEXR" in finding.detail
    listed = {each["format"]: each for each in finding.as_json()["formats"]}
    assert listed["raw"] == {
        "format": "raw", "read": True, "written": False, "bits": [], "linear_light": False, "extra": "raw"
    }  # fmt: skip
    assert listed["HEIC"]["read"] is False
    assert listed["JPEG XL"]["written"] is True


def test_formats_are_listed_by_what_is_done_with_them(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, rawpy="0.28", pillow_heif=None, OpenEXR="3.4")
    assert found("formats").detail == (
        "read and written: JPEG, PNG, TIFF, WebP, AVIF, JPEG XL; not installed: HEIC; "
        "read: raw, PFM, PPM, BMP, TGA, JPEG 2000; "
        "read, and written by 'expinterp merge': OpenEXR, Radiance HDR"
    )
