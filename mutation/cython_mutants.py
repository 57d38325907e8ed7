"""Mutants of Cython: one operator, constant or call of a statement at a time, all in one source.

The smallest bracket or side of an assignment that holds the operator becomes `(mutated if mutated(17) else original)`.
What is settled at compile time stays: types and casts, structs, enums, declarations, tests for a fused type.
"""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Callable
from dataclasses import dataclass, field
from keyword import iskeyword

from mutants import COMPARISONS, NAMES, OPERATORS, Mutant, next_constant

IMPORT = "from .mutants cimport mutated\n"
BLOCKS = re.compile(r"(cdef\s+(enum|struct|union|extern|packed)|ctypedef)\b.*:$", re.S)
LEFT_ALONE = {"from", "import", "cimport", "include", "ctypedef", "@", "def", "cpdef", "class", "raise", "global",
              "with", "pass", "else", "try", "finally", "except", "break", "continue"}  # fmt: skip
CLOSING = {"(": ")", "[": "]", "{": "}"}
AUGMENTED = {"+=": "-=", "-=": "+=", "*=": "+=", "|=": "&=", "&=": "|=", "<<=": ">>=", ">>=": "<<=", "//=": "*="}
WORDS = {"and", "or", "not", "if", "else", "in", "is", "return", "while", "elif", "for"}


@dataclass
class Token:
    text: str
    before: str  # what stands between the last token and this one
    kind: int
    place: tuple[int, int]


@dataclass
class Group:
    """A bracket and what is in it, or a cast or sizeof, of which nothing changes."""

    opening: Token
    items: list[Token | Group] = field(default_factory=list)
    closing: Token | None = None
    fixed: bool = False


Item = Token | Group


def is_value(item: Item | None) -> bool:
    """An operator behind it has two sides."""
    if isinstance(item, Group):
        return not item.fixed or item.opening.text == "sizeof"
    return item is not None and (
        item.kind == tokenize.NUMBER or (item.kind == tokenize.NAME and not iskeyword(item.text))
    )


def plain(items: list[Item]) -> str:
    """The source as it is."""
    parts = []
    for item in items:
        if isinstance(item, Group):
            parts += [item.opening.before, item.opening.text, plain(item.items)]
            parts += [item.closing.before, item.closing.text] if item.closing else []
        else:
            parts += [item.before, item.text]
    return "".join(parts)


def nested(tokens: list[Token]) -> list[Item]:
    """Tokens with brackets as groups."""
    stack: list[Group] = [Group(Token("", "", 0, (0, 0)))]
    i = 0
    while i < len(tokens):
        token = tokens[i]
        here = stack[-1].items
        if token.text == "<" and not is_value(here[-1] if here else None):  # a cast
            end = next(j for j in range(i, len(tokens)) if tokens[j].text == ">")
            here.append(Group(token, list(tokens[i + 1 : end + 1]), None, True))
            i = end
        elif token.text == "sizeof":
            end = next(j for j in range(i, len(tokens)) if tokens[j].text == ")")
            here.append(Group(token, list(tokens[i + 1 : end + 1]), None, True))
            i = end
        elif token.text in CLOSING:
            stack.append(Group(token))
        elif token.text in CLOSING.values():
            group = stack.pop()
            group.closing = token
            stack[-1].items.append(group)
        else:
            here.append(token)
        i += 1
    return stack[0].items


def split(items: list[Item], *separators: str) -> list[list[Item]]:
    """The items between separators; these are kept, each in a list of its own."""
    parts: list[list[Item]] = [[]]
    for item in items:
        if isinstance(item, Token) and item.text in separators:
            parts += [[item], []]
        else:
            parts[-1].append(item)
    return parts


class Source:
    """One file: its mutants, and its text with those that are chosen."""

    def __init__(self, name: str, text: str, mutants: list[Mutant], chosen: Callable[[Mutant], bool]):
        self.name, self.mutants, self.chosen = name, mutants, chosen
        self.line = 0  # where the statement begins
        self.lines = text.splitlines()
        self.out: list[str] = []
        self.origin: list[int] = []  # the line of the source that each line of the text comes from
        self.skipping, self.imported = False, name.endswith(".pxi")
        self.deep = -1
        statement: list[Token] = []
        last = (1, 0)
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type in (tokenize.INDENT, tokenize.DEDENT):
                continue
            before = self.between(last, token.start)
            last = token.end
            if token.type in (tokenize.COMMENT, tokenize.NL):
                if statement:  # inside brackets: a comment goes with what follows
                    before += token.string
                    statement.append(Token("", before, tokenize.NL, token.start))
                else:
                    self.emit(before + token.string, token.start[0])
            elif token.type == tokenize.NEWLINE:
                behind = ""
                while statement[-1].kind == tokenize.NL:  # a comment behind it
                    behind = statement.pop().before + behind
                self.statement(statement)
                self.emit(behind + "\n", token.start[0])
                statement = []
            elif token.type != tokenize.ENDMARKER:
                statement.append(Token(token.string, before, token.type, token.start))

    def between(self, start: tuple[int, int], end: tuple[int, int]) -> str:
        if start[0] == end[0]:
            return self.lines[start[0] - 1][start[1] : end[1]] if start[0] <= len(self.lines) else ""
        return self.lines[end[0] - 1][: end[1]] if end[0] <= len(self.lines) else ""

    def emit(self, text: str, line: int) -> None:
        self.out.append(text)
        self.origin += [line] * text.count("\n")

    @property
    def text(self) -> str:
        return "".join(self.out)

    # Statements

    def statement(self, tokens: list[Token]) -> None:
        first, line = tokens[0], tokens[0].place[0]
        indent = first.place[1]
        self.line = line
        whole = plain(list(tokens))
        docstring = first.kind == tokenize.STRING
        if not self.imported and not docstring:
            self.emit(IMPORT, line)
            self.imported = True
        if self.skipping and indent > self.deep:
            return self.emit(whole, line)
        self.skipping = bool(BLOCKS.match(whole.strip()))
        self.deep = indent
        last = tokens[-1].text
        header = last == ":" and first.text in ("cdef", "cpdef")
        if docstring or header or first.text in LEFT_ALONE:
            return self.emit(whole, line)
        parts = split(nested(tokens), ";")
        if len(parts) == 1 and (text := self.whole(nested(tokens), " " * indent)) is not None:
            return self.emit(text, line)
        self.emit("".join(part[0].before + ";" if part and isinstance(part[0], Token) and part[0].text == ";"
                          else self.simple(part) for part in parts), line)  # fmt: skip

    def whole(self, items: list[Item], indent: str) -> str | None:
        """A call that may be left out, and an assignment with another operator; None: neither."""
        place = first_place(items)
        names = [i.text for i in items if isinstance(i, Token)]
        if isinstance(items[-1], Group) and items[-1].opening.text == "(" and not WORDS & set(names) and (
            "=" not in names and names[0] != "cdef" and not AUGMENTED.keys() & set(names)
        ):  # fmt: skip
            i = self.add(place, plain(items), "left out")
            text = self.simple(items).strip()
            return f"{indent}if not mutated({i}): {text}" if i else f"{indent}{text}"
        for j, item in enumerate(items):
            if isinstance(item, Token) and item.text in AUGMENTED and not any(
                isinstance(k, Token) and k.text in ("=", ",") for k in items
            ):  # fmt: skip
                other = AUGMENTED[item.text]
                changed = plain([*items[:j], swapped(item, other), *items[j + 1 :]]).strip()
                i = self.add(item.place, plain(items), changed)
                text = self.simple(items).strip()
                return f"{indent}if mutated({i}): {changed}\n{indent}else: {text}" if i else f"{indent}{text}"
        return None

    def simple(self, items: list[Item]) -> str:
        """One statement: its values, conditions and indices, each on its own."""
        if not items:
            return ""
        first = items[0]
        word = first.text if isinstance(first, Token) else ""
        ends = isinstance(items[-1], Token) and items[-1].text == ":"
        if word in ("if", "elif", "while") and ends:
            return first.before + word + self.region(items[1:-1]) + plain(items[-1:])
        if word == "for" and ends:
            bounds = items[-2]
            over = self.loop(bounds) if isinstance(bounds, Group) else plain([bounds])
            return plain(items[:-2]) + over + plain(items[-1:])
        if word == "return":
            return first.before + word + self.pieces(items[1:])
        out = ""
        for part in split(items, ","):
            sides = split(part, "=", *AUGMENTED)
            for k, side in enumerate(sides):
                valued = k == len(sides) - 1 and (len(sides) > 1 or (self.assigned and word != "cdef"))
                out += self.region(side) if valued else plain(side) if word == "cdef" else self.inside(side)
            self.assigned = len(sides) > 1 or (self.assigned and part != [])
        self.assigned = False
        return out

    assigned = False  # commas follow an "="

    def loop(self, group: Group) -> str:
        """The bounds of range and prange; the step and keywords stay as they are."""
        parts = split(group.items, ",")
        keyword = [any(isinstance(i, Token) and i.text == "=" for i in part) for part in parts]
        out = "".join(self.region(part) if k < 4 and not keyword[k] else plain(part) for k, part in enumerate(parts))
        return group.opening.before + group.opening.text + out + plain([group.closing])

    # Expressions

    def pieces(self, items: list[Item]) -> str:
        return "".join(self.region(part) for part in split(items, ",", ":"))

    def inside(self, items: list[Item]) -> str:
        """The items, with mutants in their brackets."""
        out = ""
        for item in items:
            if isinstance(item, Group) and not item.fixed and item.closing:
                out += item.opening.before + item.opening.text + self.arguments(item.items)
                out += item.closing.before + item.closing.text
            else:
                out += plain([item])
        return out

    def arguments(self, items: list[Item]) -> str:
        out = ""
        for part in split(items, ",", ":"):
            sides = split(part, "=")
            out += self.region(part) if len(sides) == 1 else "".join(map(plain, sides[:-1])) + self.region(sides[-1])
        return out

    def region(self, items: list[Item]) -> str:
        """One expression, with a mutant for each operator outside of its brackets."""
        words = {i.text for i in items if isinstance(i, Token)}
        if not items or words & {"is", "lambda", "for", ",", ":", "="}:
            return plain(items)
        changed = []
        previous: Item | None = None
        for j, item in enumerate(items):
            if isinstance(item, Token):
                for text in changes(item, previous):
                    new = plain([*items[:j], swapped(item, text), *items[j + 1 :]])
                    if i := self.add(item.place, plain(items), new):
                        changed.append((i, new.strip()))
            if isinstance(item, Group) or item.kind != tokenize.NL:
                previous = item
        text = self.inside(items)
        if not changed:
            return text
        bare = text.lstrip(" ")
        space = text[: len(text) - len(bare)]
        if words & {"and", "or"} and "if" not in words:  # each part may be of another type
            alive = " or ".join(f"mutated({i})" for i, _ in changed)
            some = "".join(f"mutated({i}) and ({new}) or " for i, new in changed)
            return f"{space}({some}not ({alive}) and ({bare}))"
        return space + "(" + "".join(f"({new}) if mutated({i}) else " for i, new in changed) + f"({bare}))"

    def add(self, place: tuple[int, int], original: str, new: str) -> int:
        """The number of the mutant if it is chosen, else 0."""
        text = self.lines[place[0] - 1].strip()
        mutant = Mutant(len(self.mutants) + 1, f"kernels/{self.name}", self.line, text, flat(original), flat(new))
        self.mutants.append(mutant)
        return mutant.number if self.chosen(mutant) else 0


def flat(text: str) -> str:
    return " ".join(re.sub("#.*", "", text).split())


def first_place(items: list[Item]) -> tuple[int, int]:
    return items[0].opening.place if isinstance(items[0], Group) else items[0].place


def swapped(token: Token, text: str) -> Token:
    return Token(text, token.before, token.kind, token.place)


def changes(token: Token, previous: Item | None) -> list[str]:
    """What may stand in a token's place."""
    if token.kind == tokenize.NUMBER:
        return [next_constant(token.text)]
    if token.text == "not":
        return [""]
    if token.text in NAMES and not (isinstance(previous, Token) and previous.text == "."):
        return [NAMES[token.text]]
    if is_value(previous):
        return [*COMPARISONS.get(token.text, ()), *OPERATORS.get(token.text, ())]
    return []
