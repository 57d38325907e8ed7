"""A sample of hostile calls of what needs Dask and Zarr (`make hostile`: all of them)."""

import os
import random
from pathlib import Path

import pytest
from fresh import start


@pytest.mark.parametrize("package", ["cypool.dask", "cypool.zarr"])
def test_a_sample_of_hostile_calls(package):
    seed = 0 if os.environ.get("CI") else random.randrange(10**6)
    tests = Path(__file__).parents[1]
    asked = "--sample", "300", "--seed", str(seed), "--only", package
    done = start("-W", "ignore", str(tests / "hostile"), *asked, timeout=600, PYTHONPATH=str(tests))
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("0 faults") == done.stdout.count("faults") > 0, done.stdout
