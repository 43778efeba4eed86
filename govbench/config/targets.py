"""Target forms: the text that names a stack under test, parsed. Boots nothing and resolves no name."""

from __future__ import annotations

import ipaddress
import re
import socket
from abc import ABC, abstractmethod
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any, ClassVar
from urllib.parse import SplitResult, urlsplit

from govbench.config import values as v
from govbench.config.values import Kind, closest
from govbench.errors import ConfigError
from govbench.results.redact import shown_address, shown_command, shown_url

_FORMS = "a URL (http://host:port), embedded[:switches], command:CMD or git:REF"
_HOST_AND_PORT = re.compile(r"(\[[0-9a-f:]+\]|[a-z0-9.-]+)(:\d+)?(/\S*)?", re.IGNORECASE)
_REF = re.compile(r"(?!-)[\w./@{}~^+#=%!,-]+")


class TargetKind(StrEnum):
    """The forms that a target has."""

    URL = "url"
    EMBEDDED = "embedded"
    COMMAND = "command"
    GIT = "git"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target(ABC):
    """What every target says of itself, so that no step has to ask which form it has.

    Attributes:
        kind: its form.
        is_started: govbench starts and ends it, so every round can have a fresh instance.
        starts_at_commit: it can be started from the files of a commit, as ``git:REF`` asks.
        is_built: section ``[stack]`` may say how it is built before its first boot.
        takes_variables: what the suite's variables hand to a stack reaches it.
        reports_itself: its instances tell their own service times.
        own_health_path: the health path that it always has; None: the configured one.
    """

    kind: ClassVar[TargetKind]
    is_started: ClassVar[bool] = True
    starts_at_commit: ClassVar[bool] = True
    is_built: ClassVar[bool] = False
    takes_variables: ClassVar[bool] = False
    reports_itself: ClassVar[bool] = False
    own_health_path: ClassVar[str | None] = None

    @property
    @abstractmethod
    def form(self) -> str:
        """The target as text for reports, without anything that looks like a credential."""

    @property
    def anonymous(self) -> str:
        """The target as a calibration names it: no address, and no command, which may hold secrets."""
        return self.kind.value

    @property
    def at_ref(self) -> str | None:
        """The commit whose configured stack is meant; None: this one, as it stands."""
        return None

    @property
    def address(self) -> str | None:
        """The URL of what runs already, with its path; None: it is known once it has been started."""
        return None

    @property
    def request_path(self) -> str | None:
        """The path, with its query, that every request goes to; None: that of the API."""
        return None

    @property
    def is_local(self) -> bool:
        """Whether it runs on this machine, as far as its name tells; no name is resolved."""
        return True

    def check_two_at_once(self) -> None:
        """Find out whether two instances can run at once.

        Raises:
            ConfigError: they cannot.
        """
        return  # most can


@dataclass(frozen=True, slots=True, kw_only=True)
class UrlTarget(Target):
    """A stack that runs already. ``url`` is scheme and host only; ``path`` (with query) means api http."""

    kind: ClassVar = TargetKind.URL
    is_started: ClassVar = False
    starts_at_commit: ClassVar = False

    url: str
    path: str | None = field(default=None, repr=False)  # a parameter of it may be a secret

    @property
    def form(self) -> str:
        """The address; parameters that look like credentials are left out."""
        return shown_url(self.url + (self.path or ""))

    @property
    def address(self) -> str | None:
        """The URL as it was named."""
        return self.url + (self.path or "")

    @property
    def request_path(self) -> str | None:
        """The path of the address."""
        return self.path

    @property
    def is_local(self) -> bool:
        """Whether the host is this one."""
        return _is_local_host((urlsplit(self.url).hostname or "").rstrip(".").lower())


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
class EmbeddedTarget(Target):
    """The GovStack API that govbench brings along, booted for the run."""

    kind: ClassVar = TargetKind.EMBEDDED
    reports_itself: ClassVar = True
    own_health_path: ClassVar = "/health"

    switches: EmbeddedSwitches = field(default_factory=EmbeddedSwitches)

    @property
    def form(self) -> str:
        """With the switches that are not as they are by default."""
        return _describe_switches(self.switches)

    @property
    def anonymous(self) -> str:
        """Its switches tell nothing of anybody."""
        return self.form


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandTarget(Target):
    """A process that is booted for the run; ``{port}`` in ``command`` is filled in."""

    kind: ClassVar = TargetKind.COMMAND
    is_built: ClassVar = True
    takes_variables: ClassVar = True

    command: str = field(repr=False)  # an argument of it may be a secret

    @property
    def form(self) -> str:
        """The command; arguments that look like credentials are left out."""
        return f"command:{shown_command(self.command)}"

    def check_two_at_once(self) -> None:
        """A port has to be free for each."""
        if "{port}" not in self.command:
            shown = shown_command(self.command)
            raise ConfigError(
                f"command {shown!r}: two instances of it cannot listen on the same port",
                hint="write {port} where the command takes its port, so that each gets one of its own",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class GitTarget(Target):
    """The configured stack as it is at a commit; ``ref`` is as written, and no repository is asked here."""

    kind: ClassVar = TargetKind.GIT
    starts_at_commit: ClassVar = False
    is_built: ClassVar = True
    takes_variables: ClassVar = True

    ref: str

    @property
    def form(self) -> str:
        """The commit as it was named."""
        return f"git:{self.ref}"

    @property
    def anonymous(self) -> str:
        """A ref tells nothing of anybody's machine."""
        return self.form

    @property
    def at_ref(self) -> str | None:
        """That commit."""
        return self.ref


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
            f"target {shown_address(text)!r}: this version measures URL, embedded, command and git targets",
            hint="start the stack yourself and name its URL, or let command:CMD start it",
        )
    if "://" in text:
        return _url(text)
    raise ConfigError(f"{shown_address(text)!r} is no target: expected {_FORMS}", hint=_no_target_hint(text))


def _no_target_hint(text: str) -> str:
    form = text.partition(":")[0]
    if form == "git":
        return "name the commit, for example git:main"
    like = closest(form, ("embedded", "command"))
    if like is not None:
        return f"did you mean {like}{shown_address(text[len(form) :])}?"
    if _HOST_AND_PORT.fullmatch(text):
        return f"did you mean {shown_address(f'http://{text}')}?"
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
            raise ConfigError(f"target {shown_address(text)!r}: unknown switch {name!r}", hint=hint)
        attribute, kind = _SWITCHES[name]
        if attribute in found:
            raise ConfigError(
                f"target {shown_address(text)!r}: {name} is given twice", hint="keep one of them"
            )
        try:
            found[attribute] = kind.parse(raw)
        except ValueError as error:
            raise ConfigError(
                f"target {shown_address(text)!r}: {name}: expected {kind.expected}, got {raw!r}",
                hint=f"write it as {name}=VALUE" if not equals else None,
            ) from error
    return EmbeddedSwitches(**found)


def _url(text: str) -> UrlTarget:
    shown = shown_address(text)
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise ConfigError(f"target {shown!r}: {error}", hint="for example http://localhost:8000") from error
    if parts.username is not None or parts.password is not None:
        raise ConfigError(
            f"target {shown!r}: credentials in a URL would end up in reports",
            hint="set API_KEY, or a header such as Authorization through GOVBENCH_TARGET_HEADERS",
        )
    if parts.scheme.lower() not in ("http", "https"):
        raise ConfigError(
            f"target {shown!r}: {parts.scheme}:// is not supported",
            hint="a URL starts with http:// or https://",
        )
    if not parts.hostname or re.search(r"\s", text):
        raise ConfigError(f"target {shown!r} names no host", hint="for example http://localhost:8000")
    if parts.fragment:
        left_out = shown_address(f"#{parts.fragment}")
        raise ConfigError(f"target {shown!r}: a fragment is never sent", hint=f"leave out {left_out}")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    url = f"{parts.scheme.lower()}://{host}" + (f":{port}" if port is not None else "")
    return UrlTarget(url=url, path=_path(parts))


def _path(parts: SplitResult) -> str | None:
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return None if path == "/" else path


def shown_target(text: str) -> str:
    """A target as it was written, right or wrong, without anything that looks like a credential."""
    return shown_address(text)


def describe(target: Target) -> str:
    """The target as text for reports, without anything that looks like a credential."""
    return target.form


def _describe_switches(switches: EmbeddedSwitches) -> str:
    units = {"latency_ms": "ms", "freeze_s": "s"}
    names = {attribute: name for name, (attribute, _) in _SWITCHES.items()}
    changed = [
        f"{names[item.name]}={getattr(switches, item.name)}{units.get(item.name, '')}"
        for item in fields(switches)
        if getattr(switches, item.name) != item.default
    ]
    return "embedded" + (f":{','.join(changed)}" if changed else "")


def base_address(url: str) -> str:
    """Scheme and host of a target's address, without its path."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def is_local(target: Target) -> bool:
    """Whether the target runs on this machine, as far as its name tells; no name is resolved."""
    return target.is_local


def _is_local_host(host: str) -> bool:
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
