"""The files of a corpus that cover most of what it covers, copied: python fuzz/shrink.py HARNESS FOLDER TO [COUNT]

libFuzzer tells what each file covers (in the environment that .ci/fuzz makes); the next is always the one that covers
most of what none has covered yet.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

COUNT = 30  # of each harness: with what was found, all together stay below 200


def covered(name: str, folder: Path) -> dict[Path, set[int]]:
    """The edges that each file covers."""
    with tempfile.TemporaryDirectory() as scratch:
        told = Path(scratch, "told")
        Path(scratch, "merged").mkdir()
        run = [sys.executable, str(Path(__file__).with_name("run.py")), name, "-set_cover_merge=1"]
        subprocess.run([*run, f"-merge_control_file={told}", f"{scratch}/merged", str(folder)], check=True)
        lines = told.read_text().splitlines()
    count = int(lines[0])
    files = [Path(line) for line in lines[2 : 2 + count]]
    features = (line.split()[1:] for line in lines[2 + count :] if line.startswith("FT "))
    return {files[int(which)]: {int(f) // 8 for f in found} for which, *found in features}


def chosen(edges: dict[Path, set[int]], count: int) -> list[Path]:
    found, seen = [], set()
    while len(found) < count and (left := [path for path in edges if edges[path] - seen]):
        found.append(max(left, key=lambda path: (len(edges[path] - seen), -path.stat().st_size, path.name)))
        seen |= edges[found[-1]]
    total = set().union(*edges.values())
    print(f"{len(found)} of {len(edges)} files: {len(seen)} of {len(total)} edges")
    return found


def main() -> None:
    name, folder, to = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    found = chosen(covered(name, folder), int(sys.argv[4]) if len(sys.argv) > 4 else COUNT)
    to.mkdir(parents=True, exist_ok=True)
    for path in found:
        shutil.copy(path, to)


if __name__ == "__main__":
    main()
