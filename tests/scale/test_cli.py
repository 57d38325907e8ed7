"""``cypool reduce``: what it writes."""

import importlib
import itertools
import os
from pathlib import Path

import imageio.v3 as imageio
import numpy as np
import pytest
import tifffile
from commands import names, photo, process, saved

import cypool
from cypool.reducers import TABLE

bands = importlib.import_module("cypool.cli.reduce")  # the module: the name is a function, too


pytestmark = pytest.mark.usefixtures("folder")


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
    for window, stride, padding, border, cut in itertools.product(
        (1, 2, 5), (1, 3, 7), PADDINGS, BORDERS, (True, False)
    ):
        axes, reduce = next(POOLED), next(REDUCERS)
        words = [f"--window={window}", f"--stride={stride}", f"--padding={padding}", f"--border={border}",
                 "--partial" if cut else "--no-partial", f"--axes={axes}", f"--reduce={reduce}"]  # fmt: skip
        done("reduce", "in.npy", "out.npy", "--overwrite", "--fill-value=5", *words)
        expected = cypool.pool(
            x, window, reduce, stride=stride, padding=PADDINGS[padding], border=border, ceil_mode=cut, fill_value=5,
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
