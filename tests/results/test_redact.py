"""What is taken out of text before it is shown, and what stays."""

from __future__ import annotations

import pytest

from govbench.results.redact import excerpt, redact, shown_url


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer hunter22hunter22",
        "curl -H 'Bearer hunter22hunter22'",
        '{"api_key": "hunter22"}',
        "POSTGRES_PASSWORD=hunter22",
        "postgres://admin:hunter22@db/x",
        "key sk-proj-hunter22hunter22",
        "said hunter22 aloud",
    ],
)
def test_secrets_go(text: str) -> None:
    shown = redact(text, ["hunter22"] if "aloud" in text else [])
    assert "hunter22" not in shown
    assert "[redacted]" in shown


@pytest.mark.parametrize("text", ['{"total_tokens": 12}', "port 8000 is taken", "a token of thanks", "x = 1"])
def test_the_rest_stays(text: str) -> None:
    assert redact(text, ["1", "port"]) == text


def test_an_excerpt_is_one_short_line_cut_after_redaction() -> None:
    body = b"first\r\n second\x07 " + b"x" * 300 + b" password=hunter22"
    assert excerpt(body) == "first second " + "x" * 186 + "…"
    assert "hunter" not in excerpt("password=hunter22", chars=12)


def test_an_address_without_credentials() -> None:
    assert shown_url("https://u:p@h:1/x?q=1") == "https://h:1/x?q=1"
