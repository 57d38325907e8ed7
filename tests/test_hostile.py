"""A sample of the hostile calls of tests/hostile (`make hostile`: all of them)."""

import os
import random
from pathlib import Path

from fresh import start


def test_a_sample_of_hostile_calls():
    seed = 0 if os.environ.get("CI") else random.randrange(10**6)
    tests = Path(__file__).parent
    asked = "--sample", "2500", "--seed", str(seed)
    done = start("-W", "ignore", str(tests / "hostile"), *asked, timeout=900, PYTHONPATH=str(tests))
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("0 faults") == done.stdout.count("faults") > 0, done.stdout
