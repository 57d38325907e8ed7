"""The random calls of tests/differential.py, some at a time."""

import random

import arrays
import differential
import pytest


@pytest.mark.parametrize("seed", range(150))
def test_agrees_with_the_oracle(seed):
    draw = random.Random(seed)
    for _ in range(2):
        differential.check_one(draw, arrays.NAMES)
