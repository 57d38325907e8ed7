"""New Python processes, for what happens once in the life of one."""

import os
import subprocess
import sys
import tempfile

SETTINGS = ("CYPOOL_", "OMP_", "GOMP_", "KMP_")


def start(*arguments, timeout=60, **settings):
    """Runs Python with `arguments`, away from the source folder; only `settings` are left of cypool's and OpenMP's."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(SETTINGS)}
    return subprocess.run(
        [sys.executable, "-P", *arguments],
        env=env | settings,
        cwd=tempfile.gettempdir(),
        timeout=timeout,
        capture_output=True,
        text=True,
    )


def fresh(code, **keywords):
    """Runs `code` in a new process; what it printed."""
    done = start("-c", code, **keywords)
    assert done.returncode == 0, f"exit {done.returncode}\n{code}\n--- stdout\n{done.stdout}\n--- stderr\n{done.stderr}"
    return done.stdout
