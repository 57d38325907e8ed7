"""The bar of a terminal: how much is done, how fast, and how long it will take.  Drawn by rich, if that is there."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from .values import human, printable

__all__ = ["on_terminal", "progress"]

Report = Callable[[int, int], None]
WIDE = 72  # columns from which on everything is shown


def on_terminal(quiet: bool) -> bool:
    """Whether someone looks at standard error, and wants to be told."""
    return not quiet and sys.stderr is not None and sys.stderr.isatty()


def _nothing(done: int, total: int) -> None:
    """Where nobody looks."""


@contextmanager
def progress(name: str, quiet: bool) -> Iterator[Report]:
    """A function that is to be told the bytes that are done, and all there are."""
    bar = _bar(printable(name)) if on_terminal(quiet) else None
    if bar is None:
        yield _nothing
        return
    with bar:
        task = bar.tasks[0].id

        def report(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        yield report


def _bar(name: str) -> Any:
    """The bar, not yet drawn; None without rich."""
    try:
        from rich import console, text
        from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
        from rich.table import Column
    except ModuleNotFoundError:
        return None

    class Numbers(ProgressColumn):
        """A few numbers of a task, as text that is never broken."""

        def __init__(self, write: Callable[[Task], str], style: str):
            super().__init__(Column(no_wrap=True, justify="right"))
            self.write, self.style = write, style

        def render(self, task: Task) -> text.Text:
            return text.Text(self.write(task), style=self.style)

    def amount(task: Task) -> str:
        return f"{human(task.completed)} / {'?' if task.total is None else human(task.total)}"

    def rate(task: Task) -> str:
        speed = task.finished_speed or task.speed
        return "? MiB/s" if speed is None else f"{human(speed)}/s"

    screen = console.Console(stderr=True)
    columns: list[ProgressColumn] = [
        BarColumn(bar_width=None if screen.width < WIDE else min(40, screen.width // 4)),
        Numbers(lambda task: f"{int(task.percentage)}%", "progress.percentage"),
    ]
    if screen.width >= WIDE:
        longest = max(8, screen.width // 4)
        short = name if len(name) <= longest else f"{name[: longest - 3]}..."
        label = TextColumn("{task.description}", markup=False, table_column=Column(no_wrap=True))
        columns = [label, *columns, Numbers(amount, "progress.download")]
        name = short
    columns += [
        Numbers(rate, "progress.data.speed"),
        TimeRemainingColumn(compact=True, elapsed_when_finished=True, table_column=Column(no_wrap=True)),
    ]
    bar = Progress(*columns, console=screen, refresh_per_second=8, speed_estimate_period=10)
    bar.add_task(name, total=None)
    return bar
