"""govbench: load benchmarks for HTTP APIs in front of a language model, with verdicts that can gate."""

from __future__ import annotations

__all__ = ["__version__"]

__version__ = "0.1.0"
