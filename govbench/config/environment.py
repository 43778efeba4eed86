"""The environment of this process, read nowhere else; what a variable means is up to ``sources.py``."""

from __future__ import annotations

import os


def environment() -> dict[str, str]:
    """All variables, as they are now."""
    return dict(os.environ)
