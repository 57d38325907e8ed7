"""The command line: ``cypool reduce``, ``pyramid``, ``info`` and ``completion``; or ``python -m cypool``.

Each command imports what it needs when it runs: ``cypool info`` needs NumPy only.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import threading
import traceback
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

from ..dispatch import show_config
from .errors import Terminated, extra, report
from .parser import make_parser
from .values import printable

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command; the exit code."""
    debug, goes_on = False, False
    try:
        try:
            options = make_parser().parse_args(arguments)  # ends with 2 where that goes wrong
            debug, options.tell = options.debug, _tell
            goes_on = options.command == "pyramid" and options.resume and not options.dry_run
            with _signals(), _one_line_warnings(debug):
                _run(options)
        finally:
            if sys.stdout is not None:
                sys.stdout.flush()
    except KeyboardInterrupt:
        _tell(f"cypool: interrupted{'; the same command goes on from here' if goes_on else ''}")
        return 130
    except Terminated:
        return 143
    except BrokenPipeError:
        _drop_output()
        return 141
    except Exception as error:
        if debug:
            traceback.print_exc()
        text, code = report(error)
        _tell(f"cypool: error: {text}")
        _drop_output()
        return code
    return 0


def _run(options: argparse.Namespace) -> None:
    if options.command == "info":
        show_config()
    elif options.command == "completion":
        with extra("shtab", "cypool completion"):
            import shtab
        print(shtab.complete(make_parser(shtab.FILE), options.shell))
    elif options.command == "reduce":
        from .reduce import reduce

        reduce(options, print)
    else:
        from .pyramid import pyramid

        pyramid(options, print)


def _tell(text: str) -> None:
    """A line on standard error, if there is one."""
    if sys.stderr is not None:
        with suppress(OSError):  # nobody can be told then
            print(text, file=sys.stderr, flush=True)


def _drop_output() -> None:
    """What standard output holds and cannot take goes nowhere: Python would try again at exit, and complain."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except (OSError, ValueError):
        with suppress(OSError, ValueError):  # a stream without a file has none to change
            place, nowhere = sys.stdout.fileno(), os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, place)
            os.close(nowhere)


@contextmanager
def _signals() -> Iterator[None]:
    """SIGTERM and SIGHUP end the command as Ctrl-C does: nothing is left half-written."""

    def end(number: int, frame: FrameType | None) -> None:
        raise Terminated

    before: dict[int, Any] = {}
    if threading.current_thread() is threading.main_thread():
        for name in ("SIGTERM", "SIGHUP"):
            number = getattr(signal, name, None)
            if number is not None and signal.getsignal(number) is signal.SIG_DFL:  # nohup stays what it is
                before[number] = signal.signal(number, end)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _one_line_warnings(debug: bool) -> Iterator[None]:
    """Warnings of libraries, each once and on one line, if the command comes to its end; with --debug as they are."""
    if debug:
        yield
        return
    said: dict[str, None] = {}

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said[printable(record.getMessage())] = None

    handler = Keep(logging.WARNING)
    with warnings.catch_warnings():
        warnings.showwarning = lambda message, *_, **__: said.update({printable(str(message)): None})
        logging.getLogger().addHandler(handler)
        try:
            yield
        finally:
            logging.getLogger().removeHandler(handler)
    for text in said:
        _tell(f"cypool: warning: {text}")
