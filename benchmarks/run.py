"""The comparison with other tools: ``python benchmarks/run.py --rows 1,2,5 --threads 2``.

Prints one line per row of the table and writes everything as JSON. A row's first figure is the
time of the fastest peer over that of cypool (above 1: cypool is ahead), its second one the time of
cypool over that of the floor, which only reads the input and writes the output. M: bound by memory;
!: behind the fastest peer, and if bound by memory also more than 1.15 floors.

Row 29 is the gain by threads. Row 30 is growth: time per pixel and extra memory from small to large
images, and the import.
"""

from __future__ import annotations

import argparse
import datetime
import json
import math
import platform
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import chart
import numpy as np
import peers
import rows
import timing

import cypool
from cypool import dispatch

RESULTS = Path(__file__).parent / "results"
NEAR = 1.15
"""Of a row bound by memory: times the floor that count as good as being ahead."""
SCALED = (1, 6, 12, 24)
"""Rows whose gain by threads is told (row 29)."""
SIDES = (256, 512, 1024, 2048, 4096, 8192, 16384)


def agree(y: np.ndarray, other: Any, tolerance: float) -> bool:
    """Whether a peer's result is cypool's to within `tolerance` (an absolute difference)."""
    other = np.asarray(other)
    if other.shape not in (y.shape, (1, 1, *y.shape)):
        return False
    a, b = y.astype(np.float64), other.astype(np.float64).reshape(y.shape)
    return bool(np.all((np.abs(a - b) <= tolerance) | (np.isnan(a) & np.isnan(b))))


def measure(row: rows.Row, tools: dict[str, peers.Peer], threads: int, rounds: int) -> dict:
    """One line of the table, in milliseconds; a peer that is absent or disagrees has no time."""
    x = row.array()
    y = row.ours(x, threads)
    calls, notes = {"cypool": lambda: row.ours(x, threads)}, {}
    for name, (ask, tolerance) in row.peers.items():
        if name not in tools:
            notes[name] = "absent"
            continue
        call = ask(tools[name], x)
        if agree(y, call(), tolerance):
            calls[name] = call
        else:
            notes[name] = "disagrees"
    calls["floor"] = timing.floor(x, y.nbytes, threads)
    calls["one thread"] = lambda: row.ours(x, 1)
    best = {name: 1e3 * seconds for name, seconds in timing.fastest(calls, rounds).items()}
    ours, floor, alone = best.pop("cypool"), best.pop("floor"), best.pop("one thread")
    first = min(best, key=best.__getitem__, default=None)
    ratio = best[first] / ours if first else None
    return {
        "row": row.number,
        "work": row.work,
        "array": f"{'x'.join(map(str, row.shape))} {row.dtype}",
        "memory_bound": row.memory_bound,
        "counts": row.counts,
        "cypool": ours,
        "floor": floor,
        "one_thread": alone,
        "peers": {name: best.get(name, notes.get(name)) for name in row.peers},
        "fastest": first,
        "ratio": ratio,
        "of_floor": ours / floor,
        "met": ratio is None or ratio >= 1 or (row.memory_bound and ours / floor <= NEAR),
    }


def scaling(lines: list[dict], threads: int) -> list[dict]:
    """Row 29: the time on one thread over that on all, where it is asked for."""
    return [
        {"work": line["work"], "array": line["array"], "threads": threads, "gain": line["one_thread"] / line["cypool"]}
        for line in lines
        if line["row"] in SCALED
    ]


def growth(reduce: str, threads: int, rounds: int, sides: Iterable[int]) -> list[dict]:
    """Time per pixel and peak extra memory of 2x2 blocks, image after image."""
    lines = []
    for side in sides:
        x = np.random.default_rng(side).random((side, side), dtype=np.float32)

        def call(x: np.ndarray = x) -> np.ndarray:
            return cypool.pool(x, 2, reduce, workers=threads)

        seconds = timing.fastest({"cypool": call}, rounds)["cypool"]
        lines.append(
            {
                "reduce": reduce,
                "side": side,
                "ms": 1e3 * seconds,
                "ns_per_pixel": 1e9 * seconds / side**2,
                "extra_bytes": timing.extra_memory(call),
                "traced_bytes": timing.traced_memory(call),
            }
        )
    return lines


def show_row(line: dict) -> str:
    others = sorted(line["peers"].items(), key=lambda item: (isinstance(item[1], str), item[1]))
    times = ", ".join(f"{name} {ms}" if isinstance(ms, str) else f"{name} {duration(ms)}" for name, ms in others)
    ratio = f"{line['ratio']:7.2f}" if line["ratio"] else "      -"
    return (
        f"{line['row']:>3}  {line['work']:<22} {line['array']:<22} {duration(line['cypool']):>10} "
        f"{ratio} {line['of_floor']:7.2f} {'M' if line['memory_bound'] else ' '}"
        f"{' ' if line['met'] else '!'}  {times}"
    )


def duration(ms: float) -> str:
    return f"{1e3 * ms:.3g} us" if ms < 0.1 else f"{ms:.3g} ms"


def geometric_mean(lines: Iterable[dict]) -> float | None:
    logs = [math.log(line["ratio"]) for line in lines if line["counts"] and line["ratio"]]
    return math.exp(sum(logs) / len(logs)) if logs else None


def processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.processor()
    names = [line.split(":", 1)[1].strip() for line in text.splitlines() if "model name" in line]
    return f"{len(names)} x {names[0]}" if names else platform.processor()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", help="numbers of rows, with commas (default: all)")
    parser.add_argument("--threads", type=int, default=2, help="threads of every side (2)")
    parser.add_argument("--quick", action="store_true", help="5 timed calls instead of 20, of slow peers 1")
    parser.add_argument("--strict", action="store_true", help="fail if a peer's result is not cypool's")
    parser.add_argument("--json", type=Path, help="where the results go (benchmarks/results)")
    chosen = parser.parse_args()

    numbers = {int(n) for n in chosen.rows.split(",")} if chosen.rows else None
    rounds = 5 if chosen.quick else 20
    tools = peers.load(chosen.threads)
    now = datetime.datetime.now()
    report: dict[str, Any] = {
        "date": now.isoformat(timespec="seconds"),
        "processor": processor(),
        "python": platform.python_version(),
        "threads": chosen.threads,
        "timed_calls": rounds,
        "cypool": cypool.__version__,
        "level": dispatch.level,
        "versions": {name: tool.version() for name, tool in tools.items()},
        "rows": [],
    }
    versions = ", ".join(f"{name} {version}" for name, version in report["versions"].items())
    print(f"{report['processor']}, {chosen.threads} threads, fastest of {rounds} calls")
    print(f"cypool {cypool.__version__}, {versions}\n")

    print(
        f"{'row':>3}  {'work':<22} {'array':<22} {'cypool':>10} "
        f"{'ahead':>7} {'floors':>7}    fastest peer and the others"
    )
    for row in rows.rows():
        if numbers is None or row.number in numbers:
            report["rows"].append(measure(row, tools, chosen.threads, rounds))
            print(show_row(report["rows"][-1]), flush=True)
    missed = sorted({line["row"] for line in report["rows"] if not line["met"]})
    print(f"\nbehind the fastest peer (!): {', '.join(f'row {n}' for n in missed) or 'none'}")
    report["scaling"] = scaling(report["rows"], chosen.threads)
    for line in report["scaling"] if chosen.threads > 1 else []:
        print(f"row 29  {line['work']:<22} {line['array']:<22} {line['gain']:.2f} times as fast as on one thread")
    report["geometric_mean"] = geometric_mean(report["rows"])
    if report["geometric_mean"]:
        print(f"\ngeometric mean of 'ahead': {report['geometric_mean']:.2f}")

    if numbers is None or 30 in numbers:
        report["growth"] = []
        time.sleep(1)  # until the threads of all the peers sleep
        print("\nrow 30   side   time      ns/pixel   extra memory (process, traced by Python)")
        for reduce in ("mean", "max"):
            for side in SIDES[:-2] if chosen.quick else SIDES:
                (line,) = growth(reduce, chosen.threads, rounds, [side])
                report["growth"].append(line)
                extra = "?" if line["extra_bytes"] is None else f"{line['extra_bytes'] / 1024:.0f}"
                print(
                    f"{reduce:<6} {side:>6}   {duration(line['ms']):<9} "
                    f"{line['ns_per_pixel']:<10.3g} "
                    f"{extra} KiB, {line['traced_bytes'] / 1024:.0f} KiB",
                    flush=True,
                )
        report["import_ms"] = 1e3 * timing.import_seconds("cypool")
        print(f"\nimport beyond NumPy: {report['import_ms']:.0f} ms")

    path = chosen.json or RESULTS / f"{now:%Y-%m-%d-%H%M%S}-threads{chosen.threads}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(report, indent=1) + "\n")
    print(f"written to {path}")
    if report["rows"]:
        print(f"drawn in {chart.draw(report, path.with_suffix('.svg'))}")
    others = [f"row {line['row']}, {name}" for line in report["rows"] for name, ms in line["peers"].items()
              if ms == "disagrees"]  # fmt: skip
    if others:
        print(f"other results: {'; '.join(others)}")
    return int(chosen.strict and bool(others))


if __name__ == "__main__":
    sys.exit(main())
