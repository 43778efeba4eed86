"""Which cookies are taken, sent, and forgotten."""

from __future__ import annotations

import pytest

from govbench.load.cookies import CookieJar

NOW_S = 1_800_000_000.0


class Now:
    def __init__(self) -> None:
        self.now_s = NOW_S

    def __call__(self) -> float:
        return self.now_s


def jar_with(
    *lines: str, host: str = "www.example.org", target: str = "/a/b?c", secure: bool = True
) -> CookieJar:
    jar = CookieJar(lambda: NOW_S)
    jar.take([line.encode() for line in lines], host, target, secure=secure)
    return jar


@pytest.mark.parametrize(
    ("line", "host", "target", "secure", "sent"),
    [
        ("a=1", "www.example.org", "/a/x", True, "a=1"),
        ("a=1", "www.example.org", "/a", True, "a=1"),
        ("a=1", "www.example.org", "/ab", True, None),  # the default path is /a
        ("a=1; Path=/", "www.example.org", "/", True, "a=1"),
        ("a=1; Path=/shop", "www.example.org", "/shop/1?x=/y", True, "a=1"),
        ("a=1; Path=/shop", "www.example.org", "/shopping", True, None),
        ("a=1; Path=/shop/", "www.example.org", "/shop/1", True, "a=1"),
        ("a=1; Path=/", "example.org", "/", True, None),  # of that host alone
        ("a=1; Path=/; Domain=.Example.org", "other.example.org", "/", True, "a=1"),
        ("a=1; Path=/; Domain=example.org", "badexample.org", "/", True, None),
        ("a=1; Path=/; Domain=org", "www.example.org", "/", True, None),
        ("a=1; Path=/; Domain=elsewhere.org", "www.example.org", "/", True, None),
        ("a=1; Path=/; Secure", "www.example.org", "/", True, "a=1"),
        ("a=1; Path=/; Secure", "www.example.org", "/", False, None),
        ("a=1; Path=/; Max-Age=10", "www.example.org", "/", True, "a=1"),
        ("a=1; Path=/; Max-Age=0", "www.example.org", "/", True, None),
        ("a=1; Path=/; Max-Age=-1", "www.example.org", "/", True, None),
        ("a=1; Path=/; Max-Age=soon", "www.example.org", "/", True, "a=1"),
        ("a=1; Path=/; Expires=Wed, 21 Oct 2015 07:28:00 GMT", "www.example.org", "/", True, None),
        ("a=1; Path=/; Expires=Wed, 21-Oct-2099 07:28:00 GMT", "www.example.org", "/", True, "a=1"),
        (
            "a=1; Path=/; Expires=Wed, 21 Oct 2015 07:28:00 GMT; Max-Age=9",
            "www.example.org",
            "/",
            True,
            "a=1",
        ),
        ("a=1; Path=/; Expires=whenever", "www.example.org", "/", True, "a=1"),
        ('a="x y"; Path=/; HttpOnly; SameSite=Lax', "www.example.org", "/", True, 'a="x y"'),
        ("a=b=c; Path=/", "www.example.org", "/", True, "a=b=c"),
        ("a=; Path=/", "www.example.org", "/", True, "a="),
        ("no pair; Path=/", "www.example.org", "/", True, None),
        ("=nameless; Path=/", "www.example.org", "/", True, None),
        ("a=1\x01; Path=/", "www.example.org", "/", True, None),
    ],
)
def test_rules(line: str, host: str, target: str, secure: bool, sent: str | None) -> None:
    assert jar_with(line).header(host, target, secure=secure) == sent


def test_an_insecure_answer_sets_no_secure_cookie() -> None:
    assert not len(jar_with("a=1; Secure", secure=False))


def test_an_address_has_no_hosts_below_it() -> None:
    jar = jar_with("a=1; Path=/; Domain=0.0.1", host="127.0.0.1")
    assert not len(jar)


def test_longer_paths_come_first_and_a_name_is_replaced() -> None:
    jar = jar_with("a=1; Path=/", "b=2; Path=/a", "a=3; Path=/")
    assert jar.header("www.example.org", "/a/b", secure=True) == "b=2; a=3"


def test_cookies_expire() -> None:
    now = Now()
    jar = CookieJar(now)
    jar.take([b"a=1; Path=/; Max-Age=10", b"b=2; Path=/"], "h", "/", secure=False)
    assert jar.header("h", "/", secure=False) == "a=1; b=2"
    now.now_s += 11
    assert jar.header("h", "/", secure=False) == "b=2"
    assert [cookie.name for cookie in jar] == ["b"]


def test_the_version_tells_of_changes_only() -> None:
    jar = jar_with("a=1")
    before = jar.version
    jar.take([b"a=1"], "www.example.org", "/a/b", secure=True)
    assert jar.version == before
    jar.take([b"a=; Max-Age=0"], "www.example.org", "/a/b", secure=True)
    assert jar.version == before + 1
    assert not len(jar)


def test_by_hand() -> None:
    jar = CookieJar(lambda: NOW_S)
    jar.set("token", "x", domain="h")
    assert (jar["token"], jar.get("other"), jar.header("h", "/any", secure=False)) == ("x", None, "token=x")
    with pytest.raises(KeyError):
        jar["other"]
    jar.clear()
    assert jar.header("h", "/any", secure=False) is None
