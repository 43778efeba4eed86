"""``govbench init``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from govbench.cli import complete
from govbench.config.schema import SCHEMA_URL, schema_text
from govbench.config.sources import FILE_NAME, SHARED_NAME, says_own_table
from govbench.config.targets import parse_target
from govbench.errors import UsageError

_TEMPLATE = """\
#:schema {schema}
# What govbench measures here, and what judges it. All keys: docs/configuration.md of govbench.
# Secrets do not belong here: set API_KEY in the environment or in .env.test.

suite = "default"  # stored baselines are kept under this name

[target]
# A URL, embedded, or the command that starts your API; {{port}} is filled in with a free one.
form = {form}
# api = "openai-chat"  # or govstack (as it is), govstack-message, http

# [stack]
# build = "make"  # run once before a command is started

[load]
profile = "quick"  # about a minute; standard and full take longer
# users = 20  # instead: one fixed load

[thresholds]
error_rate = 0.01  # at most; a bound holds without any baseline
# response_time_p95_ms = 800
"""


def command(
    target: Annotated[
        str | None,
        typer.Argument(
            metavar="TARGET",
            help="The stack under test: URL, embedded or command:CMD; default embedded.",
            show_default=False,
            autocompletion=complete.targets,
        ),
    ] = None,
    schema: Annotated[
        bool, typer.Option("--schema", help="Print the JSON Schema of the file instead, for an editor.")
    ] = False,
) -> None:
    """Write a commented govbench.toml to begin with; never over one.

    Its first line names the JSON Schema, by which editors complete and check keys (Even Better TOML, Taplo).

    Examples:

      govbench init http://127.0.0.1:8000

      govbench init "command:python app.py --port {port}"

      govbench init --schema > govbench.schema.json
    """
    if schema:
        typer.echo(schema_text(), nl=False)
        return
    form = "embedded" if target is None else target
    parse_target(form)
    _refuse_second(Path.cwd())
    try:
        with Path(FILE_NAME).open("x", encoding="utf-8") as file:
            file.write(_TEMPLATE.format(schema=SCHEMA_URL, form=json.dumps(form, ensure_ascii=False)))
    except FileExistsError as error:
        raise UsageError(f"{FILE_NAME} is there already", hint="edit it, or move it away first") from error
    except OSError as error:
        raise UsageError(f"{FILE_NAME}: cannot be written: {error.strerror}") from error
    typer.echo(f"wrote {FILE_NAME}")
    typer.echo("  next: govbench quick-check, then govbench run", err=True)


def _refuse_second(folder: Path) -> None:
    """Two files in one folder would be one too many: the table of the other would no longer be read."""
    shared = folder / SHARED_NAME
    if shared.is_file() and says_own_table(shared.read_text(encoding="utf-8", errors="replace")):
        raise UsageError(
            f"{SHARED_NAME} has [tool.govbench] already, and would not be read beside {FILE_NAME}",
            hint="edit that table, or take it out first",
        )
