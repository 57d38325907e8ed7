"""Draws the pictures of the guide: docs/images/windows.svg, borders.svg and merge_slide.svg.

    python docs/drawings.py [folder]

Where windows lie, what borders hold and what windows give is asked of cypool, not written down here.
"""

from __future__ import annotations

import sys
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, Rectangle

import cypool
from cypool import Windows

mpl.use("Agg")
mpl.rcParams.update({"svg.hashsalt": "cypool", "font.family": "DejaVu Sans", "font.size": 11})
INK, QUIET, EDGE, CELL, PAD, MARK = "#1d2433", "#6b7280", "#8d99ae", "#e8edf5", "#ffffff", "#d9480f"
TONES = ("#cfe3ff", "#d7f0d2", "#fff0c2", "#ffd9c7", "#e6d8f5")


def canvas(width: float, height: float, x: tuple[float, float], y: tuple[float, float]) -> Axes:
    """Axes without a frame that count downwards, on white."""
    figure = Figure(figsize=(width, height), facecolor="white")
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=x, ylim=(y[1], y[0]))
    axes.axis("off")
    return axes


def cell(
    axes: Axes, x: float, y: float, text: str = "", fill: str = CELL, dashed: bool = False, size: float = 1
) -> None:
    style = {"linestyle": (0, (2, 2))} if dashed else {}
    axes.add_patch(Rectangle((x, y), 1, size, facecolor=fill, edgecolor=EDGE, linewidth=1, **style))
    axes.text(x + 0.5, y + size / 2, text, ha="center", va="center", color=QUIET if dashed else INK)


def bar(axes: Axes, start: float, stop: float, y: float, color: str = MARK, height: float = 0.2) -> None:
    """A window: a rounded bar under its cells."""
    box = FancyBboxPatch(
        (start + 0.12, y), stop - start - 0.24, height, boxstyle="round,pad=0,rounding_size=0.08", color=color
    )
    axes.add_patch(box)


def windows(folder: Path) -> None:
    """One strip of eight cells for each kind of Windows, a bar for each window."""
    n = 8
    rows = [
        ("pool(x, 2)", Windows.sliding(2), 0),
        ("pool(x, 3, stride=2)", Windows.sliding(3, 2), 0),
        ("pool(x, 3, stride=2, padding=1)", Windows.sliding(3, 2, 1), 1),
        ("... , ceil_mode=True)", Windows.sliding(3, 2, 1, ceil_mode=True), 1),
        ("pool(x, 3, stride=1, dilation=3)", Windows.sliding(3, 1, dilation=3), 0),
        ("Windows.sliding(3, shift=True)", Windows.sliding(3, shift=True), 0),
        ("Windows.adaptive(3)", Windows.adaptive(3), 0),
        ("Windows.fractional(8, 5, rng=1)", Windows.fractional(n, 5, rng=1), 0),
        ("Windows.explicit([0, 1, 6], [6, 3, 8], 8)", Windows.explicit([0, 1, 6], [6, 3, 8], n), 0),
        ("Windows.whole()", Windows.whole(), 0),
    ]
    heights = [1.0 + 0.3 * (1 + max(lanes(w, n, i == 4))) for i, (_, w, _) in enumerate(rows)]
    axes = canvas(8.6, 9.4, (-9.2, 10.2), (-0.5, sum(heights) + 0.5 * len(rows)))
    y = 0.0
    for i, ((label, w, padding), height) in enumerate(zip(rows, heights, strict=True)):
        starts, stops = w.bounds(n)
        axes.text(-9.0, y + 0.3, label, va="center", color=INK, family="DejaVu Sans Mono", fontsize=10)
        count = w.length(n)
        axes.text(-9.0, y + 0.85, f"{count} {'window' if count == 1 else 'windows'}", va="center", color=QUIET,
                  fontsize=10)  # fmt: skip
        for j in range(-padding, n + padding):
            cell(axes, j, y, "" if j < 0 or j >= n else str(j), PAD if j < 0 or j >= n else CELL, j < 0 or j >= n, 0.8)
        for k, lane in enumerate(lanes(w, n, i == 4)):
            top = y + 0.9 + 0.3 * lane
            if i == 4:
                axes.plot([k + 0.5, k + 6.5], [top + 0.1] * 2, color=MARK, linewidth=1)
                for j in (k, k + 3, k + 6):
                    bar(axes, j, j + 1, top)
            else:  # a window that padding cuts reaches into it, but not beyond
                first, last = int(starts[k]), int(stops[k])
                bar(axes, first - padding * (first == 0), min(last + padding * (last == n), 2 * k + 2) if padding else
                    last, top)  # fmt: skip
        y += height + 0.5
    save(axes, folder / "windows.svg")


def lanes(w: Windows, n: int, dilated: bool) -> list[int]:
    """Windows that overlap go below each other."""
    starts, stops = w.bounds(n)
    if dilated:
        return list(range(len(starts)))
    ends: list[int] = []
    found = []
    for start, stop in zip(starts, stops, strict=True):
        lane = next((i for i, end in enumerate(ends) if end <= start), len(ends))
        ends[lane : lane + 1] = [int(stop)]
        found.append(lane)
    return found


def borders(folder: Path) -> None:
    """What cells outside hold, for each border; then the last block of block_reduce for each boundary."""
    n, pad = 5, 3
    axes = canvas(8.6, 6.6, (-8.6, 10.8), (-1.3, 14.1))
    axes.text(-8.4, -0.8, "border= of pool, padding=3", color=INK, weight="bold")
    rows = (("ignore", "take no part"), ("constant", "hold border_value"), ("edge", ""), ("reflect", ""),
            ("symmetric", ""), ("wrap", ""))  # fmt: skip
    for i, (border, note) in enumerate(rows):
        y = 1.25 * i
        axes.text(-8.4, y + 0.5, f'"{border}"', va="center", color=INK, family="DejaVu Sans Mono", fontsize=10)
        axes.text(-4.9, y + 0.5, note, va="center", color=QUIET, fontsize=9)
        source = np.arange(n)
        if border not in ("ignore", "constant"):  # a window of one cell at stride 1 shows what lies there
            source = cypool.pool(source, 1, "max", stride=1, padding=pad, border=border)
            letters = ["abcde"[j] for j in source]
        else:
            letters = [("", "v")[border == "constant"]] * pad + list("abcde") + [("", "v")[border == "constant"]] * pad
        for j, letter in enumerate(letters):
            inside = pad <= j < pad + n
            fill = TONES["abcde".index(letter)] if letter in list("abcde") else PAD
            cell(axes, j - 0.4, y, letter, fill, not inside)
        axes.add_patch(Rectangle((pad - 0.4, y), n, 1, fill=False, edgecolor=INK, linewidth=1.8))
    top = 8.6
    axes.text(-8.4, top - 0.1, "boundary= of block_reduce, blocks of 2, mean", color=INK, weight="bold")
    x = np.array([2.0, 4.0, 6.0, 8.0, 9.0])
    for i, boundary in enumerate(("pad", "partial", "trim", "exact")):
        y = top + 0.6 + 1.25 * i
        axes.text(-8.4, y + 0.5, f'"{boundary}"', va="center", color=INK, family="DejaVu Sans Mono", fontsize=10)
        for j in range(n):
            gone = boundary == "trim" and j == n - 1
            cell(axes, j - 4.4, y, f"{x[j]:g}", PAD if gone else TONES[j // 2], gone)
        if boundary == "pad":
            cell(axes, n - 4.4, y, "0", TONES[2], True)
        try:
            result = "   ".join(f"{v:g}" for v in cypool.block_reduce(x, 2, "mean", boundary=boundary))
        except ValueError:
            result = "ValueError"
        axes.annotate("", (3.3, y + 0.5), (2.1, y + 0.5), arrowprops={"arrowstyle": "->", "color": QUIET})
        axes.text(3.7, y + 0.5, result, va="center", color=MARK if boundary == "exact" else INK)
    save(axes, folder / "borders.svg")


def merge_slide(folder: Path) -> None:
    """Three rows become one; neighbours in it become windows."""
    rng = np.random.default_rng(3)
    x = rng.integers(0, 10, (3, 8))
    merged = x.max(axis=0)
    y = cypool.pool(x, 3, stride=2)[0]
    assert np.array_equal(y, cypool.pool(merged, 3, stride=2))
    axes = canvas(8.6, 4.6, (-2.6, 16.8), (-1.0, 9.4))
    for i in range(3):
        axes.text(-0.4, i + 0.5, f"row {i}", ha="right", va="center", color=QUIET)
        for j in range(8):
            cell(axes, j, i, str(x[i, j]), TONES[i])
    axes.text(4, -0.5, "8 neighbours at a time", ha="center", va="center", color=QUIET, fontsize=9)
    axes.annotate("", (4, 4.6), (4, 3.2), arrowprops={"arrowstyle": "-|>", "color": MARK, "lw": 2})
    axes.text(8.6, 1.5, "merge", va="center", color=MARK, weight="bold")
    axes.text(8.6, 2.3, "rows of a window, above each\nother, become one row", va="top", color=INK, fontsize=10)
    for j in range(8):
        cell(axes, j, 4.8, str(merged[j]), TONES[4])
    axes.text(8.6, 5.3, "slide", va="center", color=MARK, weight="bold")
    axes.text(8.6, 6.1, "neighbours become windows:\nwindow 3, stride 2", va="top", color=INK, fontsize=10)
    for k in range(len(y)):
        bar(axes, 2 * k, 2 * k + 3, 6.0 + 0.35 * (k % 2))
        axes.plot([2 * k + 1.5] * 2, [6.3 + 0.35 * (k % 2), 7.6], color=QUIET, linewidth=0.8, zorder=0)
        cell(axes, 2 * k + 1, 7.7, str(y[k]), CELL)
    axes.text(-0.4, 8.2, "result", ha="right", va="center", color=QUIET)
    save(axes, folder / "merge_slide.svg")


def save(axes: Axes, path: Path) -> None:
    axes.figure.savefig(path, facecolor="white", metadata={"Date": None})


if __name__ == "__main__":
    images = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent / "images"
    for draw in (windows, borders, merge_slide):
        draw(images)
