"""`python -m ablate` is the command line."""

from ablate.cli import main

main()
