"""The words of a command line as values, and values as words.

What a value may be is said by the functions that get it; here is only how it is written.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Sequence
from typing import Any

from ..arguments import shown

__all__ = [
    "axis_names", "human", "integer", "memory", "name_and_value", "number", "numbers", "paddings", "printable",
    "real_numbers", "shape", "words",
]  # fmt: skip

UNITS = {"": 1} | {f"{p}{b}": (1024 if b == "iB" else 1000) ** i
                   for b in ("iB", "B") for i, p in enumerate(("", "k", "M", "G", "T", "P"))}  # fmt: skip
UNITS["KiB"] = UNITS.pop("kiB")


def _wrong(text: str, allowed: str) -> argparse.ArgumentTypeError:
    return argparse.ArgumentTypeError(f"must be {allowed}, not {shown(text)}")


def _integer(text: str, whole: str, allowed: str) -> int:
    if not re.fullmatch(r"[+-]?[0-9]{1,30}", text.strip()):
        raise _wrong(whole, allowed)
    return int(text)


def _listed(values: Sequence[Any]) -> Any:
    return values[0] if len(values) == 1 else tuple(values)


def integer(text: str) -> int:
    """``4``"""
    return _integer(text, text, "an integer")


def numbers(text: str) -> Any:
    """``4``, or ``2,4,4``: one for each axis."""
    allowed = "an integer, or several with commas between them"
    return _listed([_integer(part, text, allowed) for part in text.split(",")])


def paddings(text: str) -> Any:
    """``1``, ``1,0`` (one for each axis), ``0:1,2`` (before and after), ``same``."""
    allowed = 'integers with commas between them (before:after where they differ), "valid", "same" or "same_lower"'

    def one(part: str) -> Any:
        if part in ("valid", "same", "same_lower"):
            return part
        sides = tuple(_integer(side, text, allowed) for side in part.split(":"))
        if len(sides) > 2:
            raise _wrong(text, allowed)
        return sides if len(sides) == 2 else sides[0]

    found = [one(part) for part in text.split(",")]
    return found[0] if len(found) == 1 and not isinstance(found[0], tuple) else tuple(found)


def _real(text: str, whole: str, allowed: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise _wrong(whole, allowed) from None


def real_numbers(text: str) -> tuple[float, ...]:
    """``0.5`` or ``2,0.5,0.5``"""
    return tuple(_real(part, text, "a number, or several with commas between them") for part in text.split(","))


def number(text: str) -> float | int:
    """``7`` or ``0.5``"""
    return integer(text) if re.fullmatch(r"[+-]?[0-9]{1,30}", text) else _real(text, text, "a number")


def axis_names(text: str) -> str:
    """``zyx`` or ``z,y,x``"""
    return text.replace(",", "")


def words(text: str) -> Any:
    """``a``, or ``a,b``: one for each axis; a place that is left empty is None."""
    return _listed([word.strip() or None for word in text.split(",")])


def compression(text: str) -> Any:
    """``zstd``, or ``zstd:5``: a name and its level."""
    name, colon, level = text.partition(":")
    return (name, _integer(level, text, "a name, or name:level, as zstd:5")) if colon else name


def memory(text: str) -> int:
    """``1GiB``, ``500MB``, ``1000000``: bytes."""
    found = re.fullmatch(r"([0-9]{1,18}(?:\.[0-9]{1,18})?) ?([A-Za-z]*)", text)
    if not found or found[2] not in UNITS:
        raise _wrong(text, "a number of bytes such as 1000000, 256MiB, 1.5GiB or 2GB")
    return int(float(found[1]) * UNITS[found[2]])


def name_and_value(text: str) -> tuple[str, Any]:
    """``q=0.9``, ``ties=first``, ``mean=true``, ``weights=[[1,2],[2,4]]``"""
    name, equals, value = text.partition("=")
    if not equals or not name.isidentifier():
        raise _wrong(text, "name=value")
    if value.lower() in ("true", "false", "none"):
        return name, {"true": True, "false": False, "none": None}[value.lower()]
    if value.startswith("["):
        try:
            return name, json.loads(value)
        except (ValueError, RecursionError):
            raise _wrong(text, f"name=value, and {shown(value)} is no list") from None
    try:
        return name, number(value)
    except argparse.ArgumentTypeError:
        return name, value


def human(size: float) -> str:
    """Bytes in the unit that fits: ``4.5 MiB``."""
    unit = "B"
    for unit in ("B", "KiB", "MiB", "GiB", "TiB", "PiB"):
        if size < 1023.95 or unit == "PiB":
            break
        size /= 1024
    return f"{size:.0f} B" if unit == "B" else f"{size:.1f} {unit}"


def shape(sizes: Sequence[int] | None) -> str:
    """``2 x 64 x 64``"""
    return "-" if sizes is None else " x ".join(map(str, sizes))


def printable(text: str) -> str:
    """Text on one line that every terminal takes: what cannot be printed is escaped, bytes that are no UTF-8 too."""

    def one(c: str) -> str:
        if c.isprintable():
            return c
        return f"\\x{ord(c) - 0xDC00:02x}" if "\udc80" <= c <= "\udcff" else c.encode("unicode_escape").decode()

    return "".join(map(one, " ".join(re.split(r"\s*\n\s*", text.strip()))))
