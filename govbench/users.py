"""The users that custom test files derive from, with what else such a file needs.

Importing this patches sockets and threads of the whole process, as importing Locust does: it is for test
files, which ``govbench run --test-file`` imports in the load process (docs/custom-users.md).
"""

from __future__ import annotations

from govbench.load.client import BenchClient
from govbench.load.response import Response
from govbench.load.users import BenchUser, GovStackUser
from govbench.results.answers import Answer

__all__ = ["Answer", "BenchClient", "BenchUser", "GovStackUser", "Response"]
