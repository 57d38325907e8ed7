"""Mutants of Python: one operator, constant, condition or statement of a function at a time, all in one source.

An expression becomes `mutated if __mutated__(17) else original`, a statement a branch of that kind.  Texts (messages,
docstrings, f-strings), annotations, defaults, decorators and what a `raise` says stay, and what a module or a class
does when it is imported.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable
from typing import Any

from mutants import NAMES, Mutant

IMPORT = "from cypool_mutants import mutated as __mutated__"
BINARY: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult, ast.Mod: ast.Add,
    ast.LShift: ast.RShift, ast.RShift: ast.LShift, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd, ast.Pow: ast.Mult,
}  # fmt: skip
COMPARED: dict[type[ast.cmpop], list[type[ast.cmpop]]] = {
    ast.Lt: [ast.LtE, ast.GtE], ast.LtE: [ast.Lt, ast.Gt], ast.Gt: [ast.GtE, ast.LtE], ast.GtE: [ast.Gt, ast.Lt],
    ast.Eq: [ast.NotEq], ast.NotEq: [ast.Eq], ast.Is: [ast.IsNot], ast.IsNot: [ast.Is], ast.In: [ast.NotIn],
    ast.NotIn: [ast.In],
}  # fmt: skip


class Source(ast.NodeTransformer):
    """One module: its mutants, and its tree with those that are chosen."""

    def __init__(self, name: str, text: str, mutants: list[Mutant], chosen: Callable[[Mutant], bool]):
        self.name, self.mutants, self.chosen = name, mutants, chosen
        self.lines = text.splitlines()
        self.depth = 0
        tree = self.visit(ast.parse(text))
        future = [i for i, s in enumerate(tree.body) if isinstance(s, ast.ImportFrom) and s.module == "__future__"]
        start = future[0] + 1 if future else 1  # else behind the docstring
        tree.body[start:start] = ast.parse(IMPORT).body
        self.text = ast.unparse(ast.fix_missing_locations(tree)) + "\n"

    def add(self, node: ast.AST, original: ast.AST | str, new: ast.AST | str) -> int:
        """The number of the mutant if it is chosen, else 0."""
        before, after = (part if isinstance(part, str) else ast.unparse(part) for part in (original, new))
        line = node.lineno  # type: ignore[attr-defined]
        mutant = Mutant(len(self.mutants) + 1, self.name, line, self.lines[line - 1].strip(), before, after)
        self.mutants.append(mutant)
        return mutant.number if self.chosen(mutant) else 0

    def either(self, node: ast.expr, others: list[ast.expr]) -> ast.expr:
        """The node (its parts mutated too) or one of the others."""
        numbers = [self.add(node, node, other) for other in others]
        result: ast.expr = self.generic_visit(node)  # type: ignore[assignment]
        for number, other in zip(numbers, others, strict=True):
            if number:
                result = ast.IfExp(call(number), other, result)
        return result

    # What stays

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        self.depth += 1
        node.body = [s for old in node.body for s in self.statements(old)]
        self.depth -= 1
        return node

    def statements(self, node: ast.stmt) -> list[ast.stmt]:
        got: Any = self.visit(node)
        return got if isinstance(got, list) else [got]

    def stays(self, node: Any) -> Any:
        return node

    visit_JoinedStr = visit_Raise = visit_Import = visit_ImportFrom = visit_Global = visit_Lambda = stays

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        if self.depth and node.value is not None:
            node.value = self.visit(node.value)
        return node

    def visit(self, node: ast.AST) -> Any:
        if not self.depth and isinstance(node, ast.expr):
            return node
        return super().visit(node)

    # Expressions

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        texts = (ast.JoinedStr,)
        if isinstance(node.left, texts) or isinstance(node.right, texts) or type(node.op) not in BINARY:
            return node
        other = copy.deepcopy(node)
        other.op = BINARY[type(node.op)]()
        return self.either(node, [other])

    def visit_Compare(self, node: ast.Compare) -> ast.expr:
        others: list[ast.expr] = []
        for i, op in enumerate(node.ops):
            for kind in COMPARED[type(op)]:
                other = copy.deepcopy(node)
                other.ops[i] = kind()
                others.append(other)
        return self.either(node, others)

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.expr:
        other = copy.deepcopy(node)
        other.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        return self.either(node, [other])

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.expr:
        return self.either(node, [copy.deepcopy(node.operand)] if isinstance(node.op, (ast.Not, ast.USub)) else [])

    def visit_IfExp(self, node: ast.IfExp) -> ast.expr:
        other = copy.deepcopy(node)
        other.body, other.orelse = other.orelse, other.body
        return self.either(node, [other])

    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        value = node.value
        if isinstance(value, bool):
            return self.either(node, [ast.Constant(not value)])
        if isinstance(value, (int, float)):
            return self.either(node, [ast.Constant(value + 1)])
        return node

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if node.id in NAMES and isinstance(node.ctx, ast.Load):
            return self.either(node, [ast.Name(NAMES[node.id], ast.Load())])
        return node

    # Statements

    def visit_Expr(self, node: ast.Expr) -> Any:
        if not isinstance(node.value, ast.Call):
            return node
        number = self.add(node, node, "left out")
        text = self.generic_visit(node)
        return [ast.If(ast.UnaryOp(ast.Not(), call(number)), [text], [])] if number else text

    def visit_AugAssign(self, node: ast.AugAssign) -> Any:
        if type(node.op) not in BINARY:
            return self.generic_visit(node)
        other = copy.deepcopy(node)
        other.op = BINARY[type(node.op)]()
        number = self.add(node, node, other)
        text = self.generic_visit(node)
        return [ast.If(call(number), [other], [text])] if number else text

    def visit_If(self, node: ast.If) -> Any:
        """A condition that is no comparison, nor made of parts, is turned round."""
        if isinstance(node.test, (ast.Compare, ast.BoolOp, ast.UnaryOp)):
            return self.generic_visit(node)
        before = copy.deepcopy(node.test)
        number = self.add(node, before, ast.UnaryOp(ast.Not(), before))
        self.generic_visit(node)
        if number:
            node.test = ast.IfExp(call(number), ast.UnaryOp(ast.Not(), before), node.test)
        return node


def call(number: int) -> ast.expr:
    return ast.Call(ast.Name("__mutated__", ast.Load()), [ast.Constant(number)], [])
