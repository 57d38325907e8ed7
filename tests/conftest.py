"""Where the tests find their helpers, and how Hypothesis draws."""

import os
import sys
from pathlib import Path

from hypothesis import HealthCheck, settings

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "fuzz")]  # reference, arrays; harnesses

common = dict(deadline=None, suppress_health_check=list(HealthCheck), print_blob=True)
settings.register_profile("dev", **common)
settings.register_profile("ci", derandomize=True, database=None, **common)
settings.load_profile("ci" if os.environ.get("CI") else "dev")
