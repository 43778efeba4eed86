"""A git repository whose command target answers differently at each of its commits."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

PYTHON = shlex.quote(sys.executable)
APP = """import http.server, json, os, sys
port, data = int(sys.argv[1]), sys.argv[2]
seen = sorted(os.listdir(data))
open(os.path.join(data, "app.db"), "w").close()
print("started in", os.getcwd(), flush=True)


class Api(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.reply({"answer": ANSWER, "data": data, "seen": seen, "variable": os.environ["GOVBENCH_DATA"]})

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.reply({"answer": ANSWER, "session_id": "s-1"})

    def reply(self, body):
        text = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *args):
        pass


http.server.ThreadingHTTPServer(("127.0.0.1", port), Api).serve_forever()
"""
FORM = f"command:{PYTHON} app.py {{port}} {{data}}"


def config_text(form: str = FORM, **stack: str) -> str:
    keys = "".join(f"{key} = {json.dumps(value)}\n" for key, value in stack.items())
    return f"[target]\nform = {json.dumps(form)}\n\n[stack]\n{keys}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """A work tree, and git in it."""

    root: Path

    def git(self, *arguments: str) -> str:
        return subprocess.run(
            ["git", "-c", "user.name=Ada", "-c", "user.email=ada@example.org", *arguments],
            cwd=self.root,
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def commit(self, **files: str) -> str:
        """Commit everything; a file is named without its suffix: ``app`` or ``govbench``."""
        names = {"app": "app.py", "govbench": "govbench.toml"}
        for name, text in files.items():
            self.write(names.get(name, name), text)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", "state")
        return self.git("rev-parse", "HEAD")

    def worktrees(self) -> list[str]:
        """All but the work tree itself, as git has them on record."""
        return self.git("worktree", "list", "--porcelain").split("worktree ")[2:]

    def state(self) -> tuple[str, ...]:
        """What nobody but the user may change."""
        return (
            self.git("status", "--porcelain=v2", "--branch", "--untracked-files=all"),
            self.git("diff"),
            self.git("diff", "--cached"),
            self.git("stash", "list"),
            self.git("for-each-ref"),
        )


def app(answer: str) -> str:
    return APP.replace("ANSWER", repr(answer))


def make_repository(root: Path) -> Repository:
    """Two commits on main: the stack answers ``one`` at the first, ``two`` at the second."""
    root.mkdir()
    made = Repository(root=root)
    made.git("init", "-q", "-b", "main")
    made.commit(app=app("one"), govbench=config_text())
    made.write("docs/page.md", "a page\n")
    made.commit(app=app("two"))
    return made
