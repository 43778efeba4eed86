"""Users of the embedded API that ask five of its endpoints, one of them by a stream."""

from locust import constant, task

from govbench.users import BenchUser

QUESTION = {"query": "Where do I renew my passport?"}


class Citizen(BenchUser):
    wait_time = constant(0.01)

    @task(4)
    def ask(self) -> None:
        self.client.post("/api/v1/chat", json=QUESTION, name="POST /api/v1/chat")

    @task(2)
    def send(self) -> None:
        self.client.post("/chat/", json={"message": QUESTION["query"]}, name="POST /chat/")

    @task(2)
    def stream(self) -> None:
        self.client.post("/api/v1/chat", json={**QUESTION, "stream": True}, name="POST /api/v1/chat (stream)")

    @task(3)
    def models(self) -> None:
        self.client.get("/v1/models", name="GET /v1/models")

    @task(1)
    def health(self) -> None:
        self.client.get("/health", name="GET /health")
