"""Arrays that end, or begin, where memory may not be touched: one cell too far ends the process.

python tests/guards.py DTYPE N...: every reducer on rows of so many cells, forward, with indices, and back.
"""

import ctypes
import mmap
import sys

import arrays
import numpy as np

import cypool

PAGE = mmap.PAGESIZE
LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.mmap.restype = ctypes.c_void_p
LIBC.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
LIBC.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
INDEXED = ("max", "min", "mode", "stochastic")


class Ground:
    """Pages between two that may not be touched, for one array at a time."""

    def __init__(self, size):
        self.size = -(-size // PAGE) * PAGE
        flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
        start = LIBC.mmap(None, self.size + 2 * PAGE, 0, flags, -1, 0)
        assert start not in (None, ctypes.c_void_p(-1).value), "no memory"
        assert LIBC.mprotect(start + PAGE, self.size, mmap.PROT_READ | mmap.PROT_WRITE) == 0
        self.memory = np.frombuffer((ctypes.c_char * self.size).from_address(start + PAGE), np.uint8)

    def array(self, shape, dtype, at_end):
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        part = self.memory[self.size - size :] if at_end else self.memory[:size]
        return part.view(dtype).reshape(shape)

    def copy(self, x, at_end):
        placed = self.array(x.shape, x.dtype, at_end)
        placed[...] = x
        return placed


def calls(n, turn, name):
    """(shape, arguments of `pool`) of rows of n cells; `turn` varies what goes with them."""
    size = min(n, 1 + (n + turn) % 5)
    border = ("ignore", "edge", "constant")[turn % 3]
    more = {"padding": 1, "border": border, "stride": 1 + turn % 2} if turn % 4 == 1 and size > 1 else {}
    yield (1, n), {"window": (1, size), **more} | ({"padding": (0, 1)} if more else {})
    yield (3, n), {"window": (min(3, 1 + n % 4), size), "stride": (1, 1 + turn % 3), "ceil_mode": turn % 2 == 0}
    yield (n, 3), {"window": size, "axes": 0, **more}
    yield (n,), {"window": cypool.Windows.adaptive(1 + turn % n)}
    if name in ("max", "min", "mean"):  # down the columns (kernels/slides.h)
        yield (17, n), {"window": (3 + n % 9, min(n, 2 + n % 15)), "stride": 1, "padding": (n % 2, 0)}


def both_ways(grounds, values, at_end, call, name):
    """One reducer forward, with indices, and back, on guarded arrays alone; the number of calls."""
    x, mask = grounds["x"].copy(values, at_end), np.arange(values.size).reshape(values.shape) % 5 > 0
    if name in ("argmax", "argmin") and call.get("border") == "constant":
        return 0  # padded cells have no position
    call = call | {"reduce": name, "fill_value": 0} | ({"rng": 0} if name == "stochastic" else {})
    for more in ({}, {"where": grounds["where"].copy(mask, at_end)}):  # without a mask memory is read as it lies
        call |= more
        expected = cypool.pool(values, **call)
        out = grounds["out"].array(expected.shape, expected.dtype, at_end)
        assert cypool.pool(x, out=out, **call).tobytes() == expected.tobytes(), (name, values.shape, call)
    if name not in cypool.rules.RULES:
        return 2
    g = grounds["grad"].copy(np.ones(expected.shape), at_end)
    kind = values.dtype if values.dtype.kind in "fc" else np.dtype(float)
    cypool.pool_backward(g, x, out=grounds["back"].array(values.shape, kind, at_end), **call)
    if name not in INDEXED or call.get("border") == "constant":
        return 3
    del call["where"]
    picked, index = cypool.pool(values, return_indices=True, **call)
    index = grounds["index"].copy(index, at_end)
    cypool.pool_backward(g, x, indices=index, out=grounds["back"].array(values.shape, kind, at_end), **call)
    axes = call.get("axes", range(values.ndim))
    sizes = [values.shape[a] for a in np.atleast_1d(axes)]
    out = grounds["back"].array(values.shape, values.dtype, at_end)
    cypool.unpool(grounds["out"].copy(picked, at_end), index, sizes, axes=axes, out=out)
    return 5


def sweep(dtype, lengths):
    """Every reducer on rows of these lengths, each array flush with a page on either side; the number of calls."""
    grounds = {name: Ground(1 << 21) for name in ("x", "where", "out", "grad", "back", "index")}
    names = [n for n in cypool.reducers.TABLE if np.dtype(dtype).kind != "c" or n in ("sum", "mean")]
    called = 0
    for n in lengths:
        for turn, name in enumerate(names, n):
            for shape, call in calls(n, turn, name):
                values = arrays.finite(dtype, shape, n, calm=True)
                for at_end in (False, True):
                    called += both_ways(grounds, values, at_end, call, name)
    return called


if __name__ == "__main__":
    print(sweep(sys.argv[1], map(int, sys.argv[2:])), "calls on level", cypool.dispatch.level)
