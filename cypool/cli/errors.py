"""How a command ends.

0: fine.  1: the work failed.  2: wrong usage or values.  130: Ctrl-C.  141: nobody reads the output.  143: ended.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from .values import printable

__all__ = ["Failure", "Misuse", "Terminated", "extra", "report"]


class Failure(Exception):
    """The work cannot be done; a message for the user."""

    code = 1


class Misuse(Failure):
    """The command asks for what there is not."""

    code = 2


class Terminated(BaseException):
    """SIGTERM or SIGHUP, which clean up as Ctrl-C does."""


@contextmanager
def extra(library: str, what: str) -> Iterator[None]:
    """Around an import: which extra holds a library that is missing."""
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != library:
            raise
        raise ImportError(f"{what} needs {library}, which is not installed: pip install 'cypool[cli]'") from error


def report(error: Exception) -> tuple[str, int]:
    """An error as one line, and the exit code."""
    if isinstance(error, Failure):
        return printable(str(error)), error.code
    if isinstance(error, OSError) and error.strerror:
        names = [name for name in (error.filename, error.filename2) if name is not None]
        places = " -> ".join(name.decode("utf-8", "surrogateescape") if isinstance(name, bytes) else str(name)
                             for name in names)  # fmt: skip
        return printable(f"{places}: {error.strerror}" if places else error.strerror), 1
    text = printable(str(error)) or type(error).__name__
    if isinstance(error, MemoryError):
        return f"not enough memory: {text}" if str(error) else "not enough memory", 1
    if isinstance(error, (OSError, ImportError)):
        return text, 1
    if isinstance(error, (TypeError, ValueError)):
        return text, 2
    return f"{type(error).__name__}: {text} (--debug shows where)", 1
