"""Sums that are rounded once: those of math.fsum, from any parts."""

import math

import numpy as np
import pytest

from cypool.exact import PART, Total, total_of


def numbers(seed):
    rng = np.random.default_rng(seed)
    a = rng.standard_normal(int(rng.integers(0, 3000))) * 10.0 ** rng.integers(-320, 300)
    return a * 10.0 ** rng.integers(-40, 8, a.size) if seed % 2 else a


@pytest.mark.parametrize("seed", range(60))
def test_rounded_once(seed):
    a = numbers(seed)
    cut = np.sort(np.random.default_rng(seed).integers(0, a.size + 1, 3))
    assert float(total_of(a)) == math.fsum(a)
    assert float(sum(map(total_of, np.split(a, cut)), Total())) == math.fsum(a)


def test_many_numbers():
    a = np.random.default_rng(0).standard_normal((2, PART + 7))
    assert float(total_of(a)) == math.fsum(a.ravel())


@pytest.mark.parametrize("a,total", [
    ([], 0), ([5e-324] * 3, 1.5e-323), ([1e308, 1e308, -1e308], 1e308), ([1e308] * 3, math.inf),
    ([-1e308] * 3, -math.inf), ([math.inf, 1], math.inf), ([-math.inf, 1e300], -math.inf),
    ([1e16, 1, -1e16], 1)])  # fmt: skip
def test_ends_of_the_range(a, total):
    assert float(total_of(np.array(a, float))) == total


def test_not_a_number():
    assert math.isnan(float(total_of(np.array([math.inf, -math.inf]))))
    assert math.isnan(float(total_of(np.array([math.nan, 1])) + total_of(np.ones(3))))
