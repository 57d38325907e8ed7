"""One SHA-256 for all that cypool gives, whatever the number of workers and the CPU level."""

from pathlib import Path

from fresh import start

from cypool import dispatch

SCRIPT = Path(__file__).with_name("digest.py")


def digest(*arguments, **settings):
    done = start(str(SCRIPT), *arguments, timeout=600, PYTHONPATH=str(SCRIPT.parent), **settings)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_workers_and_levels():
    expected = digest("--workers", "1")
    assert len(expected.splitlines()) > 200
    for n in (2, 3, 8, 64):
        assert digest("--workers", str(n)) == expected, n
    for level in dispatch.levels():
        assert digest("--workers", "2", CYPOOL_CPU=level) == expected, level


def test_layouts():
    """Results without rounding are the same for every layout."""
    assert len(digest("--exact").splitlines()) > 140
