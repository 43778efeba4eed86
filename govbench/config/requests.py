"""Sides: how each stack under test is spoken to, headers and keys included. Sends nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from govbench.config.settings import Settings, TargetConfig
from govbench.config.targets import Target, base_address, parse_target
from govbench.errors import ConfigError
from govbench.results.plan import Api, HttpTemplate, Side
from govbench.results.redact import is_secret_name, looks_secret, shown_address


def _is_secret(header: tuple[str, str]) -> bool:
    """Whether a header carries a secret: whatever its value, if its name says so."""
    name, value = header
    return is_secret_name(name) or looks_secret(value)


def api_of(config: TargetConfig, target: Target) -> Api:
    """The API spoken: the configured one, or http for a URL with a path, or govstack."""
    if config.api is not None:
        return config.api
    return Api.GOVSTACK if target.request_path is None else Api.HTTP


def build_sides(settings: Settings, urls: Sequence[tuple[str, str]]) -> tuple[Side, ...]:
    """One side for each (name, URL) in order, all spoken to in the same way."""
    return tuple(_side(settings.target, name, url) for name, url in urls)


def _side(config: TargetConfig, name: str, url: str) -> Side:
    target = parse_target(url)
    if target.address is None:
        raise ConfigError(
            f"side {name!r}: {shown_address(url)!r} is not a URL",
            hint="boot the stack first and pass its URL",
        )
    api = api_of(config, target)
    secret = _key_headers(config, api)
    given = {header.lower() for header in config.headers}
    return Side(
        name=name,
        # the base address of an OpenAI-like service usually has a path: https://host/v1
        url=target.address if api is Api.OPENAI_CHAT else base_address(target.address),
        api=api,
        stream=config.stream,
        model=config.model,
        collection_id=config.collection_id,
        headers=tuple(item for item in config.headers.items() if not _is_secret(item)),
        # a header that the user wrote wins over one made from a key
        secret_headers=(
            *(item for item in config.headers.items() if _is_secret(item)),
            *(item for item in secret if item[0].lower() not in given),
        ),
        http=_template(config, target) if api is Api.HTTP else None,
    )


def _template(config: TargetConfig, target: Target) -> HttpTemplate:
    return config.http if target.request_path is None else replace(config.http, path=target.request_path)


def _key_headers(config: TargetConfig, api: Api) -> list[tuple[str, str]]:
    match api:
        case Api.GOVSTACK | Api.GOVSTACK_MESSAGE:
            return [("X-API-Key", config.api_key)] if config.api_key else []
        case Api.OPENAI_CHAT:
            token = config.openai_api_key or config.api_key
            bearer = [("Authorization", f"Bearer {token}")] if token else []
            org = [("OpenAI-Organization", config.openai_org_id)] if config.openai_org_id else []
            return bearer + org
        case Api.HTTP:
            return []
