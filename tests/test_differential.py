"""100 000 random calls in two and three dimensions against the oracle (`make differential`: ten million)."""

import os
import random
from pathlib import Path

from fresh import start


def test_random_calls_agree_with_the_oracle():
    seed = 0 if os.environ.get("CI") else random.randrange(10**6)
    script = Path(__file__).with_name("differential.py")
    done = start(str(script), "--count", "100000", "--seed", str(seed), timeout=900, PYTHONPATH=str(script.parent))
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
