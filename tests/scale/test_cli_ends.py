"""The command line: what it says, and how it ends."""

import errno
import importlib
import io
import os
import subprocess
import sys
import threading
import warnings
from contextlib import contextmanager
from pathlib import Path

import imageio.v3 as imageio
import numpy as np
import pytest
import tifffile
from commands import names, photo, process, saved
from fresh import fresh

from cypool import cli

bands = importlib.import_module("cypool.cli.reduce")  # the module: the name is a function, too


pytestmark = pytest.mark.usefixtures("folder")


# ---- how it ends -----------------------------------------------------------------------------------


@contextmanager
def raising(monkeypatch, error):
    def fail(*arguments, **keywords):
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(bands, "pool_bands", fail)
        yield


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (KeyboardInterrupt(), 130, "cypool: interrupted"),
        (MemoryError(), 1, "cypool: error: not enough memory"),
        (BrokenPipeError(), 141, ""),
        (PermissionError(errno.EACCES, "Permission denied", "a.npy"), 1, "cypool: error: a.npy: Permission denied"),
        (ImportError("x needs y"), 1, "cypool: error: x needs y"),
        (ValueError("x must be\n  good"), 2, "cypool: error: x must be good"),
        (TypeError(""), 2, "cypool: error: TypeError"),
        (ZeroDivisionError("oh"), 1, "cypool: error: ZeroDivisionError: oh (--debug shows where)"),
        (OSError("no number"), 1, "cypool: error: no number"),
    ],
)
def test_codes(run, monkeypatch, error, code, said):
    saved(photo((8, 8)))
    with raising(monkeypatch, error):
        assert run("reduce", "in.npy", "out.npy") == (code, "", said + "\n" if said else "")
    assert names() == ["in.npy"]


def test_broken_pipe():
    saved(photo((8, 8)))
    for words in (["reduce", "in.npy", "out.npy", "--dry-run"], ["info"], ["completion", "bash"]):
        reader, writer = os.pipe()
        os.close(reader)
        found = subprocess.run(
            [sys.executable, "-P", "-m", "cypool", *words], stdout=writer, stderr=subprocess.PIPE, timeout=60
        )
        os.close(writer)
        assert (found.returncode, found.stderr) == (141, b""), words


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")
def test_full_output():
    with open("/dev/full", "wb") as full:
        found = subprocess.run(
            [sys.executable, "-P", "-m", "cypool", "info"], stdout=full, stderr=subprocess.PIPE, timeout=60
        )
    assert (found.returncode, found.stderr) == (1, b"cypool: error: No space left on device\n")


def test_readers_that_are_gone(monkeypatch):
    """The same in this process: what nobody reads is dropped, so that the end of the process is silent."""
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as pipe, monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", pipe)
        assert cli.main(["info"]) == 141
        assert os.fstat(writer).st_rdev == os.stat(os.devnull).st_rdev  # the rest goes here
        pipe.write("more")
        pipe.flush()


def test_streams_without_a_file(monkeypatch, capsys):
    """Standard output of a program that runs commands itself."""

    class Gone(io.StringIO):
        def flush(self):
            raise BrokenPipeError

    monkeypatch.setattr(sys, "stdout", Gone())
    free = os.dup(2)  # the lowest number that is free, before and after
    os.close(free)
    assert cli.main(["info"]) == 141 and "cypool" in sys.stdout.getvalue()
    after = os.dup(2)
    os.close(after)
    assert after == free
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("missing", ["stdout", "stderr"])
def test_no_streams(monkeypatch, capsys, missing):
    """A process without one of them, as on Windows without a console: the exit code tells."""
    saved(photo((8, 8)))
    monkeypatch.setattr(sys, missing, None)
    assert cli.main(["reduce", "in.npy", "out.npy"]) == 0
    assert cli.main(["reduce", "missing.npy", "other.npy"]) == 1
    error = "cypool: error: missing.npy: No such file or directory\n"
    assert capsys.readouterr() == ("", error if missing == "stdout" else "")
    assert names() == ["in.npy", "out.npy"]


def test_closed_streams():
    saved(photo((8, 8)))
    for i, streams in enumerate((">&-", "2>&-", "<&- >&- 2>&-")):
        command = f'"{sys.executable}" -P -m cypool reduce in.npy out{i}.npy {streams}'
        assert subprocess.run(["sh", "-c", command], timeout=60).returncode == 0
        assert np.load(f"out{i}.npy").shape == (4, 4)


def test_warnings_on_one_line(run, monkeypatch):
    """What a library warns of is told once, on one line, and does not fail."""
    saved(photo((2000, 2000)))
    found = process("reduce", "in.npy", "out.npy", env=os.environ | {"CYPOOL_NUM_THREADS": "many"})
    assert found.returncode == 0 and found.stderr.startswith("cypool: warning: ") and found.stderr.count("\n") == 1


def test_warnings_with_debug(run, monkeypatch):
    """As Python shows them, and not at the end."""
    saved(photo((8, 8)))
    inner = bands.pool_bands

    def warn(*arguments):
        warnings.warn("two\nlines", UserWarning, stacklevel=1)
        return inner(*arguments)

    monkeypatch.setattr(bands, "pool_bands", warn)
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        assert run("reduce", "in.npy", "out.npy") == (0, "", "cypool: warning: two lines\n")
    with pytest.warns(UserWarning, match="two\nlines"):
        assert run("reduce", "in.npy", "out.npy", "--overwrite", "--debug") == (0, "", "")


def test_other_threads(capsys):
    """Not only in the main thread, which alone has signals."""
    saved(photo((8, 8)))
    codes = []
    thread = threading.Thread(target=lambda: codes.append(cli.main(["reduce", "in.npy", "out.npy"])))
    thread.start()
    thread.join()
    assert codes == [0] and np.load("out.npy").shape == (4, 4)


def test_no_bar_without_a_terminal():
    saved(photo((2000, 2000)))
    found = process("reduce", "in.npy", "out.npy")
    assert (found.returncode, found.stdout, found.stderr) == (0, "", "")


# ---- help, and what is imported --------------------------------------------------------------------


@pytest.mark.parametrize("command", ["", "reduce", "pyramid", "info", "completion"])
def test_help(run, command, monkeypatch):
    for columns in ("20", "40", "80", "200"):
        monkeypatch.setenv("COLUMNS", columns)
        code, text, error = run(*command.split(), "--help")
        assert (code, error) == (0, "") and text.startswith("usage: cypool")
        assert command in ("info",) or "examples:\n" in text


EXTRAS = ("rich", "shtab", "imageio", "tifffile", "zarr", "h5py", "PIL", "dask")


def test_imports():
    """`import cypool` imports nothing of this, `cypool info` and .npy files no extra."""
    assert fresh("import sys, cypool; print(sorted(m for m in sys.modules if m.startswith('cypool.cli')))") == "[]\n"
    saved(photo((8, 8)))
    place = os.getcwd()
    for words in (["info"], ["reduce", f"{place}/in.npy", f"{place}/out.npy"]):
        text = fresh(
            f"import sys; from cypool.cli import main; main({words}); print(sorted(set({EXTRAS}) & set(sys.modules)))"
        )
        assert text.endswith("[]\n")


@pytest.mark.parametrize(
    ("missing", "words", "said"),
    [
        (
            "imageio",
            ["reduce", "in.npy", "out.png"],
            ".png needs imageio, which is not installed: pip install 'cypool[cli]'",
        ),
        (
            "tifffile",
            ["reduce", "in.npy", "out.tif"],
            ".tif needs tifffile, which is not installed: pip install 'cypool[cli]'",
        ),
        (
            "shtab",
            ["completion", "bash"],
            "cypool completion needs shtab, which is not installed: pip install 'cypool[cli]'",
        ),
        ("tifffile", ["reduce", "in.tif", "out.npy"], "pip install 'cypool["),
        ("imageio", ["reduce", "in.png", "out.npy"], "pip install 'cypool["),
        ("zarr", ["pyramid", "in.npy", "out.ome.zarr"], "pip install 'cypool[zarr]'"),
    ],
)
def test_missing_extras(missing, words, said):
    saved(photo((8, 8)))
    imageio.imwrite("in.png", photo((8, 8)))
    tifffile.imwrite("in.tif", photo((8, 8)))
    before = names()
    code = f"import sys; sys.modules[{missing!r}] = None; from cypool.cli import main; sys.exit(main(sys.argv[1:]))"
    found = subprocess.run([sys.executable, "-P", "-c", code, *words], capture_output=True, text=True, timeout=60)
    assert (found.returncode, found.stdout) == (1, "")
    assert found.stderr.startswith("cypool: error: ") and found.stderr.endswith("\n") and found.stderr.count("\n") == 1
    assert said in found.stderr and names() == before


def test_extras_that_miss_something(run, folder, monkeypatch):
    """Where a library is there, and one that it needs is not, that one is named."""
    Path("shtab.py").write_text("import cypool_nowhere")
    monkeypatch.delitem(sys.modules, "shtab", raising=False)
    monkeypatch.syspath_prepend(folder)
    code, text, error = run("completion", "bash")
    assert (code, text, error) == (1, "", "cypool: error: No module named 'cypool_nowhere'\n")
