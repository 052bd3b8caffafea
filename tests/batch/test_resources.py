"""Memory and CPUs of a machine, with the limits on groups of processes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from expinterp.batch import resources

GIB = 2**30
Group = Callable[..., None]


@pytest.fixture
def group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Group:
    """Stand in for a kernel: take what it says of a group, on a machine of 8 CPUs and 64 GiB."""
    monkeypatch.setattr(resources, "GROUPS", tmp_path)
    monkeypatch.setattr(resources, "MEMBERSHIP", tmp_path / "membership")
    monkeypatch.setattr(resources, "_installed", lambda: 64 * GIB)
    monkeypatch.setattr(resources, "usable_cores", lambda: 8)

    def write(name: str, **files: object) -> None:
        (tmp_path / name).mkdir(parents=True, exist_ok=True)
        for file, content in files.items():
            (tmp_path / name / file.replace("__", ".")).write_text(f"{content}\n", "utf-8")

    write("", membership="0::/system.slice/job.scope", memory__max="max", cpu__max="max 100000")
    return write


def found() -> tuple[float, int]:
    return resources.memory_room() / resources.SHARE / GIB, resources.count_cpus()


@pytest.mark.usefixtures("group")
def test_without_a_limit_the_whole_machine_counts() -> None:
    assert found() == (64, 8)


def test_the_limits_of_a_container_count(group: Group) -> None:
    group("", membership="0::/", memory__max=2 * GIB, cpu__max="150000 100000")
    assert found() == (2, 2)


def test_the_narrowest_limit_around_a_process_counts(group: Group) -> None:
    group("system.slice/job.scope", memory__max=16 * GIB, cpu__max="max 100000")
    group("system.slice", memory__max=4 * GIB, cpu__max="300000 100000")
    group("other.slice", memory__max=GIB, cpu__max="100000 100000")
    assert found() == (4, 3)


def test_less_than_a_cpu_is_one(group: Group) -> None:
    group("system.slice", cpu__max="5000 100000")
    assert found() == (64, 1)


def test_groups_of_the_first_kind_have_limits_too(group: Group) -> None:
    group("", membership="9:memory:/slurm/job\n4:cpu,cpuacct:/slurm/job\n1:name=systemd:/x:y")
    group("memory/slurm/job", memory__limit_in_bytes=3 * GIB)
    group("cpu/slurm/job", cpu__cfs_quota_us=400000, cpu__cfs_period_us=100000)
    group("cpu", cpu__cfs_quota_us=-1, cpu__cfs_period_us=100000)
    assert found() == (3, 4)


def test_this_machine_has_memory_and_cpus() -> None:
    assert 2**28 < resources._installed() < 2**50
    assert resources.count_cpus() >= 1
