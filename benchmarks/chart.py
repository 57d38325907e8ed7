"""The bar chart of a comparison: ``python benchmarks/chart.py RESULTS.json CHART.svg``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

OURS, THEIRS, INK = "#0b6e99", "#b8bfc6", "#5b6770"


def draw(report: dict[str, Any], path: Path) -> Path:
    """How many times the fastest peer's time each row takes; a bar beyond 1 is a row on which cypool is ahead."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    lines = [line for line in report["rows"] if line["ratio"]]
    names = [f"{line['work']}, {line['array']}" for line in lines]
    figure, axes = plt.subplots(figsize=(9, 0.27 * len(lines) + 1.2), layout="constrained")
    ratios = [line["ratio"] for line in lines]
    bars = axes.barh(names, [r - 1 for r in ratios], left=1, color=[OURS if r >= 1 else THEIRS for r in ratios])
    for bar, line in zip(bars, lines, strict=True):
        text = f" {line['ratio']:.2g}x {line['fastest']} "
        axes.text(max(line["ratio"], 1), bar.get_y() + bar.get_height() / 2, text, va="center", size=8, color=INK)
    axes.set_xscale("log")
    axes.axvline(1, color=INK, linewidth=1)
    axes.xaxis.set_major_formatter("{x:g}")
    axes.margins(y=0.01)
    axes.set_xlim(right=axes.get_xlim()[1] * 3)
    axes.invert_yaxis()
    axes.tick_params(axis="y", labelsize=8, length=0, colors=INK)
    axes.tick_params(axis="x", labelsize=8, colors=INK)
    axes.set_xlabel(
        f"time of the fastest peer over that of cypool, {report['threads']} threads, {report['processor']}",
        size=8, color=INK,
    )  # fmt: skip
    axes.spines[["top", "right", "left"]].set_visible(False)
    figure.savefig(path, transparent=True)
    plt.close(figure)
    return path


if __name__ == "__main__":
    draw(json.loads(Path(sys.argv[1]).read_text()), Path(sys.argv[2]))
