"""Gradients of cypool.dask: those of NumPy arrays, to the bit."""

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


def run(seed, make=case):
    rng, x, lazy_x, keywords, lazy = make(seed)
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
    bits.check(got, want, what)
    return want


@pytest.mark.parametrize("part", range(4))
def test_random(part):
    with dask.config.set(scheduler="synchronous"):
        failed = sum(isinstance(run(seed), type) for seed in range(part, 800, 4))
    assert failed < 100


def test_rounding():
    with dask.config.set(scheduler="synchronous"):
        for seed in range(120):
            run(seed, bits.large)


def compared(x, window, chunks, **given):
    """Whether both gradients are the same bits."""
    y = cypool.pool(x, window, **{n: v for n, v in given.items() if n != "wrt"}, fill_value=0)
    g = np.random.default_rng(1).standard_normal(y.shape).astype(y.dtype if y.dtype.kind == "f" else "f8")
    expected = cypool.pool_backward(g, x, window, **given)
    made = cypool.dask.pool_backward(g, dask.array.from_array(x, chunks=chunks), window, **given)
    found = made.compute(scheduler="synchronous")
    assert found.shape == expected.shape and found.dtype == expected.dtype
    return found.tobytes() == expected.tobytes()


@pytest.mark.parametrize("reduce", ["sum", "mean", "max", "median", "lp", "softpool", "logsumexp", "var", "std"])
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_overlapping_windows(reduce, dtype):
    """The order of a sum depends on the windows, not on the chunks: also where a chunk has whole windows, or cells of
    an axis that are their own windows, and the array has not."""
    x = np.random.default_rng(0).standard_normal((40, 37)).astype(dtype)
    for window, stride, padding in ((3, 1, 1), (5, 1, 2), (4, 3, 1), ((12, 3), 1, 1), ((7, 1), 1, 1), ((6, 1), 2, 1)):
        for border in ("ignore", "constant"):
            for chunks in (7, (11, 16), (40, 5)):
                given = dict(reduce=reduce, stride=stride, padding=padding, border=border, ceil_mode=True)
                assert compared(x, window, chunks, **given), (window, border, chunks)


@pytest.mark.parametrize("shape,window,chunks", [((40, 600), (7,), (20, 100)), ((30, 20, 700), (2, 5), (30, 11, 90)),
                                                 ((40, 510), (7,), (11, 100))])  # fmt: skip
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_many_channels_in_chunks_of_few(shape, window, chunks, stride):
    x = np.random.default_rng(0).standard_normal(shape)
    for reduce in ("sum", "mean", "lp", "softpool"):
        axes = tuple(range(len(window)))
        assert compared(x, window, chunks, reduce=reduce, axes=axes, stride=stride), reduce


@pytest.mark.parametrize("reduce,wrt,options", [
    ("sum", "weights", {}), ("mean", "weights", {}), ("gem", "p", {"p": 2.5}), ("softpool", "alpha", {"alpha": 0.7}),
    ("softpool", "alpha", {"alpha": 0.0})])  # fmt: skip
@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "i4"])
def test_parameters(reduce, wrt, options, dtype):
    """Sums over the whole array, that are rounded once."""
    rng = np.random.default_rng(0)
    x = (10 * rng.random((40, 37)) + 1).astype(dtype)
    for window, stride, padding, border in ((3, 1, 1, "edge"), (4, 3, 0, "ignore"), ((6, 2), (5, 1), 1, "wrap")):
        sides = np.broadcast_to(window, 2)
        more = {"weights": rng.random(sides)} if wrt == "weights" else options
        for chunks in (7, (11, 16), (40, 5)):
            given = dict(reduce=reduce, wrt=wrt, stride=stride, padding=padding, border=border, **more)
            assert compared(x, window, chunks, **given), (window, chunks)
