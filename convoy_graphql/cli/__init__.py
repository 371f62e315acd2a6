"""The command line. What an operator can put right is told in one sentence, without a traceback, and exits with 1.

Each command imports what it needs when it runs: `--help` and `--version` answer without loading the server.
"""

from __future__ import annotations

from convoy_graphql.cli.commands import main

__all__ = ["main"]
