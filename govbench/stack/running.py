"""What every step may ask of a running stack, however it was brought up. Brings none up itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from govbench.config.settings import StackConfig
from govbench.results.meters import Meter
from govbench.stack.health import HealthReport, wait_until_healthy

# A stack that somebody else starts is either there or not; waiting a whole boot time helps nobody.
FOREIGN_WAIT_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Footprint:
    """What finds a booted stack again, also from another process.

    Attributes:
        pid: the process that leads its group.
        mark: what it and its children carry in their environment.
        log_path: where they write.
        home: the folder that goes with it.
    """

    pid: int
    mark: str
    log_path: Path
    home: Path


class RunningStack(Protocol):
    """A stack that was brought up, or found; as a context manager it is stopped at the end of the block.

    Attributes:
        name: what it is called in reports and log files.
        health: how it became ready; None while it boots.
    """

    name: str
    health: HealthReport | None

    @property
    def url(self) -> str:
        """Its base address; it may be known only after ``wait``."""

    @property
    def footprint(self) -> Footprint | None:
        """What finds it again; None where nothing was booted."""

    def wait(self) -> None:
        """Wait until it is healthy; one that does not become so is stopped.

        Raises:
            StackError: it did not come up.
        """

    def exit_code(self) -> int | None:
        """Exit code of what was booted; None while it runs, and where nothing was booted."""

    def ending(self, when: str) -> str | None:
        """In one line how it came to its end, with the last that it wrote; None while it runs.

        ``when`` is put into that sentence: "during the run".
        """

    def meters(self, of_processes: Callable[[int], Meter]) -> Mapping[str, Meter]:
        """The meter of each part that was booted, by its name; none where nothing was booted.

        ``of_processes`` makes the meter of a process and its descendants.
        """

    def stop(self) -> None:
        """End what was booted and all that it started; does nothing the second time.

        Raises:
            StackError: something of it could not be ended.
        """

    def detach(self) -> None:
        """Let it run on; from now on ``stop`` does nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


class ForeignStack(RunningStack):
    """A stack behind a URL, which somebody else starts and ends: it is only waited for, and only briefly."""

    def __init__(self, *, name: str, url: str, config: StackConfig, tell: Callable[[str], None]) -> None:
        self.name = name
        self.health: HealthReport | None = None
        self._url, self._config, self._tell = url, config, tell

    @property
    def url(self) -> str:
        """The address that was named."""
        return self._url

    @property
    def footprint(self) -> None:
        """Nothing was booted."""
        return

    def wait(self) -> None:
        """Wait until it answers."""
        wait_s = min(self._config.boot_timeout_s, FOREIGN_WAIT_S)
        self.health = wait_until_healthy(
            self._url, self._config, alive=self.exit_code, foreign=True, timeout_s=wait_s, tell=self._tell
        )

    def exit_code(self) -> None:
        """Nothing was booted."""
        return

    def ending(self, when: str) -> None:
        """Nobody can tell."""
        del when

    def meters(self, of_processes: Callable[[int], Meter]) -> Mapping[str, Meter]:
        """None: it may run anywhere."""
        del of_processes
        return {}

    def stop(self) -> None:
        """It is somebody else's."""

    def detach(self) -> None:
        """It runs on anyway."""
