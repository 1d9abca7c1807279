"""Where the command line prints: as wide as the terminal, or wide enough for a table in a file."""

from __future__ import annotations

import sys

from rich.console import Console

WIDTH_IN_A_FILE = 160


def console() -> Console:
    """A console on standard output."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else WIDTH_IN_A_FILE)
