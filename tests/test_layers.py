"""Who may import whom: the layers of the package and the one door of each dependency."""

import ast
import subprocess
import sys
from collections.abc import Iterator, Set
from functools import cache
from pathlib import Path

import pytest

import govbench

PACKAGE = Path(govbench.__file__).parent
MODULES = {
    ".".join(("govbench", *path.relative_to(PACKAGE).with_suffix("").parts)): path
    for path in sorted(PACKAGE.rglob("*.py"))
}
MAX_LINES = 450

# The second part of a module's name: its level. Imports go to a lower level, or stay within the folder.
LEVELS = {
    "__main__": 6,
    "cli": 5,
    "users": 5,
    "pipeline": 4,
    "stack": 3,
    "load": 3,
    "demo": 3,
    "record": 3,
    "compare": 3,
    "report": 3,
    "baselines": 3,
    "reference": 3,
    "config": 2,
    "git": 2,
    "results": 1,
    "stats": 1,
    "errors": 0,
    "files": 0,
    "__init__": 0,
}

# A dependency and the folders or modules of govbench that may import it.
DOORS = {
    "dotenv": {"config.sources"},
    "fastapi": {"demo"},
    "gevent": {"load"},
    "git": {"baselines.git"},
    "httptools": {"load.connection", "reference.connection"},
    "httpx": {"stack"},
    "jinja2": {"report"},
    "junit_xml": {"report.layouts.junit"},
    "locust": {"load"},
    "markupsafe": {"report.history_html", "report.layouts.html", "report.pages"},
    "numpy": {"stats", "record", "demo.truth", "reference.truth"},
    "orjson": {"results", "demo"},
    "psutil": {"record"},
    "pydantic": {"results", "demo.schemas"},
    "rich": {
        "cli",
        "report.layouts.fitting",
        "report.layouts.tables",
        "report.layouts.terminal",
        "report.widths",
    },
    "starlette": {"demo"},
    "tabulate": {"report.baseline", "report.calibration"},
    "typer": {"cli"},
    "uvicorn": {"demo.server"},
}


def imports(tree: ast.AST, module: str) -> Iterator[str]:
    """Every imported module, within functions too; ``from a import b`` is a.b where that is a module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} imports relatively"
            base = node.module or ""
            for alias in node.names:
                full = f"{base}.{alias.name}"
                yield full if full in MODULES else base


@cache
def imports_of(module: str) -> frozenset[str]:
    tree = ast.parse(MODULES[module].read_text(encoding="utf-8"))
    return frozenset(imports(tree, module))


def place(module: str) -> str:
    """``govbench.stats.blocks`` is in ``stats``; ``govbench`` itself is its ``__init__``."""
    parts = module.removesuffix(".__init__").split(".")
    return parts[1] if len(parts) > 1 else "__init__"


def violations(module: str, imported: Set[str]) -> list[str]:
    here = place(module)
    found = []
    for name in sorted(imported):
        if name.split(".")[0] != "govbench" or place(name) == here:
            continue
        if LEVELS[place(name)] >= LEVELS[here]:
            found.append(f"{module} imports {name}")
    return found


def through_another_door(module: str, imported: Set[str]) -> list[str]:
    inside = module.removeprefix("govbench.")
    found = []
    for name in sorted(imported):
        top = name.split(".")[0]
        if top == "govbench" or top in sys.stdlib_module_names:
            continue
        if not any(inside == door or inside.startswith(f"{door}.") for door in DOORS.get(top, ())):
            found.append(f"{module} imports {name}")
    return found


def test_every_folder_has_a_level() -> None:
    assert {place(module) for module in MODULES} <= set(LEVELS)


@pytest.mark.parametrize("module", MODULES)
def test_imports_go_to_a_lower_level(module: str) -> None:
    assert violations(module, imports_of(module)) == []


@pytest.mark.parametrize("module", MODULES)
def test_a_dependency_comes_in_by_its_door(module: str) -> None:
    assert through_another_door(module, imports_of(module)) == []


def test_stats_and_compare_are_pure() -> None:
    impure = {"asyncio", "datetime", "io", "os", "pathlib", "random", "socket", "subprocess", "time"}
    for module in MODULES:
        if place(module) in {"stats", "compare"}:
            assert not imports_of(module) & impure, module


def test_the_rules_see_imports_in_functions() -> None:
    source = "def f():\n    from govbench.report import build\n    import locust.env\n"
    found = set(imports(ast.parse(source), "govbench.compare.x"))

    assert violations("govbench.compare.x", found) == ["govbench.compare.x imports govbench.report.build"]
    assert through_another_door("govbench.compare.x", found) == ["govbench.compare.x imports locust.env"]


@pytest.mark.parametrize("module", MODULES)
def test_a_module_says_what_it_is_for_and_stays_readable(module: str) -> None:
    text = MODULES[module].read_text(encoding="utf-8")

    assert len(text.splitlines()) <= MAX_LINES
    assert ast.get_docstring(ast.parse(text)) or not text.strip()


def test_nothing_but_the_load_process_loads_locust() -> None:
    """Importing locust patches sockets and threads of the whole process."""
    names = [
        module.removesuffix(".__init__")
        for module in MODULES
        if not module.endswith("__main__") and place(module) not in {"load", "users"}
    ]
    code = (
        "import importlib, sys\n"
        f"for name in {[*names, 'govbench.load.launch']!r}:\n    importlib.import_module(name)\n"
        "print(sorted({'locust', 'gevent'} & set(sys.modules)))"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], check=False, capture_output=True, text=True, timeout=60
    )

    assert (done.returncode, done.stdout.strip()) == (0, "[]"), done.stderr


def test_help_loads_no_command() -> None:
    code = (
        "import sys\nsys.argv = ['govbench', '--help']\nfrom govbench.cli.main import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print(sorted({'locust', 'numpy', 'pydantic', 'fastapi', 'httpx', 'git'} & set(sys.modules)))"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], check=False, capture_output=True, text=True, timeout=60
    )

    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "[]"), done.stderr


def test_every_door_is_used() -> None:
    """A line of the table that nothing goes through any more would hide what the code does."""
    used = {(name.split(".")[0], module) for module in MODULES for name in imports_of(module)}
    for dependency, doors in DOORS.items():
        for door in doors:
            through = [
                m for name, m in used if name == dependency and f"{m}.".startswith(f"govbench.{door}.")
            ]
            assert through, f"{dependency} no longer comes in by {door}"
