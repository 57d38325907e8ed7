"""Gradients of cypool.dask: those of NumPy arrays, to the bit where no two windows overlap or cells are picked, else
within rounding."""

import importlib.util
import pathlib

import dask
import dask.array
import numpy as np
import pytest

import cypool
import cypool.dask

_spec = importlib.util.spec_from_file_location("dask_bits", pathlib.Path(__file__).with_name("test_dask_bits.py"))
bits = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(bits)

DIFFERENT = [name for name in bits.REDUCERS if name not in ("any", "all", "count", "argmax", "argmin")]


def case(seed):
    rng, x, lazy_x, keywords, lazy = bits.case(seed)
    for given in (keywords, lazy):
        given["reduce"] = DIFFERENT[seed % len(DIFFERENT)]
        for name in ("weights", "dtype", "rounding", "ddof", "p", "mean", "alpha", "ties", "q", "method", "rng",
                     "training", "return_indices"):  # fmt: skip
            given.pop(name, None)
    more = bits.options_of(rng, keywords["reduce"], keywords["window"], keywords["axes"], "float32")
    keywords |= more
    lazy |= more
    if x.dtype.kind == "c" and keywords["reduce"] not in ("sum", "mean"):
        x = x.real
        lazy_x = lazy_x.real
    return rng, x, lazy_x, keywords, lazy


def run(seed):
    rng, x, lazy_x, keywords, lazy = case(seed)
    what = f"seed {seed}: {x.dtype} {x.shape} in {lazy_x.chunks}, {keywords}"
    geometry = {n: keywords[n] for n in ("window", "stride", "padding", "dilation", "ceil_mode", "axes")
                if n in keywords}  # fmt: skip
    try:
        shape = cypool.output_shape(x.shape, **geometry)
    except ValueError:
        shape = x.shape
    grad = bits.data(rng, shape, str(rng.choice(("float32", "float64", "int16"))))
    lazy_grad = bits.chunked(rng, grad) if rng.random() < 0.7 else grad
    forward = {k: v for k, v in keywords.items()}
    with np.errstate(all="ignore"):
        if keywords["reduce"] in bits.SELECT and rng.random() < 0.5:
            found = bits.outcome(lambda: cypool.pool(x, **forward, return_indices=True))
            if not isinstance(found, type):
                keywords["indices"] = found[1]
                lazy["indices"] = bits.chunked(rng, found[1]) if rng.random() < 0.7 else found[1]
        want = bits.outcome(lambda: cypool.pool_backward(grad, x, **keywords))

        def later():
            result = cypool.dask.pool_backward(lazy_grad, lazy_x, **lazy)
            array = result.compute()
            assert array.dtype == result.dtype and array.shape == result.shape, what
            return array

        got = bits.outcome(later)
    if isinstance(want, type) or isinstance(got, type):
        assert got is want, f"{what}: {got}, not {want}"
        return want
    compare(got, want, x, keywords, what)
    return want


def compare(got, want, x, keywords, what):
    """The same bits, but for sums over windows that overlap, which may differ by rounding (and round to integers)."""
    picks = keywords["reduce"] in (*bits.SELECT, "first", "range")
    windows = keywords["window"]
    strides = keywords.get("stride", windows)
    tiles = all(isinstance(w, int) and w <= s for w, s in zip(windows, strides, strict=True))
    if picks or (tiles and keywords["border"] in ("ignore", "constant") and "dilation" not in keywords):
        bits.check(got, want, what)
        return
    assert got.dtype == want.dtype and got.shape == want.shape, what
    unlike = (got != want) & ((got == got) | (want == want))
    if unlike.any():
        narrow = 2.0**-22 if want.dtype in (np.float16, np.float32) else 2.0**-46
        slack = 1 if want.dtype.kind == "i" else narrow * abs(want[np.isfinite(want)]).max(initial=0)
        assert (abs(got[unlike] - want[unlike]) <= slack).all(), f"{what}: {got[unlike]}, not {want[unlike]}"


@pytest.mark.parametrize("part", range(4))
def test_random(part):
    with dask.config.set(scheduler="synchronous"):
        failed = sum(isinstance(run(seed), type) for seed in range(part, 800, 4))
    assert failed < 100


@pytest.mark.parametrize("reduce", ["sum", "mean", "max", "median", "lp", "softpool", "logsumexp", "var", "std"])
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_overlapping_windows_to_the_bit(reduce, dtype):
    """The order of a sum depends on the windows, not on the chunks."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((40, 37)).astype(dtype)
    for window, stride, padding in ((3, 1, 1), (5, 1, 2), (4, 3, 1), ((12, 3), 1, 1)):
        given = {"reduce": reduce, "stride": stride, "padding": padding}
        y = cypool.pool(x, window, **given)
        g = rng.standard_normal(y.shape).astype(y.dtype)
        expected = cypool.pool_backward(g, x, window, **given)
        for chunks in (7, (11, 16), (40, 5)):
            made = cypool.dask.pool_backward(g, dask.array.from_array(x, chunks=chunks), window, **given)
            assert made.compute(scheduler="synchronous").tobytes() == expected.tobytes(), (window, chunks)
