"""Everything a pyramid can be made of: values, names of axes, sizes of cells; lazily; and what is damaged."""

import os
import sys
import tracemalloc

import arrays
import h5py
import imageio.v3
import numpy as np
import pytest
import tifffile
import zarr
from fresh import fresh
from written import WRITE, files, is_right

from cypool.sources import Source, open_source

RNG = np.random.default_rng
REGION = (slice(3, 9), slice(0, 20), slice(7, 8))


def stack(dtype="uint16", shape=(10, 40, 48)):
    return arrays.nasty(dtype, shape, 0, nan=0)


def reads(source, x, **more):
    """All cells, some, and what is known of them."""
    with open_source(source, **more) as opened:
        assert isinstance(opened, Source) and opened.shape == x.shape and opened.dtype == x.dtype
        assert opened.nbytes == x.nbytes and opened.ndim == x.ndim
        region = REGION[-x.ndim :]
        assert np.array_equal(opened.read(region), x[region], equal_nan=x.dtype.kind == "f")
        assert np.array_equal(opened.read((slice(None),) * x.ndim), x, equal_nan=x.dtype.kind == "f")
        return opened


def test_arrays(tmp_path):
    x = stack()
    assert reads(x, x).axes is None
    assert reads(arrays.big_endian(x), arrays.big_endian(x)).chunks is None
    array = zarr.create_array({}, data=x, chunks=(5, 20, 20))
    assert reads(array, x).chunks == (5, 20, 20)
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["x"] = x
        assert reads(file["x"], x).path is None
    opened = open_source(x)
    assert open_source(opened) is opened and "uint16 (10, 40, 48)" in repr(opened)


def test_npy(tmp_path):
    x = stack(">f4")
    np.save(tmp_path / "x.npy", x)
    opened = reads(tmp_path / "x.npy", x)
    assert opened.name == str(tmp_path / "x.npy") and opened.path == tmp_path / "x.npy"
    with pytest.raises(ValueError, match="is closed"):
        opened.read(REGION)


def test_zarr(tmp_path):
    x = stack()
    zarr.save_array(tmp_path / "plain.zarr", x)
    assert reads(str(tmp_path / "plain.zarr"), x).axes is None
    zarr.create_array(tmp_path / "two", data=x, zarr_format=2, chunks=(5, 20, 20))
    assert reads(tmp_path / "two", x).chunks == (5, 20, 20)
    zarr.create_array(tmp_path / "named.zarr", data=x, dimension_names=("z", "y", "x"))
    assert reads(tmp_path / "named.zarr", x).axes == ("z", "y", "x")
    zarr.create_array(tmp_path / "others.zarr", data=x, dimension_names=("a", "y", None))
    assert reads(tmp_path / "others.zarr", x).axes is None
    WRITE(x, tmp_path / "image.ome.zarr", chunks=16, scale=(3.0, 2.0, 1.0), units="nm")
    opened = reads(tmp_path / "image.ome.zarr", x)
    assert opened.axes == ("z", "y", "x") and opened.scale == {"z": 3, "y": 2, "x": 1}
    assert opened.units == dict.fromkeys("zyx", "nanometer")
    small = zarr.open_array(tmp_path / "image.ome.zarr/1", mode="r")[...]
    opened = reads(tmp_path / "image.ome.zarr", small, dataset="1")
    assert opened.scale == {"z": 6, "y": 4, "x": 2} and opened.name.endswith("image.ome.zarr/1")
    assert reads(tmp_path / "image.ome.zarr/1", small).axes == ("z", "y", "x")


def test_older_ome_zarr(tmp_path):
    """Version 0.4, in Zarr 2."""
    x = stack()
    group = zarr.open_group(tmp_path / "old.zarr", mode="w", zarr_format=2)
    group.create_array("full", data=x, chunks=(5, 20, 20))
    axes = [{"name": n, "type": "space", "unit": "micrometer"} for n in "zyx"]
    steps = [{"type": "scale", "scale": [2, 0.5, 0.5]}]
    levels = [{"path": "full", "coordinateTransformations": steps}]
    group.attrs["multiscales"] = [{"version": "0.4", "axes": axes, "datasets": levels}]
    opened = reads(tmp_path / "old.zarr", x)
    assert (opened.scale, opened.units) == ({"z": 2, "y": 0.5, "x": 0.5}, dict.fromkeys("zyx", "micrometer"))
    WRITE(tmp_path / "old.zarr", tmp_path / "new.zarr", chunks=16)
    image = zarr.open_group(tmp_path / "new.zarr").attrs["ome"]["multiscales"][0]
    assert image["datasets"][0]["coordinateTransformations"][0]["scale"] == [2, 0.5, 0.5]
    assert image["axes"][1] == {"name": "y", "type": "space", "unit": "micrometer"}


def test_hdf5(tmp_path):
    x = stack("float32")
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file.create_dataset("deep/in/it", data=x, chunks=(5, 20, 24), compression="gzip")
    assert reads(tmp_path / "x.h5", x).chunks == (5, 20, 24)
    assert reads(tmp_path / "x.h5", x, dataset="/deep/in/it").name.endswith("x.h5/deep/in/it")
    with h5py.File(tmp_path / "two.hdf5", "w") as file:
        file["a"], file["b"] = x, x + 1
    assert reads(tmp_path / "two.hdf5", x + 1, dataset="b").chunks is None
    with pytest.raises(ValueError, match=r"has 2 arrays: give dataset= \(it has a, b\)"):
        open_source(tmp_path / "two.hdf5")


TIFFS = {
    "plain": {}, "big": {"bigtiff": True, "byteorder": ">"}, "tiles": {"tile": (16, 32)},
    "tiles, deflate": {"tile": (16, 32), "compression": "zlib", "predictor": True},
    "strips": {"rowsperstrip": 7, "compression": "zlib"}, "big-endian strips": {"byteorder": ">", "rowsperstrip": 7},
    "pages apart": {"contiguous": False}, "ome": {"ome": True}, "ome, deflate": {"ome": True, "compression": "zlib"},
    "imagej": {"imagej": True}, "one strip": {"compression": "zlib"},
}  # fmt: skip


@pytest.mark.parametrize("kind", TIFFS)
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_tiff(kind, dtype, tmp_path):
    x, more = stack(dtype), dict(TIFFS[kind])
    if dtype == "float32":  # that of floats is written by imagecodecs alone
        more.pop("predictor", None)
    if kind == "imagej":
        x = x if dtype != "float32" else np.abs(x)
    name, contiguous = "x.ome.tif" if more.pop("ome", False) else "x.tif", more.pop("contiguous", True)
    file = {k: more.pop(k) for k in ("bigtiff", "byteorder", "imagej") if k in more}
    metadata = {"axes": "ZYX"}
    with tifffile.TiffWriter(tmp_path / name, ome=name == "x.ome.tif", **file) as out:
        for part in [x] if contiguous else x:
            out.write(part, photometric="minisblack", contiguous=contiguous, **more,
                      metadata=metadata if contiguous else None)  # fmt: skip
    stored = x.astype(x.dtype.newbyteorder(file.get("byteorder", ">" if kind == "imagej" else "<")))
    with open_source(tmp_path / name) as opened:
        assert opened.dtype in (x.dtype, stored.dtype)
        assert np.array_equal(opened.read((slice(None),) * 3), x, equal_nan=True)
        assert np.array_equal(opened.read(REGION), x[REGION], equal_nan=True)
        assert opened.axes == ("z", "y", "x") or (kind == "pages apart" and opened.axes is None)
    before = (tmp_path / name).read_bytes()
    plan = WRITE(tmp_path / name, tmp_path / "x.zarr", chunks=16, reduce="max")
    is_right(tmp_path / "x.zarr", plan, x, "max")
    assert (tmp_path / name).read_bytes() == before


def test_axes_and_sizes_of_tiff(tmp_path):
    photo = stack("uint8", (30, 40, 3))
    tifffile.imwrite(tmp_path / "photo.tif", photo, photometric="rgb")
    with open_source(tmp_path / "photo.tif") as opened:
        assert opened.axes == ("y", "x", "c")
    is_right(tmp_path / "photo.zarr", WRITE(tmp_path / "photo.tif", tmp_path / "photo.zarr", chunks=16),
             photo.transpose(2, 0, 1))  # fmt: skip
    x = stack("uint16", (2, 3, 4, 30, 40))
    sizes = {"PhysicalSizeX": 0.25, "PhysicalSizeY": 0.5, "PhysicalSizeZ": 900, "PhysicalSizeZUnit": "nm"}
    tifffile.imwrite(tmp_path / "x.ome.tif", x, metadata={"axes": "TCZYX", **sizes})
    with open_source(tmp_path / "x.ome.tif") as opened:
        assert opened.axes == tuple("tczyx") and opened.scale == {"x": 0.25, "y": 0.5, "z": 900}
        assert opened.units == {"x": "µm", "y": "µm", "z": "nm"}
    WRITE(tmp_path / "x.ome.tif", tmp_path / "x.zarr", chunks=16)
    image = zarr.open_group(tmp_path / "x.zarr").attrs["ome"]["multiscales"][0]
    assert [a.get("unit") for a in image["axes"]] == [None, None, "nanometer", "micrometer", "micrometer"]
    tifffile.imwrite(tmp_path / "j.tif", x[0, 0], imagej=True, resolution=(4.0, 2.0),
                     metadata={"axes": "ZYX", "spacing": 3.0, "unit": "um"})  # fmt: skip
    with open_source(tmp_path / "j.tif") as opened:
        assert opened.scale == {"x": 0.25, "y": 0.5, "z": 3} and opened.units == dict.fromkeys("zyx", "um")
    with tifffile.TiffWriter(tmp_path / "series.tif") as out:
        out.write(photo[..., 0], photometric="minisblack")
        out.write(x[0, 0], photometric="minisblack")
    assert reads(tmp_path / "series.tif", photo[..., 0]).ndim == 2
    reads(tmp_path / "series.tif", x[0, 0], dataset="1")


def test_images(tmp_path):
    photo = stack("uint8", (30, 40, 3))
    imageio.v3.imwrite(tmp_path / "x.png", photo)
    assert reads(tmp_path / "x.png", photo).axes == ("y", "x", "c")
    imageio.v3.imwrite(tmp_path / "grey.png", photo[..., 0])
    assert reads(tmp_path / "grey.png", photo[..., 0]).axes == ("y", "x")
    is_right(tmp_path / "x.zarr", WRITE(tmp_path / "x.png", tmp_path / "x.zarr", chunks=16), photo.transpose(2, 0, 1))


@pytest.mark.parametrize("dtype", ["uint32", "uint64"])
def test_labels(dtype, tmp_path):
    labels = np.kron(RNG(0).integers(0, 2**31, (9, 11)), np.ones((7, 8), int)).astype(dtype)
    tifffile.imwrite(tmp_path / "labels.tif", labels)
    plan = WRITE(tmp_path / "labels.tif", tmp_path / "labels.zarr", reduce="mode", chunks=16)
    is_right(tmp_path / "labels.zarr", plan, labels, "mode")


def test_regions_are_read_lazily(tmp_path):
    """32 MB in files of every kind; a region of 256 kB takes a few times as much."""
    x = np.zeros((64, 512, 512), np.uint16)
    x[...] = np.arange(512)
    np.save(tmp_path / "x.npy", x)
    tifffile.imwrite(tmp_path / "plain.tif", x)
    tifffile.imwrite(tmp_path / "tiles.tif", x, tile=(128, 128), compression="zlib")
    tifffile.imwrite(tmp_path / "strips.tif", x, rowsperstrip=16, compression="zlib")
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file.create_dataset("x", data=x, chunks=(16, 64, 64), compression="gzip")
    zarr.create_array(tmp_path / "x.zarr", data=x, chunks=(16, 64, 64))
    region = (slice(10, 42), slice(100, 164), slice(200, 264))
    for name in ("x.npy", "plain.tif", "tiles.tif", "strips.tif", "x.h5", "x.zarr"):
        with open_source(tmp_path / name) as opened:
            opened.read((slice(0, 1),) * 3)  # what is imported on the way
            tracemalloc.start()
            assert np.array_equal(opened.read(region), x[region])
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            assert peak < 2 * 2**20, name


# ---- what is wrong -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "source, error, text",
    [
        ("nothing.tif", FileNotFoundError, "source 'nothing.tif' does not exist"),
        ("nothing", FileNotFoundError, "does not exist"),
        (b"x.tif", TypeError, "source must be an array or the path of a file, not b'x.tif'"),
        (None, TypeError, "source must be an array or the path"),
        ([[1, 2]], TypeError, "not \\[\\[1, 2\\]\\] .a list"),
        (3, TypeError, "a int"),
        ("a\0b", ValueError, "source must be the path of a file"),
        (np.ma.zeros((3, 3)), TypeError, "must not be a masked array"),
    ],
)
def test_no_source(source, error, text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error, match=text):
        open_source(source)
    with pytest.raises(error, match=text):
        WRITE(source, tmp_path / "x")
    assert not list(tmp_path.iterdir())


def test_a_path_of_bytes(tmp_path):
    np.save(tmp_path / "x.npy", stack())
    with os.scandir(bytes(tmp_path)) as found:
        (entry,) = found
    with pytest.raises(TypeError, match=r"source must be an array or a path of str, not b'.*x.npy' .a bytes"):
        open_source(entry)


def test_dtypes_of_other_libraries():
    class Tensor:
        shape, dtype = (3, 3), "bfloat17"

        def __getitem__(self, region):
            raise AssertionError("something was read")

    with pytest.raises(TypeError, match=r"Tensor has a dtype that NumPy does not have: 'bfloat17'"):
        open_source(Tensor())


@pytest.mark.parametrize("ending", [".tif", ".h5", ".npy", ".png", ".zarr", ".xyz", ""])
@pytest.mark.parametrize("content", [b"", b"no image at all" * 99, b"II*\0\xff\xff\xff\xff", b"\x93NUMPY\1\0\xff\xff"])
def test_no_image(ending, content, tmp_path):
    path = tmp_path / f"x{ending}"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=f"source '.*x{ending}' cannot be read: "):
        WRITE(path, tmp_path / "y")
    assert [p.name for p in tmp_path.iterdir()] == [path.name] and path.read_bytes() == content


def test_no_zarr(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=r"cannot be read \(a folder must hold a Zarr array or group\)"):
        open_source(tmp_path / "empty")
    zarr.open_group(tmp_path / "group.zarr", mode="w").create_array("a", data=np.zeros(3))
    for dataset, text in [(None, "has no array '0' .it has 'a'"), ("b", "has no array 'b'")]:
        with pytest.raises(ValueError, match=text):
            open_source(tmp_path / "group.zarr", dataset=dataset)
    zarr.save_array(tmp_path / "array.zarr", np.zeros(3))
    with pytest.raises(ValueError, match="has no array 'a'"):
        open_source(tmp_path / "array.zarr", dataset="a")


def test_groups_in_groups(tmp_path):
    x = stack()
    zarr.open_group(tmp_path / "x.zarr", mode="w").create_group("0").create_array("deep", data=x)
    for dataset in (None, "0"):
        with pytest.raises(ValueError, match=r"is a group of arrays at '0': give dataset= .it has '0/deep'"):
            open_source(tmp_path / "x.zarr", dataset=dataset)
    assert reads(tmp_path / "x.zarr", x, dataset="0/deep").name.endswith("x.zarr/0/deep")


def test_axes_that_do_not_fit(tmp_path):
    """An image that names two axes of three: none is taken from it."""
    x = stack()
    group = zarr.open_group(tmp_path / "x.zarr", mode="w", zarr_format=2)
    group.create_array("full", data=x)
    axes = [{"name": n, "type": "space", "unit": "micrometer"} for n in "yx"]
    levels = [{"path": "full", "coordinateTransformations": [{"type": "scale", "scale": [2, 2]}]}]
    group.attrs["multiscales"] = [{"version": "0.4", "axes": axes, "datasets": levels}]
    opened = reads(tmp_path / "x.zarr", x)
    assert (opened.axes, opened.scale, opened.units) == (None, {}, {})


def test_datasets(tmp_path):
    np.save(tmp_path / "x.npy", stack())
    with pytest.raises(ValueError, match="dataset='a' is for files of several arrays"):
        open_source(tmp_path / "x.npy", dataset="a")
    with pytest.raises(TypeError, match="dataset must be a string"):
        open_source(tmp_path / "x.npy", dataset=1)
    with pytest.raises(ValueError, match="goes with the path of a file"):
        open_source(stack(), dataset="a")
    tifffile.imwrite(tmp_path / "x.tif", stack())
    for dataset in ("1", "-1", "a"):
        with pytest.raises(ValueError, match=f"has series 0 to 0, not '{dataset}'"):
            open_source(tmp_path / "x.tif", dataset=dataset)
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["a"] = np.zeros((3, 3))
    with pytest.raises(ValueError, match=r"has no array 'b' \(it has a\)"):
        open_source(tmp_path / "x.h5", dataset="b")


@pytest.mark.parametrize("kind", ["plain", "tiles", "strips", "tiles, deflate", "pages apart"])
@pytest.mark.parametrize("keep", [0.2, 0.6, 0.97])
def test_truncated_tiff(kind, keep, tmp_path):
    more = dict(TIFFS[kind])
    whole = tmp_path / "whole.tif"
    with tifffile.TiffWriter(whole) as out:
        contiguous = more.pop("contiguous", True)
        for part in [stack()] if contiguous else stack():
            out.write(part, photometric="minisblack", contiguous=contiguous, metadata=None, **more)
    content = whole.read_bytes()
    (tmp_path / "cut.tif").write_bytes(content[: int(len(content) * keep)])
    with pytest.raises(ValueError, match=r"cut.tif.*(cannot be read|the file ends)"):
        WRITE(tmp_path / "cut.tif", tmp_path / "x.zarr", chunks=16)
    assert not list(tmp_path.glob("x.zarr*"))


def test_truncated_tiff_of_one_page(tmp_path):
    """A page that stands for all that follow it: the list of pages tells nothing of where the file must end."""
    x = stack()
    tifffile.imwrite(tmp_path / "x.tif", x, photometric="minisblack", truncate=True)
    reads(tmp_path / "x.tif", x)
    content = (tmp_path / "x.tif").read_bytes()
    (tmp_path / "x.tif").write_bytes(content[:-1])
    with pytest.raises(ValueError, match=rf"x.tif' cannot be read: .*at byte {len(content) - 1}, within its cells"):
        open_source(tmp_path / "x.tif")


@pytest.mark.parametrize("workers", [1, 2])
def test_damaged_tiles(workers, tmp_path):
    """Found while it is read, after other regions were written: nothing stays, the source neither more nor less."""
    x = RNG(0).integers(0, 99, (64, 512)).astype(np.uint8)
    tifffile.imwrite(tmp_path / "x.tif", x, tile=(16, 16), compression="zlib")
    with tifffile.TiffFile(tmp_path / "x.tif") as file:
        page = file.pages[0]
        where, size = page.dataoffsets[-1], page.databytecounts[-1]
    content = bytearray((tmp_path / "x.tif").read_bytes())
    content[where : where + size] = b"\xff" * size
    (tmp_path / "x.tif").write_bytes(content)
    seen = []
    with pytest.raises(ValueError, match=r"x.tif cannot be read at \[.*512\]"):
        WRITE(tmp_path / "x.tif", tmp_path / "x.zarr", chunks=16, workers=workers, progress=lambda *n: seen.append(n))
    assert seen and [p.name for p in tmp_path.iterdir()] == ["x.tif"]
    assert (tmp_path / "x.tif").read_bytes() == content


def test_a_source_that_fails_and_recovers(tmp_path):
    """An error of the system is not one of the file: what was done stays, and the same call goes on."""
    x = RNG(0).integers(0, 99, (64, 512)).astype(np.uint8)

    class Far:
        shape, dtype, left = x.shape, x.dtype, 9

        def __getitem__(self, region):
            self.left -= 1
            if not self.left:
                raise ConnectionError("no answer")
            return x[region]

    far = Far()
    with pytest.raises(ConnectionError, match="no answer") as info:
        WRITE(far, tmp_path / "x", chunks=16, workers=1)
    assert "the same call goes on with it" in info.value.__notes__[0]
    plan = WRITE(far, tmp_path / "x", chunks=16, workers=1)
    is_right(tmp_path / "x", plan, x)


def test_a_source_that_answers_wrongly(tmp_path):
    class Short:
        shape, dtype = (64, 64), np.dtype("u1")

        def __getitem__(self, region):
            return np.zeros((3, 3), np.uint8)

    with pytest.raises(ValueError, match=r"Short: read uint8 \(3, 3\), not uint8"):
        WRITE(Short(), tmp_path / "x")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("library, name", [("tifffile", "x.tif"), ("h5py", "x.h5"), ("imageio", "x.png")])
def test_libraries_that_are_not_installed(library, name, tmp_path):
    (tmp_path / name).write_bytes(b"x")
    code = f"""
import sys
sys.modules["{library}"] = None
from cypool.sources import open_source
try:
    open_source({str(tmp_path / name)!r})
except ImportError as error:
    print(error)
"""
    assert f"this source needs {library}" in fresh(code) and "pip install 'cypool[zarr]'" in fresh(code)


@pytest.mark.parametrize("kept", [0.3, 0.9])
def test_truncated_imagej_of_one_page(tmp_path, kept):
    """As ImageJ writes large stacks: what it says of the number of images tells that some are not there."""
    x = stack()
    tifffile.imwrite(tmp_path / "x.tif", x, imagej=True, truncate=True, metadata={"axes": "ZYX"})
    assert reads(tmp_path / "x.tif", x).axes == ("z", "y", "x")
    content = (tmp_path / "x.tif").read_bytes()
    (tmp_path / "x.tif").write_bytes(content[: int(kept * len(content))])
    with pytest.raises(ValueError, match=rf"x.tif' cannot be read: .*of {len(x)} images, as ImageJ says, 1 are there"):
        open_source(tmp_path / "x.tif")


def test_libraries_that_miss_something(tmp_path, monkeypatch):
    """Where a library is there, and one that it needs is not, that one is named."""
    (tmp_path / "h5py.py").write_text("import cypool_nowhere")
    (tmp_path / "x.h5").write_bytes(b"x")
    monkeypatch.delitem(sys.modules, "h5py")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match=r"^No module named 'cypool_nowhere'$"):
        open_source(tmp_path / "x.h5")


def test_sources_import_nothing_else():
    code = """
import sys, numpy as np
from cypool.sources import open_source
open_source(np.zeros((3, 3)))
print(*{"zarr", "tifffile", "h5py", "imageio"} & set(sys.modules))
"""
    assert fresh(code).strip() == ""


def test_files_stay_as_they_are(tmp_path):
    x = stack()
    (tmp_path / "in").mkdir()
    np.save(tmp_path / "in/x.npy", x)
    zarr.save_array(tmp_path / "in/x.zarr", x)
    with h5py.File(tmp_path / "in/x.h5", "w") as file:
        file["x"] = x
    before = files(tmp_path / "in")
    for name in ("x.npy", "x.zarr", "x.h5"):
        is_right(tmp_path / "out", WRITE(tmp_path / "in" / name, tmp_path / "out", chunks=16, overwrite=True), x)
    assert files(tmp_path / "in") == before
