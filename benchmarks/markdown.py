"""The table of a run for a page: ``python benchmarks/markdown.py results/RUN.json``."""

from __future__ import annotations

import json
import sys
from pathlib import Path


def lines(report: dict) -> list[str]:
    """A line for each row: milliseconds of cypool, how far it is ahead, its time in floors, the peers' times."""
    found = ["| row | work | array | cypool | ahead | floors | peers |", "|---|---|---|---|---|---|---|"]
    for row in report["rows"]:
        times = sorted((ms, name) for name, ms in row["peers"].items() if not isinstance(ms, str))
        ahead = f"{row['ratio']:.2f}" if row["ratio"] else ""
        found.append(
            f"| {row['row']}{' M' if row['memory_bound'] else ''} | {row['work']} | {row['array']} "
            f"| {row['cypool']:.3g} | {ahead if row['met'] else f'**{ahead}**'} | {row['of_floor']:.2f} "
            f"| {', '.join(f'{name} {ms:.3g}' for ms, name in times)} |"
        )
    return found


if __name__ == "__main__":
    print("\n".join(lines(json.loads(Path(sys.argv[1]).read_text()))))
