"""What is sent for a call of the client, and what a redirect makes of it."""

from __future__ import annotations

import pytest

from govbench.load.outgoing import (
    Outgoing,
    basic_auth,
    body_of,
    checked_headers,
    place_of,
    redirected,
    with_params,
)

BASE = "http://h:8000/base"
GIVEN = [("Content-Type", "text/plain"), ("Authorization", "x"), ("Cookie", "a=1"), ("X-Own", "1")]


def sent(method: str, url: str, body: bytes | None = None) -> Outgoing:
    return Outgoing(method, place_of(BASE, url), checked_headers(GIVEN), body)


@pytest.mark.parametrize(
    ("url", "target", "host"),
    [
        ("/x", "/base/x", "h:8000"),
        ("", "/base", "h:8000"),
        ("/a b/é?q=ü#part", "/base/a%20b/%C3%A9?q=%C3%BC", "h:8000"),
        ("/a%20b", "/base/a%20b", "h:8000"),
        ("HTTPS://user:word@other", "/", "other"),
        ("http://[::1]:9/?x", "/?x", "[::1]:9"),
    ],
)
def test_places(url: str, target: str, host: str) -> None:
    place = place_of(BASE, url)
    assert (place.target, place.host) == (target, host)
    assert "#" not in place.url


@pytest.mark.parametrize("url", ["http://", "http://h/\r\nX: y", "http://h:port/"])
def test_what_is_no_url(url: str) -> None:
    with pytest.raises(ValueError, match=r"URL|[Pp]ort"):
        place_of("", url)


@pytest.mark.parametrize(
    ("method", "status", "then"),
    [
        ("POST", 301, "GET"),
        ("POST", 302, "GET"),
        ("POST", 303, "GET"),
        ("POST", 307, "POST"),
        ("POST", 308, "POST"),
        ("PUT", 302, "PUT"),
        ("PUT", 303, "GET"),
        ("HEAD", 303, "HEAD"),
        ("GET", 301, "GET"),
        ("GET", 304, None),
        ("GET", 200, None),
    ],
)
def test_methods_of_redirects(method: str, status: int, then: str | None) -> None:
    following = redirected(sent(method, "/a/b", b"body"), status, "../c?d")
    assert (following.method if following else None) == then
    if following:
        assert following.place.url == "http://h:8000/base/c?d"
        is_kept = then == method
        assert following.body == (b"body" if is_kept else None)
        assert ("content-type" in following.headers) == is_kept
        assert "authorization" in following.headers


@pytest.mark.parametrize("location", ["//other/x", "http://h:8001/", "https://h:8000/"])
def test_secrets_stay_with_their_origin(location: str) -> None:
    following = redirected(sent("GET", "/"), 302, location)
    assert following is not None
    assert set(following.headers) == {"content-type", "x-own"}


def test_redirects_that_lead_nowhere() -> None:
    assert redirected(sent("GET", "/"), 302, None) is None
    with pytest.raises(ValueError, match="cannot be asked"):
        redirected(sent("GET", "/"), 302, "ftp://h/x")


def test_bytes() -> None:
    outgoing = Outgoing("POST", place_of("http://h", "/x"), checked_headers([("A", "1")]), b"{}")
    assert (
        outgoing.to_bytes(outgoing.headers)
        == b"POST /x HTTP/1.1\r\nHost: h\r\nA: 1\r\nContent-Length: 2\r\n\r\n{}"
    )
    bare = Outgoing("GET", place_of("http://h", "/"), {}, None)
    assert bare.to_bytes(checked_headers([("Host", "o")])) == b"GET / HTTP/1.1\r\nHost: o\r\n\r\n"
    with pytest.raises(ValueError, match="method"):
        bare._replace(method="GET /\r\nX:").to_bytes({})


@pytest.mark.parametrize("pair", [("A b", "1"), ("A", "1\r\nB: 2"), ("", "1"), ("A", "\0")])
def test_headers_that_cannot_be_sent(pair: tuple[str, str]) -> None:
    with pytest.raises(ValueError, match="cannot be sent"):
        checked_headers([pair])


def test_bodies() -> None:
    form = "application/x-www-form-urlencoded"
    assert body_of({"a": "1 2", "b": ["x", "y"]}) == (b"a=1+2&b=x&b=y", form)
    assert body_of([("a", 1)]) == (b"a=1", form)
    assert body_of("ü") == ("ü".encode(), None)
    assert body_of(b"x") == (b"x", None)
    assert body_of(None) == (None, None)
    with pytest.raises(ValueError, match="not int"):
        body_of(1)


def test_parameters_and_authentication() -> None:
    assert with_params("/x", {"a": "b c", "d": [1, 2]}) == "/x?a=b+c&d=1&d=2"
    assert with_params("/x?y=1", "z=2") == "/x?y=1&z=2"
    assert with_params("/x", None) == "/x"
    assert basic_auth("jane", b"open") == "Basic amFuZTpvcGVu"
