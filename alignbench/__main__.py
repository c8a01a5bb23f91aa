"""Runs the command line: `python -m alignbench`."""

from alignbench.cli import main

main()
