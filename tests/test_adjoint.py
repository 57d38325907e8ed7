"""The outline of an axis, which decides the order of sums, is that of its windows."""

import itertools

import numpy as np
import pytest

from cypool.adjoint import _adjoint, _kind, _outline
from cypool.spans import Span


def check(span):
    kind = _kind(span, mirrored=False)
    if kind:
        made, outline = _adjoint(span, kind), _outline(span, kind)
        for name in ("n", "o", "tiles", "untouched", "inside", "longest", "copies"):
            assert getattr(outline, name) == getattr(made, name), (name, span, kind)
    return kind


def test_of_strided_windows():
    sizes = itertools.product(range(1, 14), range(1, 8), range(1, 6), range(1, 4), range(4), range(3))
    kinds = set()
    for n, k, s, d, before, after in sizes:
        most = (n + before + after - d * (k - 1) - 1) // s + 1
        for o in {most, most + 1} - {0}:  # one that reaches beyond the padding
            if o > 0 and (o - 1) * s - before < n:
                kinds.add(check(Span(n, o, k, s, d, before, after)))
    assert kinds == {"", "copies", "slide", "stuffed", "table"}


@pytest.mark.parametrize("seed", range(200))
def test_of_tables(seed):
    rng = np.random.default_rng(seed)
    n, o = int(rng.integers(1, 20)), int(rng.integers(1, 9))
    starts, stops = (np.sort(rng.integers(low, n + low, o)) for low in (0, 1))
    check(Span(n, o, 1, 1, 1, 0, 0, starts, np.maximum(starts, stops)))
