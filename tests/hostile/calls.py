"""A right call of every public function, in every number of dimensions: what hostile values are put into."""

import functools
import importlib.util
import inspect
import itertools
import os
import re
import tempfile
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

import cypool
from cypool import layers, nn

SIDE = 6
# Arguments that a call cannot do without.
NEEDED = {
    **dict.fromkeys(["window", "kernel_size", "block_size", "factors", "output_size", "norm_type", "n"], 2),
    "op_type": "MaxPool", "attributes": {"kernel_shape": [2]},
}  # fmt: skip
EITHER_OF = {"rank_pool": {"top": 2}}  # one of several, which have defaults
# Functions that say nothing of an array, or print.
APART = {"show_config", "Layer", "Windows", "get_workers"}
PASSED_OVER = {"return_indices", "dtype", "rounding"}
GRADIENTS = set(cypool.reducers.TABLE) - {"any", "all", "count", "argmax", "argmin"}


class Call(NamedTuple):
    """function(**arguments) is right; hostile values are for the arguments `names`."""

    name: str
    nd: int
    function: Callable[..., Any]
    arguments: dict[str, Any]
    names: tuple[str, ...]
    borrowed: frozenset[str] = frozenset()  # names of other keywords that go on to `pool`

    def __call__(self, **changed):
        return self.function(**self.arguments | changed)

    def right(self, name):
        """The argument if it is an array, or another of the call, or any."""
        arrays = [v for v in (self.arguments.get(name), *self.arguments.values()) if isinstance(v, np.ndarray)]
        return arrays[0] if arrays else np.zeros(SIDE)

    def more(self, name):
        """Other classes of error: a keyword that is not taken, a result in which indices have no place."""
        found = (TypeError,) if name in self.borrowed or "target" in self.arguments else ()  # whose axes have names
        if self.name == "cypool.dask.pool_backward":  # where indices may point into their own windows alone
            found += (ValueError,)
        return (*found, IndexError) if "indices" in self.arguments else found

    @property
    def known(self):
        """What a message may name."""
        owner = getattr(self.function, "__self__", None)
        owner = owner if isinstance(owner, type) else type(owner)
        made = named(owner) if issubclass(owner, layers.Layer) else ()
        return {*self.names, *self.arguments, *named(self.function), *made}


def call(name, nd, function, arguments):
    """A call with hostile values for all there is, but for what is documented to be passed over."""
    names = set(arguments | named(function)) - {"clip"}
    if name.startswith("cypool.nn") and name.endswith("_backward"):
        names -= PASSED_OVER
    return Call(name, nd, function, arguments, tuple(sorted(names)), frozenset(names - set(parameters(function)[0])))


def parameters(function):
    """{name: parameter} of a function, and whether it takes other keywords."""
    found = inspect.signature(inspect.unwrap(getattr(function, "func", function))).parameters.values()
    names = {p.name: p for p in found if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL) and p.name != "self"}
    return names, any(p.kind == p.VAR_KEYWORD for p in found)


def named(function):
    """The names of what a function takes; other keywords are those of `pool`."""
    names, more = parameters(function)
    return dict.fromkeys([*names, *(parameters(cypool.pool)[0] if more else ())])


def array(nd, lead=()):
    shape = (*lead, *(SIDE,) * nd)
    return np.random.default_rng(nd).permutation(int(np.prod(shape))).astype(np.float32).reshape(shape)


def needed(function, given):
    """The arguments that have no default, and are not given."""
    empty = inspect.Parameter.empty
    names = parameters(function)[0].items()
    return {name: NEEDED[name] for name, p in names if p.default is empty and name not in given}


def of_function(module, name, nd):
    """The right calls of one public function on nd dimensions, and of its gradient."""
    function = getattr(module, name)
    lead = (1, 2) if module is nn else ()
    x = array(max(nd, 2) if name.startswith("spatial") else nd, lead)
    forward = getattr(module, name.removesuffix("_backward"))
    names = named(forward)
    given = {next(a for a in ("x", "input", "image", "inputs", "values", "shape", "n") if a in names): x}
    if name in ("workers", "set_workers"):
        given = {}
    if "inputs" in given:
        given = {"inputs": [x], "attributes": {"kernel_shape": [2] * nd}}
    if "shape" in given:
        given = {"shape": x.shape}
    if "gate" in names:
        given["gate"] = np.zeros((2,) * nd)
    if "unpool" in name:
        pooled = getattr(nn, f"max_pool{nd}d") if module is nn else cypool.pool
        values, indices = pooled(x, 2, return_indices=True)
        given = {next(iter(names)): values, "indices": indices}
        if "shape" in names:
            given["shape"] = x.shape
    given |= needed(forward, given) | EITHER_OF.get(name.removesuffix("_backward"), {})
    if "ratio" in names or "output_ratio" in names:
        given["output_size"] = 2
    if "rng" in names:
        given["rng"] = 0
    if name.endswith("_backward"):
        g = np.ones_like(forward(**given))
        given = {("x" if n == "input" else n): v for n, v in given.items()}
        given = {"grad": g} | given
    yield call(f"{module.__name__}.{name}", nd, function, given)


def of_layer(name):
    """The right calls of a layer: its making, a call, and the way back."""
    made = getattr(layers, name)
    nd = int(name[-2])
    x = array(nd, (1,))[..., None]
    given = needed(made, {})
    if "ratio" in named(made):
        given["output_size"] = 2
    layer = made(**given)
    on = {"x": x}
    if "Unpooling" in name:
        values, indices = cypool.pool(x, (2,) * nd, axes=range(1, nd + 1), return_indices=True)
        on = {"x": values, "indices": indices}
    y = layer(**on)
    yield call(f"layers.{name}", nd, made, given)
    yield call(f"layers.{name}.__call__", nd, layer.__call__, on)
    yield call(f"layers.{name}.backward", nd, layer.backward, {"grad": np.ones_like(y)})
    yield call(f"layers.{name}.from_config", nd, made.from_config, {"config": layer.get_config()})


def of_windows():
    """The makers of Windows, and the methods that take the length of an axis."""
    for method, given in (
        ("sliding", {"window": 2}), ("adaptive", {"output_size": 2}),
        ("fractional", {"n": 9, "output_size": 2, "rng": 0}),
        ("explicit", {"starts": np.array([0, 2]), "stops": np.array([2, 4]), "n": 6}),
    ):  # fmt: skip
        yield call(f"Windows.{method}", 1, getattr(cypool.Windows, method), given)
    for method in ("bounds", "length", "centers"):
        yield call(f"Windows.sliding(2).{method}", 1, getattr(cypool.Windows.sliding(2), method), {"n": 9})


def of_dask(name, nd):
    """The right calls of a function of cypool.dask; the child computes what it returns."""
    from dask import array as lazy
    from dask import compute

    import cypool.dask

    def chunked(name, value):
        fits = isinstance(value, np.ndarray) and value.ndim and value.dtype.kind in "biufc"
        return lazy.from_array(value, chunks=4) if fits and name in ("x", "image", "values", "grad", "where") else value

    function = getattr(cypool.dask, name)
    (right,) = of_function(cypool, name, nd)

    @functools.wraps(function)
    def computed(**given):
        return compute(function(**{n: chunked(n, v) for n, v in given.items()}), scheduler="synchronous")

    yield call(f"cypool.dask.{name}", nd, computed, right.arguments)


def of_writer(nd):
    """The right call of write_pyramid, into a folder that is removed."""
    import cypool.zarr

    @functools.wraps(cypool.zarr.write_pyramid)
    def written(**given):
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)  # a relative target
            try:
                return cypool.zarr.write_pyramid(**given)
            finally:
                os.chdir("/")

    yield call("cypool.zarr.write_pyramid", nd, written, {"source": array(nd), "target": "made", "chunks": 4})


def of_more_than_memory():
    """Calls of what is there where Dask and Zarr are installed."""
    if importlib.util.find_spec("dask"):
        import cypool.dask

        for name, nd in itertools.product(cypool.dask.__all__, (1, 2, 3)):
            yield from of_dask(name, nd)
    if importlib.util.find_spec("zarr"):
        for nd in (2, 3):
            yield from of_writer(nd)


@functools.cache
def all_calls():
    """Right calls of all there is."""
    found = list(of_windows())
    for nd in (1, 2, 3):
        for name in cypool.__all__:
            if callable(getattr(cypool, name)) and name not in APART:
                found += of_function(cypool, name, nd)
        for reducer, row in cypool.reducers.TABLE.items():
            given = {"x": array(nd), "window": 2, "reduce": reducer} | ({"rng": 0} if reducer == "stochastic" else {})
            names = ("x", "dtype", "where", *row.options)
            found.append(Call(f"pool, {reducer}", nd, cypool.pool, given, names))
            if reducer in GRADIENTS:
                given = given | {"grad": np.ones_like(cypool.pool(**given))}
                found.append(Call(f"pool_backward, {reducer}", nd, cypool.pool_backward, given, ("grad", *names[2:])))
    for name in nn.__all__:
        only = re.search(r"(\d)d", name)
        for nd in [int(only[1])] if only else (1, 2, 3):
            found += of_function(nn, name, nd)
    for name in layers.__all__:
        if name not in APART:
            found += of_layer(name)
    return found + list(of_more_than_memory())
