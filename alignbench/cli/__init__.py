"""The `alignbench` command: one module for each group of verbs.

Modules are imported when their verb runs, so that `verify` and `release --help` need the core
dependencies only, and no verb pays for another's imports.
"""

from alignbench.cli.app import main

__all__ = ["main"]
