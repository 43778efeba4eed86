"""The ``govbench`` command: which commands there are, and how errors end. Each command has its own module.

A command's module is imported only when that command is called, so that ``govbench --help`` stays quick and
imports neither numpy nor a web framework.
"""

from __future__ import annotations

import importlib
import signal
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Annotated, NoReturn

import typer

from govbench import __version__
from govbench.cli.streams import Streams
from govbench.config.environment import environment
from govbench.errors import ExitCode, GovbenchError, Interrupted, hint_for
from govbench.results.redact import excerpt

# Command, module, the line in ``govbench --help``. A test holds the lines and the commands' own help in step.
COMMANDS: tuple[tuple[str, str, str], ...] = (
    (
        "demo",
        "govbench.cli.demo",
        "Show the whole story on this machine: two stacks, one slower, one verdict.",
    ),
    ("init", "govbench.cli.init", "Write a commented govbench.toml to begin with; never over one."),
    ("run", "govbench.cli.run", "Measure a target and compare it with the committed baseline."),
    ("ab", "govbench.cli.ab", "Compare two stacks on this machine, in pairs of requests."),
    (
        "calibrate",
        "govbench.cli.calibrate",
        "Measure the noise of this machine, one stack against itself, and what can be detected.",
    ),
    ("compare", "govbench.cli.compare", "Compare two results, or the latest run with the baseline."),
    ("report", "govbench.cli.report", "Render a stored run again: HTML, markdown, JUnit, JSON or CSV."),
    (
        "baseline",
        "govbench.cli.baseline",
        "List, show, update and prune the committed baselines, and their history.",
    ),
    ("quick-check", "govbench.cli.quick_check", "Send one real request: it works, or exactly what does not."),
    (
        "selftest",
        "govbench.cli.selftest",
        "Prove the load generator's accuracy on this machine, and tell its capacity.",
    ),
    ("worker", "govbench.cli.worker", "Carry a part of the load of a run on another machine."),
    ("stack", "govbench.cli.stack", "Bring a stack up, wait for it, look at it, take it down."),
)


def build_app(words: Sequence[str], *, everything: bool = False) -> typer.Typer:
    """The application with the command that ``words`` name in full, and the others as lines of the help."""
    app = typer.Typer(
        help="Load benchmarks for HTTP APIs in front of a language model, with verdicts that can gate.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_root)
    called = next((word for word in words if not word.startswith("-")), None)
    for name, module, line in COMMANDS:
        if everything or name == called:
            loaded = importlib.import_module(module)
            if hasattr(loaded, "app"):
                app.add_typer(loaded.app, name=name)
            else:
                app.command(name)(loaded.command)
        else:
            app.command(name, help=line)(_not_loaded)
    return app


def main() -> NoReturn:
    """Run the command line and exit with its code; a user's mistake is a line, not a traceback."""
    signal.signal(signal.SIGINT, _interrupted)
    streams = Streams()
    code = _code_of(sys.argv[1:])
    sys.exit(streams.end(code))


def _code_of(words: Sequence[str]) -> int:
    """Run a command; its exit code, with whatever ended it told."""
    whole = not {"-v", "--verbose"}.isdisjoint(words)
    try:
        build_app(_being_typed() or words)(prog_name="govbench")
    except GovbenchError as error:
        sys.stdout.flush()
        _tell(str(error), error.hint)
        return error.exit_code
    except SystemExit as end:
        return _ended(end, whole=whole)
    except Exception as error:  # a fault of ours is no verdict: Python's own exit code would say regression
        return _unplanned(error, whole=whole)
    return ExitCode.OK


def _tell(message: str, hint: str | None) -> None:
    print(f"govbench: {message}", file=sys.stderr)  # noqa: T201 - the one place that shows an error
    if hint:
        print(f"  hint: {hint}", file=sys.stderr)  # noqa: T201


def _ended(end: SystemExit, *, whole: bool) -> int:
    """The code of a command that has ended, but where Typer makes a 1 of something: that says regression."""
    context = end.__context__
    if isinstance(context, OSError):  # a broken pipe that is none of stdout
        return _unplanned(context, whole=whole)
    if isinstance(context, typer.Abort):  # the end of the input
        cause = context.__cause__
        return _unplanned(cause, whole=whole) if isinstance(cause, Exception) else ExitCode.USAGE
    return end.code if isinstance(end.code, int) else ExitCode.OK


def _being_typed() -> list[str]:
    """The words of a line that a shell asks us to complete; none where it is none."""
    variables = environment()
    if "_GOVBENCH_COMPLETE" not in variables:
        return []
    return (variables.get("_TYPER_COMPLETE_ARGS") or variables.get("COMP_WORDS", "")).split()[1:]


def _unplanned(error: Exception, *, whole: bool) -> ExitCode:
    """Tell what nobody planned in a line, or with its ``whole`` traceback; never with a verdict's code."""
    if whole:
        traceback.print_exception(error)
    hint = hint_for(error) if isinstance(error, OSError) else None
    if isinstance(error, OSError) and hint is not None:  # a full disk is no fault of the program
        _tell(f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror), hint)
        return ExitCode.NOT_MEASURED
    last = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{Path(last.filename).name}:{last.lineno}"
    said = f"internal error at {place}: {type(error).__name__}: {excerpt(str(error), chars=500)}"
    _tell(said, "this is a fault of govbench; --verbose shows all of it")
    return ExitCode.NOT_MEASURED


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"govbench {__version__}")
        raise typer.Exit


def _root(
    version: Annotated[  # eager: it cannot wait for a command, which nobody names beside it
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and exit."),
    ] = False,
) -> None:
    pass


def _not_loaded() -> None:
    """A command that was not called; ``build_app`` puts the real one in its place when it is."""


def _interrupted(number: int, frame: FrameType | None) -> None:
    del number, frame
    raise Interrupted("interrupted")
