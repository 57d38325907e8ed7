"""Pyramids on disk: their values, their metadata, and what other libraries read of them."""

import json
from pathlib import Path

import arrays
import dask.array
import numpy as np
import ome_zarr.io
import ome_zarr.reader
import pytest
import zarr
from fresh import fresh
from ome_zarr_models.v05.image import Image
from written import WRITE, files, is_right
from zarr.codecs import Crc32cCodec, ZstdCodec

import cypool
import cypool.dask
from cypool.levels import Levels
from cypool.regions import plan_passes

RNG = np.random.default_rng

CASES = {
    "one region": ((40, 50), "yx", 2, {"chunks": 64, "levels": 3}),
    "many": ((70, 131), "yx", 2, {"chunks": 8}),
    "many, of three": ((30, 41, 26), "zyx", 2, {"chunks": 8}),
    "flat": ((9, 40, 50), "zyx", (1, 2, 2), {"chunks": (4, 8, 8)}),
    "by three": ((50, 61), "yx", 3, {"chunks": 9, "levels": 4}),
    "chunks that the factor does not divide": ((50, 61), "yx", 3, {"chunks": 10, "levels": 3}),
    "odd chunks": ((75, 61), "yx", 2, {"chunks": 7}),
    "factors that differ": ((70, 64, 30), "zyx", (2, 4, 1), {"chunks": (6, 8, 30), "levels": 3}),
    "shards": ((70, 100), "yx", 2, {"chunks": 8, "shards": (16, 32)}),
    "series": ((3, 2, 6, 33, 40), "tczyx", (2, 2, 2), {"chunks": (1, 2, 4, 16, 16), "shards": (2, 2, 4, 16, 32)}),
    "longer than chunks": ((70, 1), "yx", 2, {"chunks": 8, "levels": 8}),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("workers", [1, 3])
def test_levels(case, workers, tmp_path):
    shape, axes, factor, more = CASES[case]
    for name, dtype in (("mean", "uint16"), ("max", "float32")):
        x = arrays.nasty(dtype, shape, 1, calm=True)
        target = tmp_path / f"{name}.zarr"
        plan = WRITE(x, target, factor=factor, reduce=name, axes=axes, workers=workers, **more)
        is_right(target, plan, x, name, factor)
        assert plan.reads == x.nbytes and "".join(plan.axes) == axes
        assert plan == WRITE(x, target, factor=factor, reduce=name, axes=axes, workers=workers, overwrite=True,
                             dry_run=True, **more)  # fmt: skip


@pytest.mark.parametrize("name, dtype", [
    ("mean", "uint8"), ("mean", "int16"), ("mean", "int64"), ("mean", "float64"), ("max", "int16"),
    ("first", "float32"), ("median", "uint8"), ("mode", "int16"), ("median", "float32"),
])  # fmt: skip
@pytest.mark.parametrize("workers", [1, 2])
def test_several_passes(name, dtype, workers, tmp_path):
    """Regions of 6 cells: windows of 4 and more take another pass, over level 1, sums of it, or the source."""
    x = arrays.nasty(dtype, (29, 41), 1, calm=True)
    again = name in ("median", "mode") or dtype in ("float64", "int64")  # sums of int64 do not fit 64 bits
    call = {"reduce": name, "chunks": 3, "levels": 3 if again else 6, "workers": workers}
    plan = WRITE(x, tmp_path / "x.zarr", memory=370 * x.itemsize, **call)
    assert len(plan.passes) > 1 and plan.reads == x.nbytes * (1 + again)
    assert plan.passes[0].sides == (6, 6) and plan.passes[0].levels == (1,)
    assert {p.reads for p in plan.passes[1:]} == {"source" if again else "sums" if name == "mean" else "level"}
    assert again or len(plan.passes) > 2
    is_right(tmp_path / "x.zarr", plan, x, name)


@pytest.mark.parametrize("dtype", [*arrays.REAL, "complex64", "complex128", ">u2", ">f4"])
def test_dtypes(dtype, tmp_path):
    dtype = np.dtype(dtype)
    x = arrays.nasty(dtype.newbyteorder("="), (40, 33), 1, calm=True).astype(dtype)
    name = "max" if dtype.kind == "b" else "mean"
    is_right(tmp_path / "x", WRITE(x, tmp_path / "x", chunks=8, reduce=name), x, name)


@pytest.mark.parametrize("layout", ["Fortran", "stepped", "reversed", "unaligned", "broadcast first", "read-only"])
def test_layouts(layout, tmp_path):
    x = arrays.LAYOUTS[layout](arrays.nasty("uint16", (40, 33), 1))
    is_right(tmp_path / "x", WRITE(x, tmp_path / "x", chunks=8), x)


def test_random_plans(tmp_path):
    """Random shapes, chunks, shards, factors and levels: 24 pyramids."""
    rng = RNG(3)
    for turn in range(24):
        ndim = int(rng.integers(2, 4))
        shape = tuple(map(int, rng.integers(1, (60, 20)[ndim - 2], ndim)))
        factor = (2, *map(int, rng.integers(1, 4, ndim - 1)))
        chunks = tuple(map(int, rng.integers(4, 12, ndim)))
        shards = tuple(c * int(rng.integers(1, 4)) for c in chunks) if rng.random() < 0.4 else None
        name = rng.choice(["mean", "max", "median", "first"])
        x = arrays.nasty(rng.choice(["uint8", "int32", "float32"]), shape, turn, calm=True)
        more = {"chunks": chunks, "shards": shards, "levels": int(rng.integers(0, 5)), "workers": 1 + turn % 3}
        target = tmp_path / str(turn)
        is_right(target, WRITE(x, target, factor=factor, reduce=name, **more), x, name, factor)


def test_regions_and_chunks_of_the_source(tmp_path):
    """Regions grow with the chunks they are read from, as far as memory allows."""
    x = arrays.nasty("uint16", (70, 131), 1)
    source = zarr.create_array({}, data=x, chunks=(64, 64))
    for memory, sides in ((2**20, (64, 64)), (8000, (64, 16))):
        plan = WRITE(source, tmp_path / str(memory), chunks=8, levels=1, memory=memory, workers=1)
        assert plan.passes[0].sides == sides and plan.memory <= memory
        is_right(tmp_path / str(memory), plan, x)


def test_regions_follow_one_another():
    """Each level has one unit that is not complete, whatever the order of the axes; no cell is read twice."""
    for shape, factors, units in [((300, 500), (2, 2), (16, 16)), ((90, 40, 70), (1, 2, 3), (8, 6, 9))]:
        made = Levels(np.dtype(np.uint8), dict(enumerate(factors)), "mean", {})
        (run,) = plan_passes(made, shape, 2, units, 2**20, 1, None)
        seen = np.zeros(shape, int)
        last: list = [None] * 3  # the unit of each level that the region before was part of
        over = [set() for _ in range(3)]  # those before it
        for position in run.order():
            region = run.region(position)
            seen[region] += 1
            for level in range(1, 3):
                reach = [u * f**level for u, f in zip(units, factors, strict=True)]
                unit = tuple(p.start // r for p, r in zip(region, reach, strict=True))
                assert unit not in over[level]
                if last[level] not in (None, unit):
                    over[level].add(last[level])
                last[level] = unit
        assert (seen == 1).all() and run.count == len(list(run.order()))


# ---- metadata ----------------------------------------------------------------------------------------------------


def test_metadata(tmp_path):
    x = arrays.nasty("uint8", (2, 30, 70, 64), 0)
    plan = WRITE(x, tmp_path / "cells.ome.zarr", factor=(1, 2, 4), reduce="median", chunks=16, axes="czyx",
                 scale=(1, 2.0, 0.5, 0.25), units="um")  # fmt: skip
    image = Image.from_zarr(zarr.open_group(tmp_path / "cells.ome.zarr", mode="r"))
    (pyramid,) = image.ome_attributes.multiscales
    assert [(a.name, a.type, a.unit) for a in pyramid.axes] == [
        ("c", "channel", None), ("z", "space", "micrometer"), ("y", "space", "micrometer"), ("x", "space", "micrometer")
    ]  # fmt: skip
    assert [d.path for d in pyramid.datasets] == ["0", "1", "2", "3"][: len(plan.levels)]
    steps = [d.coordinateTransformations for d in pyramid.datasets]
    assert steps[0][0].scale == [1, 2, 0.5, 0.25] and steps[0][1].translation == [0, 0, 0, 0]
    assert steps[1][0].scale == [1, 2, 1, 1] and steps[1][1].translation == [0, 0, 0.25, 0.375]
    assert steps[2][0].scale == [1, 2, 2, 4] and steps[2][1].translation == [0, 0, 0.75, 1.875]
    assert (pyramid.name, pyramid.type) == ("cells", "median")
    assert pyramid.metadata["method"] == "cypool.pyramid" and pyramid.metadata["version"] == cypool.__version__
    assert pyramid.metadata["kwargs"] == {"factor": [1, 1, 2, 4], "reduce": "median"}


def test_centres_of_cells(tmp_path):
    """The place of a cell, by the metadata, is the mean of the places of the cells it was made of."""
    x = np.arange(64.0)[None] * 0.5 + np.zeros((64, 1))  # where the centres of cells are
    WRITE(x, tmp_path / "x", chunks=4, scale=0.5)
    group = zarr.open_group(tmp_path / "x", mode="r")
    for level in group.attrs["ome"]["multiscales"][0]["datasets"]:
        scale, translation = level["coordinateTransformations"]
        values = group[level["path"]][0]
        np.testing.assert_allclose(values, np.arange(len(values)) * scale["scale"][1] + translation["translation"][1])


def test_opened_by_others(tmp_path):
    x = RNG(0).integers(0, 60000, (3, 40, 100, 90)).astype(np.uint16)
    target = tmp_path / "x.ome.zarr"
    plan = WRITE(x, target, chunks=16, shards=32, axes="czyx", units={"z": "micrometer"})
    expected = is_right(target, plan, x)
    (node,) = ome_zarr.reader.Reader(ome_zarr.io.parse_url(str(target)))()
    assert [a["name"] for a in node.metadata["axes"]] == list("czyx")
    for found, values in zip(node.data, expected, strict=True):
        assert np.array_equal(found.compute(), values)
    assert np.array_equal(dask.array.from_zarr(str(target), component="1").compute(), expected[1])
    array = zarr.open_array(target / "2", mode="r")
    assert array.metadata.dimension_names == ("c", "z", "y", "x") and array.metadata.zarr_format == 3
    assert np.array_equal(array[1], expected[2][1])
    assert set(zarr.open_consolidated(target).array_keys()) == {level.path for level in plan.levels}


@pytest.mark.parametrize(
    "axes, shape, stored",
    [
        ("yxc", (33, 40, 3), "cyx"),
        ("xyz", (9, 10, 11), "zyx"),
        ("xyczt", (9, 10, 2, 3, 4), "tczyx"),
        ("zxy", (9, 8, 7), "zyx"),
    ],
)
def test_axes_are_stored_in_their_order(axes, shape, stored, tmp_path):
    x = arrays.nasty("uint8", shape, 0)
    scale = {name: float(1 + i) for i, name in enumerate("xyz") if name in axes}
    plan = WRITE(x, tmp_path / "x", axes=axes, chunks=4, levels=1, scale=scale)
    assert "".join(plan.axes) == stored
    is_right(tmp_path / "x", plan, x.transpose([axes.index(name) for name in stored]))
    level = json.loads((tmp_path / "x/zarr.json").read_text())["attributes"]["ome"]["multiscales"][0]["datasets"][0]
    assert level["coordinateTransformations"][0]["scale"] == [scale.get(name, 1.0) for name in stored]


def test_axes(tmp_path):
    def axes(shape, **more):
        return "".join(WRITE(np.zeros(shape, np.uint8), tmp_path / "x", dry_run=True, **more).axes)

    assert axes((9, 9)) == "yx" and axes((9, 9, 9)) == "zyx" and axes((2, 9, 9, 9)) == "czyx"
    assert axes((9, 9, 3), channel_axis=-1) == "cyx" and axes((3, 9, 9), channel_axis=0) == "cyx"
    assert axes((9, 9, 9, 3), channel_axis=3) == "czyx" and axes((4, 3, 9, 9, 9), channel_axis=1) == "tczyx"
    assert axes((5, 9, 9), axes=["t", "y", "x"]) == "tyx"
    assert not list(tmp_path.iterdir())


def test_default_sizes(tmp_path):
    big = np.broadcast_to(np.uint8(0), (5000, 7000))
    plan = WRITE(big, tmp_path / "x", dry_run=True)
    assert [level.chunks for level in plan.levels] == [(1024, 1024), (1024, 1024), (1024, 1024), (625, 875)]
    assert plan.nbytes == sum(level.nbytes for level in plan.levels) and plan.levels[3].nbytes == 625 * 875
    stack = np.broadcast_to(np.uint16(0), (3, 300, 300, 300))
    plan = WRITE(stack, tmp_path / "x", dry_run=True, shards=256)
    assert [level.shape for level in plan.levels] == [(3, 300, 300, 300), (3, 150, 150, 150), (3, 75, 75, 75)]
    assert plan.levels[0].chunks == (1, 128, 128, 128) and plan.levels[0].shards == (1, 256, 256, 256)
    assert plan.levels[2].chunks == plan.levels[2].shards == (1, 75, 75, 75)
    labels = WRITE(stack, tmp_path / "x", dry_run=True, chunks=64, levels=0)
    assert len(labels.levels) == 1


def test_a_petabyte_is_planned(tmp_path):
    """2**50 bytes, of which none is there."""
    stack = np.broadcast_to(np.uint8(0), (102400, 102400, 107520))
    plan = WRITE(stack, tmp_path / "x", dry_run=True, shards=512, memory=8 * 2**30, workers=2)
    assert stack.nbytes > 2**50 and len(plan.levels) == 11 and plan.workers == 2
    assert plan.reads == stack.nbytes and plan.memory <= 8 * 2**30
    plan = WRITE(stack, tmp_path / "x", dry_run=True)  # as it is without arguments
    assert plan.reads == stack.nbytes and plan.memory <= 256 * 2**20 and len(plan.levels) == 11


@pytest.mark.parametrize(
    "compression, codecs",
    [
        ("zstd", [("zstd", {"level": 1})]), (("zstd", 7), [("zstd", {"level": 7})]), ("gzip", [("gzip", {"level": 5})]),
        (["blosc", 3], [("blosc", {"clevel": 3, "cname": "zstd", "shuffle": "shuffle", "typesize": 2})]), ("none", []),
        (ZstdCodec(level=2), [("zstd", {"level": 2})]),
        ([ZstdCodec(level=2), Crc32cCodec()], [("zstd", {"level": 2}), ("crc32c", {})]),
    ],
)  # fmt: skip
def test_compression(compression, codecs, tmp_path):
    x = RNG(0).integers(0, 99, (64, 70)).astype(np.uint16)
    plan = WRITE(x, tmp_path / "x", chunks=16, compression=compression)
    is_right(tmp_path / "x", plan, x)
    found = json.loads((tmp_path / "x/1/zarr.json").read_text())["codecs"][1:]
    for codec, (name, settings) in zip(found, codecs, strict=True):
        assert codec["name"] == name and settings.items() <= codec.get("configuration", {}).items()


def test_same_bytes_for_any_number_of_workers(tmp_path):
    x = RNG(0).integers(0, 99, (150, 170)).astype(np.uint16)
    for kind in ("zstd", "blosc", "none"):
        for n in (1, 2, 5):
            WRITE(x, tmp_path / f"{kind}{n}", chunks=16, shards=32, compression=kind, workers=n, name="x")
        first, *others = (files(tmp_path / f"{kind}{n}") for n in (1, 2, 5))
        assert len(first) > 20 and all(other == first for other in others)


def test_progress(tmp_path):
    x = np.zeros((100, 90), np.uint16)
    for workers in (1, 2):
        seen = []
        call = {"chunks": 8, "workers": workers}
        plan = WRITE(x, tmp_path / str(workers), **call, progress=lambda *n, seen=seen: seen.append(n))
        done, total = zip(*seen, strict=True)
        assert list(done) == sorted(done) and done[-1] == x.nbytes and set(total) == {x.nbytes}
        assert len(seen) == plan.passes[0].count > 20


def test_memory_is_bounded(tmp_path):
    """A source of 256 MB that is made up as it is read: what arrays take at most, by tracemalloc."""
    import tracemalloc

    class Made:
        shape, dtype = (512, 512, 512), np.dtype(np.uint16)
        largest = total = 0

        def __getitem__(self, region):
            z, y, x = (np.arange(r.start, r.stop, r.step or 1, dtype=np.uint16) for r in region)
            found = z[:, None, None] * 3 + y[:, None] + x
            Made.largest, Made.total = max(Made.largest, found.nbytes), Made.total + found.nbytes
            return found

    memory = 24 * 2**20
    tracemalloc.start()
    plan = WRITE(Made(), tmp_path / "x", chunks=64, memory=memory, compression="none", workers=2)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert plan.memory <= memory and peak < memory
    assert Made.largest <= 128**3 * 2 and Made.total <= 2 * (512**3 + 16**3)  # the second: cells that tell it apart
    group = zarr.open_group(tmp_path / "x", mode="r")
    assert group["3"][0, 0, 0] == round(3.5 * 5) and group["2"][5, 6, 7] == round(21.5 * 3 + 25.5 + 29.5)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="where Linux tells the memory of a process")
def test_memory_of_the_process(tmp_path):
    """A file of 384 MB, of which the process never holds more than a part, mapped pages included."""
    made = np.lib.format.open_memmap(tmp_path / "x.npy", "w+", np.uint16, (384, 512, 1024))
    made[...] = np.arange(1024)
    del made
    code = f"""
import cypool.zarr
def now(field):
    text = open("/proc/self/status").read()
    return int(text.split(field + ":")[1].split()[0]) / 1024
before = now("VmRSS")
cypool.zarr.write_pyramid({str(tmp_path / "x.npy")!r}, {str(tmp_path / "x.zarr")!r}, memory=64 * 2**20, chunks=64)
print(now("VmHWM") - before)
"""
    assert float(fresh(code)) < 64  # arrays, pages of the file, all else


def test_overwrite(tmp_path):
    x, y = RNG(0).integers(0, 99, (2, 64, 70), dtype=np.uint8)
    WRITE(x, tmp_path / "x", chunks=16)
    before = files(tmp_path / "x")
    with pytest.raises(FileExistsError, match="exists: give overwrite=True"):
        WRITE(y, tmp_path / "x", chunks=16)
    assert files(tmp_path / "x") == before

    def look(done, total):
        assert files(tmp_path / "x") == before  # the old one stays until the end

    is_right(tmp_path / "x", WRITE(y, tmp_path / "x", chunks=16, overwrite=True, progress=look), y)


# ---- blocks of dask ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reduce", ["mean", "std", "max", "median"])
@pytest.mark.parametrize("shape, window, dilation", [((1, 1), 1, 1), ((2, 9000), (1, 3), (1, 2100))])
def test_blocks_without_a_row(shape, window, dilation, reduce):
    """One cell, and windows whose cells share no row: a block has the bits of the whole."""
    x = RNG(0).random(shape).astype(np.float32)
    given = {"window": window, "reduce": reduce, "dilation": dilation}
    found = cypool.dask.pool(dask.array.from_array(x, chunks=(1, 3000)), **given).compute()
    assert found.dtype == np.float32 and found.tobytes() == cypool.pool(x, **given).tobytes()
