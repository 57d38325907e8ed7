"""Dask arrays: what is lazy, what is refused and when, what results say of themselves, and schedulers."""

import contextlib
import doctest
import importlib
import os
import pathlib
import pickle
import signal
import subprocess
import sys
import time
import warnings

import dask
import dask.array as da
import numpy as np
import pytest

import cypool
import cypool.dask

X = np.random.default_rng(0).random((18, 20)).astype(np.float32)
PART = da.from_array(X, chunks=(7, 6))


class Unread:
    """An array that cannot be read."""

    shape, dtype, ndim = (18, 20), np.dtype(np.float32), 2

    def __getitem__(self, key):
        raise AssertionError("something was read")


# ---- arrays that are not for cypool.pool ------------------------------------------------------------------


@pytest.mark.parametrize("call", [
    lambda x: cypool.pool(x, 2),
    lambda x: cypool.pool(X, 2, where=x > 0),
    lambda x: cypool.pool(X, 2, "sum", weights=x),
    lambda x: cypool.pool_backward(X[::2, ::2], x, 2),
    lambda x: cypool.pool_backward(x, X, 1),
    lambda x: cypool.unpool(x, X.astype(int), (18, 20)),
    lambda x: cypool.unpool(X, x.astype(int), (18, 20)),
    lambda x: cypool.block_reduce(x, 2),
    lambda x: cypool.block_replicate(x, 2),
    lambda x: cypool.downscale_local_mean(x, 2),
    lambda x: cypool.adaptive_pool(x, 3),
    lambda x: cypool.fractional_pool(x, 3, rng=0),
    lambda x: cypool.global_pool(x),
    lambda x: cypool.nn.max_pool2d(x[None, None], 2),
    lambda x: cypool.nn.avg_pool2d(x[None, None], 2),
    lambda x: cypool.nn.adaptive_avg_pool2d(x[None, None], 2),
    lambda x: cypool.layers.MaxPooling2D()(x[None, ..., None]),
])  # fmt: skip
def test_elsewhere_dask_arrays_are_refused(call):
    source = da.from_array(Unread(), chunks=6, meta=np.empty((0, 0), np.float32))
    with pytest.raises(TypeError, match=r"cypool\.dask\.pool"):
        call(source)


def test_without_dask():
    """The package never imports dask by itself."""
    code = "import sys, cypool, cypool.nn, cypool.layers; cypool.pool([1, 2], 2); sys.exit('dask' in sys.modules)"
    subprocess.run([sys.executable, "-P", "-c", code], check=True)


def test_examples():
    """Those of the docstrings, and of the page of the guide."""
    assert not doctest.testmod(cypool.dask).failed
    page = pathlib.Path(__file__).parents[2] / "docs" / "guide" / "dask.md"
    result = doctest.testfile(str(page), module_relative=False, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert result.attempted and not result.failed
    reference = page.parents[1] / "api" / "dask.rst"
    assert set(cypool.dask.__all__) <= {line.strip() for line in reference.read_text().splitlines()}


# ---- lazy -------------------------------------------------------------------------------------------------


def test_nothing_is_read():
    x = da.from_array(Unread(), chunks=(7, 6), meta=np.empty((0, 0), np.float32))
    y, i = cypool.dask.pool(x, 3, stride=1, padding=1, border="wrap", return_indices=True)
    made = [
        y, i, cypool.dask.pool(x, 20, "argmax", where=x > 0, padding=1, stride=2),
        cypool.dask.block_reduce(x, 3, "mean"), cypool.dask.unpool(y, i, x.shape),
        cypool.dask.pool_backward(y, x, 3, "var", stride=1, padding=1),
        cypool.dask.pool_backward(y, x, 3, stride=1, padding=1, indices=i), *cypool.dask.pyramid(x)[1:],
        cypool.dask.pool(x, 4, lambda a, axis: a.sum(axis)),
    ]  # fmt: skip
    for array in made:
        assert isinstance(array, da.Array)
        with pytest.raises(AssertionError, match="read"):
            array.compute(scheduler="synchronous")
    # the gradient of a mean reads no cells
    assert cypool.dask.pool_backward(np.ones((9, 10)), x, 2, "mean").sum().compute() == 90


@pytest.mark.parametrize("reduce", ["max", "mean", "sum", "any", "count", "argmin", "median", "lp"])
@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int64, np.float16, ">f4"])
def test_results_know_what_they_are(reduce, dtype):
    x = da.from_array(X.astype(dtype), chunks=(7, 6))
    y = cypool.dask.pool(x, 3, reduce)
    want = cypool.pool(X.astype(dtype), 3, reduce)
    assert y.dtype == want.dtype and y.shape == want.shape and type(y._meta) is np.ndarray
    assert y.chunks == ((3, 2, 1), (2, 2, 2))
    for block in y.to_delayed().ravel():
        assert block.compute().dtype == want.dtype
    if dtype is np.float16:
        return  # joining masked float16 chunks is a warning of NumPy's: their fill_value does not fit
    masked = cypool.dask.pool(da.ma.masked_less(x, 1), 3, reduce)
    assert type(masked._meta) is np.ma.MaskedArray and type(masked.compute()) is np.ma.MaskedArray


def test_chunks():
    y = cypool.dask.pool(da.ones((100, 90), chunks=(40, 30)), 2)
    assert y.chunks == ((20, 20, 10), (15, 15, 15))
    y = cypool.dask.pool(da.ones((100, 90, 3), chunks=(40, 30, 1)), (5, 5), stride=2, padding=2, axes=(0, 1))
    assert y.shape == (50, 45, 3) and y.chunks[2] == (3,) and len(y.chunks[0]) <= 3
    assert cypool.dask.pool(da.ones((600, 600), chunks=100), (2,)).chunks == ((100,) * 6, (50,) * 6)
    grad = cypool.dask.pool_backward(da.ones((50, 45), chunks=9), da.ones((100, 90), chunks=(40, 30)), 2)
    assert grad.chunks == ((40, 40, 20), (30, 30, 30))
    levels = cypool.dask.pyramid(da.ones((512, 512), chunks=64))
    assert [y.shape[0] for y in levels] == [512, 256, 128, 64, 32, 16, 8, 4, 2, 1]
    assert [len(y.chunks[0]) for y in levels] == [8, 4, 2, 1, 1, 1, 1, 1, 1, 1]


def test_names_depend_on_arguments():
    names = {cypool.dask.pool(PART, 2, **given).name for given in (
        {}, {"reduce": "min"}, {"stride": 1}, {"padding": 1}, {"padding": 1, "border": "edge"}, {"workers": 2},
        {"where": X > 0}, {"fill_value": 0}, {"axes": 0})}  # fmt: skip
    assert len(names) == 9
    assert cypool.dask.pool(PART, 2).name == cypool.dask.pool(PART, 2).name
    drawn = [cypool.dask.pool(PART, 2, "stochastic", rng=rng) for rng in (1, 1, 2, None, None)]
    assert drawn[0].name == drawn[1].name and len({y.name for y in drawn}) == 4


def test_draws():
    """A generator is used once, when the array is made; then each computation draws the same."""
    mine, theirs = np.random.default_rng(5), np.random.default_rng(5)
    y = cypool.dask.pool(PART, 3, "stochastic", rng=mine)
    want = cypool.pool(X, 3, "stochastic", rng=theirs)
    assert mine.random() == theirs.random()
    assert np.array_equal(y.compute(), want) and np.array_equal(y.compute(), want)
    y = cypool.dask.pool(PART, 3, "stochastic")
    assert np.array_equal(y.compute(), y.compute())


def test_partial_results_stay_small():
    """A maximum of a long axis is made chunk by chunk."""
    x = da.ones((4096, 64), chunks=(16, 64), dtype="u1")
    for reduce in ("max", "mean", "argmax", "first", "prod"):
        y = cypool.dask.pool(x, cypool.Windows.whole(), reduce, axes=0)
        most = max(len(dependencies) for dependencies in y.__dask_graph__().get_all_dependencies().values())
        assert most <= 8
        assert np.array_equal(y.compute(), cypool.pool(np.ones((4096, 64), "u1"), 4096, reduce, axes=0))


# ---- errors ------------------------------------------------------------------------------------------------

BAD = [
    {"window": 0}, {"window": 2.0}, {"window": None}, {"window": (2, 2, 2)}, {"window": 40}, {"stride": 0},
    {"stride": (1, 2, 3)}, {"padding": -1}, {"padding": "half"}, {"dilation": 0}, {"ceil_mode": 1}, {"axes": (0, 0)},
    {"axes": 2}, {"axes": ()}, {"border": "mirror"}, {"border": "reflect", "padding": 18}, {"border": None},
    {"border": "constant", "border_value": "a"}, {"border": "constant", "border_value": 1e300, "padding": 1},
    {"where": X}, {"where": X[:, :5] > 0}, {"where": PART}, {"nan_policy": "skip"}, {"min_count": -1},
    {"min_count": 1.5}, {"fill_value": "a"}, {"return_indices": 1}, {"reduce": "mean", "return_indices": True},
    {"reduce": "median", "dtype": "u1"}, {"dtype": "no such"}, {"dtype": "M8[s]"}, {"workers": 0}, {"workers": 1.5},
    {"reduce": "middle"}, {"reduce": 3}, {"reduce": "quantile", "q": 2}, {"reduce": "max", "q": 0.5},
    {"reduce": "sum", "weights": np.ones(3)}, {"reduce": "lp", "p": -1}, {"reduce": "stochastic", "rng": 1.5},
    {"reduce": "argmax", "border": "constant"}, {"reduce": np.linalg.norm, "where": X > 0}, {"stride": 2**62},
    {"reduce": np.linalg.norm, "return_indices": True},
    {"window": cypool.Windows.adaptive(3), "stride": 2}, {"window": cypool.Windows.explicit([0], [3], 5)},
    {"window": cypool.Windows.explicit([[0]] * 3, [[3]] * 3, 18), "axes": 0},
    {"reduce": lambda a, axis: a.sum(axis), "nan_policy": "omit"}, {"reduce": "mode", "ignore": 1e300},
]  # fmt: skip


@pytest.mark.parametrize("given", BAD, ids=lambda given: "-".join(given))
def test_arguments_are_refused_at_once(given):
    given = {"window": 2, **given}
    with pytest.raises((TypeError, ValueError, MemoryError)) as theirs:
        cypool.pool(X, **{k: np.asarray(v) if isinstance(v, da.Array) else v for k, v in given.items()})
    x = da.from_array(Unread(), chunks=(7, 6), meta=np.empty((0, 0), np.float32))
    with pytest.raises(theirs.type) as ours:
        cypool.dask.pool(x, **given)
    assert str(ours.value) == str(theirs.value)


@pytest.mark.parametrize("given", [
    {"grad": X}, {"grad": X[:9, :10] > 0, "reduce": "any"}, {"grad": X[:9, :10].astype("c8")},
    {"indices": X[:9, :10]}, {"indices": np.zeros((9, 11), int)}, {"wrt": "y"}, {"wrt": "weights"},
    {"reduce": "mean", "indices": np.zeros((9, 10), int)}, {"reduce": "stochastic"},
    {"reduce": "sum", "wrt": "weights"}, {"fill_value": "a"}, {"reduce": np.linalg.norm}, {"workers": -3},
    {"axes": 5}, {"where": X},
])  # fmt: skip
def test_arguments_of_gradients_are_refused_at_once(given):
    given = {"grad": X[:9, :10], "window": 2, **given}
    with pytest.raises((TypeError, ValueError)) as theirs:
        cypool.pool_backward(x=X, **given)
    x = da.from_array(Unread(), chunks=(7, 6), meta=np.empty((0, 0), np.float32))
    with pytest.raises(theirs.type) as ours:
        cypool.dask.pool_backward(x=x, **given)
    assert str(ours.value) == str(theirs.value)


@pytest.mark.parametrize("reduce", ["sum", "mean"])
def test_complex_cells_give_weights_no_gradient(reduce):
    """That is refused at once, in the words of `cypool.pool_backward`."""
    given = {"window": 2, "reduce": reduce, "weights": np.ones((2, 2)), "wrt": "weights"}
    with pytest.raises(TypeError, match=r"x of complex64 has a gradient .* with respect to x") as theirs:
        cypool.pool_backward(X[:9, :10], X.astype("c8"), **given)
    with pytest.raises(TypeError) as ours:
        cypool.dask.pool_backward(X[:9, :10], PART.astype("c8"), **given)
    assert str(ours.value) == str(theirs.value)


@pytest.mark.parametrize("given", [
    {"shape": 5}, {"shape": (18, 0)}, {"shape": (18, 2.0)}, {"shape": (18, 20, 3)}, {"axes": 3}, {"axes": (0,)},
    {"indices": X}, {"indices": np.zeros((3, 3), int)}, {"workers": 0},
])  # fmt: skip
def test_arguments_of_unpool_are_refused_at_once(given):
    given = {"indices": np.zeros(X.shape, int), "shape": (36, 40), **given}
    x = da.from_array(Unread(), chunks=(7, 6), meta=np.empty((0, 0), np.float32))
    if given["shape"] == 5:
        given["indices"] = given["indices"][:3]
    with pytest.raises((TypeError, ValueError)) as theirs:
        cypool.unpool(X, **given)
    with pytest.raises(theirs.type) as ours:
        cypool.dask.unpool(x, **given)
    assert str(ours.value) == str(theirs.value)


@pytest.mark.parametrize("given", [
    {"block_size": 0}, {"block_size": (2, 2, 2)}, {"func": "middle"}, {"func": 3}, {"cval": "a"},
    {"cval": 1j, "block_size": 7},
    {"func_kwargs": 3}, {"boundary": "wrap"}, {"boundary": "exact", "block_size": 7}, {"channel_axis": 2},
    {"boundary": "trim", "block_size": 30}, {"dtype": "no such"}, {"workers": 0}, {"func": "argmax", "block_size": 7},
])  # fmt: skip
def test_arguments_of_block_reduce_are_refused_at_once(given):
    x = da.from_array(Unread(), chunks=(7, 6), meta=np.empty((0, 0), np.float32))
    with pytest.raises((TypeError, ValueError)) as theirs:
        cypool.block_reduce(X, **given)
    with pytest.raises(theirs.type) as ours:
        cypool.dask.block_reduce(x, **given)
    assert str(ours.value) == str(theirs.value)


def test_arrays_that_are_refused():
    unknown = PART[PART[:, 0] > 0.5]
    objects = da.from_array(np.array([1, "a"], object), chunks=1)
    for x, error, text in ((X, TypeError, "dask array"), ([1, 2], TypeError, "dask array"),
                           (unknown, ValueError, "length"), (objects, TypeError, "object"),
                           (PART.astype("M8[s]"), TypeError, "datetime")):  # fmt: skip
        for call in (lambda x: cypool.dask.pool(x, 1), lambda x: cypool.dask.pyramid(x),
                     lambda x: cypool.dask.block_reduce(x, 1), lambda x: cypool.dask.pool_backward([1.0], x, 1),
                     lambda x: cypool.dask.unpool(x, [0], 5)):  # fmt: skip
            with pytest.raises(error, match=text):
                call(x)
    with pytest.raises(ValueError, match="dimension"):
        cypool.dask.pool(da.from_array(np.float64(3), chunks=()), 1)
    for call in (lambda: cypool.dask.pool(PART, 2, out=PART), lambda: cypool.dask.block_reduce(PART, 2, out=PART),
                 lambda: cypool.dask.unpool(PART, X.astype(int), (18, 20), out=PART),
                 lambda: cypool.dask.pool_backward(X, PART, 1, out=X)):  # fmt: skip
        with pytest.raises(TypeError, match="out must be None"):
            call()


def test_chunks_that_are_no_numpy_arrays_are_refused():
    """Also those of other arguments than the first."""

    class Duck:
        shape, dtype, ndim = (18, 20), np.dtype(np.float32), 2

        def __getitem__(self, key):
            return self

    duck = da.from_array(Duck(), chunks=(7, 6))
    assert type(duck._meta) is Duck
    for name, call in (("x", lambda: cypool.dask.pool(duck, 2)), ("x", lambda: cypool.dask.pyramid(duck)),
                       ("image", lambda: cypool.dask.block_reduce(duck, 2)),
                       ("where", lambda: cypool.dask.pool(PART, 2, where=duck)),
                       ("grad", lambda: cypool.dask.pool_backward(duck, PART, 1)),
                       ("values", lambda: cypool.dask.unpool(duck, X.astype(int), (18, 20))),
                       ("indices", lambda: cypool.dask.unpool(PART, duck, (18, 20)))):  # fmt: skip
        with pytest.raises(TypeError, match=rf"{name} must be a dask array of NumPy arrays, not of Duck"):
            call()


def test_what_depends_on_cells_is_an_error_later():
    x = X.copy()
    x[11, 13] = np.nan
    y = cypool.dask.pool(da.from_array(x, chunks=(7, 6)), 2, nan_policy="raise")
    with pytest.raises(ValueError, match=r"window \(5, 6\)"):
        y.compute()
    where = np.ones(X.shape, bool)
    where[16:, 4:6] = False
    for reduce in ("max", "argmin"):
        y = cypool.dask.pool(PART.astype(int), 2, reduce, where=where)
        with pytest.raises(ValueError, match=r"window \(8, 2\) is empty"):
            y.compute()
    where[:, 4:6] = False
    y = cypool.dask.pool(PART.astype(int), (18, 2), where=where)  # of several chunks
    with pytest.raises(ValueError, match=r"window \(0, 2\) is empty"):
        y.compute()
    for bad, error in ((-1, IndexError), (360, IndexError), (5, ValueError)):
        indices = cypool.pool(X, 2, return_indices=True)[1]
        indices[4, 4] = bad
        with pytest.raises(error, match="indices"):
            cypool.dask.pool_backward(X[:9, :10], PART, 2, indices=indices).compute()
        if error is IndexError:
            with pytest.raises(error, match="indices"):
                cypool.dask.unpool(da.from_array(X[:9, :10], chunks=4), indices, (18, 20)).compute()


# ---- parameters' gradients ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("reduce", "wrt", "options"), [
    ("sum", "weights", {"weights": np.arange(6).reshape(2, 3)}), ("mean", "weights", {"weights": np.ones((2, 3))}),
    ("gem", "p", {"p": 2.5}), ("softpool", "alpha", {"alpha": 0.7}), ("softpool", "alpha", {"alpha": 0}),
])  # fmt: skip
def test_gradients_of_parameters(reduce, wrt, options):
    """Sums over all outputs: what is added in another order differs by rounding."""
    given = {"window": (2, 3), "axes": (1, 0), "stride": (1, 2), "padding": 1, "reduce": reduce, "wrt": wrt, **options}
    shape = cypool.pool(X, (2, 3), axes=(1, 0), stride=(1, 2), padding=1).shape
    grad = np.random.default_rng(1).standard_normal(shape)
    want = cypool.pool_backward(grad, X, **given)
    got = cypool.dask.pool_backward(da.from_array(grad, chunks=5), PART, **given)
    assert got.shape == want.shape and got.dtype == want.dtype
    scale = abs(grad).sum() * (2.0**-24 if wrt == "alpha" else 2.0**-48)  # x is of float32, and so is its gradient
    assert np.allclose(got.compute(), want, rtol=0, atol=scale)


# ---- schedulers ----------------------------------------------------------------------------------------------


def test_threads():
    """The threaded scheduler gives the same; a task uses one thread, unless told otherwise."""
    x = np.random.default_rng(2).random((512, 512))
    part = da.from_array(x, chunks=(100, 130))
    seen = set()

    def resolve(workers, useful, original=cypool.threads.resolve):
        seen.add(workers)
        return original(workers, useful)

    module = importlib.import_module("cypool.engine")
    before = module.threads.resolve
    module.threads.resolve = resolve
    try:
        for workers in (None, 2):
            seen.clear()
            y = cypool.dask.pool(part, 5, "mean", stride=2, padding=2, workers=workers)
            want = cypool.pool(x, 5, "mean", stride=2, padding=2)
            seen.clear()
            for scheduler in ("threads", "synchronous"):
                assert np.array_equal(y.compute(scheduler=scheduler), want)
            assert seen == {1 if workers is None else 2}
    finally:
        module.threads.resolve = before


def test_tasks_pickle():
    windows = cypool.Windows.fractional(20, 7, rng=0)
    y = cypool.dask.pool(PART, (windows,), "stochastic", rng=3, where=X > 0.1, fill_value=0)
    again = pickle.loads(pickle.dumps(y))
    assert np.array_equal(again.compute(), y.compute())


@contextlib.contextmanager
def cluster(workers):
    """A cluster of processes on this machine."""
    distributed = pytest.importorskip("distributed")
    settings = {"distributed.worker.memory.terminate": False, "distributed.scheduler.allowed-failures": 10,
                "distributed.comm.timeouts.connect": "20s"}  # fmt: skip
    with warnings.catch_warnings(), dask.config.set(settings):
        # distributed leaves sockets and event loops to the garbage collector when it closes
        warnings.filterwarnings("ignore", category=ResourceWarning)
        warnings.filterwarnings("ignore", category=pytest.PytestUnraisableExceptionWarning)
        with distributed.LocalCluster(
            n_workers=workers, threads_per_worker=1, processes=True, host="127.0.0.1", dashboard_address=None,
            worker_dashboard_address=None, silence_logs=50,
        ) as local, distributed.Client(local) as client:  # fmt: skip
            yield client


def test_processes(tmp_path):
    """On a cluster of processes the results are the same, also if one of them is killed in the middle."""

    def slowly(block, folder):  # in here, so that it is pickled by value
        with open(os.path.join(folder, f"{time.time_ns()}-{os.getpid()}"), "x"):
            end = time.monotonic() + 60
        while len(os.listdir(folder)) > 4 and not os.path.exists(os.path.join(folder, "go")):
            assert time.monotonic() < end
            time.sleep(0.01)
        return block

    slow = PART.map_blocks(slowly, str(tmp_path), dtype=PART.dtype, meta=PART._meta)
    y, i = cypool.dask.pool(slow, 3, stride=2, padding=1, border="wrap", return_indices=True)
    grad = cypool.dask.pool_backward(da.ones((10, 11), chunks=4), slow, 2, "std", padding=1)
    back = cypool.dask.unpool(y, i, (18, 20))
    top = cypool.dask.pool(slow, (18, 20), "argmax")
    values, indices = cypool.pool(X, 3, stride=2, padding=1, border="wrap", return_indices=True)
    want = (values, indices, cypool.pool_backward(np.ones((10, 11)), X, 2, "std", padding=1),
            cypool.unpool(values, indices, (18, 20)), cypool.pool(X, (18, 20), "argmax"))  # fmt: skip
    with cluster(2) as client:
        pids = list(client.run(os.getpid).values())
        futures = client.compute([y, i, grad, back, top])
        end = time.monotonic() + 60
        while len(os.listdir(tmp_path)) < 6:  # four chunks are read, and both processes are at the next
            assert time.monotonic() < end and not any(f.status == "error" for f in futures), futures
            time.sleep(0.01)
        victim = int(min(os.listdir(tmp_path)).partition("-")[2])
        assert victim in pids and not any(f.done() for f in futures)
        os.kill(victim, signal.SIGKILL)
        (tmp_path / "go").touch()
        got = client.gather(futures)
    for one, other in zip(got, want, strict=True):
        assert one.dtype == other.dtype and np.array_equal(one, other)
    assert len(os.listdir(tmp_path)) > slow.npartitions + 1  # what died with it was done again
