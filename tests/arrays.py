"""Nasty arrays: values that break reductions, in every memory layout.  Used by every test."""

import math

import numpy as np

import cypool

BOOL = ["bool"]
SIGNED = ["int8", "int16", "int32", "int64"]
UNSIGNED = ["uint8", "uint16", "uint32", "uint64"]
FLOATS = ["float16", "float32", "float64"]
COMPLEX = ["complex64", "complex128"]
REAL = BOOL + SIGNED + UNSIGNED + FLOATS

# Reducers whose result depends on rounding (others give the same bits in any order) ...
ROUNDED = ("mean", "var", "std", "lp", "gem", "logsumexp", "softpool")
ROUNDED_FLOATS = ("sum", "prod", *ROUNDED)
# ... and those that may overflow on the way although the result does not: they get plain values.
PLAIN = ("prod", "var", "std")
# Reducers whose result is a value of the window, and not drawn at random.
NAMES = sorted(set(cypool.reducers.TABLE) - {"stochastic", "argmax", "argmin"})


def dtypes_of(name):
    """The dtypes a reducer takes."""
    return REAL + COMPLEX if name in ("sum", "mean") else REAL


def cases(names):
    """Every (dtype, reducer), dtype by dtype."""
    return [(dtype, name) for dtype in REAL + COMPLEX for name in names if dtype in dtypes_of(name)]


def is_exact(name, dtype):
    """Whether a result is the same bits however the window is taken apart."""
    kind = np.dtype(dtype).kind
    return name not in (ROUNDED_FLOATS if kind in "fc" else ROUNDED) or (name == "mean" and kind in "biu")


def special(dtype):
    """The values of a dtype that go wrong: extremes, zeros, subnormals, infinities."""
    dtype = np.dtype(dtype)
    if dtype.kind == "b":
        return np.array([False, True])
    if dtype.kind in "iu":
        info = np.iinfo(dtype)
        return np.array([info.min, info.min + 1, 0, 1, 2, info.max // 2, info.max - 1, info.max], dtype)
    info = np.finfo(dtype)
    some = [0.0, -0.0, 1.0, -1.0, 0.1, info.max, -info.max, info.tiny, info.smallest_subnormal, np.inf, -np.inf]
    return np.array(some, dtype)


def bytes_as_bool(codes):
    """Bools whose bytes are not only 0 and 1; any nonzero byte is True."""
    return np.asarray(codes, np.uint8).view(bool)


def plain(dtype, shape, rng):
    """Moderate values with ties and signs; small enough that products of 100 stay finite."""
    dtype = np.dtype(dtype)
    if dtype.kind == "b":
        return bytes_as_bool(rng.choice([0, 1, 2, 128, 255], shape, p=[0.4, 0.2, 0.2, 0.1, 0.1]))
    if dtype.kind == "u":
        return rng.integers(0, 7, shape).astype(dtype)
    if dtype.kind == "i":
        return rng.integers(-3, 4, shape).astype(dtype)
    x = rng.choice([-2, -1.5, -1, -0.75, 0.5, 1, 1, 1.25, 1.75], shape)
    return (x + 1j * rng.choice([-1, 0.5, 2], shape)).astype(dtype) if dtype.kind == "c" else x.astype(dtype)


def wide(dtype, shape, rng):
    """Values over the whole range of a dtype."""
    dtype = np.dtype(dtype)
    if dtype.kind == "b":
        return plain(dtype, shape, rng)
    if dtype.kind in "iu":
        info = np.iinfo(dtype)
        return rng.integers(info.min, info.max, shape, dtype, endpoint=True)
    if dtype.kind == "c":
        single = np.dtype(f"f{dtype.itemsize // 2}")
        x = np.empty(shape, dtype)
        x.real, x.imag = wide(single, shape, rng), wide(single, shape, rng)
        return x
    with np.errstate(all="ignore"):
        return (rng.standard_normal(shape) * 10.0 ** rng.integers(-3, 4, shape)).astype(dtype)


def nasty(dtype, shape, seed=0, nan=0.05, calm=False):
    """Special, wide and plain values mixed, with NaN; `calm`: plain values and NaN only."""
    rng = np.random.default_rng(seed)
    dtype = np.dtype(dtype)
    x = plain(dtype, shape, rng)
    if dtype.kind == "b":
        return x
    floating = dtype.kind in "fc"
    if not (calm and floating):
        pick = rng.random(shape)
        x = np.where(pick < 0.4, wide(dtype, shape, rng), x)
        x = np.where(pick < 0.15, rng.choice(special(dtype), shape), x)
    if floating:
        x = np.where(rng.random(shape) < nan, dtype.type(np.nan), x)
    return x.astype(dtype)


def finite(dtype, shape, seed=0, calm=False):
    """`nasty` without NaN and infinities."""
    x = nasty(dtype, shape, seed, nan=0, calm=calm)
    return np.where(np.isfinite(x), x, x.dtype.type(1)) if x.dtype.kind in "fc" else x


def rough(dtype, shape, seed=0, nan=0.0):
    """Values whose sums and products round in every step, so that another order gives other bits."""
    rng = np.random.default_rng(seed)
    dtype = np.dtype(dtype)
    if dtype.kind not in "fc":
        return wide(dtype, shape, rng)
    x = rng.choice([-1, 1], shape) * 2 ** rng.uniform(-1, 1, shape)
    x = np.where(rng.random(shape) < nan, np.nan, x)
    return (x + 1j * rng.standard_normal(shape)).astype(dtype) if dtype.kind == "c" else x.astype(dtype)


def lines(dtype, n, calm=False):
    """A batch of 1-D arrays of length n: ties, extremes, a NaN in every position, and so on."""
    rng = np.random.default_rng(n)
    dtype = np.dtype(dtype)
    rows = [plain(dtype, n, rng), plain(dtype, n, rng), np.ones(n, dtype), np.zeros(n, dtype)]
    if dtype.kind == "b":
        return np.stack([*rows, ~rows[0], bytes_as_bool(np.full(n, 2)), plain(dtype, n, rng)])
    if dtype.kind in "fc":
        alone = np.where(np.eye(n, dtype=bool), np.nan, plain(dtype, (n, n), rng))
        rows += [*alone, np.full(n, np.nan), nasty(dtype, n, n, nan=0.5, calm=True)]
    if not (calm and dtype.kind in "fc"):
        some = special(dtype)
        rows += [wide(dtype, n, rng), *rng.choice(some, (3, n)), *(np.full(n, v) for v in (some[0], *some[-3:]))]
    return np.stack([np.asarray(row, dtype) for row in rows])


# ---- layouts -------------------------------------------------------------------------------------


def c_copy(x):
    """The same values in C order, native, aligned."""
    return np.array(x, x.dtype.newbyteorder("="), order="C", copy=True)


def transposed(x):
    return np.ascontiguousarray(x.T).T


def shuffled(x):
    """Memory order: the middle axis first, the last axis outermost but one."""
    order = np.roll(np.arange(x.ndim), 1)
    return np.ascontiguousarray(x.transpose(order)).transpose(np.argsort(order))


def stepped(x):
    """Every second cell of every axis of a larger array that is full of other values."""
    base = np.full(tuple(2 * n for n in x.shape), special(x.dtype)[-1] if x.dtype.kind != "c" else np.nan, x.dtype)
    view = base[tuple(slice(None, None, 2) for _ in x.shape)]
    view[...] = x
    return view


def stepped_last(x):
    base = np.zeros((*x.shape[:-1], 3 * x.shape[-1]), x.dtype)
    base[..., 1::3] = x
    return base[..., 1::3]


def reversed_all(x):
    flip = tuple(slice(None, None, -1) for _ in x.shape)
    return np.ascontiguousarray(x[flip])[flip]


def reversed_last(x):
    return np.ascontiguousarray(x[..., ::-1])[..., ::-1]


def broadcast_first(x):
    """Zero stride on the first axis (other values: its first item, repeated)."""
    return np.broadcast_to(x[:1], x.shape)


def broadcast_last(x):
    return np.broadcast_to(x[..., :1], x.shape)


def read_only(x):
    x = x.copy()
    x.flags.writeable = False
    return x


def unaligned(x):
    memory = np.zeros(x.nbytes + 1, np.uint8)
    view = memory[1:].view(x.dtype).reshape(x.shape)
    view[...] = x
    return view


def unaligned_fields(x):
    """A field of packed records: unaligned, with an odd step."""
    records = np.zeros(x.shape, np.dtype([("before", "u1"), ("x", x.dtype), ("after", "V2")]))
    records["x"] = x
    return records["x"]


def big_endian(x):
    return x.astype(x.dtype.newbyteorder(">"))


LAYOUTS = {
    "C": c_copy, "Fortran": np.asfortranarray, "transposed": transposed, "shuffled": shuffled,
    "stepped": stepped, "stepped last": stepped_last, "reversed": reversed_all,
    "reversed last": reversed_last, "broadcast first": broadcast_first, "broadcast last": broadcast_last,
    "read-only": read_only, "unaligned": unaligned, "unaligned fields": unaligned_fields,
    "big-endian": big_endian,
}  # fmt: skip


def memory_mapped(x, path):
    """A read-only memory map of x in a new file, behind an odd header."""
    path.write_bytes(b"odd" + x.tobytes())
    return np.memmap(path, x.dtype, "r", 3, x.shape)


def guarded(shape, dtype):
    """An array to write into, and a function that tells whether the memory around it is as it was."""
    dtype = np.dtype(dtype)
    margin, size = 64 * dtype.itemsize, math.prod(shape) * dtype.itemsize
    memory = np.full(size + 2 * margin, 0x5A, np.uint8)
    around = memory[:margin], memory[margin + size :]
    return memory[margin : margin + size].view(dtype).reshape(shape), lambda: all((m == 0x5A).all() for m in around)


def show(x):
    """An array for a message: values, dtype, strides."""
    x = np.asanyarray(x)
    text = np.array2string(x, threshold=300, edgeitems=4, floatmode="unique")
    return f"{type(x).__name__} {x.dtype} {x.shape} strides {x.strides}\n{text}"
