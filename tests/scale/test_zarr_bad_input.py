"""Wrong arguments, full disks, targets that cannot be written: a clear error, and nothing half-written."""

import errno
import json
import os
import resource
import subprocess
import sys
import tempfile

import numpy as np
import pytest
import zarr
from fresh import fresh
from written import WRITE, files, is_right

import cypool.writing

NO_PATHS = ("a\0b", "", "\ud800", "x" * 10**6)
X = np.random.default_rng(0).integers(0, 250, (40, 50), dtype=np.uint8)
CUBE = np.zeros((6, 40, 50), np.uint8)


@pytest.mark.parametrize(
    "arguments, error, text",
    [
        ({"factor": 1}, ValueError, "factor must be at least 2 on one axis"),
        ({"factor": 1.5}, TypeError, "factor must be an integer"),
        ({"factor": (2, 2, 2)}, ValueError, "factor must be one value or 2"),
        ({"levels": -1}, ValueError, "levels must be at least 0"),
        ({"levels": 61}, ValueError, "levels must be at most 60"),
        ({"levels": "2"}, TypeError, "levels must be an integer"),
        ({"reduce": "nothing"}, ValueError, "reduce must be one of"),
        ({"reduce": lambda a, axis: a.max(axis)}, TypeError, "reduce must be a name or the NumPy function"),
        ({"reduce": np.nanmean}, ValueError, "skips NaN"),
        ({"reduce": "sum"}, TypeError, "reduce='sum' of uint8 does not give uint8"),
        ({"reduce": "stochastic"}, TypeError, "reduce='stochastic' of uint8"),
        ({"source": X > 9}, TypeError, "reduce='mean' of bool does not give bool.* max, min, any, all"),
        ({"source": X.astype(complex), "reduce": "median"}, TypeError, "reduce='median' of complex128"),
        ({"source": X.astype(object)}, TypeError, "source must be bool, integers, .* not object"),
        ({"source": X.astype("U3")}, TypeError, "source must be .* not <U3"),
        ({"source": X.astype("M8[s]")}, TypeError, "source must be .* not datetime64"),
        ({"source": np.zeros((9, 9), [("a", "u1")])}, TypeError, "source must be"),
        ({"source": np.zeros(9)}, ValueError, "axes must have two or three of zyx, not 'x'"),
        ({"source": np.zeros((1,) * 6)}, ValueError, "axes must have a name of tczyx for each of 6 dimensions"),
        ({"source": np.zeros(())}, ValueError, "axes must have"),
        ({"source": np.zeros((0, 9))}, ValueError, "source must not be empty"),
        ({"axes": "y"}, ValueError, "axes must have a name of tczyx for each of 2 dimensions"),
        ({"axes": "yy"}, ValueError, "axes must not repeat"),
        ({"axes": "yw"}, ValueError, "axes must be one of t, c, z, y, x, not 'w'"),
        ({"axes": "tx"}, ValueError, "axes must have two or three of zyx"),
        ({"axes": 3}, TypeError, "axes must be names"),
        ({"axes": "yx", "channel_axis": 0}, ValueError, "axes or channel_axis, not both"),
        ({"source": CUBE, "channel_axis": 3}, ValueError, "channel_axis: axis 3 is out of bounds"),
        ({"channel_axis": 0}, ValueError, "axes must"),
        ({"chunks": 0}, ValueError, "chunks must be at least 1"),
        ({"chunks": (8, 8, 8)}, ValueError, "chunks must have one entry for each of the axes y, x"),
        ({"chunks": "8"}, TypeError, "chunks must be an integer"),
        ({"chunks": 8, "shards": 12}, ValueError, "shards must be multiples of chunks: on axis y they have 12 and 8"),
        ({"chunks": (8, 4), "shards": (8, 6)}, ValueError, "on axis x they have 6 and 4"),
        ({"shards": -1}, ValueError, "shards must be at least 1"),
        ({"compression": "lzma"}, ValueError, "compression must be one of zstd, blosc, gzip, none"),
        ({"compression": ("zstd", 99)}, ValueError, "compression level of zstd must be from -7 to 22, not 99"),
        ({"compression": ("none", 1)}, ValueError, "compression level of none"),
        ({"compression": ("zstd", 1.5)}, TypeError, "compression level must be an integer"),
        ({"compression": 3}, TypeError, "compression must be a name"),
        ({"compression": [3]}, TypeError, "compression must be a name"),
        ({"compression": None}, TypeError, "compression must be a name"),
        ({"scale": 0}, ValueError, "scale must be positive and finite"),
        ({"scale": (1.0, np.nan)}, ValueError, "scale must be positive"),
        ({"scale": (1.0,)}, ValueError, "scale must have one entry for each of the axes y, x"),
        ({"scale": {"z": 1}}, ValueError, "scale must name some of the axes y, x, not 'z'"),
        ({"scale": "1"}, TypeError, "scale must be a real number"),
        ({"units": 3}, TypeError, "units must be names of units"),
        ({"units": ""}, ValueError, "units must be names of units"),
        ({"units": ("um",)}, ValueError, "units must have one entry"),
        ({"name": 3}, TypeError, "name must be a string"),
        ({"dataset": "0"}, ValueError, "dataset='0' goes with the path of a file"),
        ({"overwrite": 1}, TypeError, "overwrite must be True or False"),
        ({"resume": None}, TypeError, "resume must be True or False"),
        ({"dry_run": "yes"}, TypeError, "dry_run must be True or False"),
        ({"workers": 0}, ValueError, "workers must be at least 1"),
        ({"workers": 1.0}, TypeError, "workers must be an integer"),
        ({"memory": 0}, ValueError, "memory must be at least 1"),
        ({"memory": 100}, ValueError, "memory=100 is too little: regions of .* give more memory, or smaller chunks"),
        ({"memory": 1e9}, TypeError, "memory must be an integer"),
        ({"progress": 3}, TypeError, "progress must be callable"),
        ({"target": 3}, TypeError, "target must be a path"),
        ({"target": b"x"}, TypeError, "target must be a path"),
        *(({"target": path}, ValueError, "target must be the path of a folder") for path in ("/", *NO_PATHS)),
        *(({"source": path}, ValueError, "source must be the path of a file") for path in NO_PATHS),
        ({"source": "/dev/null"}, ValueError, "source must be a file or a folder"),
        ({"factor": 2**32}, ValueError, "factor must make windows of less than 2\\*\\*62 cells"),
        ({"target": "no/such/place"}, FileNotFoundError, "is in a directory that does not exist"),
    ],
)
def test_bad_arguments(arguments, error, text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error, match=text):
        WRITE(**{"source": X, "target": tmp_path / "x"} | arguments)
    assert not list(tmp_path.iterdir())


def test_windows_that_do_not_fit_memory(tmp_path):
    """A median needs a whole window: the message says up to which level there is room."""
    x = np.broadcast_to(np.uint8(3), (4096, 4096))
    call = {"chunks": 15, "memory": 3 * 2**20, "reduce": "median", "dry_run": True}
    with pytest.raises(ValueError, match=r"window of level 11 .2048x2048 cells.*reduce='median' needs .*levels=9"):
        WRITE(x, tmp_path / "x", levels=11, **call)
    assert len(WRITE(x, tmp_path / "x", levels=9, **call).levels) == 10
    for name in ("mean", "max"):  # these do not
        assert WRITE(x, tmp_path / "x", levels=11, **call | {"reduce": name}).reads == x.nbytes


def test_the_target_is_not_the_source(tmp_path):
    zarr.save_array(tmp_path / "x.zarr", X)
    before = files(tmp_path)
    for target in (tmp_path / "x.zarr", tmp_path / "x.zarr/more", tmp_path):
        with pytest.raises(ValueError, match="must be apart from the source"):
            WRITE(tmp_path / "x.zarr", target, overwrite=True)
    (tmp_path / "link").symlink_to(tmp_path / "x.zarr")
    with pytest.raises(ValueError, match="must be apart from the source"):
        WRITE(tmp_path / "x.zarr", tmp_path / "link", overwrite=True)
    (tmp_path / "link").unlink()
    assert files(tmp_path) == before


def test_unwritable_target():
    """In a process without the rights of root, which may write anywhere."""
    with tempfile.TemporaryDirectory() as folder:  # pytest's own may be closed to others
        os.chmod(folder, 0o555)
        code = f"""
import os
import cypool.zarr, numpy as np
if os.geteuid() == 0:
    os.setgid(65534)
    os.setuid(65534)
try:
    cypool.zarr.write_pyramid(np.zeros((9, 9)), {folder + "/x"!r})
except PermissionError as error:
    print("refused", error.filename)
"""
        assert fresh(code) == f"refused {folder}/x.partial\n"
        assert not os.listdir(folder)


def test_a_file_where_a_directory_should_be(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(FileNotFoundError, match="is in a directory that does not exist"):
        WRITE(X, tmp_path / "file/x")
    with pytest.raises(FileExistsError):
        WRITE(X, tmp_path / "file")
    plan = WRITE(X, tmp_path / "file", overwrite=True)
    is_right(tmp_path / "file", plan, X)


def test_files_that_may_not_grow(tmp_path):
    """RLIMIT_FSIZE: an error of the system in the middle of a file, in a process of its own."""
    x = np.random.default_rng(0).integers(0, 2**16, (200, 300), dtype=np.uint16)
    np.save(tmp_path / "x.npy", x)
    code = f"""
import resource, signal
import cypool.zarr
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (3000, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
try:
    cypool.zarr.write_pyramid({str(tmp_path / "x.npy")!r}, {str(tmp_path / "x.zarr")!r}, chunks=64)
except OSError as error:
    print("failed", error.errno)
"""
    assert fresh(code) == f"failed {errno.EFBIG}\n"
    assert [path.name for path in tmp_path.iterdir()] == ["x.npy"]
    is_right(tmp_path / "x.zarr", WRITE(tmp_path / "x.npy", tmp_path / "x.zarr", chunks=64), x)
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 3000


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 2 MB."""
    place = tmp_path / "small"
    place.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(place)]
    made = subprocess.run(words, capture_output=True, text=True)
    if made.returncode:
        pytest.skip(f"no file system of one's own here: {made.stderr.strip()}")
    yield place
    subprocess.run(["umount", str(place)], check=True)


@pytest.mark.parametrize("workers", [1, 2])
def test_full_disk(small_disk, workers, tmp_path, monkeypatch):
    """A full disk in the middle: no target, and the same call goes on when there is room."""
    x = np.random.default_rng(0).integers(0, 2**16, (1024, 1024), dtype=np.uint16)  # does not compress
    target = small_disk / "x"
    call = {"chunks": 128, "workers": workers, "name": "x"}
    monkeypatch.setattr(cypool.writing, "EVERY", 0.0)
    with pytest.raises(OSError, match="No space left") as info:
        WRITE(x, target, **call)
    assert info.value.errno == errno.ENOSPC and not target.exists()
    assert "the same call goes on with it" in info.value.__notes__[0]
    journal = json.loads((small_disk / "x.partial/journal.json").read_text())
    assert 0 < journal["regions"] < 16
    subprocess.run(["mount", "-o", "remount,size=9m", str(small_disk)], check=True)
    seen = []
    plan = WRITE(x, target, **call, progress=lambda *n: seen.append(n))
    assert len(seen) == 16 - journal["regions"]
    is_right(target, plan, x)
    WRITE(x, tmp_path / "x", **call)
    assert files(target) == files(tmp_path / "x")


def test_full_from_the_start(small_disk):
    """Where nothing fits, nothing stays."""
    (small_disk / "full").write_bytes(b"x" * (2 * 2**20 - 4096))
    with pytest.raises(OSError, match="No space left"):
        WRITE(np.random.default_rng(0).integers(0, 255, (1024, 1024), dtype=np.uint8), small_disk / "x", chunks=128)
    assert [path.name for path in small_disk.iterdir()] == ["full"]


def test_zarr_that_is_not_installed():
    code = """
import sys
sys.modules["zarr"] = None
try:
    import cypool.zarr
except ImportError as error:
    print(error)
"""
    assert fresh(code) == "cypool.zarr needs zarr, which is not installed: pip install 'cypool[zarr]'\n"


def test_the_module_is_found_from_the_package():
    code = "import cypool; print(cypool.zarr.write_pyramid.__module__)"
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "cypool.zarr\n"


def test_as_many_workers_as_there_is_room_for(tmp_path):
    plan = WRITE(X, tmp_path / "x", workers=2**64 - 1, chunks=2, memory=2000, dry_run=True)
    assert 1 < plan.workers < 2000 and plan.memory <= 2000
