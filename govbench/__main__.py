"""``python -m govbench``: the command line."""

from govbench.cli.main import main

main()
