"""Random small calls in two and three dimensions against the oracle: every reducer on every geometry that is drawn.

PYTHONPATH=tests python tests/differential.py [--count N] [--seed N] [--part I/N]
"""

import argparse
import random
import sys
import time

import arrays
import numpy as np
import parts
import reference
from places import gather

import cypool

BORDERS = ("ignore", "constant", "reflect", "symmetric", "edge", "wrap")
LAYOUTS = tuple(name for name in arrays.LAYOUTS if not name.startswith("broadcast"))  # these have other values
SELECTING = ("max", "min", "median", "mode", "first")


def pick_options(draw, name, window):
    """Options of a reducer, or none."""
    weights = {"weights": np.random.default_rng(draw.getrandbits(32)).integers(-2, 5, window)}
    some = {
        "quantile": {"q": draw.choice([0, 0.25, 0.3, 0.5, 1]), "method": draw.choice(cypool.reducers.INTERPOLATIONS)},
        "median": {"method": draw.choice(cypool.reducers.INTERPOLATIONS)},
        "mode": {"ties": draw.choice(cypool.reducers.TIES), "ignore": draw.choice([None, 0, 1])},
        "var": {"ddof": draw.randrange(3)}, "std": {"ddof": draw.randrange(3)},
        "lp": {"p": draw.choice([1, 2, 3, 0.5, np.inf])}, "gem": {"p": draw.choice([1, 2, 3, np.inf])},
        "logsumexp": {"alpha": draw.choice([1, 0.5]), "mean": draw.random() < 0.5},
        "sum": weights, "mean": draw.choice([weights, {"divisor": draw.randint(1, 9)}]),
        "softpool": {"alpha": draw.choice([1, -1, 0.5])},
    }.get(name, {})  # fmt: skip
    return some if draw.random() < 0.5 else {}


def pick_dtype(draw, name, usual):
    """A dtype of the result, or nothing for the usual one."""
    if draw.random() < 0.75:
        return {}
    if usual.kind == "f":
        return {"dtype": draw.choice(arrays.FLOATS)}
    if name not in reference.PICKED:
        return {}
    return {"dtype": draw.choice([n for n in arrays.REAL if n != "bool" or usual.kind == "b"])}


def pick_geometry(draw):
    """shape, and arguments of `pool` that say where the windows lie."""
    ndim = draw.choice([2, 2, 3])
    shape = tuple(draw.randint(1, 7 if ndim == 2 else 5) for _ in range(ndim))
    axes = tuple(draw.sample(range(ndim), draw.choice([ndim, ndim, max(1, ndim - 1)])))

    def each(choose):
        return tuple(choose() for _ in axes)

    geometry = {
        "axes": axes,
        "window": each(lambda: draw.choice([1, 2, 2, 3, 3, 4, 5])),
        "stride": draw.choice([None, 1, each(lambda: draw.randint(1, 4))]),
        "padding": draw.choice([0, 0, 1, "same", each(lambda: (draw.randint(0, 2), draw.randint(0, 2)))]),
        "dilation": draw.choice([1, 1, 1, each(lambda: draw.randint(1, 3))]),
        "ceil_mode": draw.random() < 0.3,
    }
    return shape, geometry


def refused(call, x, arguments):
    try:
        got = call()
    except ValueError:
        return
    raise AssertionError(f"pool(x, **{arguments}) gave {arrays.show(got)}\nfor {arrays.show(x)}")


def three_ways(draw, x, dtype, shape):
    """The same call as it is, in another layout and on so many workers, and into memory that ends where it must."""
    yield x, {}, None
    yield arrays.LAYOUTS[draw.choice(LAYOUTS)](x), {"workers": draw.randint(1, 3)}, None
    out, kept = arrays.guarded(shape, dtype)
    yield arrays.LAYOUTS[draw.choice(LAYOUTS)](x), {"out": out}, kept


def check_values(draw, x, cells, part, name, call, rest):
    """One reducer against the oracle, in three ways; how many calls these were."""
    meant = dict(rest)
    if "weights" in rest:  # given in the order of axes; cells are in the order of the array
        meant["weights"] = np.transpose(rest["weights"], np.argsort(call["axes"]))
    try:
        answer = reference.reduce_cells(cells, part, name, **meant)
    except ValueError:
        refused(lambda: cypool.pool(x, reduce=name, **call, **rest), x, call | rest)
        return 1
    calls = 0
    for given, more, kept in three_ways(draw, x, answer.dtype, answer.value.shape):
        got = cypool.pool(given, reduce=name, **call, **rest, **more)
        message = f"pool(x, reduce={name!r}, **{call | rest | more})"
        assert got.dtype == answer.dtype and got.shape == answer.value.shape, f"{message} is {got.dtype} {got.shape}"
        fine = reference.agrees(got, answer)
        assert fine.all(), f"{message} gave {arrays.show(got)}\nright: {answer.value[~fine]}\nfor {arrays.show(given)}"
        assert kept is None or (got is more["out"] and kept()), f"{message} wrote beside out, for {arrays.show(given)}"
        calls += 1
    return calls


def check_gradient(draw, x, part, name, call):
    """The gradient of a sum is its adjoint; that of what selects hands on all that it is given."""
    g = np.random.default_rng(draw.getrandbits(32)).integers(-9, 9, part.shape[:-1])
    g[~part.any(-1)] = 0
    filled = call | ({"fill_value": 0} if name != "sum" else {})
    back = cypool.pool_backward(g, x, reduce=name, **filled)
    if name == "sum":
        there, here = (cypool.pool(x, reduce=name, **call).astype(object) * g).sum(), (x.astype(object) * back).sum()
    else:
        there, here = g.sum(), back.sum()
    assert here == there, f"pool_backward(g, x, reduce={name!r}, **{call}): {here}, not {there}, for {arrays.show(x)}"


def check_one(draw, names):
    """All reducers of one dtype on one geometry; how many calls were compared."""
    shape, call = pick_geometry(draw)
    border = draw.choice(BORDERS) if call["padding"] != 0 else "ignore"
    call["border"] = border
    dtype = draw.choice(arrays.REAL)
    seed = draw.getrandbits(32)
    try:
        where_windows_lie = reference.geometry(shape, **{**call, "border": border})
    except ValueError:
        x = arrays.plain(dtype, shape, np.random.default_rng(seed))
        refused(lambda: cypool.pool(x, **call), x, call)
        return 1
    given = {"border_value": draw.choice([0, 1])} if border == "constant" else {}
    where = np.random.default_rng(seed).random(shape) < 0.8 if draw.random() < 0.2 else True
    if where is not True:
        call["where"] = where
    rest = {"nan_policy": draw.choice(["propagate", "omit"])}
    done = 0
    cells_of = {}
    for name in names:
        calm = name in arrays.PLAIN
        if calm not in cells_of:
            x = arrays.nasty(dtype, shape, seed, calm=calm)
            cells_of[calm] = x, *gather(x, where_windows_lie, where, border, given.get("border_value", 0))
        x, cells, part = cells_of[calm]
        more = pick_options(draw, name, call["window"])
        usual = reference.result_dtype(name, x.dtype, more.get("method", "linear"))
        whole = usual.kind not in "fc" and "weights" not in more
        if name not in reference.EMPTY and whole and draw.random() < 0.8:
            more["fill_value"] = 1
        more |= pick_dtype(draw, name, np.dtype("f8") if "weights" in more else usual)
        done += check_values(draw, x, cells, part, name, call | given, rest | more)
    name = draw.choice(("sum", *SELECTING))
    if border != "constant" and not (name == "median" and (part.sum(-1) % 2 == 0).any()):
        x = arrays.plain("int32", shape, np.random.default_rng(seed))
        check_gradient(draw, x, part, name, call)
        done += 1
    return done


def run(options):
    part, count = options.part
    seed = options.seed * count + part
    draw, done, start = random.Random(seed), 0, time.monotonic()
    while done < options.count / count:
        state = draw.getstate()
        try:
            done += check_one(draw, arrays.NAMES)
        except Exception:
            print(f"part {part}/{count} of seed {options.seed}, after {done} calls (state {hash(state)})", flush=True)
            raise
    print(f"part {part}/{count}, seed {options.seed}: {done} calls agree, in {time.monotonic() - start:.0f} s")
    return 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10**7, help="calls to compare")
    sys.exit(parts.main(parser, run, __file__))
