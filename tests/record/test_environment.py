from __future__ import annotations

import getpass
import platform
import re
import socket
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import psutil
import pytest

from govbench.record.environment import (
    cgroup_limits,
    cpu_model,
    describe_environment,
    machine_class,
    memory_class_gib,
)

GIB = 1024**3


def class_of(
    *,
    system: str = "Linux",
    architecture: str = "x86_64",
    cpu: str = "AMD EPYC 7B13",
    cores: float = 2,
    gib: float = 23.5,
) -> str:
    return machine_class(
        system=system, architecture=architecture, cpu_model=cpu, cores=cores, memory_bytes=int(gib * GIB)
    )


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_class_names_everything_that_makes_machines_comparable() -> None:
    assert class_of() == "linux-x86_64-amd-epyc-7b13-2c-24g"


@pytest.mark.parametrize(
    ("model", "slug"),
    [
        ("Intel(R) Xeon(R) Platinum 8370C CPU @ 2.80GHz", "intel-xeon-platinum-8370c"),
        ("Intel(R) Xeon(R) CPU @ 2.20GHz", "intel-xeon"),
        ("AMD EPYC 7763 64-Core Processor", "amd-epyc-7763"),
        ("AMD Ryzen 7 5800X 8-Core Processor", "amd-ryzen-7-5800x"),
        ("AMD Ryzen 5 3500U with Radeon Vega Mobile Gfx", "amd-ryzen-5-3500u"),
        ("11th Gen Intel(R) Core(TM) i7-1165G7 @ 2.80GHz", "intel-core-i7-1165g7"),
        ("QEMU Virtual CPU version 2.5+", "qemu-virtual-version-2.5"),
        ("Apple M2 Pro", "apple-m2-pro"),
        ("../../etc/passwd", "etc-passwd"),
        ("", "unknown-cpu"),
        ("™®", "unknown-cpu"),
    ],
)
def test_cpu_model_is_cleaned(model: str, slug: str) -> None:
    assert class_of(cpu=model) == f"linux-x86_64-{slug}-2c-24g"


def test_one_name_per_system_and_architecture() -> None:
    assert class_of(architecture="AMD64") == class_of(architecture="x86_64")
    assert class_of(architecture="aarch64") == class_of(architecture="arm64")
    assert class_of(system="Darwin", architecture="arm64", cpu="Apple M2", cores=8, gib=16) == (
        "macos-arm64-apple-m2-8c-16g"
    )


@pytest.mark.parametrize(
    ("gib", "expected"),
    [(0.2, 0.25), (0.5, 0.5), (0.95, 1), (6.8, 8), (15.6, 16), (16, 16), (23.4, 24), (24.1, 24), (31.3, 32)],
)
def test_memory_class_absorbs_what_the_kernel_keeps(gib: float, expected: float) -> None:
    assert memory_class_gib(int(gib * GIB)) == expected


def test_a_share_of_a_core_is_another_class() -> None:
    assert len({class_of(cores=1), class_of(cores=1.5), class_of(cores=2)}) == 3


def test_arm_cores_are_named_by_their_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    write(tmp_path / "proc/cpuinfo", "processor : 0\nCPU implementer : 0x41\nCPU part\t: 0xd0c\n")
    assert cpu_model(tmp_path) == "ARM Neoverse-N1"
    write(tmp_path / "proc/cpuinfo", "processor : 0\nCPU implementer : 0xc0\nCPU part\t: 0xac3\n")
    assert cpu_model(tmp_path) == "ARM 0xc0 part 0xac3"


def test_unknown_cpu_is_said_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    monkeypatch.setattr(platform, "processor", lambda: "")
    assert cpu_model(tmp_path) == "unknown"


def cgroup_v2_at_the_top(root: Path) -> None:
    write(root / "proc/self/cgroup", "0::/\n")
    write(root / "sys/fs/cgroup/cpu.max", "100000 100000\n")
    write(root / "sys/fs/cgroup/memory.max", f"{4 * GIB}\n")


def cgroup_v2_limited_by_a_parent(root: Path) -> None:
    write(root / "proc/self/cgroup", "0::/pod/container\n")
    write(root / "sys/fs/cgroup/pod/container/cpu.max", "max 100000\n")
    write(root / "sys/fs/cgroup/pod/cpu.max", "50000 50000\n")
    write(root / "sys/fs/cgroup/pod/container/memory.max", "max\n")
    write(root / "sys/fs/cgroup/pod/memory.max", f"{4 * GIB}\n")


def cgroup_v1(root: Path) -> None:
    write(root / "proc/self/cgroup", "4:memory:/docker/abc\n2:cpu,cpuacct:/docker/abc\n0::/\n")
    write(root / "sys/fs/cgroup/cpu/docker/abc/cpu.cfs_quota_us", "100000\n")
    write(root / "sys/fs/cgroup/cpu/docker/abc/cpu.cfs_period_us", "100000\n")
    write(root / "sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes", f"{4 * GIB}\n")


@pytest.mark.parametrize("layout", [cgroup_v2_at_the_top, cgroup_v2_limited_by_a_parent, cgroup_v1])
def test_limits_of_a_container_are_found(layout: object, tmp_path: Path) -> None:
    assert callable(layout)
    layout(tmp_path)
    assert cgroup_limits(tmp_path) == (1.0, 4 * GIB)


def test_no_limit_is_none(tmp_path: Path) -> None:
    assert cgroup_limits(tmp_path) == (None, None)
    write(tmp_path / "proc/self/cgroup", "4:cpu:/../outside\n0::/\n")
    write(tmp_path / "sys/fs/cgroup/cpu.max", "max 100000\n")
    write(tmp_path / "sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n")
    write(tmp_path / "sys/fs/cgroup/memory.max", "max\n")
    assert cgroup_limits(tmp_path) == (None, None)


def test_a_container_limited_to_one_core_is_a_one_core_machine(tmp_path: Path) -> None:
    cgroup_v2_at_the_top(tmp_path)
    environment = describe_environment({}, root=tmp_path)
    assert environment.cores == 1
    assert environment.memory_bytes == min(4 * GIB, psutil.virtual_memory().total)
    assert "-1c-" in environment.machine_class


def test_this_machine() -> None:
    environment = describe_environment({})
    assert re.fullmatch(r"[a-z0-9][a-z0-9._-]*-[\d.]+c-[\d.]+g", environment.machine_class)
    assert environment.cores >= 1
    assert 0 < environment.memory_bytes <= psutil.virtual_memory().total
    assert environment.python == platform.python_version()
    assert {"govbench", "locust", "gevent", "numpy"} <= environment.packages.keys()
    assert environment.ci is None
    assert environment.runner_image is None
    assert describe_environment({}).machine_class == environment.machine_class


def test_github_runner_names_its_image() -> None:
    environment = describe_environment(
        {"GITHUB_ACTIONS": "true", "CI": "true", "ImageOS": "ubuntu24", "ImageVersion": "20260105.1"}
    )
    assert (environment.ci, environment.runner_image) == ("github", "ubuntu24 20260105.1")
    assert describe_environment({"CI": "1"}).ci == "other"
    assert describe_environment({"CI": "false"}).ci is None


def texts(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for item in value.values():
            yield from texts(item)
    elif isinstance(value, str):
        yield value


def test_neither_host_nor_user_nor_variables_are_recorded() -> None:
    environ = {"GITHUB_TOKEN": "ghs_secret", "HOSTNAME": "build-host-7", "USER": "alice"}
    recorded = set(texts(asdict(describe_environment(environ))))
    assert not recorded & {*environ.values(), socket.gethostname(), getpass.getuser(), str(Path.home())}
