"""Command line of the embedded API: ``python -m govbench.demo``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from govbench.demo.server import serve
from govbench.demo.settings import DemoSettings
from govbench.errors import ExitCode, GovbenchError


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until a signal; the exit code."""
    try:
        serve(parse(arguments), announce)
    except GovbenchError as error:
        sys.stderr.write(f"{error}\n")
        return int(error.exit_code)
    return int(ExitCode.OK)


def announce(line: str) -> None:
    """Tell whoever started the process, at once even through a pipe."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def parse(arguments: Sequence[str] | None) -> DemoSettings:
    """The settings of a command line (``sys.argv`` when None)."""
    parser = argparse.ArgumentParser(
        prog="python -m govbench.demo",
        description="A stand-in for a GovStack API, with switches that make it slow, fail, leak or freeze.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        allow_abbrev=False,
    )
    default = DemoSettings()
    add = parser.add_argument
    add("--host", default=default.host, help="address to listen on")
    add("--port", type=int, default=default.port, help="port to listen on; 0 takes a free one")
    add("--latency-ms", type=float, default=default.latency_ms, help="median time of the pretended LLM")
    add(
        "--jitter",
        type=float,
        default=default.jitter,
        help="standard deviation of that time, as a share of it",
    )
    add("--slots", type=int, default=default.slots, help="answers generated in parallel")
    add("--slowdown", type=float, default=default.slowdown, help="factor on the whole service time")
    add("--errors", type=float, default=default.errors, help="share of chat requests answered with 500")
    add("--leak-bytes", type=int, default=default.leak_bytes, help="memory kept for each chat request")
    add("--freeze-s", type=float, default=default.freeze_s, help="stand still once for so many seconds")
    add("--seed", type=int, default=default.seed, help="seed of jitter and errors")
    add("--database", type=Path, default=None, help="SQLite file of sessions (otherwise a temporary one)")
    add("--api-key", default=None, help="key that the chat endpoints ask for (otherwise none)")
    return DemoSettings(**vars(parser.parse_args(arguments)))


if __name__ == "__main__":
    raise SystemExit(main())
