"""What a secret is, and text without it: the one place that knows either. Best effort, by patterns.

A name (of a variable, a header, an option, a parameter of a URL, a key of JSON) tells of a secret by its
words, so that ``DB_PASS`` is one and ``MAX_TOKENS``, ``author`` or ``keyboard`` are none. What follows such a
name goes, as do user names and passwords in URLs, keys and tokens of a known shape, and the values that the
caller knows to be secret.

It runs within the load process, on whatever a target answers. So every pattern takes time in proportion to
the text: it begins at a fixed mark or behind a lookbehind, and what follows is bounded or cannot be read in
two ways. And a text of which only the beginning is kept is cut before it is looked at.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable
from functools import lru_cache
from itertools import pairwise
from typing import Final
from urllib.parse import unquote_plus, urlsplit, urlunsplit

from govbench.results.plain import plain

REDACTED: Final = "[redacted]"
# In an address or a command brackets mean something else.
MARK: Final = "***"
_MARKS: Final = (REDACTED, MARK)
# Shorter values (a port, "true", a user name) would blacken half of a log.
_SHORTEST_SECRET: Final = 6
# Beyond what is kept of a text, for what redacting and joining lines makes shorter.
_SPARE_CHARS: Final = 4_096
_LONGEST_WORD: Final = 512

# --- what a secret is called

_LONGEST_NAME: Final = 100
_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
# Tell of a secret wherever they stand in a name.
_STRONG: Final = frozenset({"jwt", "passcode", "passphrase", "passwd", "password", "pwd", "secret", "token"})
# Tell of one as the last word: COOKIE_DOMAIN, AUTH_MODE and PASS_RATE are no secrets.
_WEAK: Final = frozenset(
    {"auth", "authentication", "authorization", "bearer", "cookie", "cookies", "credential", "credentials"}
    | {"csrf", "hmac", "otp", "pass", "passwords", "pat", "pw", "secrets", "sig", "signature", "xsrf"}
)
# Of words written as one: PGPASSWORD, authtoken, dbpass.
_COMPOUND: Final = re.compile(
    r"\w{2,}(?:password|passwd|passphrase|secret|token|signature|credentials?"
    r"|(?:access|api|auth|private|secret|signing)key|accesskeyid)"
    r"|(?:admin|db|ftp|http|imap|ldap|mail|my|mysql|pg|proxy|redis|root|smtp|sql|ssh|user)(?:pass|pw|pwd|auth)"
    r"|(?:apikey|php|j)?sess(?:ion)?(?:cookie|key|token)|phpsessid|jsessionid|apikey|oauth"
)
_KEYS: Final = frozenset({"key", "keys"})
# Keys of which nobody makes a secret.
_OPEN_KEYS: Final = frozenset(
    {
        "cache",
        "composite",
        "config",
        "dedup",
        "field",
        "foreign",
        "group",
        "hash",
        "hot",
        "idempotency",
        "index",
    }
    | {
        "json",
        "lookup",
        "map",
        "natural",
        "object",
        "partition",
        "primary",
        "public",
        "range",
        "routing",
        "row",
    }
    | {"shard", "sort", "translation", "socket", "unique"}
)
_SECRET_KEYS: Final = frozenset({"access", "account", "api", "auth", "private", "secret", "signing"})
# Several of these are counted, or are sold; several tokens of access are secrets.
_TOKENS_OF: Final = frozenset({"access", "api", "auth", "bearer", "refresh", "secret"})
# A name that ends so tells about a secret, and holds none.
_ABOUT: Final = frozenset(
    {
        "age",
        "alg",
        "algorithm",
        "attempts",
        "audience",
        "bucket",
        "budget",
        "bytes",
        "cost",
        "count",
        "counts",
    }
    | {
        "dir",
        "disabled",
        "domain",
        "enabled",
        "encoding",
        "endpoint",
        "error",
        "errors",
        "expiration",
        "expires",
    }
    | {
        "expiry",
        "field",
        "file",
        "files",
        "folder",
        "format",
        "header",
        "host",
        "issuer",
        "length",
        "lifetime",
    }
    | {
        "limit",
        "limits",
        "location",
        "method",
        "mode",
        "model",
        "name",
        "names",
        "param",
        "parameter",
        "path",
    }
    | {
        "policy",
        "port",
        "prefix",
        "price",
        "provider",
        "rate",
        "ratio",
        "realm",
        "required",
        "retries",
        "scheme",
    }
    | {"scope", "scopes", "server", "size", "style", "timeout", "total", "ttl", "type", "types", "uri", "url"}
    | {"urls", "usage", "user", "username", "version"}
)
_COUNTED: Final = frozenset(
    {"cached", "completion", "count", "input", "max", "maximum", "min", "minimum", "num", "number", "output"}
    | {"per", "prompt", "total"}
)
# Secrets as parameters of a URL, where elsewhere the word means something else.
_PARAMETERS: Final = frozenset({"code", "key", "keys"})
# Of digests, as in X-Hub-Signature-256 or X-Signature-Ed25519.
_DIGESTS: Final = frozenset({"ed", "md", "sha"})

_HARMLESS: Final = re.compile(
    r"(?:|true|false|on|off|yes|no|none|null|nil|undefined|auto|default|basic|bearer|digest|required|optional"
    r"|enabled|disabled|\d{1,3}|[.*…]+|x{3,}|\[redacted\]|<[\w .-]{1,40}>|\{(?:port|data)\}"
    r"|(?-i:\$[A-Z_]{1,80}|\$\{[A-Z_]{1,80}\}))",
    re.IGNORECASE,
)

# --- what a secret looks like

_SHAPES: Final = re.compile(
    r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----(?:[^-]|-(?!----))*+(?:-----END [A-Z ]{0,40}-----)?"
    r"|(?<![A-Za-z0-9])(?:"
    r"(?:sk|pk|rk|gh[oprsu]|github_pat|glpat|xox[abeprs]|hf|npm|pypi|shpat|whsec|dop_v1)[-_]"
    r"(?=[\w-]{0,64}\d)[\w-]{10,}"
    r"|(?:AKIA|ASIA|AROA|AIDA)[A-Z0-9]{16}(?![A-Za-z0-9])"
    r"|AIza[\w-]{35}"
    r"|ya29\.[\w-]{20,}"
    r"|SG\.[\w-]{16,32}\.[\w-]{16,64}"
    r")"
    r"|(?<![\w-])eyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?"
)
_SCHEME: Final = re.compile(r"(?i)\b(bearer|basic)\s{1,8}(?!auth|realm|token|scheme|required)[\w.~+/=-]{6,}")
# A password may hold "@" and "/" as they are; a colon before mere digits and "/" is that of a port.
_USERINFO: Final = re.compile(
    r"://(?:[^\s/@:\"'<>]{0,256}:(?!\d{1,5}[/?#])[^\s\"'<>]{0,512}|[^\s/\"'<>]{1,512})@"
)
_USER_BEFORE_HOST: Final = re.compile(r"\A[^/?#@\s]{1,512}@")
_PASSWORD_IN_URL: Final = re.compile(r"://[^/@\s:]{0,256}:([^/@\s]{1,512})@")
_EMAIL: Final = re.compile(r"(?<![\w.+-])[\w.+-]+@[\w-]+\.[\w.-]+")
_LONG_NUMBER: Final = re.compile(r"\+?\d[\d ()./-]{7,}\d")
_CUT_WORD: Final = re.compile(rf"\S{{1,{_LONGEST_WORD}}}\Z")

# --- names in text, and what they are set to

_SET: Final = re.compile(
    r"(?<![\w.-])([\w.-]++)"
    r"((?:\\{0,4}[\"'])?\s{0,8}+[:=]{1,2}+>?\s{0,8}+|[\"'],\s{0,2}+(?=b?[\"'])|%3[dD]|>(?=[^\s<]))"
)
_OPTION: Final = re.compile(r"(?<![\w-])--?([A-Za-z][\w.-]*+)\s{1,8}+(?![\s-])")
_CREDENTIAL_OPTIONS: Final = frozenset({"u", "user", "U", "proxy-user"})  # of curl, with NAME:PASSWORD
_OPEN: Final = re.compile(r"b?(\\{1,4}\"|[\"'])")
_INNER: Final = {
    '"': re.compile(r"(?:[^\"\\\n]|\\.)*+"),
    "'": re.compile(r"(?:[^'\\\n]|\\.)*+(?=')"),
    "\\": re.compile(r"[^\"\\\n]*+"),
}
_BARE: Final = re.compile(r"(?:(?:bearer|basic|digest|token)\s{1,8}+)?[^\s\"',;&}<]*+", re.IGNORECASE)
_REST_OF_LINE: Final = re.compile(r"[^\n\"'<]*+")
_WHOLE_LINES: Final = frozenset({"authorization", "cookie", "cookies"})
_SHELL_WORD: Final = re.compile(r"(?:[^\s\"'\\]|\\.|\"(?:[^\"\\]|\\.)*+\"|'[^']*+')++")
_UNCLOSED: Final = re.compile(r"[^\n]*+")


def is_secret(name: str, value: str) -> bool:
    """Whether the value of a variable, a header or an option is a secret, by its name or its own look."""
    return (is_secret_name(name) and not _is_harmless(value)) or looks_secret(value)


def is_secret_name(name: str) -> bool:
    """Whether a variable, a header, an option or a key of that name holds a secret, by its words."""
    return _is_secret_name(name[-_LONGEST_NAME:])


@lru_cache(maxsize=4_096)
def _is_secret_name(name: str) -> bool:
    words = [word.lower() for word in _WORD.findall(name)]
    while words and words[-1] in _DIGESTS:
        words.pop()
    if not words or words[-1] in _ABOUT:
        return False
    if any(word in _STRONG or _COMPOUND.fullmatch(word) for word in words):
        return _COUNTED.isdisjoint(words)
    last, before = words[-1], words[-2] if len(words) > 1 else ""
    if last == "tokens":
        return before in _TOKENS_OF
    if any(second in _KEYS and first in _SECRET_KEYS for first, second in pairwise(words)):
        return True
    return last in _WEAK or (last in _KEYS and before not in _OPEN_KEYS)


def looks_secret(value: str) -> bool:
    """Whether a value is a secret by its own look: a key or token of a known shape, a URL with a password."""
    return bool(_SHAPES.search(value) or _SCHEME.search(value) or _PASSWORD_IN_URL.search(value))


def passwords_in(value: str) -> list[str]:
    """The passwords of the URLs in a value."""
    return _PASSWORD_IN_URL.findall(value)


def secrets_in(headers: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """All that must not be shown of headers: their values, and the key, cookie or password within them.

    A server that does not like a key repeats it without the words around it.
    """
    found: list[str] = []
    for name, value in headers:
        scheme, _, rest = value.strip().partition(" ")
        found += [value.strip(), rest.strip()]
        if scheme.lower() == "basic":
            found += _user_and_password(rest.strip())
        if "cookie" in name.lower():
            found += [pair.partition("=")[2].strip() for pair in value.split(";")]
    return tuple(dict.fromkeys(text for text in found if len(text) >= _SHORTEST_SECRET))


def _user_and_password(encoded: str) -> list[str]:
    try:
        pair = base64.b64decode(encoded, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return []
    return [pair, pair.partition(":")[2]]


def redact(text: str, secrets: Iterable[str] = (), *, mark: str = REDACTED) -> str:
    """``text`` without the given secrets, without what looks like one, and plain."""
    text = _without(plain(text), secrets, mark)
    text = without_credentials(text, mark=mark)
    text = _without_options(_without_settings(text, mark), mark)
    return _SHAPES.sub(mark, _SCHEME.sub(rf"\1 {mark}", text))


def without_credentials(text: str, *, mark: str = REDACTED) -> str:
    """``text`` with ``mark`` in place of the user names and passwords of the URLs in it."""
    return _USERINFO.sub(f"://{mark}@", text)


def excerpt(body: bytes | str, secrets: Iterable[str] = (), *, chars: int = 200) -> str:
    """The beginning of an answer, on one line; nothing of a secret is left where it is cut."""
    line = " ".join(redact(_beginning(body, secrets, chars=chars), secrets).split())
    return line if len(line) <= chars else line[: chars - 1] + "…"


def shown_command(command: str) -> str:
    """A command line as it may be shown: without the arguments that are secrets."""
    return redact(command, mark=MARK)


def shown_url(url: str) -> str:
    """``url`` as it may be shown: without user name and password, and without parameters that are secrets."""
    parts = urlsplit(url)
    return shown_address(urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2])))


def shown_address(text: str) -> str:
    """What was to be an address, perhaps a wrong one, with marks for user name, password and parameters."""
    if "://" not in text:
        text = _USER_BEFORE_HOST.sub(f"{MARK}@", text)
    return redact(_without_parameters(text), mark=MARK)


def anonymised(text: str, secrets: Iterable[str] = (), *, chars: int) -> str:
    """The beginning of a text, redacted, and also without e-mail addresses and long numbers.

    Long numbers are those of telephones, accounts and identity cards.
    """
    text = redact(_beginning(text, secrets, chars=chars), secrets)
    return _LONG_NUMBER.sub(REDACTED, _EMAIL.sub(REDACTED, text))[:chars]


def _is_harmless(value: str) -> bool:
    return _HARMLESS.fullmatch(value.strip().strip("\"'")) is not None


def _without_parameters(url: str) -> str:
    """The URL with a mark for secret parameters of its query and its fragment; the others stay as written."""
    kept: list[str] = []
    for part in re.split(r"([?#&;])", url):
        name, equals, value = part.partition("=")
        plain_name = unquote_plus(name)
        secret = plain_name.lower() in _PARAMETERS or is_secret_name(plain_name)
        is_parameter = bool(kept) and equals and secret and not _is_harmless(value)
        kept.append(f"{name}={MARK}" if is_parameter else part)
    return "".join(kept)


def _without_settings(text: str, mark: str) -> str:
    """``text`` with a mark for what a name of a secret is set to: ``NAME=value``, ``"name": "value"``."""
    kept: list[str] = []
    end = 0
    for found in _SET.finditer(text):
        if found.start() < end or not _tells_of_secret(text, found):
            continue
        begin, until = _value(text, found)
        if begin < until and not text.startswith(_MARKS, begin) and not _is_harmless(text[begin:until]):
            kept += [text[end:begin], mark]
            end = until
    return "".join((*kept, text[end:]))


def _tells_of_secret(text: str, found: re.Match[str]) -> bool:
    name, begin = found[1], found.start()
    before = text[begin - 1 : begin]
    if found[2] == ">":  # an element of XML
        return before == "<" and is_secret_name(name)
    if before and before in "?&" and name.lower() in _PARAMETERS:
        return True
    if name.lower() in _KEYS:  # a key is any name of anything, but for "API key: x"
        words = text[max(0, begin - 16) : begin].split()
        return bool(words) and words[-1].strip("\"'").lower() in _SECRET_KEYS
    return is_secret_name(name)


def _value(text: str, found: re.Match[str]) -> tuple[int, int]:
    """Where the value that a name is set to begins and ends, without its quotes."""
    at, around = found.end(), text[max(0, found.start() - 1) : found.start()]
    opened = _OPEN.match(text, at)
    if opened is not None:
        inner = _INNER[opened[1][0]].match(text, opened.end())
        if inner is not None:
            return inner.span()
        at = opened.end()  # a quote that nobody closes
    elif found[2][0] in "\\\"'" and text[at : at + 1] in ("{", "["):
        return at, at  # an object or a list: what is in it has names of its own
    elif around in _INNER and found[2][0] not in "\"'":  # as in -H "X-Auth: two words"
        inner = _INNER[around].match(text, at)
        return inner.span() if inner is not None else (at, at)
    whole = any(word.lower() in _WHOLE_LINES for word in _WORD.findall(found[1][-_LONGEST_NAME:]))
    bare = (_REST_OF_LINE if whole else _BARE).match(text, at)
    return bare.span() if bare is not None else (at, at)


def _without_options(text: str, mark: str) -> str:
    """``text`` with a mark for the argument after an option whose name is that of a secret."""
    kept: list[str] = []
    end = 0
    for found in _OPTION.finditer(text):
        name = found[1]
        if found.start() < end or not (name in _CREDENTIAL_OPTIONS or is_secret_name(name)):
            continue
        word = _SHELL_WORD.match(text, found.end()) or _UNCLOSED.match(text, found.end())
        if word is None or _is_harmless(word[0]) or (name in _CREDENTIAL_OPTIONS and not _is_pair(word[0])):
            continue
        kept += [text[end : found.end()], mark]
        end = word.end()
    return "".join((*kept, text[end:]))


def _is_pair(word: str) -> bool:
    """Whether a word is NAME:PASSWORD, and no URL, and no user and group by number."""
    return ":" in word and "://" not in word and re.fullmatch(r"[\d:]*", word) is None


def _without(text: str, secrets: Iterable[str], mark: str) -> str:
    """``text`` without the secrets, whole wherever they stand: overlapping ones, too."""
    spans = sorted(
        (found.start(1), found.end(1))
        for secret in set(secrets)
        if len(secret) >= _SHORTEST_SECRET and secret in text
        for found in re.finditer(rf"(?=({re.escape(secret)}))", text)
    )
    kept: list[str] = []
    end = 0
    for begin, until in spans:
        if begin >= end:
            kept += [text[end:begin], mark]
        end = max(end, until)
    return "".join((*kept, text[end:]))


def _beginning(body: bytes | str, secrets: Iterable[str], *, chars: int) -> str:
    """As much of a text as is needed to keep ``chars`` of it, without what a cut leaves of a secret."""
    most = chars + _SPARE_CHARS
    text = body[:most] if isinstance(body, str) else body[:most].decode(errors="replace")
    if len(body) <= most:
        return text
    for secret in secrets:
        length = next((n for n in range(len(secret), 0, -1) if text.endswith(secret[:n])), 0)
        text = text[: len(text) - length]
    return _CUT_WORD.sub("", text)
