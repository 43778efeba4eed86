"""What machine this is: its machine class, and what else is recorded of it. Measures no load.

Neither the host's name nor its user is read: an environment is committed with the baselines.
"""

from __future__ import annotations

import os
import platform
import re
import subprocess
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path

import psutil

import govbench
from govbench.results.run import Environment

PACKAGES = ("locust", "gevent", "numpy")

_GIB = 1024**3
# A kernel reports up to this much more or less than a memory class and still belongs to it.
_MEMORY_TOLERANCE = 1.02
_MAX_CPU_LENGTH = 48

_SYSTEMS = {"darwin": "macos"}
_ARCHITECTURES = {"amd64": "x86_64", "aarch64": "arm64"}

# What a CPU's marketing name holds beyond the model: marks, the word itself, its frequency, the cores of the
# whole package (a virtual machine has fewer), its graphics, its generation (the number says it again).
_CPU_NOISE = re.compile(
    r"\((?:r|tm|c)\)|[®™]|@.*$|\bwith\b.*$|\b(?:cpu|processor)\b|\b(?:\d+|dual|quad|six|eight)-core\b"
    r"|\b\d+(?:st|nd|rd|th) gen\b|\b\d+(?:\.\d+)?\s*[gm]hz\b",
    re.IGNORECASE,
)

# Linux names ARM cores by number only (CPU part under implementer 0x41, as in lscpu's table).
_ARM_PARTS = {
    "0xd07": "Cortex-A57",
    "0xd08": "Cortex-A72",
    "0xd0b": "Cortex-A76",
    "0xd0c": "Neoverse-N1",
    "0xd40": "Neoverse-V1",
    "0xd49": "Neoverse-N2",
    "0xd4f": "Neoverse-V2",
    "0xd84": "Neoverse-V3",
    "0xd8e": "Neoverse-N3",
}


def describe_environment(environ: Mapping[str, str], *, root: Path = Path("/")) -> Environment:
    """This machine as a run on it sees it: limits of a container count as the machine's own.

    Args:
        environ: environment variables; only those by which a CI system names itself and its image are read.
        root: where ``proc`` and ``sys`` lie.
    """
    cpu_limit, memory_limit = cgroup_limits(root)
    usable = _usable_cores()
    cores = min(usable, cpu_limit or usable)
    memory_bytes = min(psutil.virtual_memory().total, memory_limit or psutil.virtual_memory().total)
    cpu = cpu_model(root)
    return Environment(
        machine_class=machine_class(
            system=platform.system(),
            architecture=platform.machine(),
            cpu_model=cpu,
            cores=cores,
            memory_bytes=memory_bytes,
        ),
        os=platform.system(),
        os_release=platform.release(),
        architecture=platform.machine(),
        cpu_model=cpu,
        cores=max(1, round(cores)),
        memory_bytes=memory_bytes,
        python=platform.python_version(),
        packages=_packages(),
        ci=_ci(environ),
        runner_image=_runner_image(environ),
        load_average=os.getloadavg(),
    )


def machine_class(*, system: str, architecture: str, cpu_model: str, cores: float, memory_bytes: int) -> str:
    """The name under which machines are comparable, e.g. ``linux-x86_64-amd-epyc-7b13-2c-24g``.

    Lower-case letters, digits, dots, dashes and underscores only, so that it can be a folder. A share of a
    core shows as such (``1.5c``).
    """
    parts = (
        _SYSTEMS.get(system.lower(), system),
        _ARCHITECTURES.get(architecture.lower(), architecture),
        _slug(_CPU_NOISE.sub(" ", cpu_model))[:_MAX_CPU_LENGTH] or "unknown-cpu",
        f"{_plain(round(cores, 1) or 0.1)}c",
        f"{_plain(memory_class_gib(memory_bytes))}g",
    )
    return "-".join(_slug(part) or "unknown" for part in parts)


def memory_class_gib(memory_bytes: int) -> float:
    """The next of 0.25, 0.375, 0.5, 0.75, 1, 1.5, 2, 3, 4, 6, 8, 12, 16, 24, … GiB.

    Up, because a kernel reports less than the machine has: 23.5 GiB is what is left of 24.
    """
    step = 0.25
    while True:
        for size_gib in (step, step * 1.5):
            if memory_bytes <= size_gib * _GIB * _MEMORY_TOLERANCE:
                return size_gib
        step *= 2


def cpu_model(root: Path = Path("/")) -> str:
    """The CPU as it calls itself; ``unknown`` where the system does not say."""
    if platform.system() == "Darwin":
        name = _command_output("sysctl", "-n", "machdep.cpu.brand_string")
    else:
        name = _cpuinfo_model(_read(root / "proc/cpuinfo") or "")
    return name or platform.processor() or "unknown"


def cgroup_limits(root: Path = Path("/")) -> tuple[float | None, int | None]:
    """Cores and bytes that the control groups of this process leave it; None where nothing limits."""
    cores = [limit for folder in _cgroup_folders(root, "cpu") if (limit := _cpu_limit(folder)) is not None]
    memory = [limit for folder in _cgroup_folders(root, "memory") if (limit := _memory_limit(folder))]
    return min(cores, default=None), min(memory, default=None)


def _cgroup_folders(root: Path, controller: str) -> Iterator[Path]:
    """The group of this process and all above it, versions 2 and 1; inside a container often the top only."""
    base = root / "sys/fs/cgroup"
    yield from (base, base / controller)
    for line in (_read(root / "proc/self/cgroup") or "").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        group = Path(path.lstrip("/"))
        if ".." in group.parts:  # the group lies outside the container's namespace
            continue
        top = base / controller if controllers else base
        yield from (top / part for part in (group, *group.parents))


def _cpu_limit(folder: Path) -> float | None:
    if (limit := _read(folder / "cpu.max")) is not None:
        quota, _, period = limit.partition(" ")
    else:
        quota = _read(folder / "cpu.cfs_quota_us") or ""
        period = _read(folder / "cpu.cfs_period_us") or ""
    if not (quota.isdigit() and period.isdigit() and int(quota) and int(period)):
        return None  # "max", -1 or no such file
    return int(quota) / int(period)


def _memory_limit(folder: Path) -> int | None:
    limit = _read(folder / "memory.max") or _read(folder / "memory.limit_in_bytes") or ""
    return int(limit) if limit.isdigit() and int(limit) else None


def _usable_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return psutil.cpu_count() or 1


def _cpuinfo_model(text: str) -> str:
    rows = (line.partition(":") for line in text.splitlines())
    fields: dict[str, str] = {}
    for key, _, value in rows:
        fields.setdefault(key.strip().lower(), value.strip())
    if name := fields.get("model name"):
        return name
    implementer, part = fields.get("cpu implementer"), fields.get("cpu part")
    if implementer is None or part is None:
        return ""
    known = _ARM_PARTS.get(part) if implementer == "0x41" else None
    return f"ARM {known}" if known else f"ARM {implementer} part {part}"


def _command_output(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=5, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _packages() -> dict[str, str]:
    found = {"govbench": govbench.__version__}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def _ci(environ: Mapping[str, str]) -> str | None:
    for variable, name in (("GITHUB_ACTIONS", "github"), ("GITLAB_CI", "gitlab"), ("CI", "other")):
        if environ.get(variable, "").lower() in {"true", "1"}:
            return name
    return None


def _runner_image(environ: Mapping[str, str]) -> str | None:
    words = [environ[key] for key in ("ImageOS", "ImageVersion") if environ.get(key)]
    return " ".join(words) or None


def _slug(text: str) -> str:
    return re.sub(r"[-.]*-[-.]*|\.{2,}", "-", re.sub(r"[^a-z0-9._]+", "-", text.lower())).strip("-._")


def _plain(number: float) -> str:
    return f"{number:g}"


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return None
