"""Target forms: the text that names a stack under test, parsed. Boots nothing and resolves no name."""

from __future__ import annotations

import ipaddress
import re
import socket
from dataclasses import dataclass, field, fields
from typing import Any
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit

from govbench.config import values as v
from govbench.config.values import Kind, closest
from govbench.errors import ConfigError

_FORMS = "a URL (http://host:port), embedded[:switches], command:CMD or git:REF"
_HOST_AND_PORT = re.compile(r"(\[[0-9a-f:]+\]|[a-z0-9.-]+)(:\d+)?(/\S*)?", re.IGNORECASE)
_REF = re.compile(r"(?!-)[\w./@{}~^+#=%!,-]+")
_SECRET_WORD = re.compile(r"key|token|secret|passw|auth|credential|signature", re.IGNORECASE)
_SECRET_ARGUMENT = re.compile(
    r"(\b\w*(?:key|token|secret|passw)\w*=|(?<=\s)-[\w-]*(?:key|token|secret|passw)[\w-]*[=\s]\s*)\S+",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class UrlTarget:
    """A stack that runs already. ``url`` is scheme and host only; ``path`` (with query) means api http."""

    url: str
    path: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedSwitches:
    """The test switches of the embedded API; their meaning is that of ``demo/settings.py``."""

    latency_ms: float = 20.0
    jitter: float = 0.15
    slots: int = 8
    slowdown: float = 1.0
    errors: float = 0.0
    leak_bytes: int = 0
    freeze_s: float = 0.0
    seed: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedTarget:
    """The GovStack API that govbench brings along, booted for the run."""

    switches: EmbeddedSwitches = field(default_factory=EmbeddedSwitches)


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandTarget:
    """A process that is booted for the run; ``{port}`` in ``command`` is filled in."""

    command: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GitTarget:
    """The configured stack as it is at a commit; ``ref`` is as written, and no repository is asked here."""

    ref: str


Bootable = UrlTarget | EmbeddedTarget | CommandTarget
Target = Bootable | GitTarget

_MILLISECONDS = Kind(
    expected='milliseconds >= 0, or text such as "20ms" or "0.02s"',
    parse=lambda raw: (
        float(raw) if re.fullmatch(r"[\d.]+", raw) else round(v.duration(above=False).parse(raw) * 1000, 9)
    ),
)
_SWITCHES: dict[str, tuple[str, Kind]] = {
    "latency": ("latency_ms", _MILLISECONDS),
    "jitter": ("jitter", v.number(0, 1)),
    "slots": ("slots", v.whole(1)),
    "slowdown": ("slowdown", v.number(1)),
    "errors": ("errors", v.number(0, 1)),
    "leak": ("leak_bytes", v.SIZE),
    "freeze": ("freeze_s", v.duration(above=False)),
    "seed": ("seed", v.whole()),
}


def parse_target(text: str) -> Target:
    """The target that ``text`` names.

    Raises:
        ConfigError: it names none, or one that this version does not measure.
    """
    text = text.strip()
    form, colon, rest = text.partition(":")
    if form == "embedded":
        return EmbeddedTarget(switches=_switches(text, rest if colon else None))
    if form == "command":
        if not rest.strip():
            raise ConfigError(
                f"target {text!r} names no command", hint='for example "command:python app.py --port {port}"'
            )
        return CommandTarget(command=rest.strip())
    if form == "git" and colon:
        return GitTarget(ref=_ref(text, rest))
    if form == "compose" and colon:
        raise ConfigError(
            f"target {text!r}: this version measures URL, embedded, command and git targets",
            hint="start the stack yourself and name its URL, or let command:CMD start it",
        )
    if "://" in text:
        return _url(text)
    raise ConfigError(f"{_redacted(text)!r} is no target: expected {_FORMS}", hint=_no_target_hint(text))


def _no_target_hint(text: str) -> str:
    form = text.partition(":")[0]
    if form == "git":
        return "name the commit, for example git:main"
    like = closest(form, ("embedded", "command"))
    if like is not None:
        return f"did you mean {like}{text[len(form) :]}?"
    if _HOST_AND_PORT.fullmatch(text):
        return f"did you mean http://{text}?"
    return "targets are described in docs/configuration.md"


def _ref(text: str, ref: str) -> str:
    if not ref:
        raise ConfigError(f"target {text!r} names no commit", hint="for example git:main or git:HEAD~1")
    if _REF.fullmatch(ref) is None or ".." in ref:
        raise ConfigError(
            f"target {text!r}: {ref!r} is no name of a commit",
            hint="name one commit, branch or tag, for example git:main, git:v1.2 or git:HEAD~1",
        )
    return ref


def _switches(text: str, switches: str | None) -> EmbeddedSwitches:
    found: dict[str, Any] = {}
    for part in [] if switches is None else switches.split(","):
        name, equals, raw = (piece.strip() for piece in part.partition("="))
        if name not in _SWITCHES:
            like = closest(name, _SWITCHES)
            hint = f"did you mean {like}?" if like else f"switches are {', '.join(_SWITCHES)}"
            raise ConfigError(f"target {text!r}: unknown switch {name!r}", hint=hint)
        attribute, kind = _SWITCHES[name]
        if attribute in found:
            raise ConfigError(f"target {text!r}: {name} is given twice", hint="keep one of them")
        try:
            found[attribute] = kind.parse(raw)
        except ValueError as error:
            raise ConfigError(
                f"target {text!r}: {name}: expected {kind.expected}, got {raw!r}",
                hint=f"write it as {name}=VALUE" if not equals else None,
            ) from error
    return EmbeddedSwitches(**found)


def _url(text: str) -> UrlTarget:
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise ConfigError(
            f"target {_redacted(text)!r}: {error}", hint="for example http://localhost:8000"
        ) from error
    if parts.username is not None or parts.password is not None:
        raise ConfigError(
            f"target {_redacted(text)!r}: credentials in a URL would end up in reports",
            hint="set API_KEY, or a header such as Authorization through GOVBENCH_TARGET_HEADERS",
        )
    if parts.scheme.lower() not in ("http", "https"):
        raise ConfigError(
            f"target {text!r}: {parts.scheme}:// is not supported",
            hint="a URL starts with http:// or https://",
        )
    if not parts.hostname or re.search(r"\s", text):
        raise ConfigError(f"target {text!r} names no host", hint="for example http://localhost:8000")
    if parts.fragment:
        raise ConfigError(f"target {text!r}: a fragment is never sent", hint=f"leave out #{parts.fragment}")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    url = f"{parts.scheme.lower()}://{host}" + (f":{port}" if port is not None else "")
    return UrlTarget(url=url, path=_path(parts))


def _path(parts: SplitResult) -> str | None:
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return None if path == "/" else path


def _redacted(text: str) -> str:
    return re.sub(r"(^|//)[^/@\s]*@", r"\1***@", text)


def _redacted_path(path: str) -> str:
    before, mark, query = path.partition("?")
    pairs = [
        (name, "***" if _SECRET_WORD.search(name) else value)
        for name, value in parse_qsl(query, keep_blank_values=True)
    ]
    return before + mark + urlencode(pairs, safe="*/:,") if pairs else path


def describe(target: Target) -> str:
    """The target as text for reports, without anything that looks like a credential."""
    match target:
        case UrlTarget():
            return target.url + _redacted_path(target.path or "")
        case CommandTarget():
            return "command:" + _redacted(_SECRET_ARGUMENT.sub(r"\1***", target.command))
        case GitTarget():
            return f"git:{target.ref}"
        case EmbeddedTarget():
            return _describe_switches(target.switches)


def _describe_switches(switches: EmbeddedSwitches) -> str:
    units = {"latency_ms": "ms", "freeze_s": "s"}
    names = {attribute: name for name, (attribute, _) in _SWITCHES.items()}
    changed = [
        f"{names[item.name]}={getattr(switches, item.name)}{units.get(item.name, '')}"
        for item in fields(switches)
        if getattr(switches, item.name) != item.default
    ]
    return "embedded" + (f":{','.join(changed)}" if changed else "")


def is_local(target: Target) -> bool:
    """Whether the target runs on this machine, as far as its name tells; no name is resolved."""
    if not isinstance(target, UrlTarget):
        return True
    host = (urlsplit(target.url).hostname or "").rstrip(".").lower()
    if host == "localhost" or host.endswith(".localhost") or host == socket.gethostname().lower():
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified or _is_own(address)


def _is_own(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    # only an address of this machine can be bound; a datagram socket sends nothing by that
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((str(address), 0))
    except OSError:
        return False
    return True
