"""Users of five endpoints of the embedded API, for ``govbench run --test-file``."""

from __future__ import annotations

from locust import between, task

from govbench.users import BenchUser


class Visitor(BenchUser):
    """Asks in both ways of the API, looks at its session and ends it."""

    wait_time = between(0.02, 0.1)

    def on_start(self) -> None:
        self.session = ""

    @task(4)
    def ask(self) -> None:
        """A question, and the session that its answer names."""
        answer = self.client.post("/api/v1/chat", json={"query": "How do I renew my passport?"}, name="ask")
        if answer.ok:
            self.session = answer.json().get("session_id", "")

    @task(2)
    def complete(self) -> None:
        """The same as a chat completion."""
        messages = [{"role": "user", "content": "When does the office open?"}]
        body = {"model": "govstack-demo", "messages": messages}
        self.client.post("/v1/chat/completions", json=body, name="complete")

    @task(2)
    def look_back(self) -> None:
        """What was said so far."""
        if self.session:
            self.client.get(f"/chat/{self.session}", name="look back")

    @task
    def forget(self) -> None:
        """The end of the session."""
        if self.session:
            self.client.delete(f"/chat/{self.session}", name="forget")
            self.session = ""

    @task
    def list_models(self) -> None:
        """Which models there are."""
        self.client.get("/v1/models", name="list models")
