"""What is shipped: wheel, source archive, declared dependencies, the lock file, the version."""

import ast
import json
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from importlib.metadata import Distribution, PackageNotFoundError, distribution, packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import govbench
from tests.conftest import MadeOnce

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
DEPENDENCIES = [Requirement(text) for text in PROJECT["dependencies"]]

# Imported, but declared by the dependency that brings it and must agree with it.
BROUGHT_ALONG = {"gevent": "locust", "markupsafe": "jinja2", "starlette": "fastapi"}


@pytest.fixture(scope="module")
def dist(made_once: MadeOnce) -> Path:
    """The wheel and the source archive, built from the checkout without isolation, so without a download."""
    command = [sys.executable, "-m", "hatchling", "build", "-d"]
    return made_once(
        "dist", lambda folder: subprocess.run([*command, str(folder)], cwd=ROOT, check=True, timeout=120)
    )


def source_files() -> set[str]:
    files = (path for path in (ROOT / "govbench").rglob("*") if path.is_file())
    return {str(path.relative_to(ROOT)) for path in files if "__pycache__" not in path.parts}


def test_the_wheel_holds_every_file_of_the_package(dist: Path) -> None:
    wheel = zipfile.ZipFile(next(dist.glob("*.whl")))
    names = set(wheel.namelist())

    assert {name for name in names if name.startswith("govbench/")} == source_files()
    assert {Path(name).suffix for name in source_files()} >= {".json", ".j2", ".css", ".typed"}
    (entry_points,) = (name for name in names if name.endswith(".dist-info/entry_points.txt"))
    assert "govbench = govbench.cli.main:main" in wheel.read(entry_points).decode()
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)


def test_the_source_archive_holds_what_is_needed_to_test_it(dist: Path) -> None:
    with tarfile.open(next(dist.glob("*.tar.gz"))) as archive:
        names = {name.split("/", 1)[1] for name in archive.getnames()}

    assert source_files() <= names
    assert {"README.md", "LICENSE", ".env.test.example", "docs/statistics.md", ".ci/run"} <= names
    assert not any(".env.test" in name and not name.endswith(".example") for name in names)


def test_the_installed_package_is_what_is_tested() -> None:
    try:
        installed = distribution("govbench")
    except PackageNotFoundError:
        pytest.skip("govbench is not installed here: the checkout is tested")
    if is_editable(installed):
        pytest.skip("installed as editable: the checkout is tested")

    assert Path(govbench.__file__) == Path(str(installed.locate_file("govbench/__init__.py")))


def is_editable(installed: Distribution) -> bool:
    origin = json.loads(installed.read_text("direct_url.json") or "{}")
    return bool(origin.get("dir_info", {}).get("editable"))


def test_dependencies_are_what_is_imported() -> None:
    imported = set()
    for path in (ROOT / "govbench").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                imported.add(node.module.split(".")[0])
    known = packages_distributions()
    third_party = imported - sys.stdlib_module_names - {"govbench"}
    used = {canonicalize_name(known[name][0]) for name in third_party}
    declared = {canonicalize_name(requirement.name) for requirement in DEPENDENCIES}

    assert used - set(BROUGHT_ALONG) == declared
    assert set(BROUGHT_ALONG) <= used
    assert set(BROUGHT_ALONG.values()) <= declared


def test_one_version() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    newest = re.search(r"^## \[(.+?)\]", changelog, re.MULTILINE)

    assert govbench.__version__ == PROJECT["version"]
    assert newest is not None
    assert newest[1] in {"Unreleased", govbench.__version__}


LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
PIN = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^ ;]+)(?P<rest>(?:.*\\\n)+.*)$", re.MULTILINE)


def test_the_lock_satisfies_the_dependencies() -> None:
    pins = [(canonicalize_name(pin["name"]), pin["version"]) for pin in PIN.finditer(LOCK)]

    for requirement in DEPENDENCIES:
        # more than one where systems need different versions
        versions = [version for name, version in pins if name == canonicalize_name(requirement.name)]
        assert versions, requirement
        assert all(requirement.specifier.contains(version) for version in versions), requirement
    assert set(BROUGHT_ALONG) <= {name for name, _ in pins}


def test_the_lock_has_hashes_and_no_address() -> None:
    lines = [line for line in LOCK.splitlines() if line and not line.startswith((" ", "#"))]
    pins = list(PIN.finditer(LOCK))

    assert len(pins) == len(lines)
    assert all("--hash=sha256:" in pin["rest"] for pin in pins)
    assert "://" not in LOCK
    assert "index" not in LOCK
