"""Command line of the reference server: ``python -m govbench.reference``."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from govbench.errors import ExitCode, GovbenchError
from govbench.reference.server import serve
from govbench.reference.settings import ReferenceSettings


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until a signal; the exit code."""
    try:
        settings = parse(arguments)
        serve(settings, lambda port: announce(settings.host, port))
    except GovbenchError as error:
        sys.stderr.write(f"{error}\n")
        return int(error.exit_code)
    return int(ExitCode.OK)


def announce(host: str, port: int) -> None:
    """Tell whoever started the process, at once even through a pipe."""
    line = {"event": "listening", "host": host, "port": port, "pid": os.getpid()}
    sys.stdout.write(json.dumps(line, separators=(",", ":")) + "\n")
    sys.stdout.flush()


def parse(arguments: Sequence[str] | None) -> ReferenceSettings:
    """The settings of a command line (``sys.argv`` when None)."""
    parser = argparse.ArgumentParser(
        prog="python -m govbench.reference",
        description="A server whose delays are scripted and whose every instant is noted: the truth that a"
        " load generator is measured against.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        allow_abbrev=False,
    )
    usual = ReferenceSettings()
    add = parser.add_argument
    add("--host", default=usual.host, help="address to listen on")
    add("--port", type=int, default=usual.port, help="port to listen on; 0 takes a free one")
    add("--seed", type=int, default=usual.seed, help="seed of delays and errors")
    add("--latency-ms", type=float, default=usual.latency_ms, help="median delay")
    add("--spread", type=float, default=usual.spread, help="standard deviation of the delay's logarithm")
    add("--default", default=usual.default, help="behaviour of paths that name none")
    add("--default-stream", default=usual.default_stream, help="the same, where a stream is asked for")
    add("--log-events", type=Path, default=None, help="file for the instants of all events of streams")
    add("--tls-cert", type=Path, default=None, help="certificate chain (PEM); serves TLS")
    add("--tls-key", type=Path, default=None, help="its key (PEM)")
    return ReferenceSettings(**vars(parser.parse_args(arguments)))


if __name__ == "__main__":
    raise SystemExit(main())
