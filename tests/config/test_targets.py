"""Target forms: what each means, what is refused and with which hint, and what reports may show."""

from __future__ import annotations

import socket

import pytest

from govbench.config.targets import (
    CommandTarget,
    EmbeddedSwitches,
    EmbeddedTarget,
    GitTarget,
    Target,
    UrlTarget,
    describe,
    is_local,
    parse_target,
)
from govbench.demo.settings import DemoSettings
from govbench.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("http://localhost:8000", UrlTarget(url="http://localhost:8000")),
        ("http://localhost:8000/", UrlTarget(url="http://localhost:8000")),
        ("HTTPS://Example.org", UrlTarget(url="https://example.org")),
        ("http://h/health?x=1", UrlTarget(url="http://h", path="/health?x=1")),
        ("http://h?x=1", UrlTarget(url="http://h", path="/?x=1")),
        ("http://[::1]:80/a", UrlTarget(url="http://[::1]:80", path="/a")),
        ("command:python app.py --port {port}", CommandTarget(command="python app.py --port {port}")),
        ("git:main", GitTarget(ref="main")),
        ("git:HEAD~1", GitTarget(ref="HEAD~1")),
        ("git:origin/feature/größer@{1}", GitTarget(ref="origin/feature/größer@{1}")),
        ("embedded", EmbeddedTarget()),
        ("embedded:slowdown=1.05", EmbeddedTarget(switches=EmbeddedSwitches(slowdown=1.05))),
        (
            "embedded:latency=0.05s, jitter=0,slots=2,errors=0.1,leak=10KiB,freeze=500ms,seed=7",
            EmbeddedTarget(
                switches=EmbeddedSwitches(
                    latency_ms=50.0, jitter=0, slots=2, errors=0.1, leak_bytes=10240, freeze_s=0.5, seed=7
                )
            ),
        ),
        (
            "embedded:latency=30ms,leak=1MB",
            EmbeddedTarget(switches=EmbeddedSwitches(latency_ms=30, leak_bytes=10**6)),
        ),
        (
            "embedded:latency=30,leak=4096",
            EmbeddedTarget(switches=EmbeddedSwitches(latency_ms=30, leak_bytes=4096)),
        ),
    ],
)
def test_forms(text: str, target: Target) -> None:
    assert parse_target(text) == target


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("localhost:8000", "'localhost:8000' is no target", "http://localhost:8000"),
        ("127.0.0.1:8000/x", "is no target", "http://127.0.0.1:8000/x"),
        ("me:geheim@host:80", "is no target", ""),
        ("", "'' is no target", "docs/configuration.md"),
        ("embeded:slots=1", "is no target", "did you mean embedded:slots=1?"),
        ("compose:file.yml#api", "this version measures URL, embedded, command and git targets", "yourself"),
        ("git", "'git' is no target", "git:main"),
        ("git: ", "names no commit", "git:main"),
        ("git:--help", "'--help' is no name of a commit", "git:v1.2"),
        ("git:main dev", "'main dev' is no name of a commit", "git:HEAD~1"),
        ("git:main..dev", "'main..dev' is no name of a commit", "one commit"),
        ("git:main:app.py", "'main:app.py' is no name of a commit", "one commit"),
        ("command: ", "names no command", "command:python"),
        ("embedded:", "unknown switch ''", "switches are"),
        ("embedded:slow=2", "unknown switch 'slow'", "did you mean slowdown?"),
        ("embedded:slots", "slots: expected a whole number >= 1, got ''", "slots=VALUE"),
        ("embedded:slots=0", "slots: expected a whole number >= 1, got '0'", ""),
        ("embedded:slowdown=0.5", "slowdown: expected a number >= 1", ""),
        ("embedded:errors=2", "errors: expected a number >= 0 and <= 1", ""),
        ("embedded:latency=fast", "latency: expected milliseconds", ""),
        ("embedded:latency=1.2.3", "latency: expected milliseconds", ""),
        ("embedded:leak=1parsec", "leak: expected bytes", ""),
        ("embedded:slots=1,slots=2", "slots is given twice", "keep one"),
        ("http://me:geheim@host", "credentials in a URL", "API_KEY"),
        ("http://geheim@host", "credentials in a URL", "API_KEY"),
        ("http://me:geheim@host:99999", "Port out of range", ""),
        ("ftp://host", "ftp:// is not supported", "http://"),
        ("http://", "names no host", "http://localhost:8000"),
        ("http://h/a b", "names no host", ""),
        ("http://h/#top", "a fragment is never sent", "#top"),
        ("http://h/x?sig=geheim#code=geheim", "a fragment is never sent", "#code=***"),
        ("ftp://host/x?api_key=geheim", "ftp:// is not supported", "http://"),
        ("host:80/x?api_key=geheim", "'host:80/x?api_key=***' is no target", "http://host:80/x?api_key=***"),
        ("comand:serve --api-key geheim", "is no target", "did you mean command:serve --api-key ***?"),
        ("embedded:token=geheim", "unknown switch 'token'", "switches are"),
    ],
)
def test_what_is_no_target(text: str, message: str, hint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_target(text)

    assert message in str(caught.value)
    assert hint in (caught.value.hint or "")
    assert "geheim" not in str(caught.value) + (caught.value.hint or "")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("http://h:1/x?api_key=geheim&n=1", "http://h:1/x?api_key=***&n=1"),
        ("embedded:slowdown=1.3,latency=20ms", "embedded:slowdown=1.3"),
        ("embedded:latency=5ms,freeze=2s", "embedded:latency=5.0ms,freeze=2.0s"),
        ("command:serve --api-key geheim --port {port}", "command:serve --api-key *** --port {port}"),
        ("command:TOKEN=geheim serve --auth on", "command:TOKEN=*** serve --auth on"),
        ("command:serve --db pg://me:geheim@db/x", "command:serve --db pg://***@db/x"),
        ("http://h:1/x?sig=geheim", "http://h:1/x?sig=***"),
        ('command:curl -H "Authorization: Bearer geheim"', 'command:curl -H "Authorization: ***"'),
        ("command:curl -u me:geheim {port}", "command:curl -u *** {port}"),
    ],
)
def test_descriptions_hold_no_secret(text: str, shown: str) -> None:
    assert describe(parse_target(text)) == shown


def test_a_description_of_switches_is_a_target_again() -> None:
    target = parse_target("embedded:latency=5ms,leak=10KiB,freeze=2s,seed=3,errors=0.5")

    assert parse_target(describe(target)) == target


@pytest.mark.parametrize(
    ("text", "local"),
    [
        ("embedded", True),
        ("command:x", True),
        ("http://localhost:1", True),
        ("http://api.localhost", True),
        ("http://127.8.8.8", True),
        ("http://[::1]", True),
        ("http://0.0.0.0:1", True),
        (f"http://{socket.gethostname()}:1", True),
        ("http://api:8000", False),
        ("https://example.org", False),
        ("http://192.0.2.1", False),
        ("http://localhost.example.org", False),
    ],
)
def test_what_is_local(text: str, local: bool) -> None:
    assert is_local(parse_target(text)) is local


def test_switches_are_those_of_the_embedded_api() -> None:
    ours, theirs = EmbeddedSwitches(), DemoSettings()
    names = [name for name in EmbeddedSwitches.__dataclass_fields__ if name != "seed"]

    assert {name: getattr(ours, name) for name in names} == {name: getattr(theirs, name) for name in names}
