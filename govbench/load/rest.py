"""``rest`` and ``rest_`` of Locust's HTTP users: requests that speak JSON. Sends nothing itself."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from typing import Any

from govbench.load.response import Response, is_control_flow

_JSON = "application/json"
_SHOWN_CHARS = 200


class RestMethods:
    """Adds ``rest`` and ``rest_`` to a user with a ``client``."""

    @contextlib.contextmanager
    def rest(
        self, method: str, url: str, headers: dict[str, str] | None = None, **options: Any
    ) -> Iterator[Response]:
        """A request whose answer is JSON: ``js`` holds it, and one that is none is a failure.

        What the with-block raises fails the request, and the user goes on after the block; an
        ``AssertionError`` whose text ends in a comma gets the answer's text appended, as in Locust.
        """
        given = {name.lower(): value for name, value in (headers or {}).items()}
        headers = {"content-type": _JSON, "accept": _JSON, **given}
        client: Any = getattr(self, "client")  # noqa: B009 - the class that this is mixed into has it
        with client.request(method, url, catch_response=True, headers=headers, **options) as response:
            if response.content is None:
                response.failure(str(response.error))
            elif response.text:
                try:
                    response.js = response.json()
                except json.JSONDecodeError as error:
                    response.failure(f"no JSON: {error}: {response.text[:_SHOWN_CHARS]}")
            try:
                yield response
            except Exception as error:
                if is_control_flow(error):
                    raise
                response.failure(_told(error, response))

    @contextlib.contextmanager
    def rest_(self, method: str, url: str, name: str | None = None, **options: Any) -> Iterator[Response]:
        """``rest`` past caches: a parameter that never repeats is added to the URL."""
        joint = "&" if "?" in url else "?"
        address = f"{url}{joint}_={time.time_ns() // 1_000_000}"
        with self.rest(method, address, name=name or f"{url}{joint}_=...", **options) as response:
            yield response


def _told(error: Exception, response: Response) -> str:
    shown = (response.text or "")[:_SHOWN_CHARS]
    if not isinstance(error, AssertionError):
        return f"{type(error).__name__}: {error}"
    text = str(error.args[0]) if error.args else "assertion failed"
    return f"{text[:-1]}, response was {shown}" if text.endswith(",") else text
