"""What decides the figures of a test type, as a hash and a few words: two runs of one version compare."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanVersion:
    """The version of one test type: ``hash`` covers all that decides its figures.

    ``settings`` are those of them that a reader looks for when two versions differ, as text. Neither holds an
    address, a path or a secret.
    """

    hash: str
    settings: dict[str, str] = field(default_factory=dict)


# By the name of the test type. The key is text, so that a test type of a later version does no harm.
PlanVersions = Mapping[str, PlanVersion]


def difference(one: PlanVersion, other: PlanVersion) -> str | None:
    """What sets two versions apart, in words: ``target embedded and url``; None where they are the same."""
    if one.hash == other.hash:
        return None
    names = dict.fromkeys((*one.settings, *other.settings))
    said = [
        f"{name} {one.settings.get(name, 'not set')} and {other.settings.get(name, 'not set')}"
        for name in names
        if one.settings.get(name) != other.settings.get(name)
    ]
    return ", ".join(said) or f"version {one.hash} and {other.hash}"
