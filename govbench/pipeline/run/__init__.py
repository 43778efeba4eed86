"""``govbench run``: measure, judge, write, each a function that can be called alone."""
