"""The command line: what it writes, what it says, how it ends.  Most run in this process, some in one of their own."""

import errno
import importlib
import itertools
import os
import resource
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

import imageio.v3 as imageio
import numpy as np
import pytest
import tifffile
from fresh import fresh

import cypool
from cypool import cli
from cypool.reducers import TABLE

bands = importlib.import_module("cypool.cli.reduce")  # the module: the name is a function, too


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(capsys):
    """Runs a command here: its exit code, what it printed, and its errors."""

    def run(*words):
        try:
            code = cli.main(list(map(str, words)))
        except SystemExit as end:
            code = end.code
        return (code, *capsys.readouterr())

    return run


@pytest.fixture
def done(run):
    """Runs a command that must work and print nothing."""

    def done(*words):
        assert run(*words) == (0, "", "")

    return done


def process(*words, **keywords):
    command = [sys.executable, "-P", "-m", "cypool", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, **keywords)


def photo(shape=(37, 50, 3), dtype="uint8", high=256):
    return np.random.default_rng(sum(shape)).integers(0, high, shape).astype(dtype)


def saved(x, name="in.npy"):
    np.save(name, x)
    return x


def names():
    return sorted(os.listdir())


# ---- reduce: values --------------------------------------------------------------------------------


def test_picture(done):
    x = photo()
    imageio.imwrite("photo.png", x)
    done("reduce", "photo.png", "small.png", "--window", 4, "--reduce", "median")
    expected = cypool.pool(x, 4, "median", axes=(0, 1), ceil_mode=True, dtype=np.uint8)
    assert np.array_equal(imageio.imread("small.png"), expected)


def test_defaults(done):
    x = saved(photo((9, 11)))
    done("reduce", "in.npy", "out.npy")
    result = np.load("out.npy")
    assert result.dtype == np.uint8
    assert np.array_equal(result, cypool.block_reduce(x, 2, "mean", boundary="partial", dtype=np.uint8))


@pytest.mark.parametrize("reduce", list(TABLE))
def test_reducers(done, reduce):
    """Every reducer, with the dtype that is written of it."""
    given = {"stochastic": {"rng": 3}}.get(reduce, {})
    options = [f"--option={name}={value}" for name, value in given.items()]
    for dtype in ("uint8", "int32", "float32"):
        x = saved(photo((9, 8), dtype))
        done("reduce", "in.npy", "out.npy", "--window", 4, "--reduce", reduce, "--overwrite", *options)
        kept = dtype if reduce in ("mean", "median", "quantile") else None
        expected = cypool.pool(x, 4, reduce, ceil_mode=True, dtype=kept, **given)
        result = np.load("out.npy")
        assert result.dtype == expected.dtype and np.array_equal(result, expected), (reduce, dtype)


OPTIONS = [
    ("quantile", ["q=0.9"], {"q": 0.9}),
    ("quantile", ["q=1", "method=lower"], {"q": 1, "method": "lower"}),
    ("lp", ["p=inf"], {"p": np.inf}),
    ("lp", ["p=3"], {"p": 3}),
    ("mode", ["ties=largest", "ignore=0"], {"ties": "largest", "ignore": 0}),
    ("mean", ["rounding=floor"], {"rounding": "floor", "dtype": np.uint8}),
    ("mean", ["divisor=none"], {"dtype": np.uint8}),
    ("logsumexp", ["mean=true", "alpha=0.5"], {"mean": True, "alpha": 0.5}),
    ("stochastic", ["training=False"], {"training": False}),
    ("sum", ["weights=[[1,2,1],[2,4,2],[1,2,1]]"], {"weights": [[1, 2, 1], [2, 4, 2], [1, 2, 1]]}),
]


@pytest.mark.parametrize(("reduce", "written", "given"), OPTIONS)
def test_options(done, reduce, written, given):
    x = saved(photo((9, 12), high=5))
    done("reduce", "in.npy", "out.npy", "--window=3", "--reduce", reduce, *(f"--option={word}" for word in written))
    if reduce == "quantile":
        given = given | {"dtype": np.uint8}
    assert np.array_equal(np.load("out.npy"), cypool.pool(x, 3, reduce, **given))


GEOMETRY = [
    (["--window=2,3"], {"window": (2, 3)}),
    (["--window=3", "--stride=1"], {"window": 3, "stride": 1}),
    (["--window=3", "--stride=2,1", "--dilation=1,2"], {"window": 3, "stride": (2, 1), "dilation": (1, 2)}),
    (["--window=3", "--padding=1"], {"window": 3, "padding": 1}),
    (["--window=3", "--padding=0:2,1"], {"window": 3, "padding": ((0, 2), 1)}),
    (["--window=3", "--padding=same", "--stride=2"], {"window": 3, "padding": "same", "stride": 2}),
    (["--window=4", "--no-partial"], {"window": 4, "ceil_mode": False}),
    (["--window=4", "--no-ceil"], {"window": 4, "ceil_mode": False}),
    (["--window=4", "--ceil"], {"window": 4}),
    (["--window=3", "--padding=1", "--border=constant", "--border-value=-7"],
     {"window": 3, "padding": 1, "border": "constant", "border_value": -7}),
    (["--window=2", "--padding=2", "--fill-value=-1"], {"window": 2, "padding": 2, "fill_value": -1}),
    (["--window=2", "--axes=1"], {"window": 2, "axes": 1}),
    (["--window=2,3", "--axes=-1,-2"], {"window": (2, 3), "axes": (-1, -2)}),
]  # fmt: skip


@pytest.mark.parametrize(("words", "given"), GEOMETRY, ids=str)
def test_geometry(done, words, given):
    x = saved(photo((14, 15), "int16", 999))
    done("reduce", "in.npy", "out.npy", *words)
    expected = cypool.pool(x, reduce="mean", dtype=np.int16, **{"ceil_mode": True, **given})
    assert np.array_equal(np.load("out.npy"), expected)


@pytest.mark.parametrize(
    ("shape", "words", "axes"),
    [
        ((8, 9, 3), [], (0, 1)),
        ((8, 9, 4), [], (0, 1)),
        ((8, 9, 2), [], (0, 1, 2)),
        ((8, 3), [], (0, 1)),
        ((5, 8, 9, 3), [], (0, 1, 2)),
        ((8, 9, 3), ["--no-channels"], (0, 1, 2)),
        ((8, 9, 3), ["--channel-axis=0"], (1, 2)),
        ((8, 9, 3), ["--channel-axis=-2"], (0, 2)),
        ((8, 9, 3), ["--axes=2"], (2,)),
    ],
)
def test_axes(done, shape, words, axes):
    x = saved(photo(shape))
    done("reduce", "in.npy", "out.npy", *words)
    assert np.array_equal(np.load("out.npy"), cypool.pool(x, 2, "mean", axes=axes, ceil_mode=True, dtype=np.uint8))


@pytest.mark.parametrize(
    ("shape", "names", "axes"),
    [((4, 3, 8, 9), "TCYX", (2, 3)), ((6, 8, 9), "ZYX", (0, 1, 2)), ((3, 8, 9), "CYX", (1, 2))],
)
def test_named_axes(done, shape, names, axes):
    """What a TIFF says of its axes; and its result says the same."""
    x = photo(shape, "uint16")
    tifffile.imwrite("in.tif", x, photometric="minisblack", metadata={"axes": names})
    done("reduce", "in.tif", "out.tif")
    with tifffile.TiffFile("out.tif") as file:
        assert file.series[0].axes == names
        found = file.series[0].asarray()
    assert np.array_equal(found, cypool.pool(x, 2, "mean", axes=axes, ceil_mode=True, dtype=np.uint16))


def test_nan(done):
    x = np.arange(36.0).reshape(6, 6)
    x[0, 0] = x[4, 5] = np.nan
    saved(x)
    for policy in ("propagate", "omit"):
        done("reduce", "in.npy", "out.npy", "--nan-policy", policy, "--overwrite")
        assert np.array_equal(np.load("out.npy"), cypool.pool(x, 2, "mean", nan_policy=policy), equal_nan=True)


def test_dtype(done):
    x = saved(photo((8, 9), "uint16"))
    for dtype in ("float64", "float32", "uint8"):
        done("reduce", "in.npy", "out.npy", "--dtype", dtype, "--overwrite")
        found = np.load("out.npy")
        assert found.dtype == dtype and np.array_equal(found, cypool.pool(x, 2, "mean", ceil_mode=True, dtype=dtype))


PADDINGS = {"0": 0, "1": 1, "same": "same", "0:2,1,0": ((0, 2), 1, 0)}
BORDERS = ("ignore", "constant", "reflect", "edge", "wrap")
REDUCERS = itertools.cycle(("max", "mean", "std", "median", "first"))
POOLED = itertools.cycle(("0,1,2", "1,2,0", "0,2,1", "2,0,1"))


@pytest.mark.parametrize("band", [1, 300, 5000])
def test_bands(done, monkeypatch, band):
    """The same bits for any length of the bands in which a source is read."""
    monkeypatch.setattr(bands, "BAND", band)
    x = saved(np.random.default_rng(band).normal(size=(41, 7, 5)).astype(np.float32))
    for window, stride, padding, border, partial in itertools.product(
        (1, 2, 5), (1, 3, 7), PADDINGS, BORDERS, (True, False)
    ):
        axes, reduce = next(POOLED), next(REDUCERS)
        words = [f"--window={window}", f"--stride={stride}", f"--padding={padding}", f"--border={border}",
                 "--partial" if partial else "--no-partial", f"--axes={axes}", f"--reduce={reduce}"]  # fmt: skip
        done("reduce", "in.npy", "out.npy", "--overwrite", "--fill-value=5", *words)
        expected = cypool.pool(
            x, window, reduce, stride=stride, padding=PADDINGS[padding], border=border, ceil_mode=partial, fill_value=5,
            axes=tuple(map(int, axes.split(","))),
        )  # fmt: skip
        found = np.load("out.npy")
        assert found.dtype == expected.dtype and np.array_equal(found, expected), words


@pytest.mark.parametrize("reduce", ["argmax", "argmin", "stochastic"])
def test_positions_are_those_of_the_whole(done, monkeypatch, reduce):
    """What counts cells from the start of the array is not made in bands."""
    monkeypatch.setattr(bands, "BAND", 1)
    x = saved(np.random.default_rng(0).random((60, 6)))
    given = {"rng": 4} if reduce == "stochastic" else {}
    done("reduce", "in.npy", "out.npy", f"--reduce={reduce}", *(f"--option={name}={n}" for name, n in given.items()))
    assert np.array_equal(np.load("out.npy"), cypool.pool(x, 2, reduce, **given))


def test_bands_are_read(monkeypatch, done):
    """A large source is not read at once, and each of its cells is read."""
    x = saved(np.zeros((4096, 4096), np.uint8))
    seen = []
    inner = bands._read
    monkeypatch.setattr(
        bands, "_read", lambda source, low, high, path: seen.append((low, high)) or inner(source, low, high, path)
    )
    monkeypatch.setattr(bands, "BAND", 2**20)
    done("reduce", "in.npy", "out.npy")
    assert len(seen) > 10 and max(high - low for low, high in seen) <= 2**20 // 4096
    assert [low for low, _ in seen[1:]] == [high for _, high in seen[:-1]] and seen[-1][1] == len(x)


def test_empty(done):
    saved(np.zeros((0, 4, 4), np.uint8))
    done("reduce", "in.npy", "out.npy", "--axes=1,2")
    assert np.load("out.npy").shape == (0, 2, 2)


# ---- reduce: files ---------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".tif", ".TIFF", ".png", ".bmp", ".webp", ".ppm"])
def test_formats(done, suffix):
    x = photo((16, 18, 3))
    saved(x)
    done("reduce", "in.npy", f"out{suffix}", "--window=2")
    expected = cypool.pool(x, 2, "mean", axes=(0, 1), dtype=np.uint8)
    done("reduce", f"out{suffix}", "again.npy", "--window=1")
    assert np.array_equal(np.load("again.npy"), expected)
    assert names() == sorted(["in.npy", f"out{suffix}", "again.npy"])


def test_jpeg(done):
    """Nearly: it is not made for more."""
    x = np.add.outer(np.arange(160), np.arange(160)).astype(np.uint8) // 2
    saved(x)
    done("reduce", "in.npy", "out.jpg")
    difference = imageio.imread("out.jpg").astype(int) - cypool.pool(x, 2, "mean", dtype=np.uint8)
    assert abs(difference).max() <= 8


@pytest.mark.parametrize(
    "dtype", ["bool", "int8", "uint16", "int64", "float16", "float32", "float64", "complex64", ">u2"]
)
def test_tiff_dtypes(done, dtype):
    x = saved(photo((6, 8, 9), dtype))
    done("reduce", "in.npy", "out.tif", "--window=2", "--reduce=sum" if dtype == "complex64" else "--reduce=mean")
    found = tifffile.imread("out.tif")
    expected = (
        cypool.pool(x, 2, "sum") if dtype == "complex64"
        else cypool.pool(x, 2, "mean", ceil_mode=True, dtype=None if dtype == "bool" else dtype)
    )  # fmt: skip
    assert np.array_equal(found, cypool.pool(x, 2, "sum", ceil_mode=True) if dtype == "complex64" else expected)


def test_large_tiff_is_colour(done):
    saved(photo((8, 8, 3)))
    done("reduce", "in.npy", "out.tif")
    with tifffile.TiffFile("out.tif") as file:
        assert file.pages[0].photometric == tifffile.PHOTOMETRIC.RGB


@pytest.mark.parametrize("dtype", ["bool", "uint16"])
def test_png_dtypes(done, dtype):
    saved(photo((8, 9), dtype, 2 if dtype == "bool" else 60000))
    done("reduce", "in.npy", "out.png", "--reduce=max")
    found = imageio.imread("out.png")
    assert found.dtype == dtype and np.array_equal(found, cypool.pool(np.load("in.npy"), 2, ceil_mode=True))


def test_archive(done, run):
    a, b = photo((4, 4)), photo((6, 6))
    np.savez("in.npz", a=a, b=b)
    done("reduce", "in.npz", "out.npy", "--dataset", "b")
    assert np.load("out.npy").shape == (3, 3)
    for words, said in (((), "--dataset (a, b)"), (("--dataset", "c"), "holds no 'c'; there are: a, b")):
        code, _, error = run("reduce", "in.npz", "other.npy", *words)
        assert code == 2 and said in error


def test_overwrite(run, done):
    saved(photo((8, 8)))
    Path("out.npy").write_text("mine")
    code, _, error = run("reduce", "in.npy", "out.npy")
    assert (code, error) == (1, "cypool: error: out.npy is there already; --overwrite replaces it\n")
    assert Path("out.npy").read_text() == "mine"
    os.chmod("out.npy", 0o640)
    done("reduce", "in.npy", "out.npy", "--overwrite")
    assert np.load("out.npy").shape == (4, 4) and os.stat("out.npy").st_mode & 0o777 == 0o640


def test_modes_are_ordinary(done):
    saved(photo((8, 8)))
    before = os.umask(0o027)
    try:
        done("reduce", "in.npy", "out.npy")
    finally:
        os.umask(before)
    assert os.stat("out.npy").st_mode & 0o777 == 0o640


def test_links(done):
    """A link to a target stays one."""
    saved(photo((8, 8)))
    Path("real.npy").touch()
    os.symlink("real.npy", "link.npy")
    done("reduce", "in.npy", "link.npy", "--overwrite")
    assert os.path.islink("link.npy") and np.load("real.npy").shape == (4, 4)


def test_source_stays(done):
    saved(photo((40, 40)))
    before = Path("in.npy").read_bytes(), os.stat("in.npy").st_mtime_ns
    os.chmod("in.npy", 0o444)
    done("reduce", "in.npy", "out.npy")
    assert (Path("in.npy").read_bytes(), os.stat("in.npy").st_mtime_ns) == before


@pytest.mark.parametrize(
    "name", ["two words.npy", "-dash.npy", "né.npy", "a\nb.npy", os.fsdecode(b"caf\xe9.npy"), "\x1b[31m.npy"]
)
def test_names(done, run, name):
    np.save(os.path.join(".", "x.npy"), photo((8, 8)))
    os.rename("x.npy", name)
    os.mkdir("out")
    done("reduce", "--", name, os.path.join("out", name))
    assert names() == sorted([name, "out"]) and os.listdir("out") == [name]
    code, text, _ = run("reduce", "--dry-run", "--overwrite", "--", name, os.path.join("out", name))
    assert code == 0 and text.count("\n") == 2 and text.replace("\n", "").isprintable()
    os.unlink(name)
    code, _, error = run("reduce", "--", name, "other.npy")
    assert code == 1 and error.count("\n") == 1 and error.strip().isprintable() and "No such file" in error


def test_names_in_bytes(folder):
    """A name that is no UTF-8, through a real command line."""
    name = b"caf\xe9.npy"
    np.save(os.fsdecode(name), photo((8, 8)))
    found = process("reduce", name, "small.npy", "--dry-run")
    assert (found.returncode, found.stderr) == (0, "") and found.stdout.startswith("caf\\xe9.npy: 8 x 8 uint8, 64 B\n")


def test_dry_run(run):
    x = photo((1200, 1801, 3))
    imageio.imwrite("photo.png", x)
    assert run("reduce", "photo.png", "small.png", "--window=4", "--dry-run") == (
        0, "photo.png: 1200 x 1801 x 3 uint8, 6.2 MiB\nsmall.png: 300 x 451 x 3 uint8, 396.4 KiB\n", ""
    )  # fmt: skip
    assert names() == ["photo.png"]


# ---- errors ----------------------------------------------------------------------------------------

WRONG = [  # words after the source, exit code, a part of the message
    (["out.npy", "--window=0"], 2, "window must be at least 1, not 0"),
    (["out.npy", "--window=-3"], 2, "window must be at least 1, not -3"),
    (["out.npy", "--window=2.5"], 2, "must be an integer, or several with commas between them, not '2.5'"),
    (["out.npy", "--window="], 2, "must be an integer"),
    (["out.npy", "--window=two"], 2, "not 'two'"),
    (["out.npy", "--window=2,,2"], 2, "not '2,,2'"),
    (["out.npy", "--window=2,2,2"], 2, "window must be one value or 2"),
    (["out.npy", "--window=" + "9" * 29], 2, "window must be below 2**62"),
    (["out.npy", "--window=" + "9" * 5000], 2, "must be an integer"),
    (["out.npy", "--window=4611686018427387903"], 2, "window"),
    (["out.npy", "--window=20", "--no-partial"], 2, "window 20"),
    (["out.npy", "--window=1e3"], 2, "not '1e3'"),
    (["out.npy", "--window"], 2, "expected one argument"),
    (["out.npy", "--stride=0"], 2, "stride must be at least 1"),
    (["out.npy", "--stride=x"], 2, "--stride"),
    (["out.npy", "--stride=1,2,3"], 2, "stride"),
    (["out.npy", "--padding=-1"], 2, "padding must be at least 0"),
    (["out.npy", "--padding=SAME"], 2, "not 'SAME'"),
    (["out.npy", "--padding=1:2:3,1"], 2, "not '1:2:3,1'"),
    (["out.npy", "--padding=1:"], 2, "--padding"),
    (["out.npy", "--padding=1:2"], 2, "padding must be one value or 2"),
    (["out.npy", "--padding=99", "--border=reflect"], 2, "padding: border 'reflect' mirrors at most 8"),
    (["out.npy", "--dilation=0"], 2, "dilation must be at least 1"),
    (["out.npy", "--dilation=4611686018427387903"], 2, "window 2 with dilation"),
    (["out.npy", "--border=nothing"], 2, "invalid choice: 'nothing'"),
    (["out.npy", "--border=constant", "--padding=1", "--border-value=999"], 2, "border_value"),
    (["out.npy", "--border-value=x"], 2, "must be a number, not 'x'"),
    (["out.npy", "--axes=2"], 2, "axis 2 is out of bounds"),
    (["out.npy", "--axes=0,0"], 2, "axes must not repeat"),
    (["out.npy", "--axes=y"], 2, "--axes"),
    (["out.npy", "--axes=0", "--channel-axis=1"], 2, "not allowed with"),
    (["out.npy", "--channel-axis=2"], 2, "channel_axis must be below 2"),
    (["out.npy", "--channel-axis=-3"], 2, "channel_axis must be at least -2"),
    (["out.npy", "--reduce=average"], 2, "invalid choice: 'average'"),
    (["out.npy", "--option=q"], 2, "must be name=value, not 'q'"),
    (["out.npy", "--option=q=0.5"], 2, "reduce='mean' takes no option 'q'"),
    (["out.npy", "--option==1"], 2, "must be name=value"),
    (["out.npy", "--reduce=quantile", "--option=q=2"], 2, "q must be from 0 to 1, not 2"),
    (["out.npy", "--reduce=quantile", "--option=q=much"], 2, "q must be a real number"),
    (["out.npy", "--reduce=quantile", "--option=q=nan"], 2, "q must be from 0 to 1"),
    (["out.npy", "--reduce=lp", "--option=p=0"], 2, "p must be positive"),
    (["out.npy", "--reduce=mode", "--option=ties=none"], 2, "ties must be a string"),
    (["out.npy", "--reduce=sum", "--option=weights=[[1,2"], 2, "is no list"),
    (["out.npy", "--reduce=sum", "--option=weights=" + "[" * 5000], 2, "--option"),
    (["out.npy", "--reduce=sum", "--option=weights=[1,2,3]"], 2, "weights"),
    (["out.npy", "--reduce=sum", "--option=weights=7"], 2, "weights"),
    (["out.npy", "--reduce=stochastic", "--option=rng=-1"], 2, "rng must be at least 0"),
    (["out.npy", "--option=dtype=uint8"], 2, "takes no option 'dtype'"),
    (["out.npy", "--dtype=pixel"], 2, "dtype must be a dtype, not 'pixel'"),
    (["out.npy", "--dtype=object"], 2, "dtype"),
    (["out.npy", "--dtype="], 2, "dtype"),
    (["out.npy", "--reduce=std", "--dtype=uint8"], 2, "floats are not rounded to integers"),
    (["out.npy", "--fill-value=x"], 2, "must be a number"),
    (["out.npy", "--padding=2"], 2, "fill_value"),
    (["out.npy", "--nan-policy=ignore"], 2, "invalid choice: 'ignore'"),
    (["out.npy", "--workers=0"], 2, "workers must be at least 1, or -1"),
    (["out.npy", "--workers=many"], 2, "must be an integer, not 'many'"),
    (["out.npy", "--dataset=x"], 2, "dataset"),
    (["out.npy", "--wind=2"], 2, "unrecognized arguments: --wind=2"),
    (["out.npy", "more.npy"], 2, "unrecognized arguments: more.npy"),
    ([], 2, "required: TARGET"),
    (["out"], 2, "out: its name must end in one of .npy .npz"),
    (["out.gif"], 2, "its name must end in one of"),
    (["in.npy", "--overwrite"], 2, "in.npy is the source"),
    (["./in.npy", "--overwrite"], 2, "is the source"),
    (["same.npy", "--overwrite"], 2, "is the source"),
    (["out.png", "--reduce=std"], 2, ".png cannot hold 5 x 5 float64"),
    (["out.jpg", "--dtype=uint16"], 2, ".jpg cannot hold 5 x 5 uint16"),
    (["nowhere/out.npy"], 1, "there is no folder nowhere"),
    (["in.npy/out.npy"], 1, "there is no folder in.npy"),
    (["folder.npy", "--overwrite"], 1, "folder.npy is there, and is no ordinary file"),
    (["/dev/null.npy/x.npy"], 1, "there is no folder"),
    (["/proc/cypool.npy"], 1, "/proc/cypool.npy: "),
]


@pytest.mark.parametrize(
    ("words", "code", "said"), WRONG, ids=lambda x: " ".join(x)[:60] if isinstance(x, list) else None
)
def test_wrong(run, words, code, said):
    """One line that names what is wrong, nothing on standard output, nothing left behind."""
    saved(photo((9, 9)))
    os.link("in.npy", "same.npy")
    os.mkdir("folder.npy")
    before = names()
    found, text, error = run("reduce", "in.npy", *words)
    *usage, last = error.splitlines()
    assert (found, text) == (code, ""), error
    assert last.startswith("cypool: error: ") and said in last and len(last) < 600
    assert usage in ([], ["usage: cypool reduce [options] SOURCE TARGET"], ["usage: cypool [options] COMMAND ..."])
    assert "Traceback" not in error and names() == before


def spoilt():
    """Files that are no good: name and content."""
    x = photo((64, 64, 3))
    imageio.imwrite("good.png", x)
    tifffile.imwrite("good.tif", x, photometric="rgb")
    tifffile.imwrite("packed.tif", x, photometric="rgb", compression="zlib", rowsperstrip=8)
    np.save("good.npy", x)
    np.savez_compressed("good.npz", x)
    np.save("objects.npy", np.array([{}, None], object), allow_pickle=True)
    np.save("text.npy", np.array(["a", "b"]))
    content = {name: Path(name).read_bytes() for name in names()}
    for name in content:
        os.unlink(name)
    for name in ("good.png", "good.tif", "packed.tif", "good.npy", "good.npz"):
        kind = name.partition(".")[2]
        yield f"{name[:-4]}-half.{kind}", content[name][: len(content[name]) // 2]
        yield f"{name[:-4]}-start.{kind}", content[name][:20]
        yield f"{name[:-4]}-empty.{kind}", b""
        yield f"{name[:-4]}-noise.{kind}", np.random.default_rng(0).bytes(5000)
        if kind != "npy":
            yield f"{name[:-4]}-other.{kind}", content["good.npy"]
    yield "objects.npy", content["objects.npy"]
    yield "text.npy", content["text.npy"]
    yield "unknown.xyz", b"hello"


def test_unreadable():
    """Files that are no good: exit code 1 (2 for a dtype that is not pooled), a line with the name, nothing written."""
    tried = 0
    for name, content in spoilt():
        Path(name).write_bytes(content)
        found = process("reduce", name, "out.npy")  # of its own: imageio leaves files open, and warns of much
        code, text, error = found.returncode, found.stdout, found.stderr
        assert code == (2 if name == "text.npy" else 1) and text == "", (name, error)
        assert error.startswith("cypool: error: ") and error.count("\n") == 1 and len(error) < 600, (name, error)
        assert name in error and "Traceback" not in error, (name, error)
        assert names() == [name]
        os.unlink(name)
        tried += 1
    assert tried >= 25


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("missing.npy", "missing.npy: No such file or directory"),
        ("folder", "folder: is a folder, and no Zarr"),
        ("", "No such file"),
    ],
)
def test_no_source(run, source, said):
    os.mkdir("folder")
    code, _, error = run("reduce", source, "out.npy")
    assert code == 1 and said in error and error.count("\n") == 1 and names() == ["folder"]


def test_debug(run):
    code, _, error = run("reduce", "missing.npy", "out.npy", "--debug")
    assert code == 1 and "Traceback" in error and error.endswith("missing.npy: No such file or directory\n")


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".tif", ".png"])
def test_no_space(run, suffix, monkeypatch):
    """A disk that is full when the last bytes go there."""
    saved(photo((40, 40)))
    Path(f"out{suffix}").write_text("mine")

    def full(handle):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    code, _, error = run("reduce", "in.npy", f"out{suffix}", "--overwrite")
    assert code == 1 and error == f"cypool: error: out{suffix}: No space left on device\n"
    assert names() == ["in.npy", f"out{suffix}"] and Path(f"out{suffix}").read_text() == "mine"


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".tif", ".png"])
def test_file_too_large(suffix):
    """A file that the system does not let grow: a write that fails in the middle."""
    x = saved(photo((1000, 1000)))

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))

    found = process("reduce", "in.npy", f"out{suffix}", preexec_fn=limit)
    assert (found.returncode, found.stdout) == (1, "") and names() == ["in.npy"]
    reason = "cannot be written: 250000 requested and 19744 written" if suffix == ".tif" else "File too large"
    assert found.stderr == f"cypool: error: out{suffix}: {reason}\n"
    assert np.array_equal(np.load("in.npy"), x)


def test_memory(run):
    """A result that no memory holds."""
    np.lib.format.open_memmap("in.npy", "w+", np.uint8, (4, 4))
    code, _, error = run(
        "reduce", "in.npy", "out.npy", "--window=1", "--padding=1000000000000", "--fill-value=0", "--stride=1"
    )
    assert code == 1 and error.startswith("cypool: error: not enough memory") and names() == ["in.npy"]


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
