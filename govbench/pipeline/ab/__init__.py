"""``govbench ab``: the rounds, their course, and the results."""
