"""The accuracy rule on windows that make it hard: sums that cancel, cells of all sizes, nearly equal ones.

Sums and means against `math.fsum`, what has powers and exponentials against long doubles; every hundredth or so of a
million windows against mpmath, too, with 50 digits.
"""

import arrays
import mpmath
import numpy as np
import pytest
import reference

import cypool

WINDOWS = 10**6  # shared out to the cases below
KINDS = ("cancel", "sizes", "equal", "signs", "huge")
NAMES = ("sum", "mean", "lp", "gem", "logsumexp", "softpool")


def cells_of(kind, dtype, shape, rng):
    info = np.finfo(dtype)
    x = rng.standard_normal(shape)
    if kind == "cancel":  # each pair leaves a trace of its size
        x = x * 2.0 ** (info.maxexp // 3)
        half = shape[1] // 2
        x[:, half : 2 * half] = -x[:, :half] * (1 + rng.choice([0, 1, -2], (shape[0], half)) * float(info.eps))
    elif kind == "sizes":
        x = x * 2.0 ** rng.integers(info.minexp // 2, info.maxexp // 2, shape)
    elif kind == "equal":
        x = 1 + np.round(x) * float(info.eps)
    elif kind == "huge":
        x = np.abs(x) / 16 * float(info.max)
    return x.astype(dtype)


def exact(name, cells):
    """The value of a window with 50 digits."""
    x = [mpmath.mpf(float(v)) for v in cells]
    if name in ("sum", "mean"):
        return mpmath.fsum(x) / (len(x) if name == "mean" else 1)
    if name == "lp":
        return mpmath.sqrt(mpmath.fsum(v**2 for v in x))
    if name == "gem":
        return mpmath.cbrt(mpmath.fsum(max(v, mpmath.mpf(1e-6)) ** 3 for v in x) / len(x))
    top = max(x)
    powers = [mpmath.exp(v - top) for v in x]
    if name == "logsumexp":
        return top + mpmath.log(mpmath.fsum(powers))
    return mpmath.fsum(p * v for p, v in zip(powers, x, strict=True)) / mpmath.fsum(powers)


@pytest.mark.parametrize("dtype", arrays.FLOATS)
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", KINDS)
def test_windows_that_are_hard(kind, name, dtype):
    rng = np.random.default_rng(KINDS.index(kind) + 10 * NAMES.index(name))
    share = WINDOWS // (len(KINDS) * len(NAMES) * len(arrays.FLOATS) * 3)
    for size in (3, 8, 41):
        x = cells_of(kind, dtype, (share, size), rng)
        got = cypool.pool(x, (1, size), name)[:, 0]
        answer = reference.reduce_cells(x[:, None], np.ones((share, 1, size), bool), name)
        fine = reference.agrees(got[:, None], answer)[:, 0]
        assert fine.all(), f"{name} of {arrays.show(x[~fine][0])} gave {got[~fine][0]!r}, not {answer.value[~fine][0]}"
        with mpmath.workdps(50):
            for i in range(0, share, max(share // 20, 1)):
                right, slack = exact(name, x[i]), mpmath.mpf(float(answer.slack[i, 0]))
                infinite = np.isinf(got[i]) and abs(right) + slack > float(np.finfo(dtype).max)
                message = f"{name} of {arrays.show(x[i])} gave {got[i]!r}, not {right}"
                assert infinite or abs(mpmath.mpf(float(got[i])) - right) <= slack * 1.001, message
