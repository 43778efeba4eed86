"""Whatever keeps the protocol of a running stack fits in: nothing asks which kind of stack it is."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

import govbench
from govbench.config.settings import StackConfig
from govbench.config.targets import TargetKind, parse_target
from govbench.results.meters import Meter, Together, Use
from govbench.stack import boot as boot_module
from govbench.stack.boot import Surroundings, boot
from govbench.stack.health import HealthReport
from govbench.stack.keeper import keeper
from govbench.stack.running import RunningStack

READY = HealthReport(url="http://127.0.0.1:1/health", status=200, waited_s=0.1)
SOURCES = sorted(Path(govbench.__file__).parent.rglob("*.py"))
FORMS = {"UrlTarget", "EmbeddedTarget", "CommandTarget", "GitTarget"}
STACKS = {"ForeignStack", "BootedStack", "RunningStack"}


class Container:
    def read(self) -> Use | None:
        return Use(cpu_s=1.5, rss_bytes=7)


class Containers(RunningStack):
    """A stack of two containers, as somebody might write it who has read the protocol alone."""

    def __init__(self, around: Surroundings) -> None:
        self.name, self.stopped = around.name, False
        self.around = around
        self.health: HealthReport | None = None

    @property
    def url(self) -> str:
        return "http://127.0.0.1:1"

    @property
    def footprint(self) -> None:
        return None

    def wait(self) -> None:
        self.health = READY

    def exit_code(self) -> int | None:
        return None

    def ending(self, when: str) -> str | None:
        del when
        return None

    def meters(self, of_processes: Callable[[int], Meter]) -> Mapping[str, Meter]:
        del of_processes
        return {"api": Container(), "db": Container()}

    def stop(self) -> None:
        self.stopped = True
        self.around.home.remove()

    def detach(self) -> None:
        pass


def test_another_kind_of_stack_is_one_line_of_the_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(boot_module.STARTS, TargetKind.COMMAND, lambda *given: Containers(given[-1]))
    target = parse_target("command:up {port}")
    with boot(target, StackConfig(), name="c", log_folder=tmp_path, environ={}) as stack:
        assert (stack.name, stack.url, stack.health) == ("c", "http://127.0.0.1:1", READY)
        assert Together(stack.meters(lambda pid: Container())).read() == Use(cpu_s=3.0, rss_bytes=14)
    assert isinstance(stack, Containers)
    assert stack.stopped
    assert not stack.around.home.root.exists()
    assert keeper()._charges == {}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_nothing_asks_which_form_a_target_or_a_stack_has(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        asks = isinstance(node, ast.Call) and ast.unparse(node.func) == "isinstance"
        asks = asks or isinstance(node, ast.MatchClass)
        if asks:
            names = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
            assert not names & (FORMS | STACKS), f"{path}:{getattr(node, 'lineno', '?')}"


@pytest.mark.parametrize("form", ["http://h:1/a?b=1", "embedded:slots=2", "command:x {port}", "git:main"])
def test_every_target_says_what_the_steps_ask(form: str) -> None:
    target = parse_target(form)
    assert target.form == form
    assert (target.address is None) == target.is_started
    assert (target.at_ref is None) == (target.kind is not TargetKind.GIT)
