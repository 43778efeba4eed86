"""Serves one instance until a signal ends it: opens the socket, says where it listens, stops gracefully."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import socket
from collections.abc import Callable, Iterator

import orjson
import uvicorn

from govbench.demo.app import create_app
from govbench.demo.loop import new_precise_loop
from govbench.demo.settings import DemoSettings
from govbench.errors import StackError

BACKLOG = 4096
# Longer than the think times of simulated users, so that the server does not close their connections.
KEEP_ALIVE_S = 75
GRACE_S = 5


def open_socket(host: str, port: int) -> socket.socket:
    """A socket that listens on ``host`` and ``port`` (0: any free port).

    Raises:
        StackError: the address cannot be used, for example because another process listens there.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise StackError(f"cannot listen on {host}:{port}: {error.strerror or error}") from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise StackError(f"cannot listen on {host}:{port}: {error.strerror or error}") from error
    return listener


def serve(settings: DemoSettings, announce: Callable[[str], object]) -> None:
    """Serve until SIGTERM or SIGINT; ``announce`` gets one line of JSON when requests are accepted."""
    listener = open_socket(settings.host, settings.port)
    with listener, asyncio.Runner(loop_factory=new_precise_loop) as runner:
        runner.run(_serve(settings, listener, announce))


async def _serve(settings: DemoSettings, listener: socket.socket, announce: Callable[[str], object]) -> None:
    config = uvicorn.Config(
        create_app(settings),
        http="httptools",
        ws="none",
        lifespan="off",
        access_log=False,
        log_level="warning",
        backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=GRACE_S,
        server_header=False,
    )
    server = _Server(config, lambda: announce(_listening(listener)))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, server.handle_exit, number, None)
    # What lives now lives to the end; the collector need not look at it again during a measurement.
    gc.collect()
    gc.freeze()
    await server.serve(sockets=[listener])


class _Server(uvicorn.Server):
    """Uvicorn that says when it listens and that ends with exit code 0 on a signal."""

    def __init__(self, config: uvicorn.Config, on_started: Callable[[], object]) -> None:
        super().__init__(config)
        self._on_started = on_started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._on_started()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        # Uvicorn's own version raises the signal again at the end; the loop's handlers are set in _serve.
        yield


def _listening(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return orjson.dumps({"event": "listening", "host": host, "port": port, "pid": os.getpid()}).decode()
