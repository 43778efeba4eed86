"""What is taken out of text before it is shown, and what stays."""

from __future__ import annotations

import random
import time

import pytest

from govbench.results.redact import anonymised, excerpt, redact, shown_url, without_credentials

SECRET = "hunter22"


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer hunter22hunter22",
        "curl -H 'Bearer hunter22hunter22'",
        '{"api_key": "hunter22"}',
        '{"password": "two hunter22 words"}',
        r'{"password": "a \"quoted\" hunter22"}',
        r"{\"password\": \"hunter22\"}",
        "POSTGRES_PASSWORD=hunter22",
        "DATABASE_PASS=hunter22",
        "DB_PWD = 'hunter22'",
        "dbPass: hunter22",
        "private-key=hunter22",
        "credentials=hunter22",
        "postgres://admin:hunter22@db/x",
        "postgres://u:p@hunter22@host",
        "postgres://u:p@ss/hunter22@host/db",
        "amqp://u:pa/hunter22@host",
        "redis://:hunter22@host",
        "https://hunter22@host/path",
        "key sk-proj-hunter22hunter22",
        "said hunter22 aloud",
    ],
)
def test_secrets_go(text: str) -> None:
    shown = redact(text, [SECRET] if "aloud" in text else [])
    assert SECRET not in shown
    assert "[redacted]" in shown


@pytest.mark.parametrize(
    "text",
    [
        '{"total_tokens": 12}',
        "port 8000 is taken",
        "a token of thanks",
        "x = 1",
        "compass: north",
        "passed: 12",
        "bypass=true",
        "GET http://127.0.0.1:8000/users/ada@example.org",
        "see https://example.org/@ada",
        "no connection to http://h:80",
    ],
)
def test_the_rest_stays(text: str) -> None:
    assert redact(text, ["1", "port"]) == text


def test_what_follows_a_secret_stays() -> None:
    assert redact('{"token": "abc", "id": 7}') == '{"token": "[redacted]", "id": 7}'
    assert redact("password=abc; user=ada") == "password=[redacted]; user=ada"
    assert redact("to postgres://u:p@ss@host/db now") == "to postgres://[redacted]@host/db now"


@pytest.mark.parametrize("secrets", [("abcdefgh", "abcdefghijk"), ("abcdefghijk", "abcdefgh")])
def test_of_a_secret_that_begins_with_another_nothing_is_left(secrets: tuple[str, str]) -> None:
    assert redact("it is abcdefghijk, and abcdefgh", secrets) == "it is [redacted], and [redacted]"


@pytest.mark.parametrize("secrets", [("abcdefgh", "efghijkl"), ("efghijkl", "abcdefgh")])
def test_of_secrets_that_overlap_nothing_is_left(secrets: tuple[str, str]) -> None:
    assert redact("<abcdefghijkl> <aaaaaaaaa>", (*secrets, "aaaaaa")) == "<[redacted]> <[redacted]>"


@pytest.mark.parametrize("secrets", [("abcdefghijkl", "cdefgh"), ("cdefgh", "abcdefghijkl")])
def test_of_a_secret_that_holds_another_nothing_is_left(secrets: tuple[str, str]) -> None:
    assert redact("<abcdefghijkl>", secrets) == "<[redacted]>"


def test_an_excerpt_is_one_short_line_cut_after_redaction() -> None:
    body = b"first\r\n second\x07 " + b"x" * 300 + b" password=hunter22"
    assert excerpt(body) == "first second " + "x" * 186 + "…"
    assert "hunter" not in excerpt("password=hunter22", chars=12)


def test_a_cut_leaves_no_part_of_a_secret() -> None:
    """Wherever the text is cut before it is looked at, and however much shorter it becomes by that."""
    secret = f"open sesame {SECRET}-{SECRET}"
    for before in range(4_000, 4_330):
        text = "\n" * before + secret + " and more" * 1_000
        shown = excerpt(text, [secret])
        assert "sesame" not in shown, before
        assert "hunt" not in shown, before
        assert "hunt" not in anonymised(text.replace(secret, f"password={SECRET}"), chars=200), before


LONG = 32 * 1024
FILLED = {
    "base64url": "".join(random.Random(1).choices("abcdefghijklmnopqrstuvwxyzABCDEF0123456789-_", k=LONG)),
    "hex": "".join(random.Random(1).choices("0123456789abcdef", k=LONG)),
    "letters": "a" * LONG,
    "digits": "1" * LONG,
    "names": "token" * (LONG // 5),
    "spaces": "token" + " " * LONG,
    "escaped": 'password="' + "\\" * LONG,
    "escaped pairs": "token" + "\\" * LONG + '"',
    "schemes": "a://" * (LONG // 4),
    "colons": "://a:b" * (LONG // 6),
    "dots": "a." * (LONG // 2),
    "dashes": "sk-" * (LONG // 3),
    "ats": "a@" * (LONG // 2),
    "numbers": "1 " + "(" * LONG,
    "prose": "The town hall opens at nine. " * (LONG // 29),
}


@pytest.mark.parametrize("name", FILLED)
def test_the_time_grows_with_the_text_and_no_faster(name: str) -> None:
    """Eight times the text takes about eight times as long; in the square it would be sixty-four times."""

    def cpu_s(text: str) -> float:
        begin = time.thread_time()
        redact(text)
        anonymised(text, chars=len(text))
        return time.thread_time() - begin

    short = min(cpu_s(FILLED[name][: LONG // 8]) for _ in range(3))
    assert min(cpu_s(FILLED[name]) for _ in range(3)) < 24 * short + 0.01


def test_of_a_huge_body_only_the_beginning_is_looked_at() -> None:
    body = b"first " + b"api_key=hunter22 " * 1_000_000
    begin = time.thread_time()
    assert excerpt(body).startswith("first api_key=[redacted] ")
    assert len(anonymised(body.decode(), chars=2_000)) == 2_000
    assert time.thread_time() - begin < 0.5  # all of it takes over ten seconds


def test_people_go_where_answers_are_kept() -> None:
    kept = anonymised("Ask ada.l@example.org or +49 30 1234567, room 12", chars=100)
    assert kept == "Ask [redacted] or [redacted], room 12"


def test_an_address_without_credentials() -> None:
    assert shown_url("https://u:p@h:1/x?q=1") == "https://h:1/x?q=1"
    assert without_credentials("curl http://u:p@x@h/a", mark="***") == "curl http://***@h/a"
