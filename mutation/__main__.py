"""Mutation testing: which changes of cypool's code no test notices.

make mutation ARGS="[--kind kernels|python] [--sample N] [--seed N] [--only PART_OF_A_FILE'S_NAME] [--jobs N] [--keep]"
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from dataclasses import asdict
from typing import Any

import schemata
import survivors
from mutants import Mutant

# Those that test processes, limits of the machine or texts, or that take minutes; most run children without the mutant.
WITHOUT = ("differential", "digest", "docs", "guards", "hostile", "large", "package", "processes", "random")


def tests() -> list[str]:
    folder = schemata.HERE.parent / "tests"
    named = [f for f in sorted(folder.glob("test_*.py")) if f.stem.removeprefix("test_") not in WITHOUT]
    return list(map(str, [schemata.HERE / "test_random_calls.py", *named, folder / "labelled" / "test_xarray.py"]))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kind", choices=["kernels", "python"])
    parser.add_argument("--sample", type=int, default=500, help="mutants of each kind; 0: all")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="part of a file's name")
    parser.add_argument("--each", type=int, default=12, help="most parameters of a test")
    parser.add_argument("--longest", type=float, default=4, help="seconds of a test, without a mutant")
    parser.add_argument("--seconds", type=float, default=60, help="of the tests of a mutant, without it")
    parser.add_argument("--minutes", type=float, default=60, help="after which no mutant of a kind is begun")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--resume", action="store_true", help="go on where a run of the same sample stopped")
    parser.add_argument("--living", action="store_true", help="what lived in that run, once more")
    parser.add_argument("--keep", action="store_true", help="write the survivors to survivors.csv")
    options = parser.parse_args()
    kinds = [options.kind] if options.kind else ["python", "kernels"]
    ends: list[dict[str, Any]] = []
    for kind in kinds:
        chosen = schemata.choose(kind, options.sample, options.seed, options.only)
        if chosen:
            ends += hunt(kind, chosen, vars(options))
    survivors.report(ends, options.keep)
    return 0


def hunt(kind: str, chosen: list[Mutant], options: dict[str, Any]) -> list[dict[str, Any]]:
    """How the mutants that compile ended."""
    folder = schemata.BUILD / kind
    folder.mkdir(parents=True, exist_ok=True)
    mutants = schemata.build(kind, chosen, folder / "package")
    asked = folder / "asked.json"
    asked.write_text(json.dumps(options | {"out": str(folder), "numbers": [m.number for m in mutants]}))
    paths = [folder / "package", schemata.HERE, schemata.HERE.parent / "tests"]
    env = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, paths)), "MUTATION_ASKED": str(asked), "CI": "1"}
    command = [sys.executable, "-P", "-m", "pytest", "-q", "-s", "-p", "plugin", "-p", "no:cacheprovider"]
    rooted = ["-c", str(schemata.HERE.parent / "pyproject.toml"), "--import-mode=importlib"]
    subprocess.run([*command, *rooted, *tests()], env=env, cwd=folder, check=True)
    ends = json.loads((folder / "result.json").read_text())
    result = [asdict(m) | ends[str(m.number)] for m in mutants if str(m.number) in ends]
    (folder / "mutants.json").write_text(json.dumps(result, indent=1))
    return result


if __name__ == "__main__":
    sys.exit(main())
