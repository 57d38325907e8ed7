"""Pyramids of volumes that do not fit in memory: ``python benchmarks/scale.py --size 8``.

1. A volume like a microscope's is made block by block, on disk.
2. cypool.zarr.write_pyramid makes an OME-Zarr image of it in a process of its own, on 1 and 2 threads: seconds, and the
   most memory that the process had.  Random windows of the result are compared with NumPy.
3. A smaller volume, the same for all: cypool, ome-zarr-py, ngff-zarr and tensorstore, in turn, in the same chunks
   and compression; each in a process of its own.
4. What it is made of: the disk, the compressor, and the reduction alone, from which a model says how long 2 should
   take.

Writes JSON, and prints tables of Markdown (docs/scale.md holds them).
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import scale_model

CHUNK = 128
LEVEL = 1
"""Of zstd, for all."""
BLOCK = 128
"""Planes of the volume that are made at a time."""
PEERS = ("ome-zarr", "ngff-zarr", "tensorstore")
LIBRARIES = ("cypool", "numpy", "zarr", "numcodecs", "dask", *PEERS)


# ---- the volume -------------------------------------------------------------------------------------


def shape_of(gib: float) -> tuple[int, int, int]:
    """Of a volume of uint16, some planes of 2048x2048 (of small ones 512x512)."""
    side = 2048 if gib >= 1 else 512
    planes = max(1, round(gib * 2**30 / (side * side * 2 * CHUNK))) * CHUNK
    return planes, side, side


def make_volume(path: Path, shape: tuple[int, int, int]) -> None:
    """Blobs, a background that changes, and the noise of photons: it compresses to about half."""
    out = np.lib.format.open_memmap(path, "w+", np.uint16, shape)
    rng = np.random.default_rng(0)
    y, x = np.mgrid[: shape[1], : shape[2]].astype(np.float32)
    blobs = 60 * (np.sin(x / 37) * np.sin(y / 29) > 0.4) + 20 * np.sin((x + y) / 400).astype(np.float32) + 100
    noise = rng.poisson(9, (3, *shape[1:])).astype(np.float32)
    for z in range(shape[0]):
        plane = blobs * (1 + 0.3 * np.sin(z / 11)) + np.roll(noise[z % 3], (z * 131) % shape[2], axis=1)
        out[z] = plane
        if z % BLOCK == BLOCK - 1:
            out.flush()
    out.flush()


# ---- in a process of its own --------------------------------------------------------------------------


def by_cypool(source: Path, target: Path, workers: int) -> None:
    import cypool.zarr

    cypool.zarr.write_pyramid(source, target, axes="zyx", chunks=CHUNK, compression=("zstd", LEVEL), workers=workers)


def by_ome_zarr(source: Path, target: Path, workers: int) -> None:
    import dask
    import dask.array
    import zarr
    from ome_zarr.writer import write_image
    from zarr.codecs import ZstdCodec

    x = dask.array.from_array(np.load(source, mmap_mode="r"), chunks=CHUNK)
    with dask.config.set(scheduler="threads", num_workers=workers):
        options = {"chunks": (CHUNK,) * 3, "compressors": ZstdCodec(level=LEVEL)}
        root = zarr.open_group(str(target), mode="w", zarr_format=3)
        write_image(x, root, axes="zyx", storage_options=options)


def by_ngff_zarr(source: Path, target: Path, workers: int) -> None:
    import dask
    import dask.array
    import ngff_zarr

    x = dask.array.from_array(np.load(source, mmap_mode="r"), chunks=CHUNK)
    with dask.config.set(scheduler="threads", num_workers=workers):
        image = ngff_zarr.to_ngff_image(x, dims=["z", "y", "x"])
        factors = [2**k for k in range(1, scale_model.depth(x.shape, CHUNK) + 1)]
        scales = ngff_zarr.to_multiscales(image, factors, chunks=CHUNK, method=ngff_zarr.Methods.DASK_IMAGE_MEAN
                                          if hasattr(ngff_zarr.Methods, "DASK_IMAGE_MEAN")
                                          else ngff_zarr.Methods.ITKWASM_BIN_SHRINK)  # fmt: skip
        ngff_zarr.to_ngff_zarr(str(target), scales, version="0.5")


def by_tensorstore(source: Path, target: Path, workers: int) -> None:
    """Level after level, each from the one before: rounded once more for each level."""
    import tensorstore

    limit = {"limit": workers}
    context = tensorstore.Context({"data_copy_concurrency": limit, "file_io_concurrency": limit})
    x = np.load(source, mmap_mode="r")
    before = None
    for level in range(scale_model.depth(x.shape, CHUNK) + 1):
        shape = [-(-n // 2**level) for n in x.shape]
        out = tensorstore.open(
            {
                "driver": "zarr3",
                "kvstore": {"driver": "file", "path": str(target / str(level))},
                "metadata": {
                    "shape": shape,
                    "data_type": "uint16",
                    "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [min(CHUNK, n) for n in shape]}},
                    "codecs": [{"name": "bytes"}, {"name": "zstd", "configuration": {"level": LEVEL}}],
                },
            },
            create=True, open=True, context=context,
        ).result()  # fmt: skip
        for z in range(0, shape[0], CHUNK):
            stop = min(z + CHUNK, shape[0])
            if before is None:
                out[z:stop].write(x[z:stop]).result()
            else:
                out[z:stop].write(tensorstore.downsample(before, [2, 2, 2], "mean")[z:stop].read().result()).result()
        before = out


WRITERS = {"cypool": by_cypool, "ome-zarr": by_ome_zarr, "ngff-zarr": by_ngff_zarr, "tensorstore": by_tensorstore}


def peak_memory() -> dict[str, float]:
    """The most memory that this process had, in MiB: with and without files that it mapped."""
    text = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return {"peak_MiB": int(text["VmHWM"].split()[0]) / 1024}


def one(tool: str, source: Path, target: Path, workers: int) -> dict[str, Any]:
    """Runs one writer, in this process."""
    import_start = time.perf_counter()
    start = time.perf_counter()
    WRITERS[tool](source, target, workers)
    os.sync()
    return {"seconds": time.perf_counter() - start, "started": start - import_start, **peak_memory()}


def apart(tool: str, source: Path, target: Path, workers: int) -> dict[str, Any]:
    """Runs one writer in a process of its own, with the file out of the caches."""
    shutil.rmtree(target, ignore_errors=True)
    forget(source)
    environment = os.environ | {"CYPOOL_NUM_THREADS": str(workers), "OMP_NUM_THREADS": str(workers)}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", __file__, "--one", tool, str(source), str(target), str(workers)],
        capture_output=True, text=True, env=environment,
    )  # fmt: skip
    if done.returncode:
        return {"error": done.stderr.strip().splitlines()[-1] if done.stderr.strip() else f"exit {done.returncode}"}
    result = json.loads(done.stdout.splitlines()[-1])
    result["written_MiB"] = sum(f.stat().st_size for f in target.rglob("*") if f.is_file()) / 2**20
    result["files"] = sum(1 for f in target.rglob("*") if f.is_file())
    return result


def forget(path: Path) -> None:
    """A file that the next reader finds on disk."""
    os.sync()
    with open(path, "rb") as file:
        if hasattr(os, "posix_fadvise"):
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def check(source: Path, target: Path, count: int = 200) -> int:
    """Random windows of all levels, compared with NumPy; how many."""
    import zarr

    x, group = np.load(source, mmap_mode="r"), zarr.open_group(str(target), mode="r")
    rng = np.random.default_rng(1)
    levels = sorted(int(name) for name in group)
    for _ in range(count):
        level = int(rng.choice(levels))
        made = group[str(level)]
        at = tuple(int(rng.integers(n)) for n in made.shape)
        cells = x[tuple(slice(i * 2**level, (i + 1) * 2**level) for i in at)]
        total, n = int(cells.sum(dtype=np.uint64)), cells.size
        want = (2 * total + n) // (2 * n)
        want -= (2 * total + n) % (2 * n) == 0 and want % 2  # half to even
        if int(made[at]) != want:
            raise SystemExit(f"level {level}, cell {at}: {made[at]}, not {want}")
    return count


# ---- what it is made of -------------------------------------------------------------------------------


def rates(folder: Path, source: Path) -> dict[str, float]:
    """MB/s of level 0 of each step, on one thread: the disk, the compressor, the reduction."""
    from numcodecs import Zstd

    import cypool

    x = np.load(source, mmap_mode="r")
    some = np.ascontiguousarray(x[: 2 * CHUNK, : 4 * CHUNK, : 4 * CHUNK])
    forget(source)
    start = time.perf_counter()
    size = 0
    with open(source, "rb", buffering=0) as file:
        while size < 2**30 and (got := len(file.read(2**24))):
            size += got
    found = {"read": size / 1e6 / (time.perf_counter() - start)}
    start = time.perf_counter()
    with open(folder / "disk", "wb", buffering=0) as file:
        for _ in range(32):
            file.write(memoryview(some).cast("B")[: 2**25])
        os.fsync(file.fileno())
        size = file.tell()
    found["write"] = size / 1e6 / (time.perf_counter() - start)
    (folder / "disk").unlink()
    chunks = [np.ascontiguousarray(some[:CHUNK, i : i + CHUNK, j : j + CHUNK])
              for i in range(0, 4 * CHUNK, CHUNK) for j in range(0, 4 * CHUNK, CHUNK)]  # fmt: skip
    codec = Zstd(level=LEVEL)
    start = time.perf_counter()
    packed = [codec.encode(c) for c in chunks]
    found["compress"] = sum(c.nbytes for c in chunks) / 1e6 / (time.perf_counter() - start)
    found["ratio"] = sum(c.nbytes for c in chunks) / sum(map(len, packed))
    best = min(_time(lambda: cypool.pyramid(some, levels=4, workers=1)) for _ in range(3))
    found["reduce"] = some.nbytes / 1e6 / best
    return found


def _time(call: Any) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


# ---- the run -------------------------------------------------------------------------------------------


def versions() -> dict[str, str]:
    found = {}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "absent"
    return found


def show(name: str, nbytes: int, result: dict[str, Any], note: str = "") -> str:
    if "error" in result:
        return f"| {name} | {result['error'][:60]} | | | | |"
    rate = nbytes / 1e6 / result["seconds"]
    return (f"| {name} | {result['seconds']:.1f} | {rate:.0f} | {result['peak_MiB']:.0f} | "
            f"{result['written_MiB']:.0f} in {result['files']} files | {note} |")  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=float, default=8, help="GiB of the large volume (8)")
    parser.add_argument("--peer-size", type=float, default=1, help="GiB of the volume that all take (1; 0: no peers)")
    parser.add_argument("--folder", type=Path, help="where to work (a temporary folder)")
    parser.add_argument("--rounds", type=int, default=2, help="turns of each peer; the fastest counts (2)")
    parser.add_argument("--json", type=Path, default=Path(__file__).parent / "results" / "scale.json")
    parser.add_argument("--one", nargs=4, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.one:
        tool, source, target, workers = chosen.one
        print(json.dumps(one(tool, Path(source), Path(target), int(workers))))
        return 0

    folder = Path(tempfile.mkdtemp(prefix="cypool-scale-", dir=chosen.folder))
    report: dict[str, Any] = {"processor": platform.processor(), "cpus": os.cpu_count(), "versions": versions(),
                              "load": os.getloadavg(), "chunk": CHUNK, "zstd": LEVEL}  # fmt: skip
    head = "| | seconds | MB/s of level 0 | peak memory, MiB | MiB written | |\n|---|---|---|---|---|---|"
    try:
        shape = shape_of(chosen.size)
        source, nbytes = folder / "large.npy", int(np.prod(shape)) * 2
        print(f"volume of {'x'.join(map(str, shape))} uint16, {nbytes / 2**30:.2f} GiB, in {folder}", flush=True)
        make_volume(source, shape)
        report["rates"] = rates(folder, source)
        told = ", ".join(f"{k} {v:.0f}" for k, v in report["rates"].items() if k != "ratio")
        print(f"rates, MB/s on one thread: {told}; compressed {report['rates']['ratio']:.2f} times", flush=True)
        report["shape"], report["large"] = shape, {}
        print(head)
        for workers in (1, 2):
            result = apart("cypool", source, folder / "large.ome.zarr", workers)
            report["large"][workers] = result
            if "error" not in result:
                result["checked"] = check(source, folder / "large.ome.zarr")
                result["predicted"] = scale_model.seconds(shape, 2, CHUNK, report["rates"], workers)
            note = f"model: {result['predicted']:.1f} s" if "predicted" in result else ""
            print(show(f"cypool, {workers} thread{'s' * (workers > 1)}", nbytes, result, note), flush=True)
        shutil.rmtree(folder / "large.ome.zarr", ignore_errors=True)
        source.unlink()
        report["peers"] = peers(chosen, folder, head) if chosen.peer_size else {}
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"\na petabyte on 1000 nodes, by the model:\n{scale_model.petabyte(report['rates'])}")
    chosen.json.parent.mkdir(parents=True, exist_ok=True)
    chosen.json.write_text(json.dumps(report, indent=1) + "\n")
    print(f"written to {chosen.json}")
    return any("error" in r for r in report["large"].values())


def peers(chosen: argparse.Namespace, folder: Path, head: str) -> dict[str, Any]:
    """All writers on one volume, in turn; of each the fastest."""
    shape = shape_of(chosen.peer_size)
    source, nbytes = folder / "small.npy", int(np.prod(shape)) * 2
    make_volume(source, shape)
    best: dict[str, dict[str, Any]] = {}
    for _ in range(chosen.rounds):
        for tool in WRITERS:
            result = apart(tool, source, folder / tool, 2)
            if tool not in best or result.get("seconds", 1e9) < best[tool].get("seconds", 1e9):
                best[tool] = result
    print(f"\nvolume of {'x'.join(map(str, shape))} uint16, 2 threads, fastest of {chosen.rounds}\n{head}")
    for tool, result in best.items():
        print(show(tool, nbytes, result))
    return best


if __name__ == "__main__":
    sys.exit(main())
