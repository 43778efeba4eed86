"""Custom test files in real load processes: users of ours and of Locust, and files that are wrong."""

from __future__ import annotations

import re
import textwrap
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from govbench.load.transport import HAS_KERNEL_CLOCK
from govbench.record.breakdown import breakdown, endings
from govbench.record.reader import SampleTable
from govbench.record.rows import sample_rows
from govbench.record.summarise import accounting
from govbench.results.plan import ArrivalProcess, Arrivals, LoadModel, RatePoint
from tests.load.conftest import Ended, Loads, Server, http, make_plan

pytestmark = pytest.mark.load

DOCS = Path(__file__).parents[2] / "docs" / "custom-users.md"
EVENTS = b"".join(b'data: {"word": %d}\n\n' % i for i in range(3)) + b"data: [DONE]\n\n"


def shop(request: bytes) -> bytes:
    """An application: a login that sets a cookie, pages that need it, a redirect, a stream, a failure."""
    line, _, rest = request.partition(b"\r\n")
    path = line.split(b" ")[1].partition(b"?")[0]
    if path == b"/login":
        if b'"password": "open"' not in rest:
            return http(b"{}", b"403 Forbidden")
        return http(b'{"user": "jane"}', b"200 OK", b"Set-Cookie: session=s3cret; Path=/; HttpOnly")
    if path == b"/api/v1/chat":
        return http(b'{"answer": "At noon.", "session_id": "s-1"}')
    if path == b"/events":
        return http(EVENTS, b"200 OK", b"Content-Type: text/event-stream")
    if path == b"/overloaded":
        event = b'event: error\ndata: {"message": "overloaded"}\n\n'
        return http(event + EVENTS, b"200 OK", b"Content-Type: text/event-stream")
    if path == b"/lines":
        return http(
            b'{"word": 0}\n{"error": "overloaded"}\n', b"200 OK", b"Content-Type: application/x-ndjson"
        )
    if path == b"/old":
        return http(b"", b"302 Found", b"Location: /items/1")
    if path == b"/fails":
        return http(b"{}", b"500 Broken")
    if b"session=s3cret" not in rest:
        return http(b"{}", b"401 Unauthorized")
    return http(b'{"items": [1, 2], "user": "jane"}')


@pytest.fixture
def app(serve_routes: Callable[[Callable[[bytes], bytes]], Server]) -> Server:
    return serve_routes(shop)


Run = Callable[..., Ended]


@pytest.fixture
def run(app: Server, loads: Loads, tmp_path: Path) -> Run:
    """Runs users given as source against the application."""

    def begin(source: str, *, users: int = 2, classes: tuple[str, ...] = (), **plan: Any) -> Ended:
        file = tmp_path / "mytest.py"
        file.write_text(textwrap.dedent(source))
        made = make_plan(app.url, users=users, **plan)
        return loads.run(replace(made, test_file=str(file), user_classes=classes))

    return begin


def seen(samples: SampleTable) -> set[tuple[object, object]]:
    return {(row["name"], row["outcome"]) for row in sample_rows(samples)}


def assert_exact(ended: Ended, app: Server) -> None:
    assert ended.end.failure is None
    whole = accounting(ended.samples)
    assert whole.balanced
    assert whole.lost == 0
    assert whole.cancelled == 0
    assert whole.sent == len(app.requests)


# Written for Locust: only the name of the base class tells which client it runs on.
LOCUST_USER = """
    from locust import SequentialTaskSet, between, events, task
    {imports}

    heard = []

    @events.request.add_listener
    def on_request(request_type, name, response_time, response_length, exception, context, **kwargs):
        heard.append((request_type, name, exception is None))

    class Checkout(SequentialTaskSet):
        @task
        def look(self):
            with self.client.get("/items/7", name="/items/[id]", catch_response=True) as response:
                if response.json()["items"] != [1, 2]:
                    response.failure("other items")

        @task
        def buy(self):
            self.client.post("/buy", data={{"item": "7"}}, headers={{"X-Proof": "1"}})
            self.interrupt()

    class Shopper(Base):
        wait_time = between(0.01, 0.02)
        tasks = {{Checkout: 2}}

        def on_start(self):
            response = self.client.post("/login", json={{"user": "jane", "password": "open"}})
            assert response.status_code == 200
            assert response.json()["user"] == "jane"

        @task(3)
        def search(self):
            for page in (1, 2):
                self.client.get(f"/search?page={{page}}", name="/search")

        @task
        def json(self):
            with self.rest("GET", "/profile") as response:
                if response.js["user"] != "jane":
                    response.failure("somebody else")
            with self.rest("GET", "/profile", name="/broken") as response:
                response.js["nothing"]

        @task
        def not_found(self):
            with self.client.get("/fails", name="/tolerated", catch_response=True) as response:
                if response.status_code == 500:
                    response.success()
            self.client.get("/fails")

        def on_stop(self):
            self.client.get("/items/0", name="/logout")
            assert len(heard) > 10
"""
EXPECTED = {
    ("POST /login", "ok"),
    ("GET /items/[id]", "ok"),
    ("POST /buy", "ok"),
    ("GET /search", "ok"),
    ("GET /profile", "ok"),
    ("GET /broken", "check"),
    ("GET /tolerated", "ok"),
    ("GET /fails", "http_5xx"),
    ("GET /logout", "ok"),
}


@pytest.mark.parametrize(
    "imports",
    ["from govbench.users import BenchUser as Base", "from locust import FastHttpUser as Base"],
    ids=["bench", "fast"],
)
def test_a_user_written_for_locust_runs_with_its_base_class_changed(
    run: Run, app: Server, imports: str
) -> None:
    ended = run(LOCUST_USER.format(imports=imports), users=4, steady_s=1.2)
    assert_exact(ended, app)
    assert seen(ended.samples) == EXPECTED
    is_ours = "BenchUser" in imports
    # a reader that is kept from running between two looks at the clock does not believe a stamp
    stamped = ended.samples.kernel_clock.mean()
    assert stamped > 0.9 if is_ours and HAS_KERNEL_CLOCK else stamped == 0
    assert len(set(ended.samples.column("user").tolist())) == 4
    if is_ours:
        assert app.connections == 4
        assert next(request for request in app.requests if b"POST /buy" in request).endswith(
            b"\r\n\r\nitem=7"
        )


def test_a_plain_http_user_is_recorded(run: Run, app: Server) -> None:
    ended = run(
        """
        from locust import HttpUser, constant, task

        class Plain(HttpUser):
            wait_time = constant(0.02)

            @task
            def pages(self):
                self.client.get("/fails")
                self.client.get("/old")
                self.client.get("http://127.0.0.1:9/", name="nobody")
        """
    )
    assert ended.end.failure is None
    assert accounting(ended.samples).balanced
    assert seen(ended.samples) == {
        ("GET /fails", "http_5xx"),
        ("GET /old", "http_4xx"),  # requests tells of the last answer only: nobody has signed in
        ("GET nobody", "connect"),
    }
    assert not ended.samples.kernel_clock.any()
    assert (ended.samples.response_time_ms > 0).all()


def test_users_of_both_kinds_in_one_file_and_only_those_that_were_asked_for(run: Run, app: Server) -> None:
    source = """
        from locust import HttpUser, constant, task
        from govbench.users import BenchUser, GovStackUser

        class Plain(HttpUser):
            wait_time = constant(0.02)

            @task
            def fails(self):
                self.client.get("/fails", name="plain")

        class Citizen(GovStackUser):
            pass

        class Asker(GovStackUser):
            wait_time = constant(0.02)

            @task
            def ask_twice(self):
                assert self.ask("When?").text == "At noon."
                assert self.client.get("/fails", name="own").status_code == 500

        class Unasked(BenchUser):
            @task
            def fails(self):
                self.client.get("/fails", name="unasked")
        """
    ended = run(source, users=6, classes=("Plain", "Citizen", "Asker"))
    assert_exact(ended, app)
    assert seen(ended.samples) == {
        ("GET plain", "http_5xx"),
        ("POST /api/v1/chat", "ok"),
        ("GET own", "http_5xx"),
    }
    asked = Counter(b'"query":"When?"' in r for r in app.requests if b"/api/v1/chat" in r)
    assert asked[True]
    assert asked[False]


CLIENT = """
    from locust import constant, task
    from govbench.users import BenchUser

    class One(BenchUser):
        wait_time = constant(100)

        @task
        def all(self):
            client = self.client
            response = client.get("/old", params={"q": "a b"}, allow_redirects=False)
            assert response.status_code == 302 and response.headers["LOCATION"] == "/items/1"
            assert response.ok and response.exchange.status == 302

            client.cookies.set("session", "s3cret", domain="127.0.0.1")
            response = client.get("/old", name="followed")
            assert response.url.endswith("/items/1") and response.json()["user"] == "jane"
            client.cookies.clear()

            response = client.get("/items/2", auth=("jane", "open"), timeout=3)
            assert response.status_code == 401 and not response.ok
            try:
                response.raise_for_status()
                raise SystemExit("a 401 is an error")
            except Exception as error:
                assert "401" in str(error)

            response = client.get("http://127.0.0.1:9/", name="refused")
            assert response.status_code == 0 and response.content is None and response.error

            with client.rename_request("renamed"):
                client.put("/fails", data="text")
                client.patch("/fails", data=b"bytes")
                client.delete("/fails")
                client.options("/fails")

            with client.get("/fails", name="caught", catch_response=True) as response:
                response.request_meta["name"] = "renamed later"
                response.success()

            with client.get("http://127.0.0.1:9/", name="no success", catch_response=True) as response:
                response.success()

            client.get("/fails", name="forgotten block", catch_response=True)

            response = client.get("/events", stream=True, name="events")
            assert response.status_code == 200
            events = list(response.iter_events())
            assert [event.data for event in events][-1] == "[DONE]" and len(events) == 4
            assert all(event.at_ns > 0 for event in events)
            lines = [line for line in client.iter_lines("/events", name="lines") if line]
            assert lines[0] == 'data: {"word": 0}' and len(lines) == 4
            response = client.get("/events", stream=True, name="unread")
            client.get("/fails", name="after unread")
            assert response.content.endswith(b"[DONE]\\n\\n")

            try:
                with client.get("/fails", name="raised", catch_response=True):
                    {}["nothing"]
            except KeyError:
                pass
            raise ValueError("all is well")
"""


def test_the_client(run: Run, app: Server) -> None:
    ended = run(CLIENT, users=1, steady_s=0.8)
    errors = next(event["user_errors"] for event in ended.end.events if event["event"] == "done")
    assert errors == [{"message": "ValueError: all is well (mytest.py:62)", "count": 1}]
    assert ended.end.failure is None
    rows = [
        (row["name"], row["outcome"], row["attempt"], row["events"]) for row in sample_rows(ended.samples)
    ]
    redirect = ended.samples.flag("redirect")
    assert redirect is not None
    assert redirect.tolist() == [attempt == 1 for _, _, attempt, _ in rows]
    assert rows == [
        ("GET /old", "ok", 0, 0),
        ("GET followed", "ok", 0, 0),
        ("GET followed", "ok", 1, 0),
        ("GET /items/2", "http_4xx", 0, 0),
        ("GET refused", "connect", 0, 0),
        ("PUT renamed", "http_5xx", 0, 0),
        ("PATCH renamed", "http_5xx", 0, 0),
        ("DELETE renamed", "http_5xx", 0, 0),
        ("OPTIONS renamed", "http_5xx", 0, 0),
        ("GET renamed later", "ok", 0, 0),
        ("GET no success", "connect", 0, 0),
        ("GET forgotten block", "http_5xx", 0, 0),
        ("GET events", "ok", 0, 4),
        ("GET lines", "ok", 0, 4),
        ("GET unread", "ok", 0, 4),
        ("GET after unread", "http_5xx", 0, 0),
        ("GET raised", "http_5xx", 0, 0),
    ]
    assert accounting(ended.samples).balanced
    assert app.connections == 1
    assert app.requests[0].startswith(b"GET /old?q=a+b HTTP/1.1\r\n")
    assert b"Authorization: Basic amFuZTpvcGVu" in app.requests[3]
    events = (ended.samples.column("events") > 0).nonzero()[0]
    assert (ended.samples.column("first_token_ms")[events] > 0).all()


def test_a_stream_that_says_it_failed_has_unless_the_user_knows_better(run: Run) -> None:
    ended = run(
        """
        from locust import task
        from govbench.users import BenchUser

        class Reader(BenchUser):
            @task
            def read(self):
                for path in ("/overloaded", "/lines", "/events"):
                    list(self.client.get(path, stream=True).iter_events())
                list(self.client.iter_lines("/overloaded", name="/by-lines"))
                self.client.get("/overloaded", stream=True, name="/unread")
                options = {"stream": True, "catch_response": True}
                with self.client.get("/overloaded", name="/known", **options) as response:
                    assert len(list(response.iter_events())) == 5
                    response.success()
        """,
        users=1,
        max_requests=6,
        steady_s=20,
    )
    assert ended.end.events[-1]["user_errors"] == []
    assert seen(ended.samples) == {
        ("GET /overloaded", "stream"),
        ("GET /lines", "stream"),
        ("GET /events", "ok"),
        ("GET /by-lines", "stream"),
        ("GET /unread", "stream"),
        ("GET /known", "ok"),
    }
    messages = {error["message"] for error in ended.end.errors}
    assert messages == {
        "an event named error ends the answer: overloaded",
        "the answer says that it failed: overloaded",
    }


def test_every_request_of_a_test_file_has_its_own_figures(run: Run, app: Server) -> None:
    source = """
        from locust import constant, task
        from govbench.users import BenchUser

        class Several(BenchUser):
            wait_time = constant(0.01)

            def on_start(self):
                self.client.post("/login", json={"user": "jane", "password": "open"})

            @task
            def all(self):
                self.client.get("/items/7")
                self.client.post("/fails")
                list(self.client.get("/events", stream=True).iter_events())
        """
    ended = run(source, users=3, steady_s=0.8)
    assert_exact(ended, app)
    asked = Counter(b" ".join(request.split(b" ")[:2]).decode() for request in app.requests)
    found = breakdown(ended.samples, retries=0)
    assert found is not None
    assert {group.name: group.finished for group in found.names.largest} == asked
    assert {group.name for group in found.names.largest if group.failed} == {"POST /fails"}
    assert len(asked) == 4
    assert {end.status: end.count for end in endings(ended.samples, {})} == {
        200: asked.total() - asked["POST /fails"],
        500: asked["POST /fails"],
    }


def test_the_limit_of_requests_holds_for_custom_users(run: Run, app: Server) -> None:
    source = """
        from locust import task
        from govbench.users import BenchUser

        class Eager(BenchUser):
            @task
            def fails(self):
                self.client.get("/fails")

            def on_stop(self):
                assert self.client.get("/logout").status_code == 0
        """
    ended = run(source, users=5, steady_s=60, max_requests=50)
    assert len(app.requests) == len(ended.samples) == 50
    assert ended.end.completed


def test_arrivals_are_answered_by_custom_users(app: Server, loads: Loads, tmp_path: Path) -> None:
    (tmp_path / "mytest.py").write_text(
        "from locust import task\nfrom govbench.users import BenchUser\n"
        "class One(BenchUser):\n    @task\n    def fails(self):\n        self.client.get('/fails')\n"
    )
    plan = make_plan(app.url, steady_s=1.0)
    arrivals = Arrivals(points=(RatePoint(at_s=0, rate_rps=50),), process=ArrivalProcess.CONSTANT)
    phase = replace(plan.phases[0], users=None, model=LoadModel.OPEN, arrivals=arrivals)
    ended = loads.run(replace(plan, phases=(phase,), test_file=str(tmp_path / "mytest.py")))
    assert_exact(ended, app)
    assert len(ended.samples) == 50
    assert (ended.samples.column("send_delay_ms") > 0).all()


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("x = 1\ny = (\n", r"mytest\.py:2: '\(' was never closed"),
        ("x = 1\n\nimport no_such_module\n", r"mytest\.py:3: ModuleNotFoundError: No module named"),
        ("raise SystemExit(3)\n", r"mytest\.py:1: SystemExit: 3"),
        ("x = 1\n", r"has no users"),
        ("from govbench.users import BenchUser\nclass A(BenchUser): pass\n", r"has no user Missing"),
    ],
)
def test_a_file_that_cannot_be_used_is_told(loads: Loads, tmp_path: Path, source: str, message: str) -> None:
    file = tmp_path / "mytest.py"
    file.write_text(source)
    classes = ("Missing",) if "class" in source else ()
    plan = replace(make_plan("http://127.0.0.1:9"), test_file=str(file), user_classes=classes)
    end = loads.begin(plan).follow(lambda event: None)
    assert end.failure is not None
    assert re.search(message, end.failure), end.failure
    assert not (loads.folder / "samples").exists()


def examples() -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", DOCS.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("source", examples())
def test_the_examples_of_the_docs_run(run: Run, app: Server, source: str) -> None:
    ended = run(source, users=2, steady_s=0.6, think_s=0.01)
    assert ended.end.failure is None
    assert accounting(ended.samples).balanced
    assert {outcome for _, outcome in seen(ended.samples)} == {"ok"}
    assert not next(event["user_errors"] for event in ended.end.events if event["event"] == "done")
