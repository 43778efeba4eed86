"""Sides: the API that is spoken, and which keys travel as which secret headers."""

from __future__ import annotations

import pytest

from govbench.config.requests import build_sides
from govbench.config.settings import Settings, TargetConfig
from govbench.errors import ConfigError
from govbench.results.plan import Api, HttpTemplate, Side


def side(url: str = "http://h:1", **target: object) -> Side:
    (found,) = build_sides(Settings(target=TargetConfig(**target)), [("head", url)])  # type: ignore[arg-type]
    return found


def test_the_api_follows_the_url_unless_configured() -> None:
    assert side().api is Api.GOVSTACK
    assert side().http is None
    assert side("http://h:1/x?y=1").api is Api.HTTP
    assert side("http://h:1/x?y=1").http == HttpTemplate(path="/x?y=1")
    assert side("http://h:1/x?y=1").url == "http://h:1"
    assert side(api=Api.HTTP, http=HttpTemplate(path="/ask")).http == HttpTemplate(path="/ask")


@pytest.mark.parametrize(
    ("target", "secret"),
    [
        ({"api_key": "k"}, (("X-API-Key", "k"),)),
        ({"api": Api.GOVSTACK_MESSAGE, "api_key": "k"}, (("X-API-Key", "k"),)),
        ({"api": Api.OPENAI_CHAT, "api_key": "k"}, (("Authorization", "Bearer k"),)),
        (
            {"api": Api.OPENAI_CHAT, "api_key": "k", "openai_api_key": "o", "openai_org_id": "g"},
            (("Authorization", "Bearer o"), ("OpenAI-Organization", "g")),
        ),
        ({"api": Api.HTTP, "api_key": "k", "openai_api_key": "o"}, ()),
        ({"openai_api_key": "o"}, ()),
        ({"api_key": "k", "headers": {"x-api-key": "own"}}, (("x-api-key", "own"),)),
    ],
)
def test_keys_become_secret_headers(target: dict[str, object], secret: tuple[tuple[str, str], ...]) -> None:
    found = side("http://h:1", **target)

    assert found.secret_headers == secret
    assert found.headers == ()


def test_an_openai_base_address_keeps_its_path() -> None:
    assert side("https://h/llm/v1", api=Api.OPENAI_CHAT).url == "https://h/llm/v1"


def test_headers_with_secret_names_are_kept_apart() -> None:
    found = side(headers={"Accept-Language": "en", "Authorization": "Bearer x", "Cookie": "a=b"})

    assert found.headers == (("Accept-Language", "en"),)
    assert found.secret_headers == (("Authorization", "Bearer x"), ("Cookie", "a=b"))
    assert "Bearer x" not in repr(found)


@pytest.mark.parametrize(
    "header", [("X-Auth", "x"), ("X-Signature", "x"), ("X-Client", "sk-0123456789ab"), ("X-CSRF", "x")]
)
def test_a_header_is_secret_by_its_name_or_its_look(header: tuple[str, str]) -> None:
    found = side(headers=dict([header]))

    assert (found.headers, found.secret_headers) == ((), (header,))


def test_sides_keep_their_order_and_need_urls() -> None:
    sides = build_sides(Settings(), [("base", "http://h:1"), ("head", "http://h:2")])
    assert [(each.name, each.url) for each in sides] == [("base", "http://h:1"), ("head", "http://h:2")]

    with pytest.raises(ConfigError, match="'embedded' is not a URL"):
        build_sides(Settings(), [("base", "embedded")])
