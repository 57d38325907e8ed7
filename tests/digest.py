"""SHA-256 of what cypool gives for every reducer and dtype, NaNs and zeros made canonical.

python tests/digest.py [--workers N] [--exact]: a line for each reducer; `--exact`: only results that do not depend on
rounding, which are the same for every layout of the input, every compiler and every machine.
"""

import argparse
import hashlib
import itertools

import arrays
import numpy as np
from threadpoolctl import threadpool_limits

import cypool
from cypool import Windows

CALLS = [
    ((41, 97), {"window": (2, 2)}), ((41, 97), {"window": (3, 3), "stride": 1, "padding": 1}),
    ((30, 50), {"window": (5, 4), "stride": 2, "dilation": 2, "padding": 3, "border": "reflect"}),
    ((9, 7, 7), {"window": (Windows.whole(), Windows.whole())}), ((30, 31, 3), {"window": (4, 3), "axes": (0, 1)}),
    ((2000,), {"window": 150, "stride": 70}), ((6, 8, 10), {"window": (2, 3, 2), "ceil_mode": True}),
    ((25, 60), {"window": (Windows.adaptive(7), Windows.adaptive(11))}),
]  # fmt: skip


def canonical(y):
    """The bytes of an array: one NaN, one zero."""
    if y.dtype.kind not in "fc":
        return y.tobytes()
    return np.where(y != y, y.dtype.type(np.nan), y + y.dtype.type(0)).tobytes()


def digest(name, dtype, workers=None, layouts=("C",)):
    """One hash for each layout."""
    found = []
    for layout in layouts:
        sha = hashlib.sha256()
        for seed, (shape, call) in enumerate(CALLS):
            x = arrays.LAYOUTS[layout](arrays.nasty(dtype, shape, seed, calm=name in arrays.PLAIN))
            options = {"rng": 0} if name == "stochastic" else {}
            y = cypool.pool(x, reduce=name, workers=workers, fill_value=1, **call, **options)
            sha.update(canonical(y))
            if name in ("max", "min", "mode"):
                sha.update(cypool.pool(x, reduce=name, return_indices=True, workers=workers, **call)[1].tobytes())
        found.append(sha.hexdigest())
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int)
    parser.add_argument("--exact", action="store_true")
    options = parser.parse_args()
    layouts = [n for n in arrays.LAYOUTS if "broadcast" not in n] if options.exact else ["C"]
    with threadpool_limits(options.workers):
        for name, dtype in itertools.product(arrays.NAMES, arrays.REAL):
            if options.exact and not arrays.is_exact(name, dtype):
                continue
            found = set(digest(name, dtype, options.workers, layouts))
            assert len(found) == 1, f"{name} of {dtype} depends on the layout"
            print(name, dtype, *found)


if __name__ == "__main__":
    main()
