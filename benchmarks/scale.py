"""Pyramids of volumes that do not fit in memory: ``python benchmarks/scale.py --size 8``.

1. A volume like a microscope's is made block by block, on disk.
2. cypool.zarr.write_pyramid makes an OME-Zarr image of it, on 1 and on 2 threads, in a process that may have 1 GiB of
   memory and no more (RLIMIT_DATA). Random cells of all levels are compared with NumPy.
3. A smaller volume for all: cypool, ome-zarr-py, ngff-zarr and tensorstore, in turn, with the same chunks and
   compression; each in a process of its own.
4. What it is made of: the disk, the copy, the reduction, the compressor, each alone, from which a model says how long
   2 should take.

Seconds of CPU are told beside those of the clock: others may use the machine. Writes JSON, and prints tables of
Markdown (docs/scale.md holds them).
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
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import scale_model
from scale_writers import CHUNK, LEVEL, WRITERS

LIBRARIES = ("cypool", "numpy", "zarr", "numcodecs", "dask", "ome-zarr", "ngff-zarr", "tensorstore")
LIMIT = 2**30
"""Bytes that the process of the large volume may have."""
HEAD = (
    "| | seconds | CPU seconds | MB/s | memory, MiB | resident, MiB | MiB written | files |\n"
    "|---|---|---|---|---|---|---|---|"
)


# ---- the volume -------------------------------------------------------------------------------------


def shape_of(gib: float) -> tuple[int, int, int]:
    """Of a volume of uint16: planes of 2048x2048 (of small ones 1024 or 512)."""
    side = next((side for side in (2048, 1024) if gib >= 8 * (side / 2048) ** 3), 512)
    planes = max(1, round(gib * 2**30 / (side * side * 2 * CHUNK))) * CHUNK
    return planes, side, side


def make_volume(path: Path, shape: tuple[int, int, int]) -> None:
    """Blobs on a background, and the noise of photons: half of it is left when it is compressed."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[: shape[1], : shape[2]].astype(np.float32)
    blobs = 60 * (np.sin(x / 37) * np.sin(y / 29) > 0.4) + 20 * np.sin((x + y) / 400) + 100
    noise = rng.poisson(9, (3, *shape[1:])).astype(np.float32)
    with open(path, "wb") as file:
        header = {"descr": "<u2", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, header)
        for z in range(shape[0]):
            plane = blobs * np.float32(1 + 0.3 * np.sin(z / 11)) + np.roll(noise[z % 3], (z * 131) % shape[2], axis=1)
            file.write(plane.astype("<u2"))


def check(source: Path, target: Path, count: int = 200) -> int:
    """Compares random cells of all levels with NumPy; how many."""
    import zarr

    x, group = np.load(source, mmap_mode="r"), zarr.open_group(str(target), mode="r")
    rng = np.random.default_rng(1)
    levels = sorted(int(name) for name in group)
    for i in range(count):
        level = levels[i % len(levels)]
        made = group[str(level)]
        at = tuple(int(rng.integers(n)) for n in made.shape)
        cells = x[tuple(slice(i * 2**level, (i + 1) * 2**level) for i in at)]
        total, n = int(cells.sum(dtype=np.uint64)), cells.size
        want = (2 * total + n) // (2 * n)
        want -= (2 * total + n) % (2 * n) == 0 and want % 2  # half to even
        if int(made[at]) != want:
            raise SystemExit(f"level {level}, cell {at}: {made[at]}, not {want}")
    return count


# ---- in a process of its own --------------------------------------------------------------------------


def apart(tool: str, source: Path, target: Path, workers: int, limit: int = 0) -> dict[str, Any]:
    """Runs one writer in a process of its own, with the file out of the caches, and looks at its memory."""
    shutil.rmtree(target, ignore_errors=True)
    forget(source)
    script = Path(__file__).with_name("scale_writers.py")
    given = [tool, str(source), str(target), str(workers), str(limit)]
    threads = {"CYPOOL_NUM_THREADS": str(workers), "OMP_NUM_THREADS": str(workers)}
    with tempfile.TemporaryFile() as told, tempfile.TemporaryFile() as wrong:
        child = subprocess.Popen(
            [sys.executable, "-W", "ignore", str(script), *given], stdout=told, stderr=wrong, env=os.environ | threads
        )
        most = 0
        while child.poll() is None:
            most = max(most, anonymous(child.pid))
            time.sleep(0.01)
        told.seek(0)
        wrong.seek(0)
        if child.returncode:
            lines = wrong.read().decode().strip().splitlines()
            return {"error": lines[-1] if lines else f"exit {child.returncode}"}
        result = json.loads(told.read().splitlines()[-1])
    files = [path.stat().st_size for path in target.rglob("*") if path.is_file()]
    return result | {"memory_MiB": most / 2**20, "written_MiB": sum(files) / 2**20, "files": len(files)}


def anonymous(pid: int) -> int:
    """Bytes of memory of a process that are no pages of files."""
    try:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("RssAnon:"):
                return int(line.split()[1]) * 1024
    except OSError:  # it has ended
        pass
    return 0


def forget(path: Path) -> None:
    """A file that the next reader finds on disk."""
    with open(path, "rb+") as file:
        os.fsync(file.fileno())
        if hasattr(os, "posix_fadvise"):
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


# ---- what it is made of -------------------------------------------------------------------------------


def rates(folder: Path, source: Path) -> dict[str, float]:
    """MB/s of each step: of the disk by the clock; of all others by the CPU, on one thread; the best of three."""
    from numcodecs import Zstd

    import cypool

    x = np.load(source, mmap_mode="r")
    side = 2 * CHUNK
    regions = [tuple(slice(i * side, (i + 1) * side) for i in at) for at in ((0, 0, 0), (0, 1, 0), (1, 0, 1))]
    region = np.array(x[regions[0]])
    codec = Zstd(level=LEVEL)
    halves = [slice(0, CHUNK), slice(CHUNK, None)]
    chunks = [np.ascontiguousarray(region[i, j, k]) for i in halves for j in halves for k in halves]
    packed = [codec.encode(chunk) for chunk in chunks]
    size, small = region.nbytes / 1e6, sum(map(len, packed)) / 1e6

    def read() -> float:
        done = 0
        with open(source, "rb", buffering=0) as file:
            while done < 2**29 and (got := len(file.read(2**24))):
                done += got
        return done / 1e6

    def write() -> float:
        with open(folder / "disk", "wb", buffering=0) as file:
            for _ in range(32):
                file.write(region)
            os.fsync(file.fileno())
        return 32 * size

    def store() -> float:
        for i, data in enumerate(packed):
            (folder / f"chunk{i}").write_bytes(data)
        return small

    def copy() -> float:
        for where in regions:
            np.array(x[where])
        return len(regions) * size

    def reduce() -> float:
        cypool.pyramid(region, levels=3, workers=1)
        return size

    def compress() -> float:
        for chunk in chunks:
            codec.encode(chunk)
        return size

    found = {"ratio": size / small}
    for call, clock in (
        (read, time.perf_counter), (write, time.perf_counter), (store, time.process_time),
        (copy, time.process_time), (reduce, time.process_time), (compress, time.process_time),
    ):  # fmt: skip
        best = 0.0
        for _ in range(3):
            if call is read:
                forget(source)
            best = max(best, _rate(call, clock))
        found[call.__name__] = best
    for path in [folder / "disk", *folder.glob("chunk*")]:
        path.unlink()
    return found


def _rate(call: Callable[[], float], clock: Callable[[], float]) -> float:
    start = clock()
    done = call()
    return done / (clock() - start)


# ---- the run -------------------------------------------------------------------------------------------


def about() -> dict[str, Any]:
    """The machine, and versions."""
    found: dict[str, Any] = {"python": platform.python_version(), "system": platform.platform(terse=True)}
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    found |= {"processor": names[0] if names else platform.processor(), "cpus": os.cpu_count()}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "absent"
    return found


def show(name: str, nbytes: int, result: dict[str, Any]) -> str:
    if "error" in result:
        return f"| {name} | {result['error'][:80]} | | | | | | |"
    return (
        f"| {name} | {result['seconds']:.1f} | {result['cpu']:.1f} | {nbytes / 1e6 / result['seconds']:.0f} | "
        f"{result['memory_MiB']:.0f} | {result['resident_MiB']:.0f} | {result['written_MiB']:.0f} | "
        f"{result['files']} |"
    )


def large(folder: Path, gib: float, threads: list[int]) -> dict[str, Any]:
    """cypool on the large volume, beside the model."""
    shape = shape_of(gib)
    source, target, nbytes = folder / "large.npy", folder / "large.ome.zarr", int(np.prod(shape)) * 2
    print(f"volume of {'x'.join(map(str, shape))} uint16, {nbytes / 2**30:.2f} GiB", flush=True)
    make_volume(source, shape)
    found = rates(folder, source)
    told = ", ".join(f"{name} {value:.0f}" for name, value in found.items() if name != "ratio")
    print(f"MB/s alone: {told}; compressed {found['ratio']:.2f} times", flush=True)
    step = scale_model.steps(nbytes / 1e6, scale_model.all_levels(shape, CHUNK), found)
    print("seconds by the model:", ", ".join(f"{name} {value:.1f}" for name, value in step.items()), flush=True)
    report: dict[str, Any] = {"shape": shape, "rates": found, "steps": step, "runs": {}}
    print(HEAD)
    for workers in threads:
        load = os.getloadavg()[0]
        result = apart("cypool", source, target, workers, LIMIT)
        if "error" not in result:
            result["checked"] = check(source, target)
        report["runs"][workers] = result | {"load": [load, os.getloadavg()[0]]}
        print(show(f"{workers} thread{'s' * (workers > 1)}", nbytes, result), flush=True)
    print("\n| | seconds, model | seconds | CPU seconds, model | CPU seconds | load |\n|---|---|---|---|---|---|")
    for workers, result in report["runs"].items():
        if "error" not in result:
            said = result["predicted"] = scale_model.predicted(step, workers)
            print(
                f"| {workers} thread{'s' * (workers > 1)} | {said['least']:.0f} to {said['most']:.0f} | "
                f"{result['seconds']:.0f} | {said['cpu']:.0f} | {result['cpu']:.0f} | "
                f"{result['load'][0]:.1f} to {result['load'][1]:.1f} |"
            )
    shutil.rmtree(target, ignore_errors=True)
    source.unlink()
    return report


def peers(folder: Path, gib: float, rounds: int) -> dict[str, Any]:
    """All writers on one volume, in turn; of each the least seconds, and the least seconds of CPU."""
    shape = shape_of(gib)
    source, nbytes = folder / "small.npy", int(np.prod(shape)) * 2
    make_volume(source, shape)
    runs: dict[str, list[dict[str, Any]]] = {tool: [] for tool in WRITERS}
    load = os.getloadavg()[0]
    for _ in range(rounds):
        for tool in WRITERS:
            runs[tool].append(apart(tool, source, folder / tool, 2))
            shutil.rmtree(folder / tool, ignore_errors=True)
    print(f"\nvolume of {'x'.join(map(str, shape))} uint16, 2 threads, the least of {rounds}\n{HEAD}")
    for tool, results in runs.items():
        good = [result for result in results if "error" not in result]
        least = {key: min(result[key] for result in good) for key in good[0]} if good else results[-1]
        print(show(tool, nbytes, least), flush=True)
    print(f"load {load:.1f} to {os.getloadavg()[0]:.1f}")
    return {"shape": shape, "runs": runs}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=float, default=8, help="GiB of the large volume (8; at least 0.25)")
    parser.add_argument("--peer-size", type=float, default=1, help="GiB of the volume that all take (1; 0: no peers)")
    parser.add_argument("--folder", type=Path, help="where to work (a temporary folder)")
    parser.add_argument("--rounds", type=int, default=2, help="turns of each writer (2)")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2], help="of the large volume (1 2)")
    parser.add_argument("--json", type=Path, default=Path(__file__).parent / "results" / "scale.json")
    chosen = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="cypool-scale-", dir=chosen.folder))
    report = about()
    print(", ".join(f"{name} {value}" for name, value in report.items()), flush=True)
    try:
        report["large"] = large(folder, chosen.size, chosen.threads)
        report["peers"] = peers(folder, chosen.peer_size, chosen.rounds) if chosen.peer_size else {}
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"\na petabyte, by the model:\n{scale_model.petabyte(report['large']['rates'])}")
    chosen.json.parent.mkdir(parents=True, exist_ok=True)
    chosen.json.write_text(json.dumps(report, indent=1) + "\n")
    print(f"written to {chosen.json}")
    return any("error" in run for run in report["large"]["runs"].values())


if __name__ == "__main__":
    sys.exit(main())
