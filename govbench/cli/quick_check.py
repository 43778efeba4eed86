"""``govbench quick-check``."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from govbench.cli.options import (
    ApiOption,
    BodyOption,
    ConfigOption,
    HeaderOption,
    MethodOption,
    NoColorOption,
    Output,
    QuietOption,
    StreamOption,
    TargetArgument,
    VerboseOption,
    body_of,
    named,
    settings_of,
)
from govbench.cli.progress import ShownProgress
from govbench.config.environment import environment
from govbench.errors import ExitCode
from govbench.pipeline.quick_check import Checked, quick_check
from govbench.stack.probe import Check


def command(
    target: TargetArgument = None,
    api: ApiOption = None,
    api_timeout: Annotated[
        str | None, typer.Option("--api-timeout", help="Longest time for the answer: 60, 60s.")
    ] = None,
    method: MethodOption = None,
    body: BodyOption = None,
    header: HeaderOption = None,
    stream: StreamOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the checks as JSON.")] = False,
    config: ConfigOption = None,
    verbose: VerboseOption = False,
    quiet: QuietOption = False,
    no_color: NoColorOption = False,
) -> None:
    """Send one real request: it works, or exactly what does not.

    Looks at the health address and sends the very request that a load sends. A target that is not running
    is booted for it and taken down again. Keys come from the environment, such as API_KEY. Exits 0 when
    everything works, else 3.

    Examples:

      govbench quick-check http://127.0.0.1:8000

      govbench quick-check http://127.0.0.1:8000 --api openai-chat --stream

      govbench quick-check "command:python app.py --port {port}" --json
    """
    how = Output(verbose=verbose, quiet=quiet, no_color=no_color)
    flags: dict[str, object] = {
        "target.form": named(target),
        "target.api": api,
        "target.timeout_s": api_timeout,
        "target.headers": header or None,
        "target.stream": stream,
        "target.http.method": method,
        "target.http.body": body_of(body),
    }
    settings = settings_of(flags, config)
    progress = ShownProgress(how)
    for note in settings.notes:
        progress.note(note)
    checked = quick_check(settings, environ=environment(), progress=progress)
    typer.echo(_json(checked) if as_json else "\n".join(_line(check, how) for check in checked.checks))
    raise typer.Exit(ExitCode.OK if checked.works else ExitCode.NOT_MEASURED)


def _line(check: Check, how: Output) -> str:
    mark = "✓" if check.ok else "✗"
    if how.color:
        mark = typer.style(mark, fg="green" if check.ok else "red")
    line = f"{mark} {check.name}: {check.detail}"
    return f"{line}\n  hint: {check.hint}" if check.hint else line


def _json(checked: Checked) -> str:
    checks = [
        {"name": check.name, "ok": check.ok, "detail": check.detail, "hint": check.hint}
        for check in checked.checks
    ]
    body = {"target": checked.target, "works": checked.works, "checks": checks}
    return json.dumps(body, indent=1, ensure_ascii=False)
