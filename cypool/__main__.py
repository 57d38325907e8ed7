"""The command line: ``python -m cypool info``, or ``cypool info``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from .dispatch import show_config
from .kernels.machine import VERSION


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command; the exit code."""
    parser = argparse.ArgumentParser("cypool", description="Pooling of arrays on the CPU.")
    parser.add_argument("--version", action="version", version=f"cypool {VERSION}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    commands.add_parser("info", help="print what was built and what runs here; a bug report should hold it")
    parser.parse_args(arguments)  # ends with 2 where that goes wrong
    show_config()
    return 0


if __name__ == "__main__":
    sys.exit(main())
