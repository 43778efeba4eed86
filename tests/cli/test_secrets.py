"""Secrets that a run is given, wherever they stand: no file, report, note or error repeats them."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import SHORT, Cli, Ended

pytestmark = pytest.mark.load

SECRET = "hunter22hunter22"
FORMATS = ("--html", "--markdown", "--junit", "--json", "--csv")
# Starts the embedded API, whatever else it is told.
APP = """
import os, sys
print("started with", *sys.argv[1:], flush=True)
port = sys.argv[sys.argv.index("--port") + 1]
os.execv(sys.executable, [sys.executable, "-m", "govbench.demo", "--port", port, "--latency-ms", "5"])
"""


def assert_nothing_leaks(govbench: Cli, ended: Ended) -> None:
    """Neither on the way nor in any document; but for the own log of the stack, as that writes it."""
    assert SECRET not in ended.out + ended.err
    files = [path for path in govbench.folder.rglob("*") if path.is_file() and path.name != "candidate.log"]
    assert [path.name for path in files if SECRET.encode() in path.read_bytes()] == []
    for form in ("", *FORMATS):
        rendered = govbench.here("report", *filter(None, [form]))
        assert rendered.code == 0, rendered.err
        assert SECRET not in rendered.out + rendered.err


@pytest.mark.parametrize(
    ("path", "options"),
    [
        (f"/v1?api_key={SECRET}", ("--api", "openai-chat")),
        (f"/health?sig={SECRET}&n=1", ()),
        (f"/health?code={SECRET}#", ()),
    ],
)
def test_in_an_address(govbench: Cli, embedded_url: str, path: str, options: tuple[str, ...]) -> None:
    ended = govbench("run", embedded_url + path, *options, *SHORT)

    assert ended.code == 0, ended.err
    (target,) = govbench.document["summary"]["targets"]
    assert "=***" in target["form"]
    assert_nothing_leaks(govbench, ended)


def test_in_headers_and_variables(govbench: Cli, embedded_url: str) -> None:
    headers = {
        "Authorization": f"Bearer {SECRET}",
        "X-Auth": SECRET,
        "Cookie": f"sid={SECRET}",
        "X-Client": "c-1",
    }
    env = {"API_KEY": SECRET, "OPENAI_API_KEY": SECRET, "GOVBENCH_TARGET_HEADERS": json.dumps(headers)}

    ended = govbench("run", embedded_url, "--header", f"X-Signature: {SECRET}", *SHORT, "-v", env=env)

    assert ended.code == 0, ended.err
    assert_nothing_leaks(govbench, ended)


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments",
    [
        f"--bearer {SECRET} --pass {SECRET} --auth {SECRET} --api-key '{SECRET} x'",
        f"-H 'Authorization: Bearer {SECRET}' -u me:{SECRET} --db pg://me:{SECRET}@db/x",
    ],
)
def test_in_a_command(govbench: Cli, arguments: str) -> None:
    (govbench.cwd / "app.py").write_text(APP)
    command = f"command:{shlex.quote(sys.executable)} app.py --port {{port}} {arguments}"

    ended = govbench("run", command, *SHORT)

    assert ended.code == 0, ended.err
    (target,) = govbench.document["summary"]["targets"]
    assert "app.py --port {port}" in target["form"]
    assert_nothing_leaks(govbench, ended)


ECHO = """
import http.server, sys
class Echo(http.server.BaseHTTPRequestHandler):
    def do_GET(self): self.answer(200, b"{}")
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        key = self.headers["Authorization"].split()[1]
        self.answer(503, f"::error::who is {key}? \\x1b[31mnobody\\x1b[0m, nor {key[::-1]}".encode())
    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_):
        print("asked with", self.headers["Authorization"], flush=True)
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Echo).serve_forever()
"""


def test_in_what_a_server_answers(govbench: Cli) -> None:
    """It repeats the key without the word before it, and speaks to the terminal and to the CI job."""
    (govbench.cwd / "app.py").write_text(ECHO)
    env = {"GOVBENCH_TARGET_HEADERS": json.dumps({"Authorization": f"Bearer {SECRET}"})}
    target = f"command:{shlex.quote(sys.executable)} app.py {{port}}"

    ended = govbench("run", target, *SHORT, env=env | {"GOVBENCH_OUTPUT_SAVE_RESPONSES": "true"})

    assert ended.code in (1, 3), ended.err
    assert ": :error::who is [redacted]? nobody" in ended.err
    assert_nothing_leaks(govbench, ended)
    for text in (ended.out, ended.err, *(path.read_text() for path in texts(govbench.folder))):
        assert "\x1b" not in text
        assert not [line for line in text.splitlines() if line.lstrip().startswith("::")]


def texts(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.suffix in (".json", ".md", ".xml", ".html", ".txt")]


def test_a_key_in_a_file_is_refused_and_not_repeated(govbench: Cli) -> None:
    for toml in (
        f'[target]\napi_key = "{SECRET}"\n',
        f'[target.headers]\nX-Auth = "{SECRET}"\n',
        f'[stack.environment]\nDB_PASS = "{SECRET}"\n',
        f'target = "http://me:{SECRET}@h"\n',
    ):
        (govbench.cwd / "govbench.toml").write_text(toml)
        ended = govbench.here("run", "embedded")
        assert ended.code == 2
        assert SECRET not in ended.out + ended.err
