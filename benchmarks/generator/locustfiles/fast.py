"""Locust's FastHttpUser: the same request, body and pauses as all clients."""

from __future__ import annotations

from locust import FastHttpUser, task

from benchmarks.generator.clients.base import CHAT_BODY, CHAT_PATH
from benchmarks.generator.locustfiles.window import CHAT_HEADERS, PAUSE, report_statistics

report_statistics()


class Citizen(FastHttpUser):
    """Asks, and pauses."""

    wait_time = PAUSE

    @task
    def ask(self) -> None:
        """Send one request."""
        self.client.post(CHAT_PATH, data=CHAT_BODY, headers=CHAT_HEADERS)
