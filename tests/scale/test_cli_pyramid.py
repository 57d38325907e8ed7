"""``cypool pyramid``: what it passes on, writes and says; interrupted and gone on with."""

import errno
import hashlib
import os
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
import tifffile
import zarr
from commands import saved
from terminal import Terminal

import cypool
import cypool.zarr

pytestmark = pytest.mark.usefixtures("folder")


def volume(shape=(20, 33, 41), dtype="uint16", high=4000):
    return np.random.default_rng(sum(shape)).integers(0, high, shape).astype(dtype)


def levels(path):
    """The arrays of an OME-Zarr image, as its metadata list them."""
    group = zarr.open_group(path, mode="r")
    (scales,) = group.attrs["ome"]["multiscales"]
    return [group[one["path"]][...] for one in scales["datasets"]], scales


def digest(path):
    """All files below a folder."""
    return {
        str(file.relative_to(path)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(Path(path).rglob("*"))
        if file.is_file()
    }


# ---- what it writes --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "reduce"),
    [([], "mean"), (["--reduce", "max"], "max"), (["--reduce=median"], "median"), (["--labels"], "mode"),
     (["--labels", "--reduce=mode"], "mode"), (["--labels", "--reduce=mean"], "mode")],
)  # fmt: skip
def test_levels(done, words, reduce):
    x = saved(volume(high=5 if reduce == "mode" else 4000))
    done("pyramid", "in.npy", "out.ome.zarr", "--levels=2", *words)
    found, _ = levels("out.ome.zarr")
    assert len(found) == 3
    for k, level in enumerate(found):
        expected = cypool.pool(x, 2**k, reduce, ceil_mode=True, **({} if reduce == "mode" else {"dtype": x.dtype}))
        assert level.dtype == x.dtype and np.array_equal(level, expected)


def test_options(done):
    """All that can be said of axes and storage, in the metadata."""
    x = saved(volume((3, 30, 40)))
    done("pyramid", "in.npy", "out.ome.zarr", "--axes=cyx", "--factor=2,4", "--levels=1", "--chunks=1,16,16",
         "--scale=1,0.5,0.25", "--units=,micrometer,micrometer", "--name=cells", "--compression=zstd:5",
         "--workers=1", "--memory=64MiB", "--shards=1,32,48")  # fmt: skip
    found, scales = levels("out.ome.zarr")
    assert [level.shape for level in found] == [(3, 30, 40), (3, 15, 10)]
    assert np.array_equal(found[1], cypool.pool(x, (1, 2, 4), "mean", ceil_mode=True, dtype=x.dtype))
    assert [axis["name"] for axis in scales["axes"]] == ["c", "y", "x"] and scales["name"] == "cells"
    assert [axis.get("unit") for axis in scales["axes"]] == [None, "micrometer", "micrometer"]
    first, second = (
        next(t["scale"] for t in one["coordinateTransformations"] if t["type"] == "scale") for one in scales["datasets"]
    )
    assert (first, second) == ([1, 0.5, 0.25], [1, 1, 1])
    array = zarr.open_group("out.ome.zarr", mode="r")[scales["datasets"][0]["path"]]
    assert array.chunks == (1, 16, 16) and array.shards == (1, 32, 48)


PASSED = [
    (["--factor=2"], {"factor": 2}),
    (["--factor=1,2,2"], {"factor": (1, 2, 2)}),
    (["--levels=3"], {"levels": 3}),
    (["--chunks=64"], {"chunks": 64}),
    (["--shards=128,128,128"], {"shards": (128, 128, 128)}),
    (["--compression=gzip:5"], {"compression": ("gzip", 5)}),
    (["--axes=z,y,x"], {"axes": "zyx"}),
    (["--channel-axis=-1"], {"channel_axis": -1}),
    (["--scale=2,0.5,0.5"], {"scale": (2.0, 0.5, 0.5)}),
    (["--units=nanometer,micrometer,micrometer"], {"units": ("nanometer", "micrometer", "micrometer")}),
    (["--name=a b"], {"name": "a b"}),
    (["--workers=3"], {"workers": 3}),
    (["--memory=1GiB"], {"memory": 2**30}),
    (["--memory=1.5MB"], {"memory": 1500000}),
    (["--overwrite"], {"overwrite": True}),
    (["--no-resume"], {"resume": False}),
    (["--labels"], {"reduce": "mode"}),
    (["--reduce=max"], {"reduce": "max"}),
]


@pytest.mark.parametrize(("words", "given"), PASSED, ids=str)
def test_passed_on(run, monkeypatch, words, given):
    """Each option arrives at `write_pyramid` as that keyword; what is not said is left to it."""
    saved(volume())
    seen = {}

    def write_pyramid(source, target, *, progress=None, dry_run=False, **keywords):
        seen.update(keywords, target=target)
        raise KeyboardInterrupt

    monkeypatch.setattr(cypool.zarr, "write_pyramid", write_pyramid)
    run("pyramid", "in.npy", "out.ome.zarr", *words)
    always = {"reduce": "mean", "overwrite": False, "resume": True, "target": "out.ome.zarr"}
    assert seen == always | given


def test_sources(done):
    """TIFF, HDF5, one array of a .npz file and Zarr."""
    x = volume()
    tifffile.imwrite("in.tif", x, photometric="minisblack", metadata={"axes": "ZYX"})
    with h5py.File("in.h5", "w") as file:
        file["a/raw"], file["b"] = x, x[:5]
    np.savez("in.npz", raw=x, other=x[:5])
    zarr.save_array("in.zarr", x)
    for i, words in enumerate((["in.tif"], ["in.h5", "--dataset=a/raw"], ["in.npz", "--dataset=raw"], ["in.zarr"])):
        source, *more = words
        done("pyramid", source, f"out{i}.zarr", "--levels=1", *more)
        assert np.array_equal(levels(f"out{i}.zarr")[0][1], cypool.pool(x, 2, "mean", ceil_mode=True, dtype=x.dtype))


def test_dry_run(run):
    saved(np.zeros((64, 300, 400), np.uint16))
    code, text, error = run("pyramid", "in.npy", "out.ome.zarr", "--dry-run", "--levels=2", "--chunks=32,64,64")
    first, *table, last = text.splitlines()
    assert (code, error) == (0, "") and os.listdir() == ["in.npy"]
    assert first == "in.npy: 64 x 300 x 400 uint16, 14.6 MiB"
    assert table[0].split() == ["level", "shape", "chunks", "files", "size"] and len(table) == 5
    for row, (shape, chunks, files, size) in zip(
        table[1:4],
        [
            ("64 x 300 x 400", "32 x 64 x 64", "70", "14.6 MiB"),
            ("32 x 150 x 200", "32 x 64 x 64", "12", "1.8 MiB"),
            ("16 x 75 x 100", "16 x 64 x 64", "4", "234.4 KiB"),
        ],
        strict=True,
    ):
        assert f" {shape} " in row and row.split()[-3:] == [files, *size.split()] and f" {chunks} " in row
    nbytes = 2 * (64 * 300 * 400 + 32 * 150 * 200 + 16 * 75 * 100)
    assert table[4].split() == ["total", "16.7", "MiB"] and last.startswith(f"{nbytes:,} bytes")
    assert len({len(row) for row in table}) == 1  # columns stand below one another


# ---- errors ----------------------------------------------------------------------------------------

WRONG = [
    (["out.zarr", "--labels", "--reduce=median"], 2, "--labels means --reduce mode"),
    (["out.zarr", "--labels", "--reduce=max"], 2, "not --reduce max"),
    (["out.zarr", "--reduce=average"], 2, "invalid choice: 'average'"),
    (["out.zarr", "--factor=0"], 2, "factor"),
    (["out.zarr", "--factor=1"], 2, "factor"),
    (["out.zarr", "--factor=2.5"], 2, "must be an integer"),
    (["out.zarr", "--factor=2,2"], 2, "factor"),
    (["out.zarr", "--factor=" + "9" * 25], 2, "factor"),
    (["out.zarr", "--levels=-1"], 2, "levels"),
    (["out.zarr", "--levels=some"], 2, "must be an integer, not 'some'"),
    (["out.zarr", "--chunks=0"], 2, "chunks"),
    (["out.zarr", "--chunks=8,8"], 2, "chunks"),
    (["out.zarr", "--chunks=-8"], 2, "chunks"),
    (["out.zarr", "--chunks=8", "--shards=12"], 2, "shards"),
    (["out.zarr", "--compression=magic"], 2, "compression"),
    (["out.zarr", "--compression=zstd:much"], 2, "compression"),
    (["out.zarr", "--axes=zy"], 2, "axes"),
    (["out.zarr", "--axes=zyq"], 2, "axes"),
    (["out.zarr", "--axes=zyy"], 2, "axes"),
    (["out.zarr", "--channel-axis=7"], 2, "channel_axis"),
    (["out.zarr", "--scale=1,2"], 2, "scale"),
    (["out.zarr", "--scale=0,1,1"], 2, "scale"),
    (["out.zarr", "--scale=nan,1,1"], 2, "scale"),
    (["out.zarr", "--scale=wide"], 2, "must be a number, or several"),
    (["out.zarr", "--units=parsecs,x"], 2, "units"),
    (["out.zarr", "--memory=much"], 2, "must be a number of bytes such as"),
    (["out.zarr", "--memory=1G"], 2, "must be a number of bytes such as"),
    (["out.zarr", "--memory=-1"], 2, "--memory"),
    (["out.zarr", "--memory=0"], 2, "memory"),
    (["out.zarr", "--workers=0"], 2, "workers"),
    (["out.zarr", "--dataset=x"], 2, "dataset"),
    (["out.zarr", "--window=2"], 2, "unrecognized arguments"),
    (["in.npy"], 2, "in.npy is the source"),
    (["in.npy/out.zarr"], 2, "is the source, or one lies in the other"),
    (["."], 2, "is the source, or one lies in the other"),
    ([], 2, "required: TARGET"),
    (["file.zarr"], 1, "file.zarr"),
    (["folder.zarr"], 1, "folder.zarr"),
    (["/proc/out.zarr"], 1, "/proc/out.zarr"),
]


@pytest.mark.parametrize(
    ("words", "code", "said"), WRONG, ids=lambda x: " ".join(x)[:60] if isinstance(x, list) else None
)
def test_wrong(run, words, code, said):
    """One line that names what is wrong, and nothing written."""
    saved(volume())
    Path("file.zarr").write_text("mine")
    Path("folder.zarr").mkdir()
    Path("folder.zarr/mine").touch()
    before = digest(".")
    found, text, error = run("pyramid", "in.npy", *words)
    *usage, last = error.splitlines()
    assert (found, text) == (code, ""), error
    assert last.startswith("cypool: error: ") and said in last and len(last) < 600
    assert usage in ([], ["usage: cypool pyramid [options] SOURCE TARGET"], ["usage: cypool [options] COMMAND ..."])
    assert digest(".") == before and "out.zarr" not in os.listdir()


@pytest.mark.parametrize("dtype", ["U3", "datetime64[s]", "object", "longdouble"])
def test_dtypes(run, dtype):
    np.save("in.npy", np.zeros((4, 4), dtype), allow_pickle=True)
    code, text, error = run("pyramid", "in.npy", "out.zarr")
    assert code in (1, 2) and text == "" and error.startswith("cypool: error: ") and error.count("\n") == 1
    assert os.listdir() == ["in.npy"]


def test_there_already(run, done):
    saved(volume())
    done("pyramid", "in.npy", "out.zarr", "--levels=1")
    saved(volume((21, 33, 41)))
    before = digest("out.zarr")
    code, _, error = run("pyramid", "in.npy", "out.zarr", "--levels=1")
    assert code in (1, 2) and "out.zarr" in error and error.count("\n") == 1 and digest("out.zarr") == before
    done("pyramid", "in.npy", "out.zarr", "--levels=1", "--overwrite")
    assert levels("out.zarr")[0][0].shape == (21, 33, 41)


def test_truncated_tiff(run):
    tifffile.imwrite("in.tif", volume((30, 64, 64)), photometric="minisblack", compression="zlib")
    content = Path("in.tif").read_bytes()
    for length in (0, 10, len(content) // 2, len(content) - 2000):
        Path("in.tif").write_bytes(content[:length])
        code, text, error = run("pyramid", "in.tif", "out.zarr")
        assert (code, text) == (1, "") and error.startswith("cypool: error: ") and error.count("\n") == 1, error


def test_no_space(run, monkeypatch):
    """A disk that is full: its name for it, and exit code 1."""
    saved(volume())

    def full(*arguments, **keywords):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "out.zarr")

    monkeypatch.setattr(cypool.zarr, "write_pyramid", full)
    assert run("pyramid", "in.npy", "out.zarr") == (1, "", "cypool: error: out.zarr: No space left on device\n")


def test_in_a_pipe():
    saved(volume())
    command = [sys.executable, "-P", "-m", "cypool", "pyramid", "in.npy", "out.zarr"]
    found = subprocess.run(command, capture_output=True, timeout=120)
    assert (found.returncode, found.stdout, found.stderr) == (0, b"", b"")


# ---- in a terminal ---------------------------------------------------------------------------------

LONG = "cypool pyramid large.npy out.ome.zarr --name large --chunks 64 --compression zstd:9"


@pytest.fixture
def large(folder):
    """A file of 128 MiB that takes a few seconds."""
    rng = np.random.default_rng(0)
    np.save(folder / "large.npy", rng.integers(0, 50, (256, 512, 512), np.uint16))
    return folder


def test_bar_interrupt_and_resume(large):
    """The bar with rate and time left; Ctrl-C; the same command ends with the bytes of one that ran through."""
    with Terminal(large, 110) as terminal:
        terminal.type(f"clear; {LONG}")
        screen = terminal.wait("large.npy ━", " / 128.0 MiB ", "iB/s ")
        assert "%" in screen
        while " 0% " in terminal.screen():
            pass
        terminal.key("C-c")
        terminal.wait("cypool: interrupted; the same command goes on from here")
        first = digest(large / "out.ome.zarr") if (large / "out.ome.zarr").exists() else {}
        terminal.type(f"clear; {LONG}; echo code $?")
        screen = terminal.wait("code 0")
        assert "out.ome.zarr: levels 0 to" in screen and "100%" in screen
        terminal.type(f"clear; {LONG.replace('out.ome', 'whole.ome')} --quiet; echo ended $?")
        assert terminal.wait("ended 0").split() == ["ended", "0", "$"]
    assert digest(large / "out.ome.zarr") == digest(large / "whole.ome.zarr") != first
    assert sorted(os.listdir(large)) == ["large.npy", "out.ome.zarr", "whole.ome.zarr"]


def test_interrupted_code(large):
    with Terminal(large, 110) as terminal:
        terminal.type(f"clear; {LONG}; echo code $?")
        terminal.wait(" / 128.0 MiB ")
        terminal.key("C-c")
        terminal.wait("cypool: interrupted")
        terminal.type("echo code $?")
        terminal.wait("code 130")
