"""A small server that misbehaves in one way: ``misbehave.py MODE PORT``; started by tests of the stack."""

from __future__ import annotations

import http.server
import json
import os
import signal
import socket
import subprocess
import sys
import time

USAGE = {"request_tokens": 3, "response_tokens": 5}
ANSWER = {"answer": "At the town hall.", "session_id": "s-1", "usage": USAGE}
STARTED, LATE_S = time.monotonic(), 1.5
SLEEPER = [sys.executable, "-c", "import time; time.sleep(300)"]


class Api(http.server.BaseHTTPRequestHandler):
    mode = "good"

    def do_GET(self) -> None:
        if self.mode == "redirect" and self.path == "/health":
            return self.reply(307, b"", ("Location", "/moved"))
        if self.mode.startswith("late-") and time.monotonic() - STARTED < LATE_S:
            return self.reply(int(self.mode.removeprefix("late-")), b"not yet")
        if self.mode.startswith("always-"):
            return self.reply(int(self.mode.removeprefix("always-")), b"")
        by_mode = {"no-health": 404, "broken": 500, "unauthorised": 401}.get(self.mode, 200)
        status = {"/missing": 404, "/locked": 401}.get(self.path, by_mode)
        said = {"detail": f"mode {self.mode}", "api_key": "s3cret-value"}
        return self.reply(status, json.dumps(said).encode())

    def do_POST(self) -> None:
        query = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        key = self.headers["X-API-Key"] or ""
        if self.mode == "dies-in-chat":
            print("loading the model\nout of shared memory, token=s3cret-value", flush=True)
            os._exit(9)
        if self.mode == "slow-chat":
            time.sleep(1.5)
        if self.mode == "locked" and key != "right-key":
            return self.reply(401, json.dumps({"detail": f"no such key: {key}"}).encode())
        bodies = {"no-chat": b'{"detail": "Not Found"}', "html": b"<html>", "bare": b'{"answer": "yes"}'}
        if self.mode in bodies:
            return self.reply(404 if self.mode == "no-chat" else 200, bodies[self.mode])
        if query.get("stream"):
            return self.stream()
        return self.reply(200, json.dumps(ANSWER).encode())

    def stream(self) -> None:
        events = [b'{"delta": "At "}', b'{"delta": "noon."}', json.dumps({"type": "done", **ANSWER}).encode()]
        body = b"".join(b"data: " + event + b"\n\n" for event in events)
        self.reply(200, body, ("Content-Type", "text/event-stream"))

    def reply(self, status: int, body: bytes, *headers: tuple[str, str]) -> None:
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


def serve_raw(port: int, first: bytes, *, close: bool) -> None:
    kept = []
    with socket.create_server(("127.0.0.1", port)) as server:
        while True:
            connection, _ = server.accept()
            connection.sendall(first)
            if close:
                connection.close()
            else:
                kept.append(connection)


def main(mode: str, port: int) -> None:
    print(f"mode {mode}, password=hunter22", flush=True)
    match mode:
        case "dies":
            print("\n".join(f"line {n}" for n in range(50)), flush=True)
            raise SystemExit(7)
        case "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        case "never-listens":
            time.sleep(300)
        case "hangs":
            serve_raw(port, b"", close=False)
        case "closes":
            serve_raw(port, b"", close=True)
        case "ssh":
            serve_raw(port, b"SSH-2.0-OpenSSH_9.6\r\n", close=False)
        case "stubborn":
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        case "family":
            subprocess.Popen(SLEEPER)
            subprocess.Popen(SLEEPER, start_new_session=True)
    Api.mode = mode
    http.server.ThreadingHTTPServer(("127.0.0.1", port), Api).serve_forever()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
