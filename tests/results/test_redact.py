"""What is taken out of text before it is shown, and what stays."""

from __future__ import annotations

import random
import time

import pytest

from govbench.results.redact import (
    anonymised,
    excerpt,
    is_secret,
    is_secret_name,
    looks_secret,
    passwords_in,
    redact,
    secrets_in,
    shown_address,
    shown_command,
    shown_url,
    without_credentials,
)

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
        "serve --api-key hunter22",
        'serve --api-key "two hunter22 words"',
        "serve --api-key 'two hunter22 words' --port 8000",
        "serve --api-key=hunter22",
        'serve "--api-key=two hunter22 words"',
        "serve --bearer hunter22",
        "serve --auth hunter22",
        "serve --pass hunter22 --port 8000",
        "serve -password hunter22",
        "serve --key hunter22",
        "API_KEY=hunter22 serve",
        'curl -H "Authorization: Bearer hunter22"',
        "curl -H 'X-Auth: two hunter22 words' http://h",
        "curl -H Cookie:session=hunter22",
        "curl -u me:hunter22 http://h",
        "curl --user me:hunter22 http://h",
        "sh -c 'serve --token hunter22'",
        "Authorization: Digest username=me, response=hunter22",
        "Set-Cookie: a=b; sid=hunter22; Path=/",
        "{'Authorization': 'Bearer hunter22'}",
        "{'password': 'two hunter22 words'}",
        "('X-Auth', 'hunter22')",
        "(b'authorization', b'Basic hunter22')",
        '["X-API-Key", "hunter22"]',
        "<password>hunter22</password>",
        '{"credentials": {"user": "ada", "password": "hunter22"}}',
        "API key: hunter22",
        "access-token => hunter22",
        "password := hunter22",
        "http://h/x?api_key=hunter22&n=1",
        "http://h/x?sig=hunter22",
        "http://h/x?n=1&code=hunter22",
        "http://h/x?key=hunter22",
        "http://h/x#access_token=hunter22",
        "body=grant%26password%3Dhunter22",
        "github_pat_hunter22hunter22hunter22",
        "-----BEGIN RSA PRIVATE KEY-----\nhunter22\n-----END RSA PRIVATE KEY-----",
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
        "serve --auth on --pass-through yes --max-tokens 100",
        "python -u app.py --key-prefix cache",
        "tool -u http://127.0.0.1:8000/ --user ada",
        "docker run -u 1000:1000 image",
        '{"max_tokens": 1000, "tokens": 1234567, "prompt_tokens": 3}',
        "author: ada, monkey: bob, keyboard: qwerty",
        "X-Request-Id: 0123456789abcdef",
        "session_id=0123456789",
        "KeyError: 'name'",
        "sort key: name, primary_key=id",
        "key: value",
        "authority: example.org",
        "WWW-Authenticate: Basic realm=x",
        "TOKEN_URL=https://h/token PASSWORD_FILE=/run/x AUTH_MODE=none",
        "http://h/x?author=ada&state=open&key_id=7",
        "task-2024-disk-0123456789",
        "sk-learn-pipelines",
        "Basic authentication required",
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
    "settings": "a=b " * (LONG // 4),
    "secret settings": "token=" * (LONG // 6),
    "options": "--a " * (LONG // 4),
    "secret options": '--token "' * (LONG // 9),
    "single quotes": "token='" * (LONG // 7),
    "web tokens": "eyJ-" * (LONG // 4),
    "halves of web tokens": "eyJabcdefgh." * (LONG // 12),
    "private keys": "-----BEGIN PRIVATE KEY" * (LONG // 22),
    "whole private keys": "-----BEGIN PRIVATE KEY-----" * (LONG // 27),
    "headers": 'authorization: "' * (LONG // 16),
    "elements": "<token>" * (LONG // 7),
    "commands": "::" * (LONG // 2),
    "escapes": "\x1b[" * (LONG // 2),
    "titles": "\x1b]" * (LONG // 2),
    "hashes": "#" * LONG,
    "parameters": "?code=" * (LONG // 6),
    "equals": "=" * LONG,
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


@pytest.mark.parametrize(
    "name",
    [
        *(
            "X-Auth",
            "Authentication",
            "Authorization",
            "Proxy-Authorization",
            "X-Signature",
            "X-Hub-Signature-256",
        ),
        *(
            "Cookie",
            "Set-Cookie",
            "X-API-Key",
            "x-api-key",
            "Ocp-Apim-Subscription-Key",
            "X-Amz-Security-Token",
        ),
        *("DB_PASS", "POSTGRES_PWD", "POSTGRES_PASSWORD", "PGPASSWORD", "AWS_ACCESS_KEY_ID", "JWT", "X_JWT"),
        *("AWS_SECRET_ACCESS_KEY", "API_KEY", "apiKey", "APIKEY", "apikey", "api.key", "SECRET_KEY_BASE"),
        *("dbPassword", "dbpass", "authToken", "authtoken", "clientSecret", "GITHUB_PAT", "ACCESS_TOKENS"),
        *("credentials", "REDISCLI_AUTH", "passphrase", "MYSQL_PWD", "VAULT_TOKEN", "ENCRYPTION_KEY", "key"),
        *(
            "--bearer",
            "--pass",
            "--api-key",
            "sig",
            "X-CSRF",
            "OTP",
            "PHPSESSID",
            "x-goog-signature",
            "token2",
        ),
    ],
)
def test_names_of_secrets(name: str) -> None:
    assert is_secret_name(name)
    assert is_secret(name, "hunter22")
    assert not is_secret(name, "true")


@pytest.mark.parametrize(
    "name",
    [
        *(
            "MAX_TOKENS",
            "max_token",
            "tokens",
            "total_tokens",
            "TRACK_TOKEN_USAGE",
            "tokenizer",
            "TOKEN_LIMIT",
        ),
        *("keyboard", "monkey", "KEYCLOAK_URL", "primary_key", "PUBLIC_KEY", "cache-key", "Idempotency-Key"),
        *("X-Request-Id", "X-Session-Id", "session_id", "author", "X-Author", "authority", "authenticated"),
        *("AUTH_MODE", "AUTH_URL", "BASIC_AUTH_USER", "PASSWORD_FILE", "PASSWORD_MIN_LENGTH", "SECRET_NAME"),
        *("COOKIE_DOMAIN", "compass", "passed", "PASS_RATE", "bypass", "signal", "design", "Accept", "code"),
        *("OPENAI_ORG_ID", "LOG_LEVEL", "DATABASE_URL", "KEY_PREFIX", "key_id", "TOKEN_TTL", "", "---", "42"),
    ],
)
def test_names_of_other_things(name: str) -> None:
    assert not is_secret_name(name)


@pytest.mark.parametrize(
    "value",
    [
        *(
            "sk-proj-abcdefghijkl1",
            "sk_live_0123456789ab",
            "ghp_0123456789abcdefghij",
            "glpat-0123456789abcdef",
        ),
        *("xoxb-0123456789-abc", "AKIAIOSFODNN7EXAMPLE", "ASIAIOSFODNN7EXAMPLE", "AIza" + "0a" * 17 + "0"),
        *("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl", "Bearer 0123456789", "Basic dXNlcjpwYXNz"),
        *("postgres://me:hunter22@db/x", "hf_0123456789abcdefghij", "-----BEGIN EC PRIVATE KEY-----\nMHc"),
    ],
)
def test_looks_of_secrets(value: str) -> None:
    assert looks_secret(value)
    assert is_secret("ANYTHING", value)
    if "://" not in value:
        assert value.rsplit(maxsplit=1)[-1] not in redact(f"it is {value}, and more")


@pytest.mark.parametrize(
    "value", ["postgres://db/x", "postgres://me@db/x", "http://h:80/a", "eyJust.text", "AKIA", "plain text"]
)
def test_looks_of_other_things(value: str) -> None:
    assert not looks_secret(value)


def test_a_server_repeats_what_is_within_a_header() -> None:
    headers = [
        ("Authorization", "Bearer hunter22hunter22"),
        ("X-Auth", "Basic bWU6aHVudGVyMjI="),
        ("Cookie", "sid=cookie22; n=1"),
    ]
    for said in ("hunter22hunter22", "me:hunter22", "hunter22", "cookie22", "bWU6aHVudGVyMjI="):
        assert said not in redact(f"who is {said}?", secrets_in(headers))
    assert passwords_in("postgres://me:hunter22@db/x and http://h:80/a") == ["hunter22"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("http://h/x?api_key=geheim&n=1", "http://h/x?api_key=***&n=1"),
        ("http://h/x?api%5Fkey=geheim&n=a%20b", "http://h/x?api%5Fkey=***&n=a%20b"),
        ("ftp://h/x?api_key=geheim", "ftp://h/x?api_key=***"),
        ("h:80/x?sig=geheim", "h:80/x?sig=***"),
        ("me:geheim@h:80", "***@h:80"),
        ("http://me:geheim@h:80/", "http://***@h:80/"),
        ("http://h/#token=geheim", "http://h/#token=***"),
        ("http://h/x;jsessionid=geheim?n=1", "http://h/x;jsessionid=***?n=1"),
        ("http://h/x?author=ada&max_tokens=9", "http://h/x?author=ada&max_tokens=9"),
        ("http://[bad?api_key=geheim", "http://[bad?api_key=***"),
    ],
)
def test_an_address_as_it_may_be_shown(text: str, shown: str) -> None:
    assert shown_address(text) == shown


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        ("serve --api-key geheim --port {port}", "serve --api-key *** --port {port}"),
        ('serve --api-key "ge heim" --port {port}', "serve --api-key *** --port {port}"),
        ('curl -H "Authorization: Bearer x" http://h', 'curl -H "Authorization: ***" http://h'),
        ("serve --bearer x --auth x --pass x", "serve --bearer *** --auth *** --pass ***"),
        ("curl -u me:x http://h", "curl -u *** http://h"),
        ("TOKEN=geheim serve --auth on", "TOKEN=*** serve --auth on"),
        ("serve --db pg://me:geheim@db/x", "serve --db pg://***@db/x"),
        ("serve --api-key $API_KEY", "serve --api-key $API_KEY"),
        ("python -u app.py --max-tokens 9 {data}", "python -u app.py --max-tokens 9 {data}"),
    ],
)
def test_a_command_as_it_may_be_shown(command: str, shown: str) -> None:
    assert shown_command(command) == shown
    assert shown_command(shown) == shown
