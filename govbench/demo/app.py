"""Builds the ASGI application of the embedded API from its settings; starts no server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from govbench import __version__
from govbench.demo.access import KeyCheck
from govbench.demo.assistant import Assistant
from govbench.demo.chat_routes import chat_router
from govbench.demo.completion_routes import completion_router
from govbench.demo.faults import InjectedError
from govbench.demo.measured import MeasuredApp, Traffic
from govbench.demo.responses import JsonResponse
from govbench.demo.settings import DemoSettings
from govbench.demo.status_routes import status_router

if TYPE_CHECKING:
    from starlette.types import ASGIApp


def create_app(settings: DemoSettings) -> ASGIApp:
    """The application of one instance, with its own knowledge, store, LLM and figures."""
    assistant = Assistant(settings)
    traffic = Traffic()
    check_key = KeyCheck(settings.api_key)
    # No documentation pages: they load scripts from elsewhere. The schema is at /openapi.json.
    app = FastAPI(title="GovStack API (embedded)", version=__version__, docs_url=None, redoc_url=None)
    app.include_router(chat_router(assistant, check_key))
    app.include_router(completion_router(assistant, check_key))
    app.include_router(status_router(assistant, traffic))
    _add_error_answers(app)
    return MeasuredApp(app, traffic, slowdown=settings.slowdown)


def _add_error_answers(app: FastAPI) -> None:
    @app.exception_handler(RequestValidationError)
    async def answer_invalid(request: Request, error: RequestValidationError) -> Response:
        # Without the input, which may be huge.
        problems = [{"loc": e["loc"], "msg": e["msg"], "type": e["type"]} for e in error.errors()]
        if _is_openai(request):
            where = ".".join(str(part) for part in problems[0]["loc"])
            return _openai_error(400, f"{where}: {problems[0]['msg']}")
        return JsonResponse({"detail": problems}, 422)

    @app.exception_handler(HTTPException)
    async def answer_http_error(request: Request, error: HTTPException) -> Response:
        if _is_openai(request):
            return _openai_error(error.status_code, str(error.detail))
        return JsonResponse({"detail": error.detail}, error.status_code, headers=error.headers)

    @app.exception_handler(InjectedError)
    async def answer_injected(request: Request, _error: InjectedError) -> Response:
        message = "failed on purpose: the errors switch of this instance"
        if _is_openai(request):
            return _openai_error(500, message)
        return JsonResponse({"detail": message}, 500)


def _is_openai(request: Request) -> bool:
    return request.url.path.startswith("/v1/")


def _openai_error(status: int, message: str) -> Response:
    kind = "server_error" if status >= 500 else "invalid_request_error"
    return JsonResponse({"error": {"message": message, "type": kind, "param": None, "code": None}}, status)
