"""``govbench stack``: stacks that run on after the command."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from typing import Annotated

import typer

from govbench.cli.options import (
    ConfigOption,
    NoColorOption,
    Output,
    QuietOption,
    TargetArgument,
    VerboseOption,
    named,
    settings_of,
)
from govbench.cli.progress import ShownProgress
from govbench.config.environment import environment
from govbench.config.settings import StackConfig
from govbench.config.targets import base_address, describe, parse_target
from govbench.errors import ExitCode, StackError, UsageError
from govbench.pipeline.interrupt import Stopper
from govbench.stack import state
from govbench.stack.health import Finding, HealthReport, hint_for, wait_until_healthy
from govbench.stack.state import Condition, StackState, StackStatus

DEFAULT_NAME = "default"

app = typer.Typer(
    help="Bring a stack up, wait for it, look at it, take it down.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)

NameArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="NAME", help="Name of the stack; not needed for the only one.", show_default=False
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")]
TimeoutOption = Annotated[
    str | None,
    typer.Option("--timeout", metavar="TIME", help="Longest time until it is healthy: 60, 60s, 2m."),
]


@app.command("up")
def up_command(
    target: TargetArgument = None,
    name: Annotated[str, typer.Option("--name", help="What the stack is called.")] = DEFAULT_NAME,
    port: Annotated[
        int | None, typer.Option("--port", help="Port it listens on; a free one if unset.")
    ] = None,
    timeout: TimeoutOption = None,
    config: ConfigOption = None,
    verbose: VerboseOption = False,
    quiet: QuietOption = False,
    no_color: NoColorOption = False,
) -> None:
    """Boot a target and leave it running; its address is the answer.

    One that runs already under this name is left as it is.

    Examples:

      govbench stack up embedded

      govbench stack up "command:python app.py --port {port}" --name api --port 8000

      govbench stack up git:main --name main

      govbench run "$(govbench stack up embedded:latency=50ms)"
    """
    progress = ShownProgress(Output(verbose=verbose, quiet=quiet, no_color=no_color))
    flags: dict[str, object] = {
        "target.form": named(target),
        "stack.port": port,
        "stack.boot_timeout_s": timeout,
    }
    settings = settings_of(flags, config)
    parsed = parse_target(settings.target.form)
    with Stopper():
        stack, was_up = state.up(
            parsed,
            settings.stack,
            name=name,
            environ=environment(),
            seed=settings.load.seed,
            call=settings.call,
            step=progress.step,
        )
    progress.step(f"stack {name} {'was running already' if was_up else 'is up'}; its log: {stack.log_path}")
    typer.echo(stack.url)


@app.command("wait")
def wait_command(
    target: Annotated[
        str | None,
        typer.Argument(
            metavar="TARGET",
            help="URL, or the name of a stack that was brought up; not needed for the only one.",
            show_default=False,
        ),
    ] = None,
    timeout: TimeoutOption = None,
    config: ConfigOption = None,
    verbose: VerboseOption = False,
    quiet: QuietOption = False,
    no_color: NoColorOption = False,
) -> None:
    """Wait until a stack is healthy; exits 3 when it is not in time.

    A URL counts as healthy with any answer below 500, since many APIs have no health path.

    Examples:

      govbench stack wait http://127.0.0.1:8000 --timeout 2m

      govbench stack wait api
    """
    progress = ShownProgress(Output(verbose=verbose, quiet=quiet, no_color=no_color))
    settings = settings_of({"stack.boot_timeout_s": timeout}, config)
    with Stopper():
        if target is not None and ":" in target:
            url, report = _wait_for_url(target, settings.stack, progress)
        else:
            url, report = _wait_for_stack(_the_one(target), settings.stack, progress)
    progress.step(f"healthy after {report.waited_s:.1f} s" + (f" ({report.note})" if report.note else ""))
    typer.echo(url)


@app.command("status")
def status_command(
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", help="Name of one stack; without it all.", show_default=False),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Say which stacks run, and what their health address answers now.

    Exits 0 when all of them run and are healthy, else 3.

    Examples:

      govbench stack status

      govbench stack status api --json
    """
    found = [(each, state.status(each)) for each in ([name] if name is not None else state.names())]
    if as_json:
        typer.echo(json.dumps([_as_object(*each) for each in found], indent=1, ensure_ascii=False))
    elif found:
        typer.echo("\n".join(_line(*each) for each in found))
    else:
        typer.echo("no stack is up", err=True)
    raise typer.Exit(ExitCode.OK if all(_is_well(each) for _, each in found) else ExitCode.NOT_MEASURED)


@app.command("logs")
def logs_command(
    name: NameArgument = None,
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, help="How many of the last lines.")] = 100,
    config: ConfigOption = None,
) -> None:
    """Print the last lines that a stack wrote, also of one that is down by now; secrets are left out.

    Examples:

      govbench stack logs

      govbench stack logs api --lines 20
    """
    settings = settings_of({}, config)
    typer.echo(state.logs(_the_one(name), config=settings.stack, lines=lines))


@app.command("down")
def down_command(
    name: NameArgument = None,
    everything: Annotated[bool, typer.Option("--all", help="Take all stacks down.")] = False,
    config: ConfigOption = None,
    verbose: VerboseOption = False,
    quiet: QuietOption = False,
    no_color: NoColorOption = False,
) -> None:
    """End a stack with all its children; being down already is no error.

    Examples:

      govbench stack down

      govbench stack down api

      govbench stack down --all
    """
    if everything and name is not None:
        raise UsageError(f"--all takes down all stacks, {name} names one", hint="keep one of them")
    progress = ShownProgress(Output(verbose=verbose, quiet=quiet, no_color=no_color))
    settings = settings_of({}, config)
    words = {
        Condition.RUNNING: "is down",
        Condition.GONE: "had ended by itself",
        Condition.NEVER_UP: "was not up",
    }
    with Stopper():
        for each in state.names() if everything else (_the_one(name),):
            before = state.down(each, stop_timeout_s=settings.stack.stop_timeout_s)
            progress.step(f"stack {each} {words[before.condition]}")


def _the_one(name: str | None) -> str:
    """The stack meant: the named one, or the only one there is.

    Raises:
        UsageError: there are several.
    """
    known = state.names()
    if name is not None:
        return name
    if len(known) > 1:
        raise UsageError(f"several stacks are up: {', '.join(known)}", hint="name one of them")
    return known[0] if known else DEFAULT_NAME


def _wait_for_url(text: str, config: StackConfig, progress: ShownProgress) -> tuple[str, HealthReport]:
    target = parse_target(text)
    if target.address is None:
        raise UsageError(
            f"{describe(target)} does not run yet: wait for a URL, or for a stack that was brought up",
            hint=f"bring it up, which waits too: govbench stack up {text}",
        )
    url = base_address(target.address)
    progress.step(f"waiting for {url}")
    return url, wait_until_healthy(url, config, alive=lambda: None, foreign=True, tell=progress.step)


def _wait_for_stack(name: str, config: StackConfig, progress: ShownProgress) -> tuple[str, HealthReport]:
    stack = _running(name)
    progress.step(f"waiting for stack {name} at {stack.url}")
    report = wait_until_healthy(
        stack.url,
        dataclasses.replace(config, health_path=stack.health_path),
        alive=_alive(name),
        tell=progress.step,
    )
    return stack.url, report


def _running(name: str) -> StackState:
    found = state.status(name, ask=False)
    if found.condition is Condition.RUNNING and found.state is not None:
        return found.state
    raise StackError(
        f"stack {name} {'ended by itself' if found.condition is Condition.GONE else 'was never brought up'}",
        hint="govbench stack logs tells why" if found.condition is Condition.GONE else _up_hint(),
    )


def _up_hint() -> str:
    known = state.names()
    return (
        f"stacks that are up: {', '.join(known)}" if known else "bring it up first: govbench stack up TARGET"
    )


def _alive(name: str) -> Callable[[], None]:
    # Its exit code is unknown, for it is no child of this process; that it ended is an error of its own.
    def check() -> None:
        _running(name)

    return check


def _is_well(found: StackStatus) -> bool:
    return found.look is not None and found.look.finding is Finding.HEALTHY


def _line(name: str, found: StackStatus) -> str:
    if found.state is None:
        return f"{name}: never brought up"
    if found.look is None:
        return f"{name}: ended by itself ({found.state.form}); govbench stack logs {name}"
    line = f"{name}: running, {found.state.form} at {found.state.url}; {found.look.detail}"
    hint = hint_for(found.look.finding)
    return f"{line}\n  hint: {hint}" if hint else line


def _as_object(name: str, found: StackStatus) -> dict[str, object]:
    stack, look = found.state, found.look
    return {
        "name": name,
        "condition": found.condition.value,
        "healthy": _is_well(found),
        "target": stack.form if stack else None,
        "url": stack.url if stack else None,
        "pid": stack.pid if stack else None,
        "log": stack.log_path if stack else None,
        "finding": look.finding.value if look else None,
        "detail": look.detail if look else None,
    }
