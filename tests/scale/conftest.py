"""What the tests of the command line share: a folder of their own, and commands in this process."""

from functools import partial

import pytest
from commands import run_here


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(capsys):
    return partial(run_here, capsys)


@pytest.fixture
def done(run):
    """Runs a command that must work and print nothing."""

    def done(*words):
        assert run(*words) == (0, "", "")

    return done
