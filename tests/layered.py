"""The table of layers: arguments to try, and their meaning in plain NumPy."""

import numpy as np

from cypool import layers

SHAPES = {1: (2, 11, 3), 2: (2, 7, 9, 3), 3: (2, 5, 6, 7, 2)}  # channels last
FORMATS = ("channels_last", "channels_first")

GEOMETRIES = [
    {}, dict(pool_size=3), dict(pool_size=3, strides=1), dict(pool_size=2, strides=3),
    dict(pool_size=3, strides=2, padding="same"), dict(pool_size=2, padding="same"),
    dict(pool_size=4, strides=1, padding="same"), dict(pool_size=1, strides=2, padding="same"),
]  # fmt: skip
MIXED = {1: [], 2: [dict(pool_size=(3, 2), strides=(1, 2), padding="same"), dict(pool_size=(1, 4), strides=(2, 1))],
         3: [dict(pool_size=(1, 2, 3), strides=(2, 1, 2), padding="same")]}  # fmt: skip

SLIDING = {
    "Max": [{}], "Min": [{}], "Average": [{}], "Median": [{}],
    "Lp": [{}, dict(p=1), dict(p=3.5), dict(p=float("inf"))], "Stochastic": [dict(seed=1)],
}  # fmt: skip
FRACTIONAL = [dict(output_size=3, seed=2), dict(ratio=1.6, seed=3), dict(output_size=4, overlapping=True, seed=4),
              dict(ratio=1.3, scheme="random", seed=5)]  # fmt: skip


def rank_of(name):
    return int(name[-2])


def cases():
    """(class name, arguments) of every layer."""
    found = []
    for rank in (1, 2, 3):
        geometries = GEOMETRIES + MIXED[rank]
        for kind, options in SLIDING.items():
            found += [(f"{kind}Pooling{rank}D", g | o) for g in geometries for o in options]
        for kind in ("Max", "Min", "Average"):
            found += [(f"Global{kind}Pooling{rank}D", k) for k in ({}, dict(keepdims=True))]
        for kind in ("Max", "Average"):
            sizes = [1, 3, (None,) + (2,) * (rank - 1), None, 12]
            found += [(f"Adaptive{kind}Pooling{rank}D", dict(output_size=s)) for s in sizes]
            found += [(f"Fractional{kind}Pooling{rank}D", k) for k in FRACTIONAL if rank > 1]
        found += [(f"UpSampling{rank}D", dict(size=s)) for s in (1, 2, 3, tuple(range(2, 2 + rank)))]
        found += [(f"MaxUnpooling{rank}D", g) for g in geometries]
    found += [("UpSampling2D", dict(size=s, interpolation="bilinear")) for s in (1, 2, 3, (4, 1))]
    return found


CASES = cases()
PARAMETERS = [(name, given, f) for name, given in CASES for f in FORMATS]


def identity(value):
    """Names of cases in the output of pytest."""
    return value if isinstance(value, str) else ",".join(f"{k}={v}" for k, v in value.items()) or "default"


def make(name, given, /, **more):
    return getattr(layers, name)(**given, **more)


def data(name, seed=0, dtype="float64"):
    """Distinct positive multiples of 1/64, channels last: their sums are exact."""
    shape = SHAPES[rank_of(name)]
    x = (np.random.default_rng(seed).permutation(np.prod(shape)).reshape(shape) + 1) / 64
    return x.astype(dtype)


def first(x):
    """Channels first: the same numbers in an array of its own."""
    return np.ascontiguousarray(np.moveaxis(x, -1, 1))


def call(layer, x):
    """The result for x; an unpooling layer gets x pooled, and the indices."""
    if "Unpooling" not in type(layer).__name__:
        return layer(x)
    y, indices = pooled(layer, x)
    return layer(y, indices, x.shape[1:-1] if layer.data_format == "channels_last" else x.shape[2:])


def pooled(layer, x):
    """What an unpooling layer undoes."""
    name = type(layer).__name__.replace("Unpooling", "Pooling")
    pooling = getattr(layers, name)(layer.pool_size, layer.strides, layer.padding, layer.data_format)
    return pooling(x), pooling.indices


# ---- what they mean ------------------------------------------------------------------------------


def expected(x, axis):
    """Stochastic pooling without training."""
    return (x * x).sum(axis) / x.sum(axis)


def norm(p):
    if p == float("inf"):
        return lambda x, axis: abs(x).max(axis)
    return lambda x, axis: (abs(x) ** p).sum(axis) ** (1 / p)


def function_of(name, given):
    for kind, function in (("Max", np.max), ("Min", np.min), ("Average", np.mean), ("Median", np.median),
                           ("Stochastic", expected), ("Lp", norm(given.get("p", 2)))):  # fmt: skip
        if kind in name:
            return function
    raise AssertionError(name)


def sliding_bounds(n, k, s, padding):
    """TensorFlow's rule, in its own terms: where each window starts and ends inside the axis."""
    if padding == "valid":
        return [(i, i + k) for i in range(0, n - k + 1, s)]
    out = (n + s - 1) // s
    missing = max((out - 1) * s + k - n, 0)
    starts = [i * s - missing // 2 for i in range(out)]
    return [(max(a, 0), min(a + k, n)) for a in starts]


def reduce_windows(x, bounds, function):
    """`function` of each window of a channels-last x; bounds: for each pooled axis."""
    result = np.empty((x.shape[0], *map(len, bounds), x.shape[-1]))
    for at in np.ndindex(*result.shape[1:-1]):
        window = tuple(slice(*b[i]) for b, i in zip(bounds, at, strict=True))
        result[(slice(None), *at)] = function(x[(slice(None), *window)], axis=tuple(range(1, x.ndim - 1)))
    return result


def reference(name, given, x):
    """The result of a layer (not of fractional windows, nor interpolated) on a channels-last x, by loops."""
    rank, shape = rank_of(name), x.shape[1:-1]

    def each(value):
        return value if isinstance(value, tuple) else (value,) * rank

    if name.startswith("UpSampling"):
        for axis, size in enumerate(each(given["size"]), 1):
            x = np.repeat(x, size, axis)
        return x
    if name.startswith("Global"):
        y = reduce_windows(x, [[(0, n)] for n in shape], function_of(name, given))
        return y if given.get("keepdims") else y.reshape(x.shape[0], x.shape[-1])
    if name.startswith("Adaptive"):
        sizes = [n if o is None else o for n, o in zip(shape, each(given["output_size"]), strict=True)]
        bounds = [[(i * n // o, -(-(i + 1) * n // o)) for i in range(o)] for n, o in zip(shape, sizes, strict=True)]
        return reduce_windows(x, bounds, function_of(name, given))
    sizes = each(given.get("pool_size", 2))
    strides = each(given.get("strides", sizes))
    padding = given.get("padding", "valid")
    bounds = [sliding_bounds(*nks, padding) for nks in zip(shape, sizes, strides, strict=True)]
    return reduce_windows(x, bounds, function_of(name, given))
