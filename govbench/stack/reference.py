"""Boots the reference server, whose delays are scripted, and fetches what it noted. Judges nothing."""

from __future__ import annotations

import shlex
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import httpx

from govbench.config.settings import StackConfig
from govbench.config.targets import CommandTarget
from govbench.errors import StackError
from govbench.stack.boot import boot

_TIMEOUT_S: Final = 30.0
_POLL_S: Final = 0.05


class RunningReference:
    """A reference server that answers; as a context manager it is stopped at the end of the block.

    Args:
        name: of the server; its log is ``log_folder/NAME.log``.
        log_folder: made if need be.
        environ: the environment that the process starts with.
        default_stream: what it does where a stream is asked for (docs/reference-server.md).

    Raises:
        StackError: it does not come up; nothing of it is left.
    """

    def __init__(
        self, *, name: str, log_folder: Path, environ: Mapping[str, str], default_stream: str = "/stream"
    ) -> None:
        words = (sys.executable, "-P", "-m", "govbench.reference", "--default-stream", default_stream)
        self._stack = boot(
            CommandTarget(command=f"{shlex.join(words)} --port {{port}}"),
            StackConfig(health_path="/health"),
            name=name,
            log_folder=log_folder,
            environ=environ,
        )
        self._client = httpx.Client(base_url=self._stack.url, timeout=_TIMEOUT_S, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._client.close()
        self._stack.stop()

    @property
    def url(self) -> str:
        """Base address."""
        return self._stack.url

    @property
    def pid(self) -> int:
        """Its process."""
        assert self._stack.footprint is not None
        return self._stack.footprint.pid

    def dump(self) -> bytes:
        """All requests that it has answered so far, as ``/truth.bin``, once none is under way any more.

        Raises:
            StackError: it does not answer, or has requests under way for longer than any answer takes.
        """
        deadline = time.monotonic() + _TIMEOUT_S
        while self._ask("GET", "/truth.json?start=0&end=0").json()["in_flight"]:
            if time.monotonic() > deadline:
                raise StackError("the reference server does not come to rest")
            time.sleep(_POLL_S)
        return self._ask("GET", "/truth.bin").content

    def freeze(self, seconds: float) -> None:
        """Hold back whatever falls due from now on for so long.

        Raises:
            StackError: it does not answer.
        """
        self._ask("POST", f"/control/freeze?s={seconds}")

    def _ask(self, method: str, path: str) -> httpx.Response:
        try:
            return self._client.request(method, path).raise_for_status()
        except httpx.HTTPError as error:
            raise StackError(f"the reference server at {self.url} does not answer: {error}") from error
