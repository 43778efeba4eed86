"""What a health wait says about servers that are not ready, each in its own way."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from govbench.config.settings import StackConfig
from govbench.config.targets import CommandTarget
from govbench.errors import ConfigError, StackError
from govbench.stack import health
from govbench.stack.boot import boot, free_port
from govbench.stack.health import (
    Finding,
    Look,
    _Standing,
    describe_failure,
    log_tail,
    look_once,
    may_pass,
    wait_until_healthy,
)
from govbench.stack.running import RunningStack

Command = Callable[[str], CommandTarget]
StartStack = Callable[[str], RunningStack]

SHORT = StackConfig(boot_timeout_s=0.3)


def never_ends() -> None:
    return None


@pytest.mark.parametrize(
    ("mode", "says", "hint"),
    [
        ("no-health", "answers 404", "health_path"),
        ("unauthorised", "answers 401", "health_path"),
        ("broken", 'answers 500: {"detail": "mode broken"', "log"),
        ("hangs", "does not answer", "stuck"),
        ("ssh", "does not speak HTTP.*SSH-2.0", "another service"),
        ("closes", "closed the connection", "proxy"),
    ],
)
def test_a_booted_stack_that_is_not_healthy(
    tmp_path: Path, environ: dict[str, str], command: Command, mode: str, says: str, hint: str
) -> None:
    config = StackConfig(boot_timeout_s=1.5, stop_timeout_s=5)
    with pytest.raises(StackError, match=says) as sick:
        boot(command(mode), config, name=mode, log_folder=tmp_path, environ=environ)
    assert sick.value.hint is not None
    assert hint in sick.value.hint
    assert f"mode {mode}" in str(sick.value)
    assert "s3cret" not in str(sick.value)
    assert "hunter22" not in str(sick.value)


@pytest.mark.parametrize(("path", "status"), [("/missing", 404), ("/locked", 401)])
def test_a_foreign_stack_needs_no_health_path(start: StartStack, path: str, status: int) -> None:
    server = start("good")
    config = replace(SHORT, health_path=path)
    report = wait_until_healthy(server.url, config, alive=never_ends, foreign=True)
    assert report.status == status
    assert report.note is not None
    assert str(status) in report.note
    with pytest.raises(StackError, match=f"answers {status}"):
        wait_until_healthy(server.url, config, alive=never_ends)


@pytest.mark.parametrize("status", [404, 408, 425, 429, 503])
def test_what_may_pass_is_waited_for_and_told(
    tmp_path: Path,
    environ: dict[str, str],
    command: Command,
    monkeypatch: pytest.MonkeyPatch,
    status: int,
) -> None:
    monkeypatch.setattr(health, "_LASTING_S", 0.3)
    monkeypatch.setattr(health, "_TOLD_AFTER_S", 0.3)
    told: list[str] = []
    config = StackConfig(boot_timeout_s=20)
    with boot(
        command(f"late-{status}"), config, name="l", log_folder=tmp_path, environ=environ, tell=told.append
    ) as stack:
        assert stack.health is not None
        assert stack.health.waited_s > 0.3
    said = [text for text in told if f"answers {status}: not yet" in text]
    assert len(said) == 1
    assert said[0].startswith("waiting up to 20 s: ")


def test_what_cannot_pass_has_to_stand_for_three_seconds_without_a_change() -> None:
    locked, moved = (Look(finding=Finding.NO_HEALTH_PATH, detail="x", status=code) for code in (401, 301))
    busy = Look(finding=Finding.UNHEALTHY, detail="x", status=503)
    standing = _Standing(60.0, lambda _: None)
    seen = [
        (10.0, locked, False),
        (12.9, locked, False),
        (13.5, moved, False),
        (16.4, moved, False),
        (16.45, busy, False),
        (16.48, moved, False),
        (19.4, moved, False),
        (19.48, moved, True),
    ]
    assert [(at_s, look, standing.is_hopeless(look, at_s)) for at_s, look, _ in seen] == seen
    hurried = _Standing(0.5, lambda _: None)
    assert [hurried.is_hopeless(locked, at_s) for at_s in (1.0, 1.4, 1.5)] == [False, False, True]


@pytest.mark.parametrize("status", [301, 401, 403, 405])
def test_what_cannot_pass_ends_the_wait(
    tmp_path: Path,
    environ: dict[str, str],
    command: Command,
    monkeypatch: pytest.MonkeyPatch,
    status: int,
) -> None:
    monkeypatch.setattr(health, "_LASTING_S", 0.3)
    config = StackConfig(boot_timeout_s=60, stop_timeout_s=5)
    with pytest.raises(StackError, match=rf"after [1-5]?\d s: .*answers {status}"):
        boot(command(f"always-{status}"), config, name="l", log_folder=tmp_path, environ=environ)


@pytest.mark.parametrize(
    ("finding", "status", "passes"),
    [
        (Finding.UNHEALTHY, 500, True),
        (Finding.REFUSED, None, True),
        (Finding.TIMEOUT, None, True),
        (Finding.CLOSED, None, True),
        (Finding.NO_HEALTH_PATH, 404, True),
        (Finding.NO_HEALTH_PATH, None, False),
        (Finding.NOT_HTTP, None, False),
        (Finding.TLS, None, False),
        (Finding.DNS, None, False),
    ],
)
def test_what_may_pass(finding: Finding, status: int | None, *, passes: bool) -> None:
    assert may_pass(Look(finding=finding, status=status, detail="")) == passes


def test_a_redirect_of_the_health_path_is_followed(start: StartStack) -> None:
    assert start("redirect").health is not None


def test_nothing_listens() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(StackError, match="connection refused") as refused:
        wait_until_healthy(url, SHORT, alive=never_ends, foreign=True)
    assert refused.value.hint == "start the stack, or check the address and the port"


def test_plain_http_is_not_tls(start: StartStack) -> None:
    server = start("good")
    look = look_once(server.url.replace("http://", "https://"), "/health", timeout_s=5)
    assert look.finding is Finding.TLS
    assert "use http://" in look.detail


@pytest.mark.parametrize(
    ("cause", "finding"),
    [
        (socket.gaierror(-2, "Name or service not known"), Finding.DNS),
        (ssl.SSLCertVerificationError(1, "expired"), Finding.TLS),
        (ConnectionRefusedError(), Finding.REFUSED),
        (OSError(113, "No route to host"), Finding.UNREACHABLE),
    ],
)
def test_causes_of_a_failed_connection(cause: OSError, finding: Finding) -> None:
    error = httpx.ConnectError("failed")
    error.__cause__ = cause
    look = describe_failure(error, "http://user:pa55word@stack.example:81/x")
    assert look.finding is finding
    assert "stack.example" in look.detail
    assert "pa55word" not in look.detail


@pytest.mark.parametrize(
    ("answer", "finding", "said"),
    [
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n",
            Finding.BROKEN,
            "sends an answer that is no valid HTTP: illegal chunk header: zz",
        ),
        (
            b"220 mail.example ESMTP\r\n\r\n",
            Finding.NOT_HTTP,
            "does not speak HTTP: illegal status line: 220 mail",
        ),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf",
            Finding.CLOSED,
            "before its answer was complete",
        ),
    ],
)
def test_what_is_wrong_with_an_answer_is_said_in_words(answer: bytes, finding: Finding, said: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"
        with pytest.raises(httpx.HTTPError) as failed:
            httpx.get(url, trust_env=False, timeout=10)
        thread.join()
    look = describe_failure(failed.value, url)
    assert look.finding is finding
    assert said in look.detail
    assert "bytearray" not in look.detail


def test_an_address_that_is_none() -> None:
    with pytest.raises(ConfigError, match="ftp://"):
        look_once("ftp://127.0.0.1", "/health")


def test_a_process_that_ends_while_another_answers(start: StartStack) -> None:
    server = start("good")
    codes = iter([None, 0])
    with pytest.raises(StackError, match="exit code 0") as ended:
        wait_until_healthy(server.url, SHORT, alive=lambda: next(codes))
    assert ended.value.hint is not None
    assert "foreground" in ended.value.hint


def test_the_log_tail(tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    assert log_tail(log) == ""
    log.write_bytes(b"one\n\x1b[31mtwo\x1b[0m\nDATABASE_URL=postgres://u:p@h/d \xff\n")
    assert log_tail(log, lines=2) == "two\nDATABASE_URL=postgres://[redacted]@h/d �"
    assert log_tail(log, lines=0) == ""


def test_the_log_tail_begins_with_a_whole_line_and_no_rest_of_a_secret(tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    for surplus in range(40):  # wherever the cut falls
        log.write_bytes(b"password=hunter22hunter22\n" + b"." * (32_768 - 12 - surplus) + b"\nlast line\n")
        assert log_tail(log, lines=3).endswith("\nlast line")
        assert "unter" not in log_tail(log, lines=3)
    log.write_bytes(b"password=hunter22hunter22 " + b"." * 32_750)
    assert log_tail(log)
    assert "unter" not in log_tail(log)
