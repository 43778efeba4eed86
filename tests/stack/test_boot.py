"""Booting real processes: well-behaved, misbehaving, interrupted."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from govbench.config.settings import StackConfig
from govbench.config.targets import CommandTarget, EmbeddedSwitches, EmbeddedTarget, TargetKind, UrlTarget
from govbench.errors import ConfigError, StackError
from govbench.record.processes import ProcessTree
from govbench.stack import boot as boot_module
from govbench.stack.boot import Surroundings, boot, embedded_command, file_name, split_command
from govbench.stack.processes import MARK_VARIABLE, members
from govbench.stack.running import RunningStack

Command = Callable[[str], CommandTarget]
StartStack = Callable[[str], RunningStack]


def test_a_command_comes_up_and_goes_away(start: StartStack) -> None:
    stack = start("good")
    assert stack.footprint is not None
    assert stack.health is not None
    assert (stack.health.status, stack.health.note) == (200, None)
    assert stack.exit_code() is None
    assert httpx.get(f"{stack.url}/health", trust_env=False).status_code == 200
    stack.stop()
    stack.stop()
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{stack.url}/health", trust_env=False)


def test_the_configured_environment_wins(tmp_path: Path, environ: dict[str, str]) -> None:
    script = "import os, sys; print('A is', os.environ['A']); sys.exit(3)"
    config = StackConfig(port=1, environment={"A": "configured"})
    target = CommandTarget(command=f'"{sys.executable}" -c "{script}"')
    with pytest.raises(StackError, match="exit code 3"):
        boot(target, config, name="env", log_folder=tmp_path, environ={**environ, "A": "inherited"})
    assert (tmp_path / "env.log").read_text() == "A is configured\n"


def test_children_go_too_even_in_a_session_of_their_own(start: StartStack) -> None:
    stack = start("family")
    assert stack.footprint is not None
    assert len(members(stack.footprint.pid, stack.footprint.mark)) == 3
    stack.stop()
    assert members(stack.footprint.pid, stack.footprint.mark) == ()


def test_a_stack_that_ignores_sigterm_is_killed(
    tmp_path: Path, config: StackConfig, environ: dict[str, str], command: Command
) -> None:
    config = replace(config, stop_timeout_s=0.2)
    with boot(command("stubborn"), config, name="s", log_folder=tmp_path, environ=environ) as stack:
        assert stack.exit_code() is None
    assert stack.footprint is not None
    assert members(stack.footprint.pid, stack.footprint.mark) == ()


def test_the_log_tail_of_a_stack_that_dies_is_shown(
    tmp_path: Path, config: StackConfig, environ: dict[str, str], command: Command
) -> None:
    with pytest.raises(StackError, match="exit code 7") as died:
        boot(command("dies"), config, name="d", log_folder=tmp_path, environ=environ)
    lines = str(died.value).splitlines()
    assert lines[1].endswith("d.log:")
    assert lines[2:] == [f"line {n}" for n in range(30, 50)]


def test_a_stack_that_dies_later_tells_how_in_one_line(start: StartStack) -> None:
    stack = start("dies-in-chat")
    assert stack.ending("during the run") is None
    with pytest.raises(httpx.HTTPError):
        httpx.post(f"{stack.url}/chat", json={}, trust_env=False)
    assert stack.footprint is not None
    deadline = time.monotonic() + 10
    while stack.exit_code() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    assert stack.ending("during the run") == (
        "the stack dies-in-chat ended with exit code 9 during the run; its log ends: "
        "mode dies-in-chat, password=[redacted] | loading the model | out of shared memory, token=[redacted]"
    )


def test_a_killed_stack_is_told_from_one_that_ended(
    tmp_path: Path, config: StackConfig, environ: dict[str, str], command: Command
) -> None:
    with pytest.raises(StackError, match="killed by SIGKILL") as died:
        boot(command("killed"), config, name="k", log_folder=tmp_path, environ=environ)
    assert "password=[redacted]" in str(died.value)
    assert "hunter22" not in str(died.value)


def test_a_stack_that_never_listens(
    tmp_path: Path, config: StackConfig, environ: dict[str, str], command: Command
) -> None:
    config = replace(config, boot_timeout_s=0.5)
    with pytest.raises(StackError, match="nothing listens") as late:
        boot(command("never-listens"), config, name="n", log_folder=tmp_path, environ=environ)
    assert "mode never-listens" in str(late.value) or "is empty" in str(late.value)


def test_a_taken_port_is_named_before_anything_starts(
    tmp_path: Path, config: StackConfig, environ: dict[str, str], command: Command
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        for target in (command("good"), EmbeddedTarget()):
            with pytest.raises(StackError, match=f"port {port} is taken"):
                boot(target, replace(config, port=port), name="p", log_folder=tmp_path, environ=environ)
    assert not (tmp_path / "p.log").exists()


@pytest.mark.parametrize("words", ["no-such-program-here {port}", "/tmp {port}"])
def test_a_program_that_cannot_be_started(
    tmp_path: Path, config: StackConfig, environ: dict[str, str], words: str
) -> None:
    with pytest.raises(StackError, match="cannot start the stack") as failed:
        boot(CommandTarget(command=words), config, name="x", log_folder=tmp_path, environ=environ)
    assert words.split(maxsplit=1)[0] in str(failed.value)


@pytest.mark.parametrize(
    ("words", "says"),
    [("app", "port"), ("app 'x {port}", "quot"), ("'' {port}", "cannot start"), ("  ", "port")],
)
def test_a_command_that_cannot_be_understood(tmp_path: Path, words: str, says: str) -> None:
    with pytest.raises((ConfigError, StackError), match=says):
        boot(CommandTarget(command=words), StackConfig(), name="x", log_folder=tmp_path, environ={})


def test_the_port_is_filled_in_after_splitting() -> None:
    assert split_command("run 'a b' --bind=:{port}", 80) == ("run", "a b", "--bind=:80")
    with pytest.raises(ConfigError, match="empty"):
        split_command(" ", 80)


@pytest.mark.parametrize("moment", ["wait_until_healthy", "_announced_url"])
def test_ctrl_c_during_the_boot_leaves_nothing(
    tmp_path: Path,
    config: StackConfig,
    environ: dict[str, str],
    command: Command,
    monkeypatch: pytest.MonkeyPatch,
    moment: str,
) -> None:
    def interrupt(*args: object, **more: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(boot_module, moment, interrupt)
    target = EmbeddedTarget() if moment == "_announced_url" else command("family")
    with pytest.raises(KeyboardInterrupt):
        boot(target, config, name="c", log_folder=tmp_path, environ=environ)


def test_a_url_is_only_waited_for(start: StartStack, tmp_path: Path, config: StackConfig) -> None:
    server = start("no-chat")
    with boot(UrlTarget(url=server.url), config, name="u", log_folder=tmp_path, environ={}) as stack:
        assert (stack.url, stack.footprint) == (server.url, None)
        assert stack.meters(ProcessTree) == {}
        assert (stack.exit_code(), stack.ending("now")) == (None, None)
    assert server.exit_code() is None


def test_embedded_comes_up_on_a_free_port(
    tmp_path: Path, config: StackConfig, environ: dict[str, str]
) -> None:
    config = replace(config, health_path="/not-of-this-api")
    target = EmbeddedTarget(switches=EmbeddedSwitches(latency_ms=1))
    with boot(target, config, name="side/1", log_folder=tmp_path, environ=environ, seed=7) as stack:
        assert stack.url.startswith("http://127.0.0.1:")
        assert stack.health is not None
        assert stack.health.status == 200
        assert stack.footprint is not None
        assert stack.footprint.log_path == tmp_path / f"{file_name('side/1')}.log"


def test_a_seed_among_the_switches_wins() -> None:
    words = embedded_command(EmbeddedSwitches(seed=5, slowdown=1.3), 0, 9)
    assert words[words.index("--seed") + 1] == "5"
    assert words[words.index("--slowdown") + 1] == "1.3"
    words = embedded_command(EmbeddedSwitches(), 0, 9)
    assert words[words.index("--seed") + 1] == "9"


@pytest.mark.parametrize(("name", "file"), [("../../x", "-..-x-"), ("a b/c", "a-b-c-"), ("..", "stack-")])
def test_names_of_stacks_stay_in_their_folder(name: str, file: str) -> None:
    assert file_name(name).startswith(file)
    assert "/" not in file_name(name)


def test_two_names_have_two_files() -> None:
    assert file_name("a-b") == "a-b"
    assert len({file_name(name) for name in ("a-b", "a/b", "a b", ".a-b", "", "stack", "\udce9")}) == 7


def test_a_missing_folder_is_not_blamed_on_the_program(
    tmp_path: Path, config: StackConfig, environ: dict[str, str], command: Command
) -> None:
    (tmp_path / "file").touch()
    for folder, says in (
        (tmp_path / "gone", "its folder .*gone does not exist"),
        (tmp_path / "file", "no folder"),
    ):
        with pytest.raises(StackError, match=says) as failed:
            boot(command("good"), config, name="x", log_folder=tmp_path, environ=environ, folder=folder)
        assert "no program" not in str(failed.value)


def test_a_log_that_cannot_be_written_is_not_blamed_on_the_program(
    tmp_path: Path, config: StackConfig, environ: dict[str, str], command: Command
) -> None:
    (tmp_path / "x.log").mkdir()
    (tmp_path / "file").touch()
    for folder in (tmp_path, tmp_path / "file"):
        with pytest.raises(StackError, match=r"the log .*x\.log cannot be written"):
            boot(command("good"), config, name="x", log_folder=folder, environ=environ)


def test_a_missing_interpreter_is_told_from_a_missing_program(
    tmp_path: Path, config: StackConfig, environ: dict[str, str]
) -> None:
    script = tmp_path / "run.sh"
    script.write_text("#!/no/such/shell\r\n")
    script.chmod(0o755)
    with pytest.raises(StackError, match="is there, but not the interpreter") as failed:
        boot(
            CommandTarget(command=f"{script} {{port}}"),
            config,
            name="x",
            log_folder=tmp_path,
            environ=environ,
        )
    assert "#!" in (failed.value.hint or "")


def test_a_command_starts_in_its_folder_with_an_empty_data_folder_of_its_own(
    tmp_path: Path, environ: dict[str, str]
) -> None:
    script = (
        "import os, sys; print(os.getcwd(), os.environ['PWD'], os.environ['GOVBENCH_DATA'], "
        "sys.argv[1], os.listdir(sys.argv[1]))"
    )
    target = CommandTarget(command=f'"{sys.executable}" -c "{script}" {{data}} {{port}}')
    with pytest.raises(StackError, match="exit code 0"):
        boot(target, StackConfig(), name="d", log_folder=tmp_path / "log", environ=environ, folder=tmp_path)
    here, pwd, variable, data, content = (tmp_path / "log" / "d.log").read_text().split()
    assert (here, pwd, variable, content) == (str(tmp_path), str(tmp_path), data, "[]")
    assert not Path(data).exists()


def test_a_stop_before_the_id_of_a_process_is_known_leaves_none(
    tmp_path: Path, config: StackConfig, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C right after the process was made: only its mark tells that it is ours."""
    made: list[subprocess.Popen[bytes]] = []

    def interrupted(target: CommandTarget, config: StackConfig, around: Surroundings) -> RunningStack:
        del target, config
        made.append(subprocess.Popen(["sleep", "60"], env=around.environ, start_new_session=True))
        wait_until(lambda: members(None, around.environ[MARK_VARIABLE]) != ())
        raise KeyboardInterrupt

    monkeypatch.setattr(boot_module, "STARTS", {TargetKind.COMMAND: interrupted})
    with pytest.raises(KeyboardInterrupt):
        boot(CommandTarget(command="x"), config, name="x", log_folder=tmp_path, environ=environ)
    try:
        assert made[0].wait(timeout=10) == -signal.SIGKILL
    finally:
        made[0].kill()
        made[0].wait()


def wait_until(condition: Callable[[], bool]) -> None:
    """A process has its environment a moment after it was made."""
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)
