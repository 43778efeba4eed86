"""``govbench selftest``: the loads, the checks, and the command."""
