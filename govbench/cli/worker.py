"""``govbench worker``."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from govbench.cli.options import QuietOption
from govbench.config.load import environment
from govbench.errors import ConfigError, Interrupted, LoadError, UsageError
from govbench.load.launch import MASTER_PORT, WorkerProcess

TOKEN_VARIABLE = "GOVBENCH_WORKER_TOKEN"  # noqa: S105 - the name, not the token


def command(
    master: Annotated[
        str, typer.Option("--master", metavar="HOST[:PORT]", help="Where govbench run waits for workers.")
    ],
    quiet: QuietOption = False,
) -> None:
    """Carry a part of the load of a run on another machine.

    Waits for the master, works through one run, and ends. GOVBENCH_WORKER_TOKEN must be the same on both
    machines.

    Examples:

      govbench worker --master 10.0.0.1
    """
    host, port = _address(master)
    token = environment().get(TOKEN_VARIABLE)
    if not token:
        raise ConfigError(
            f"{TOKEN_VARIABLE} is not set", hint="choose a long random word, and set it on both machines"
        )
    if not quiet:
        typer.echo(f"looking for the master at {host}:{port}", err=True)
    with tempfile.TemporaryDirectory(prefix="govbench-worker-") as folder:
        worker = WorkerProcess(host=host, port=port, token=token, folder=Path(folder))
        failure = _follow(worker, quiet=quiet)
    if failure:
        raise LoadError(failure)


def _follow(worker: WorkerProcess, *, quiet: bool) -> str | None:
    def show(event: Mapping[str, Any]) -> None:
        line = _line(event)
        if line and not quiet:
            typer.echo(line, err=True)

    try:
        return worker.follow(show)
    except (KeyboardInterrupt, Interrupted):
        worker.stop()
        worker.follow(show)
        raise
    finally:
        worker.close()


def _line(event: Mapping[str, Any]) -> str | None:
    match event["event"]:
        case "joined":
            return f"joined as worker {event['part'] + 1} of {event['parts']}"
        case "phase":
            return f"phase {event['index'] + 1} has begun"
        case "stopping":
            return "stopping; the last samples go to the master"
        case _:
            return None


def _address(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon or text.endswith("]"):
        return text, MASTER_PORT
    if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65_536:
        raise UsageError(f"--master {text}: not HOST or HOST:PORT", hint="for example 10.0.0.1:5557")
    return host, int(port)
