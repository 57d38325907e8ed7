"""The same bits for any number of workers, any CPU level, and any place in a batch."""

from functools import lru_cache

import arrays
import numpy as np
import pytest
from compared import bits
from threadpoolctl import threadpool_limits

import cypool
from cypool import Windows, dispatch

NAMES = arrays.NAMES
SLOW = ("lp", "gem", "logsumexp", "softpool")  # a power or an exponential for each cell
CASES = arrays.cases(NAMES)
WORKERS = (1, 2, 3, 8)
rough = lru_cache(20)(arrays.rough)  # one array for all reducers


@pytest.fixture(autouse=True)
def many_threads():
    """Really as many threads as workers, on any machine."""
    with threadpool_limits(max(WORKERS)):
        yield


def shapes(name):
    """Arrays that are really parallel, and longer than any tile, with a call for each."""
    some = 4 if name in SLOW else 1
    return {
        "rows of 5000": ((24 // some, 5000), dict(window=(3, 3), stride=2, padding=1)),
        "tall": ((20000 // some, 7), dict(window=(4, 2), stride=(2, 1))),
        "long": ((300_000 // some,), dict(window=5, stride=2)),
        "long windows": ((300_000 // some,), dict(window=700, stride=351)),
        "small planes": ((1200 // some, 7, 7), dict(window=(2, 2))),
        "global": ((700 // some, 7, 7), dict(window=(Windows.whole(), Windows.whole()))),
        "one plane": ((300 // some, 1001), dict(window=(Windows.whole(), Windows.whole()))),
        "channels last": ((60, 40 // some, 41, 9), dict(window=(2, 2), axes=(1, 2))),
        "channels last, apart": ((40, 40 // some, 41, 8), dict(window=(2, 2), axes=(1, 2), stride=(1, 3), dilation=2)),
        "long, channels last": ((40, 400 // some, 9), dict(window=(2, 11), axes=(0, 1), stride=(2, 9))),
        "blocks": ((6, 40, 30 // some, 60), dict(window=(2, 2, 2), axes=(1, 2, 3))),
        "columns": ((40, 600 // some, 9), dict(window=(3, 5), axes=(0, 1), stride=1)),
        "adaptive": ((30, 2003 // some), dict(window=(Windows.adaptive(7), Windows.adaptive(100)))),
    }  # fmt: skip


@pytest.mark.parametrize("dtype,name", CASES)
def test_workers_and_levels(dtype, name):
    for label, (shape, call) in shapes(name).items():
        x = rough(dtype, shape, 5, 1e-4)
        results = {}
        for level in dispatch.levels():
            with dispatch._use(level):
                for n in WORKERS if level == list(dispatch.levels())[-1] else (1, 3):
                    results[level, n] = cypool.pool(x, reduce=name, workers=n, **call)
        (first, want), *rest = results.items()
        for key, got in rest:
            assert bits(got) == bits(want), (
                f"{name} {dtype} {label} {shape} {call}: {key} and {first} differ at "
                f"{np.argwhere((got != want) & ((got == got) | (want == want)))[:3].tolist()}"
            )


@pytest.mark.parametrize("dtype,name", CASES)
def test_levels_on_nasty_values(dtype, name):
    """Every length, so that vectors, their tails and the special values meet."""
    levels = dispatch.levels()
    assert "base" in levels
    for n in range(1, 41):
        x = arrays.nasty(dtype, (3, n), n)
        for call in (dict(window=(1, 2), stride=1, padding=(0, 1)), dict(window=(2, 3), stride=(1, 2), padding=1)):
            got = []
            for level in levels:
                with dispatch._use(level):
                    got.append(cypool.pool(x, reduce=name, fill_value=1, **call))
            # The sign of a zero is not fixed where a window holds both.
            assert len({bits(y + y.dtype.type(0)) for y in got}) == 1, (name, call, arrays.show(x), got)


@pytest.mark.parametrize("dtype,name", CASES)
def test_any_place_in_a_batch(dtype, name):
    """x[i] alone, in a batch, and as one of the channels that lie side by side."""
    for shape, call in (
        ((40, 9, 33), dict(window=(3, 4), stride=2, padding=1)),
        ((70, 7, 7), dict(window=(7, 7))),
        ((3, 50, 130), dict(window=(50, 130))),
        ((13, 5, 300), dict(window=(2, 20), stride=(1, 3))),
    ):
        x = rough(dtype, shape, 6, 1e-4)
        got = cypool.pool(x, reduce=name, **call)
        shifted = cypool.pool(x[1:], reduce=name, **call)
        assert bits(shifted) == bits(got[1:]), (name, dtype, shape, call)
        for i in range(0, len(x), 6):
            assert bits(cypool.pool(x[i], reduce=name, **call)) == bits(got[i]), (name, dtype, shape, call, i)
            assert bits(cypool.pool(x[i : i + 1].copy(), reduce=name, **call)) == bits(got[i : i + 1])


@pytest.mark.parametrize("dtype,name", CASES)
def test_any_chunking(dtype, name):
    """A piece with whole windows gives that piece of the result."""
    for shape, k, s in (((64, 500), (3, 5), (2, 3)), ((64, 500), (2, 16), (2, 16)), ((20, 2400), (5, 300), (1, 100))):
        x = rough(dtype, shape, 7, 1e-4)
        whole = cypool.pool(x, k, name, stride=s)
        for top, left, high, broad in ((0, 0, 5, 7), (3, 1, 6, 6), (1, 2, 2, 11)):
            rows, columns = slice(top, top + high), slice(left, left + broad)
            piece = x[top * s[0] : (top + high - 1) * s[0] + k[0], left * s[1] : (left + broad - 1) * s[1] + k[1]]
            want = np.ascontiguousarray(whole[rows, columns])
            for chunk in (piece, piece.copy()):
                got = cypool.pool(chunk, k, name, stride=s)
                assert bits(got) == bits(want), (name, dtype, shape, k, s, (top, left))


@pytest.mark.parametrize("name", ["max", "sum", "mean", "var", "first", "lp"])
def test_masked_and_skipping_calls_too(name):
    rng = np.random.default_rng(8)
    for dtype in ("uint8", "int64", "float16", "float32", "float64"):
        for shape, call in (
            ((24, 5000), dict(window=(3, 4), stride=2, padding=1)),
            ((100_000,), dict(window=900, stride=400)),
        ):
            x = rough(dtype, shape, 9, 0.2)
            where = rng.random(shape) < 0.7
            got = {
                bits(cypool.pool(x, reduce=name, where=where, nan_policy="omit", fill_value=1, workers=n, **call))
                for n in WORKERS
            }
            assert len(got) == 1, (name, dtype, shape)


def test_workers_of_every_kind_give_the_same():
    x = arrays.rough("float32", (300, 2000))
    want = bits(cypool.pool(x, 3, "mean", workers=1))
    for n in (None, -1, 2, np.int64(4), 2**31):
        assert bits(cypool.pool(x, 3, "mean", workers=n)) == want
    with cypool.workers(2):
        assert cypool.get_workers() == 2
        assert bits(cypool.pool(x, 3, "mean")) == want
