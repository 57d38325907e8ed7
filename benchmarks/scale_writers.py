"""Four writers of OME-Zarr pyramids, each given the same file, chunks, compression, levels and threads.

``python benchmarks/scale_writers.py cypool volume.npy out.ome.zarr 2`` runs one of them, and prints its seconds, and
the seconds of CPU that it took, as JSON.  Libraries are imported before the clock starts; it stops when all files have
reached the disk.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import scale_model

CHUNK = 128
LEVEL = 1
"""Of zstd, for all."""
FACTOR = 2


def by_cypool(source: Path, target: Path, workers: int) -> Callable[[], object]:
    import cypool.zarr

    given = {"axes": "zyx", "chunks": CHUNK, "compression": ("zstd", LEVEL), "workers": workers}
    return lambda: cypool.zarr.write_pyramid(source, target, **given)


def by_ome_zarr(source: Path, target: Path, workers: int) -> Callable[[], object]:
    """Means of 2x2x2; each level from the one before."""
    import dask
    import dask.array
    import zarr
    from ome_zarr.scale import Methods
    from ome_zarr.writer import write_image
    from zarr.codecs import ZstdCodec

    x = dask.array.from_array(np.load(source, mmap_mode="r"), chunks=CHUNK)
    steps = [dict.fromkeys("zyx", FACTOR**k) for k in range(1, scale_model.depth(x.shape, CHUNK) + 1)]
    options = {"chunks": (CHUNK,) * 3, "compressors": ZstdCodec(level=LEVEL)}

    def write() -> None:
        root = zarr.open_group(str(target), mode="w", zarr_format=3)
        with dask.config.set(scheduler="threads", num_workers=workers):
            write_image(x, root, steps, method=Methods.LOCAL_MEAN, axes="zyx", storage_options=options)

    return write


def by_ngff_zarr(source: Path, target: Path, workers: int) -> Callable[[], object]:
    """Means of 2x2x2 by dask's coarsen (ITK's filter takes half as much CPU again); each level from the one before."""
    import dask
    import dask.array
    import ngff_zarr
    from zarr.codecs import ZstdCodec

    x = dask.array.from_array(np.load(source, mmap_mode="r"), chunks=CHUNK)
    steps = [FACTOR**k for k in range(1, scale_model.depth(x.shape, CHUNK) + 1)]

    def write() -> None:
        with dask.config.set(scheduler="threads", num_workers=workers):
            image = ngff_zarr.to_ngff_image(x, dims=["z", "y", "x"])
            levels = ngff_zarr.to_multiscales(image, steps, ngff_zarr.Methods.DASK_BIN_SHRINK, chunks=CHUNK)
            ngff_zarr.to_ngff_zarr(str(target), levels, version="0.5", compressors=[ZstdCodec(level=LEVEL)])

    return write


def by_tensorstore(source: Path, target: Path, workers: int) -> Callable[[], object]:
    """Its downsampling driver, level after level, each from the one before, in slabs of one chunk."""
    import tensorstore

    limit = {"limit": workers}
    context = tensorstore.Context({"data_copy_concurrency": limit, "file_io_concurrency": limit})
    x = np.load(source, mmap_mode="r")

    def level(k: int) -> tensorstore.TensorStore:
        shape = [-(-n // FACTOR**k) for n in x.shape]
        chunks = {"name": "regular", "configuration": {"chunk_shape": [min(CHUNK, n) for n in shape]}}
        codecs = [{"name": "bytes"}, {"name": "zstd", "configuration": {"level": LEVEL}}]
        metadata = {"shape": shape, "data_type": x.dtype.name, "chunk_grid": chunks, "codecs": codecs}
        store = {"driver": "file", "path": str(target / str(k))}
        spec = {"driver": "zarr3", "kvstore": store, "metadata": metadata}
        return tensorstore.open(spec, create=True, open=True, context=context).result()

    def write() -> None:
        before = None
        for k in range(scale_model.depth(x.shape, CHUNK) + 1):
            out = level(k)
            small = None if before is None else tensorstore.downsample(before, [FACTOR] * 3, "mean")
            for z in range(0, out.shape[0], CHUNK):
                part = slice(z, min(z + CHUNK, out.shape[0]))
                out[part].write(x[part] if small is None else small[part]).result()
            before = out

    return write


WRITERS = {"cypool": by_cypool, "ome-zarr": by_ome_zarr, "ngff-zarr": by_ngff_zarr, "tensorstore": by_tensorstore}


def sync(folder: Path) -> None:
    """Waits until all files of a folder have reached the disk."""
    for path in folder.rglob("*"):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def main() -> None:
    tool, source, target, workers, memory = sys.argv[1:]
    if int(memory):
        resource.setrlimit(resource.RLIMIT_DATA, (int(memory),) * 2)
    write = WRITERS[tool](Path(source), Path(target), int(workers))
    before, start = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    write()
    sync(Path(target))
    seconds, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    print(json.dumps({"seconds": seconds, "cpu": cpu, "resident_MiB": int(status["VmHWM"].split()[0]) / 1024}))


if __name__ == "__main__":
    main()
