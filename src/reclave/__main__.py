"""`python -m reclave` is the `reclave` command."""

from reclave.cli import main

main()
