"""How plans select: the slots of a window, which cells can be tracked, and who gives which gradients."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from .lanes import CODES, METHODS
from .rows import LINES, SLOTS, Axis, reach
from .spans import Span

__all__ = ["Slots", "groups", "selecting", "shares", "slots_of"]

PLANES = 32  # from which whole planes are shared out
GROUPS = 64  # groups of windows of few planes, about
PADS = 2**21  # cells of a window that may be looked at although most of them are padding,
SHARE = 16  # and more if the pooled axes have a sixteenth as many (half of each of four may be padding)


class Slots(NamedTuple):
    """The slots of a window: how many on each pooled axis, all together, and whether windows are laid out
    one by one, since they differ or are large."""

    depths: dict[int, int]
    cells: int
    each: bool


def slots_of(spans: dict[int, Span], mirrored: bool, padded: bool) -> Slots:
    """`padded`: padded cells hold a value, and are looked at as the others are."""
    depths = {a: max(1, reach(s, mirrored)) for a, s in spans.items()}
    count = math.prod(depths.values())
    most = max(PADS, SHARE * math.prod(s.n for s in spans.values()))
    if padded and count > most:
        raise ValueError(
            f"window and padding must leave a window at most {most} cells where border='constant' and each of them is "
            f"looked at ({SHARE} times as many as x has, and {PADS} in any case), not {count}"
        )
    if count >= 2**31:
        raise MemoryError(f"window has {count} cells; a cell is selected from fewer than 2**31")
    each = count > SLOTS or any(s.starts is not None or s.longest > depths[a] for a, s in spans.items())
    return Slots(depths, count, each)


def selecting(
    pick: dict[str, Any], lane: dict[str, Any], slots: Slots, spans: dict[int, Span], merged: list[Axis],
    fields: list[dict[str, Any]], channels: int, every: bool, tile: dict[str, int],
) -> dict[str, Any]:  # fmt: skip
    """What the kernels need to know of the axes (`fields`: as they take them, `merged`: the same before); `every`:
    all cells take part, and none is mirrored.  Fills in how far cells lie apart in a gradient."""
    give = channels
    for axis in reversed(fields):
        axis["give"] = give
        give *= axis["n"]
    pooled = [axis for axis in fields if axis["index"]]
    ratios = {axis["give"] / axis["index"] for axis in pooled if axis["n"] > 1} or {1.0}
    ratio = ratios.pop()
    outer = 0
    while outer < len(fields) - 1 and fields[outer]["index"] == 0:
        outer += 1
    return {
        "cells": math.prod(axis["n"] for axis in pooled), "outer": outer, "steady": len(pooled) == len(fields) - outer,
        "factor": int(ratio) if not ratios and ratio == int(ratio) else 0, "each": slots.each,
        "tracked": _tracked(lane["have_size"], slots, spans, merged) if pick["extreme"] and every else False,
        "shared": shares(pick, lane, slots, merged[-1]) and tile["span"] <= fields[-1]["k"] * tile["outputs"],
    }  # fmt: skip


def _tracked(size: int, slots: Slots, spans: dict[int, Span], axes: list[Axis]) -> bool:
    """Whether extremes of samples of `size` bytes and their positions are found together (kernels/track.pxd)."""
    if size < 4 or any(s.starts is None and s.longest > slots.depths[a] for a, s in spans.items()):
        return False
    farthest = sum((a.reach - 1) * a.span.d * a.index for a in axes if a.span is not None)
    return math.prod(a.reach for a in axes[:-1]) <= LINES and farthest < 2 ** (8 * size - 1)


def shares(pick: dict[str, Any], lane: dict[str, Any], slots: Slots, row: Axis) -> bool:
    """Whether windows share columns that are sorted once (kernels/middles.pxd): medians of 3x3 and 5x5, stride 1."""
    if pick["method"] != METHODS.index("quantile") or pick["q"] != 0.5 or pick["indexed"] or row.span is None:
        return False
    k = row.span.k
    return (k in (3, 5) and slots.cells == k * k and not slots.each and row.span.s == 1
            and lane["want"] in (lane["have"], CODES["f8"]))  # fmt: skip


def groups(fields: list[dict[str, Any]], outer: int, whole: bool) -> dict[str, Any]:
    """Output rows that are given by one thread, the same for any number of workers; `whole`: whole planes."""
    batch = math.prod(axis["o"] for axis in fields[:outer])
    axis = fields[outer]
    planes = {"planes": 1, "windows": 0, "before": 0, "clears": True}
    reach, o = -(-((axis["k"] - 1) * axis["d"] + 1) // axis["s"]) - 1, axis["o"]
    regular = axis["starts"] is None and (axis["border"] <= 1 or not (axis["before"] or axis["after"]))
    if whole or batch >= PLANES or outer == len(fields) - 1 or not regular or not axis["index"]:
        return planes
    windows = max(1, o // GROUPS, 4 * reach)
    return planes if windows >= o else planes | {"planes": 0, "windows": windows, "before": reach}
