"""Options that several commands share, and how they become settings and output."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from govbench.cli import complete
from govbench.config.load import environment, load_settings
from govbench.config.settings import Settings
from govbench.config.sources import Argument
from govbench.errors import UsageError
from govbench.pipeline.gate import files_at

TargetArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="TARGET",
        help="URL, embedded[:switches], command:CMD or git:REF; without it the configured one.",
        show_default=False,
        autocompletion=complete.targets,
    ),
]
ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help="Configuration file.",
        show_default=False,
        autocompletion=complete.configurations,
    ),
]
GateFromOption = Annotated[
    str | None,
    typer.Option(
        "--gate-from",
        metavar="REF",
        help="Commit whose [compare], [thresholds], [baselines], stored runs and calibration judge.",
        show_default=False,
    ),
]
OutputOption = Annotated[
    Path | None, typer.Option("--output", metavar="DIR", help="Where run folders lie.", show_default=False)
]
FailOnOption = Annotated[
    str | None,
    typer.Option(
        "--fail-on",
        metavar="VERDICTS",
        help="Verdicts that make the exit code fail, comma-separated; default regression,invalid.",
        show_default=False,
        autocompletion=complete.verdicts,
    ),
]
VerboseOption = Annotated[
    bool, typer.Option("--verbose", "-v", help="Tell more on the way, and all there is in a report.")
]
QuietOption = Annotated[
    bool, typer.Option("--quiet", "-q", help="Tell nothing on the way, and of a report only what gates.")
]
NoColorOption = Annotated[bool, typer.Option("--no-color", help="No colours (NO_COLOR does the same).")]

ApiOption = Annotated[
    str | None,
    typer.Option(
        "--api", help="govstack, govstack-message, openai-chat or http.", autocompletion=complete.apis
    ),
]
MethodOption = Annotated[
    str | None,
    typer.Option(
        "--method",
        "-X",
        help="Method of a request: GET, POST, ...; means --api http.",
        autocompletion=complete.methods,
    ),
]
BodyOption = Annotated[
    str | None,
    typer.Option(
        "--body",
        metavar="TEXT|@FILE",
        help="Body of a request, or @ and its file; means --api http and POST.",
    ),
]
StreamOption = Annotated[
    bool | None,
    typer.Option(
        "--stream/--no-stream", help="Read streamed answers (openai-chat, govstack, http), and ask for them."
    ),
]
HeaderOption = Annotated[
    list[str] | None, typer.Option("--header", help="Header of every request, 'Name: value'; repeatable.")
]
SeedOption = Annotated[int | None, typer.Option("--seed", help="Seed of all random choices.")]
RoundOption = Annotated[
    str | None, typer.Option("--round", help="Load of one round; default as long as a boot takes.")
]
PairedUsersOption = Annotated[int | None, typer.Option("--users", help="Users of test type concurrent.")]
PairedLevelsOption = Annotated[
    str | None,
    typer.Option(
        "--levels", metavar="N,N", help="Users of test type concurrent, at several levels: 10,25,50."
    ),
]
PairedTestTypesOption = Annotated[
    str | None,
    typer.Option(
        "--test-types",
        "--test",
        help="concurrent (default), baseline, custom; comma-separated.",
        autocompletion=complete.test_types,
    ),
]
ThroughputOption = Annotated[
    float | None,
    typer.Option("--throughput", metavar="RPS", help="Measure throughput too, in open loops at that rate."),
]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before loading another machine.")]

# Columns of the answer: where nobody looks at a terminal, on one that tells none, and at most.
ELSEWHERE, UNKNOWN, WIDE = 100, 80, 120
NARROWEST = 20
UNBROKEN = 10_000  # for programs: no line is as long, so each says all of one thing


def named(target: str | None) -> Argument | None:
    """The positional TARGET as a flag, so that what is wrong with it is not blamed on an option."""
    return None if target is None else Argument(name="TARGET", text=target)


def typed(option: str, value: object) -> Argument | None:
    """A value as it was typed, so that what is wrong with it is blamed on the option of that name."""
    return None if value is None else Argument(name=option, text=str(value))


def body_of(text: str | None) -> str | None:
    """A body as it was typed, or what the file holds that is named after an ``@``.

    Raises:
        UsageError: there is no such file of text.
    """
    if text is None or not text.startswith("@"):
        return text
    try:
        return Path(text[1:]).read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"--body {text}: cannot be read: {error.strerror}", hint="check the path") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"--body {text}: is not UTF-8 text") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """How a command talks: how much on the way, and whether in colour."""

    verbose: bool = False
    quiet: bool = False
    no_color: bool = False

    def __post_init__(self) -> None:
        if self.verbose and self.quiet:
            raise UsageError("--verbose and --quiet exclude each other")

    @property
    def color(self) -> bool:
        """Whether the answer on stdout is coloured."""
        return sys.stdout.isatty() and not self.no_color and not environment().get("NO_COLOR")

    @property
    def width(self) -> int:
        """Columns of the answer: what COLUMNS says, or the terminal; on a narrow one not more than it has.

        Where nobody looks at a terminal, the brief lines of ``quiet`` stay whole.
        """
        is_terminal = sys.stdout.isatty()
        said = _said_columns()
        if self.quiet and not is_terminal and not said:
            return UNBROKEN
        columns = said or (_terminal_columns() if is_terminal else ELSEWHERE)
        return max(NARROWEST, min(WIDE, columns))


def _said_columns() -> int:
    text = environment().get("COLUMNS", "").strip()
    return int(text) if text.isascii() and text.isdigit() else 0


def _terminal_columns() -> int:
    columns = 0
    with suppress(OSError, ValueError):  # nothing that has a size
        columns = os.get_terminal_size(sys.stdout.fileno()).columns
    return columns or UNKNOWN


def settings_of(flags: dict[str, object], config: Path | None, gate_from: str | None = None) -> Settings:
    """The settings of this call: defaults, file, environment and these flags (None: not given).

    Raises:
        ConfigError: something in them is wrong.
        ResultsError: ``gate_from`` names no commit of the repository around us.
    """
    cwd = Path.cwd()
    files = None if gate_from is None else files_at(gate_from, cwd=cwd, config_file=config)
    return load_settings(flags=flags, config_file=config, environ=environment(), cwd=cwd, gate_files=files)


def notes_of(settings: Settings) -> tuple[str, ...]:
    """What a user should know of the settings before anything is measured."""
    return (*settings.notes, *settings.gate.notes)
