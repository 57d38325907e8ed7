"""The command line: what it says of what is wrong, and that nothing is left then."""

import errno
import importlib
import os
import resource
from pathlib import Path

import imageio.v3 as imageio
import numpy as np
import pytest
import tifffile
from commands import names, photo, process, saved

bands = importlib.import_module("cypool.cli.reduce")  # the module: the name is a function, too


pytestmark = pytest.mark.usefixtures("folder")


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


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError("4 requested and 2 written"), "out.tif: cannot be written: 4 requested and 2 written"),
        (OSError(errno.ENOSPC, "No space left on device"), "out.tif: No space left on device"),
        (OSError(errno.ENOSPC, "No space left on device", "/tmp/x"), "/tmp/x: No space left on device"),
    ],
    ids=["no number", "no name", "both"],
)
def test_libraries_that_cannot_write(run, monkeypatch, error, said):
    """What a library does not say of its error, the name or the reason, is said all the same."""
    saved(photo((8, 8)))
    Path("out.tif").write_text("mine")

    def fail(*arguments, **keywords):
        raise error

    monkeypatch.setattr(tifffile, "imwrite", fail)
    assert run("reduce", "in.npy", "out.tif", "--overwrite") == (1, "", f"cypool: error: {said}\n")
    assert names() == ["in.npy", "out.tif"] and Path("out.tif").read_text() == "mine"


def test_damage_in_the_middle(run, monkeypatch):
    """A source that opens, and whose last strips are no good: found when the first bands are made."""
    monkeypatch.setattr(bands, "BAND", 2000)
    tifffile.imwrite("in.tif", photo((64, 100)), compression="zlib", rowsperstrip=8)
    with tifffile.TiffFile("in.tif") as file:
        page = file.pages[0]
        where, size = page.dataoffsets[-1], page.databytecounts[-1]
    content = bytearray(Path("in.tif").read_bytes())
    content[where : where + size] = b"\xff" * size
    Path("in.tif").write_bytes(content)
    bars = []
    inner = bands._read
    monkeypatch.setattr(bands, "_read", lambda *words: bars.append(words[1]) or inner(*words))
    code, text, error = run("reduce", "in.tif", "out.npy")
    assert (code, text, names()) == (1, "", ["in.tif"]) and len(bars) > 2
    assert error.startswith("cypool: error: in.tif cannot be read at [") and error.count("\n") == 1


def test_only_channels(run):
    saved(photo((3,)))
    said = "cypool: error: in.npy has no axis to pool but its channels (shape 3)\n"
    assert run("reduce", "in.npy", "out.npy", "--channel-axis=0") == (2, "", said) and names() == ["in.npy"]
    saved(np.float32(1))
    said = "cypool: error: in.npy has no axis to pool: it holds one number\n"
    assert run("reduce", "in.npy", "out.npy") == (2, "", said) and names() == ["in.npy"]


def test_memory(run):
    """A result that no memory holds."""
    np.lib.format.open_memmap("in.npy", "w+", np.uint8, (4, 4))
    code, _, error = run(
        "reduce", "in.npy", "out.npy", "--window=1", "--padding=1000000000000", "--fill-value=0", "--stride=1"
    )
    assert code == 1 and error.startswith("cypool: error: not enough memory") and names() == ["in.npy"]
