"""Commands of `cypool` for tests: run in this process, or in one of their own; and the files they work on."""

import os
import subprocess
import sys

import numpy as np

from cypool import cli


def run_here(capsys, *words):
    """Runs a command in this process: its exit code, what it printed, and its errors."""
    try:
        code = cli.main(list(map(str, words)))
    except SystemExit as end:
        code = end.code
    return (code, *capsys.readouterr())


def process(*words, **keywords):
    """Runs a command in a process of its own."""
    command = [sys.executable, "-P", "-m", "cypool", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, **keywords)


def photo(shape=(37, 50, 3), dtype="uint8", high=256):
    return np.random.default_rng(sum(shape)).integers(0, high, shape).astype(dtype)


def saved(x, name="in.npy"):
    np.save(name, x)
    return x


def names():
    return sorted(os.listdir())
