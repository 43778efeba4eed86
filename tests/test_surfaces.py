"""What a user sees is said in several places: options and keys, commands and README, docs and their links."""

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from govbench.cli import run as run_module
from govbench.cli.main import COMMANDS, build_app
from govbench.config.keys import KEYS

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
MARKDOWN = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "benchmarks/**/*.md", "baselines/**/*.md", ".github/**/*.md")
    for path in ROOT.glob(pattern)
)

# Options of how a command talks and where it reads from; they are no settings.
TALK = {"--config", "--gate-from", "--verbose", "--quiet", "--no-color", "--help"}
FLAGS = {key.flag: key for key in KEYS.values() if key.flag}

COMMAND: Any = typer.main.get_command(build_app([], everything=True))


def leaves(command: Any, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command that does something, with the words that call it."""
    if hasattr(command, "commands"):
        for name, inner in command.commands.items():
            yield from leaves(inner, (*words, name))
    else:
        yield words, command


LEAVES = dict(leaves(COMMAND))


def options(command: Any) -> set[str]:
    """The first long name of each option; the others are aliases."""
    return {
        next(name for name in each.opts if name.startswith("--"))
        for each in command.params
        if each.param_type_name == "option"
    }


# --- options and keys


def test_every_option_of_run_is_a_key_and_every_flag_an_option() -> None:
    assert options(LEAVES["run",]) - TALK == set(FLAGS)


def sample(option: Any) -> list[str]:
    name = next(each for each in option.opts if each.startswith("--"))
    return [name] if option.is_flag else [name, "7"]


@pytest.mark.parametrize("flag", FLAGS)
def test_an_option_of_run_sets_its_key_and_no_other(flag: str, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, object] = {}

    def settings_of(flags: dict[str, object], config: Path | None, gate_from: str | None) -> None:
        seen.update(flags)
        raise typer.Exit

    monkeypatch.setattr(run_module, "settings_of", settings_of)
    (option,) = (each for each in LEAVES["run",].params if flag in each.opts)
    CliRunner().invoke(build_app(["run"]), ["run", *sample(option)])

    assert set(seen) <= set(KEYS)
    assert [name for name, value in seen.items() if value is not None] == [FLAGS[flag].name]


# --- commands, their help, and the README


def test_the_line_of_a_command_is_the_first_of_its_own_help() -> None:
    for name, _, line in COMMANDS:
        assert inspect.cleandoc(COMMAND.commands[name].help).splitlines()[0] == line


def table_rows() -> dict[str, set[str]]:
    """The README's commands, and for a group the words after it."""
    found = {}
    for name, rest in re.findall(r"^\| `govbench ([a-z-]+)(.*?)` \|", README, re.MULTILINE):
        found[name] = set(re.findall(r"[a-z-]+", rest))
    return found


def test_the_table_of_the_readme_has_every_command_and_no_other() -> None:
    rows = table_rows()

    assert list(rows) == [name for name, _, _ in COMMANDS]
    for name, command in COMMAND.commands.items():
        assert rows[name] == set(getattr(command, "commands", ()))


def mentions(text: str) -> set[str]:
    """The words that follow ``govbench`` where it is typed: at the start of a line of code or of a span."""
    code = re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    spans = re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL))
    starts = [line for part in (*code, *spans) for line in part.splitlines()]
    return {
        word for line in starts for word in re.findall(r"(?:^|[/\s:])govbench +([a-z][a-z-]*)", line.strip())
    }


@pytest.mark.parametrize("path", MARKDOWN, ids=lambda path: str(path.relative_to(ROOT)))
def test_commands_that_are_mentioned_exist(path: Path) -> None:
    assert mentions(path.read_text(encoding="utf-8")) <= set(COMMAND.commands)


def option_mentions(text: str) -> Iterator[tuple[str, str]]:
    for name, rest in re.findall(r"govbench ([a-z][a-z-]*)([^`\n#|>]*)", re.sub(r'"[^"\n]*"', "", text)):
        yield from ((name, option) for option in re.findall(r"(?<!\S)--[a-z][a-z-]*", rest))


@pytest.mark.parametrize("path", MARKDOWN, ids=lambda path: str(path.relative_to(ROOT)))
def test_options_of_mentioned_commands_exist(path: Path) -> None:
    for name, option in option_mentions(path.read_text(encoding="utf-8")):
        known = {
            each
            for words, leaf in LEAVES.items()
            if words[0] == name
            for parameter in leaf.params
            for each in parameter.opts
        }
        assert option in known | {"--help"}, f"govbench {name} {option}"


# --- docs and links


def prose(path: Path) -> str:
    text = path.read_text(encoding="utf-8")
    return re.sub(r"^```.*?^```|`[^`\n]+`", "", text, flags=re.MULTILINE | re.DOTALL)


def links(path: Path) -> list[str]:
    return re.findall(r"\]\(([^)\s]+)\)", prose(path))


def anchors(path: Path) -> set[str]:
    """The anchors that GitHub gives the headings of a page."""
    text = re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ +(.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", MARKDOWN, ids=lambda path: str(path.relative_to(ROOT)))
def test_relative_links_lead_somewhere(path: Path) -> None:
    for link in links(path):
        if re.match(r"[a-z]+:", link):
            continue
        target, _, anchor = link.partition("#")
        page = (path.parent / target).resolve() if target else path
        assert page.is_relative_to(ROOT), link
        assert page.exists(), link
        if anchor:
            assert anchor in anchors(page), link


def test_every_page_of_the_docs_can_be_found() -> None:
    starts = [page for page in (ROOT / "README.md", ROOT / "docs" / "README.md") if page.exists()]
    linked = {(page.parent / link.partition("#")[0]).resolve() for page in starts for link in links(page)}

    assert set((ROOT / "docs").glob("*.md")) <= linked | set(starts)
