"""``govbench run``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from govbench.cli import complete
from govbench.cli.leave import ask_for_leave
from govbench.cli.options import (
    ApiOption,
    BodyOption,
    ConfigOption,
    FailOnOption,
    GateFromOption,
    HeaderOption,
    MethodOption,
    NoColorOption,
    Output,
    OutputOption,
    QuietOption,
    SeedOption,
    StreamOption,
    TargetArgument,
    VerboseOption,
    YesOption,
    body_of,
    named,
    notes_of,
    settings_of,
)
from govbench.cli.progress import ShownProgress
from govbench.cli.rendering import end_with
from govbench.config.load import environment
from govbench.config.profiles import PROFILES, build_phases, described
from govbench.config.targets import shown_target
from govbench.errors import UsageError
from govbench.pipeline.run.command import run

_PROFILES = ", ".join(f"{name} ({described(name)})" for name in PROFILES)


def command(
    target: TargetArgument = None,
    users: Annotated[
        int | None,
        typer.Option("--users", "-c", help="One fixed load: so many users, who ask without pause."),
    ] = None,
    profile: Annotated[
        str | None,
        typer.Option("--profile", help=f"Levels of users: {_PROFILES}.", autocompletion=complete.profiles),
    ] = None,
    test_types: Annotated[
        str | None,
        typer.Option(
            "--test-types",
            "--test",
            help="baseline, concurrent, custom; comma-separated.",
            autocompletion=complete.test_types,
        ),
    ] = None,
    max_users: Annotated[int | None, typer.Option("--max-users", help="Highest number of users.")] = None,
    spawn_rate: Annotated[float | None, typer.Option("--spawn-rate", help="Users started a second.")] = None,
    test_duration: Annotated[
        str | None,
        typer.Option(
            "--test-duration", "--duration", "-z", help="Time of each level that counts: 30, 30s, 2m."
        ),
    ] = None,
    rate: Annotated[
        float | None,
        typer.Option("--rate", help="Open loop: requests due a second, whatever the answers do."),
    ] = None,
    arrivals: Annotated[
        str | None,
        typer.Option(
            "--arrivals",
            help="With --rate: poisson (default) or constant.",
            autocompletion=complete.arrivals,
        ),
    ] = None,
    max_in_flight: Annotated[
        int | None,
        typer.Option("--max-in-flight", help="With --rate: most requests under way; default 1000."),
    ] = None,
    api_url: Annotated[str | None, typer.Option("--api-url", help="The same as TARGET.")] = None,
    api: ApiOption = None,
    api_timeout: Annotated[
        str | None, typer.Option("--api-timeout", help="Longest time for one answer: 60, 60s.")
    ] = None,
    method: MethodOption = None,
    body: BodyOption = None,
    header: HeaderOption = None,
    stream: StreamOption = None,
    output: OutputOption = None,
    region: Annotated[str | None, typer.Option("--region", help="Label: where the load comes from.")] = None,
    seed: SeedOption = None,
    max_requests: Annotated[
        int | None, typer.Option("--max-requests", "-n", help="Stop after that many requests.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option("--workers", help="Processes on this machine that share the load.")
    ] = None,
    remote_workers: Annotated[
        int | None,
        typer.Option("--remote-workers", help="Wait for so many of 'govbench worker' on other machines."),
    ] = None,
    master_bind: Annotated[
        str | None, typer.Option("--master-bind", help="Address on which workers are awaited.")
    ] = None,
    master_port: Annotated[int | None, typer.Option("--master-port", help="Port of it.")] = None,
    test_file: Annotated[
        str | None,
        typer.Option(
            "--test-file", help="Python file with users of your own.", autocompletion=complete.test_files
        ),
    ] = None,
    user_class: Annotated[
        str | None,
        typer.Option("--user-class", help="Which users of the test file run, comma-separated; default all."),
    ] = None,
    yes: YesOption = False,
    fail_on: FailOnOption = None,
    gate_from: GateFromOption = None,
    config: ConfigOption = None,
    verbose: VerboseOption = False,
    quiet: QuietOption = False,
    no_color: NoColorOption = False,
) -> None:
    """Measure a target and compare it with the committed baseline.

    Examples:

      govbench run http://127.0.0.1:8000 --max-users 50

      govbench run http://127.0.0.1:8000/search?q=passport --users 20 --duration 30s

      govbench run embedded --profile quick

      govbench run "command:python app.py --port {port}" --test-types concurrent

      govbench run http://127.0.0.1:8000 --rate 200 --test-duration 60s
    """
    if target is not None and api_url is not None and target != api_url:
        both = f"TARGET {shown_target(target)} and --api-url {shown_target(api_url)}"
        raise UsageError(f"{both} name two targets", hint="keep one of them")
    how = Output(verbose=verbose, quiet=quiet, no_color=no_color)
    flags: dict[str, object] = {
        "target.form": named(target) or api_url,
        "target.api": api,
        "target.timeout_s": api_timeout,
        "target.headers": header or None,
        "target.stream": stream,
        "target.http.method": method,
        "target.http.body": body_of(body),
        "load.users": users,
        "load.profile": profile,
        "load.test_types": test_types,
        "load.max_users": max_users,
        "load.spawn_rate": spawn_rate,
        "load.test_duration_s": test_duration,
        "load.arrival_rate_rps": rate,
        "load.arrivals": arrivals,
        "load.max_in_flight": max_in_flight,
        "load.seed": seed,
        "load.max_requests": max_requests,
        "load.workers": workers,
        "load.remote_workers": remote_workers,
        "load.master_bind": master_bind,
        "load.master_port": master_port,
        "load.test_file": test_file,
        "load.user_class": user_class,
        "load.assume_yes": yes or None,
        "compare.fail_on": fail_on,
        "output.folder": output,
        "output.region": region,
    }
    settings = settings_of(flags, config, gate_from)
    progress = ShownProgress(how)
    for note in notes_of(settings):
        progress.note(note)
    ask_for_leave([settings.target.form], build_phases(settings.load), assume_yes=settings.load.assume_yes)
    finished = run(settings, environ=environment(), cwd=Path.cwd(), progress=progress)
    end_with(finished, settings, how)
