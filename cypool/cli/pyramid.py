"""``cypool pyramid``: a volume in, an OME-Zarr image of several levels out."""

from __future__ import annotations

import argparse
import math
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .errors import Failure, Misuse
from .files import opened
from .progress import on_terminal, progress
from .values import human, printable, shape

__all__ = ["pyramid"]


def pyramid(options: argparse.Namespace, say: Callable[[str], None]) -> None:
    """Runs the command; `say` prints a line on standard output."""
    if options.labels and options.reduce not in (None, "mean", "mode"):  # there is no mean of labels
        raise Misuse(f"--labels means --reduce mode, the most frequent label; not --reduce {options.reduce}")
    check_target(options.source, options.target)
    from ..zarr import write_pyramid

    given = {
        "factor": options.factor, "levels": options.levels, "axes": options.axes, "channel_axis": options.channel_axis,
        "chunks": options.chunks, "shards": options.shards, "compression": options.compression, "scale": options.scale,
        "units": options.units, "name": options.name, "workers": options.workers, "memory": options.memory,
    }  # fmt: skip
    keywords = {name: value for name, value in given.items() if value is not None}
    keywords |= {
        "reduce": "mode" if options.labels else options.reduce or "mean",
        "overwrite": options.overwrite,
        "resume": options.resume,
    }
    with opened(options.source, options.dataset) as source, _in_words_of_the_command():
        if options.dry_run:
            for line in table(write_pyramid(source, options.target, dry_run=True, **keywords), options.source):
                say(line)
            return
        with progress(options.source, options.quiet) as report:
            plan = write_pyramid(source, options.target, progress=report, **keywords)
    if on_terminal(options.quiet):
        total = human(sum(level.nbytes for level in plan.levels))
        options.tell(f"{printable(options.target)}: levels 0 to {len(plan.levels) - 1}, {total} before compression")


@contextmanager
def _in_words_of_the_command() -> Iterator[None]:
    """What a message says of keywords, said of options."""
    try:
        yield
    except FileExistsError as error:
        raise Failure(str(error).replace("overwrite=True", "--overwrite")) from error


def check_target(source: str, target: str) -> None:
    """Misuse where the target is the source, or lies inside of it, or around it."""
    one, other = (Path(os.path.realpath(path)) for path in (source, target))
    if one.is_relative_to(other) or other.is_relative_to(one):
        raise Misuse(f"{printable(target)} is the source, or one lies in the other: the pyramid needs another place")


def table(plan: Any, source: str) -> list[str]:
    """The levels of a plan, one on a line, below what each column is."""
    levels = plan.levels
    total = sum(level.nbytes for level in levels)
    rows = [("level", "shape", "chunks", "shards", "files", "size")]
    for level in levels:
        pieces = level.shards or level.chunks
        files = math.prod(-(-n // piece) for n, piece in zip(level.shape, pieces, strict=True))
        rows.append((level.path, shape(level.shape), shape(level.chunks), shape(level.shards), f"{files:,}",
                     human(level.nbytes)))  # fmt: skip
    rows.append(("total", "", "", "", "", human(total)))
    return [f"{printable(source)}: {shape(levels[0].shape)} {plan.dtype}, {human(levels[0].nbytes)}", *aligned(rows),
            f"{total:,} bytes before compression; nothing was written"]  # fmt: skip


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Columns as wide as their longest entry; the last two, numbers, end at the right.  Empty columns are left out."""
    columns = [column for column in zip(*rows, strict=True) if any(entry not in ("", "-") for entry in column[1:])]
    widths = [max(map(len, column)) for column in columns]
    numbers = len(columns) - 2
    return [
        "  ".join(entry.rjust(width) if i >= numbers else entry.ljust(width)
                  for i, (entry, width) in enumerate(zip(row, widths, strict=True)))
        for row in zip(*columns, strict=True)
    ]  # fmt: skip
