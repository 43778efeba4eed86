"""Who may call the chat endpoints: anybody, or the holders of the configured key."""

from __future__ import annotations

import secrets

from fastapi import HTTPException, Request


class KeyCheck:
    """A FastAPI dependency: answers 401 unless the request carries the key (if one is configured)."""

    def __init__(self, api_key: str | None) -> None:
        self._api_key = None if api_key is None else api_key.encode()

    async def __call__(self, request: Request) -> None:
        """Accept the key in ``X-API-Key`` or as ``Authorization: Bearer``."""
        if self._api_key is None:
            return
        given = request.headers.get("x-api-key") or request.headers.get("authorization", "")
        if not secrets.compare_digest(given.removeprefix("Bearer ").encode(), self._api_key):
            raise HTTPException(401, "missing or wrong API key: send it in the X-API-Key header")
