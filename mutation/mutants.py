"""What a mutant is, and what stands for what: the same for Cython and for Python."""

from __future__ import annotations

from dataclasses import dataclass

COMPARISONS = {"<": ["<=", ">="], "<=": ["<", ">"], ">": [">=", "<="], ">=": [">", "<"], "==": ["!="], "!=": ["=="]}
OPERATORS = {"+": ["-"], "-": ["+"], "*": ["+"], "/": ["*"], "//": ["*"], "%": ["+"], "<<": [">>"], ">>": ["<<"],
             "&": ["|"], "|": ["&"], "^": ["&"], "**": ["*"]}  # fmt: skip
NAMES = {"and": "or", "or": "and", "min": "max", "max": "min", "True": "False", "False": "True"}


@dataclass(frozen=True)
class Mutant:
    number: int
    file: str  # below cypool/
    line: int
    text: str  # of the line, without its indentation
    original: str
    mutated: str

    @property
    def key(self) -> tuple[str, str, str, str]:
        """The same as long as the line is: not the number of the line."""
        return self.file, self.text, self.original, self.mutated


def next_constant(text: str) -> str:
    """A number that is one more."""
    value = float(text) if any(c in text.lower() for c in ".e") and "x" not in text.lower() else int(text, 0)
    return f"{value + 1 if value + 1 != value else value / 2!r}"
