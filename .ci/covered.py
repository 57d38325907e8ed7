"""What the tests ran: a table of lines and branches, and whatever none of them ran.

    python .ci/covered.py MODULES OBJECTS     what `coverage json` wrote; the folder of the kernels' .gcda files

Cython's comments in its C say which line of which file each statement is for, and gcov which lines of C ran.  A
function of fused types is many of C: a line is covered when one of them ran it, and an outcome of a branch when one of
them had it.  Counted are the branches without the GIL (of functions that are `nogil`, and of blocks `with nogil`):
among the others are Cython's own, for errors and counts of references.  GCC does not count in loops of prange, each of
which makes one call.  What [tool.coverage.report] excludes is excluded from kernels too.

Fails below 100 % of lines or 95 % of branches.
"""

import collections
import json
import re
import subprocess
import sys
import tomllib
from bisect import bisect_right
from pathlib import Path

KERNELS = Path("cypool/kernels")
LINES, BRANCHES = 100, 95  # per cent
COMMENT = re.compile(r'\s*/\* "(?:[^"]*/)?([^"/]+)":(\d+)$')
OURS = re.compile(r"__pyx_(fuse_\w+?__pyx_)?(f|pf|pw|pymod_exec)_|__pyx_getprop_")


class Source:
    """A file of the kernels: which lines are without the GIL, and which begin an inline function."""

    def __init__(self, path, excluded):
        self.lines = path.read_text().splitlines()
        self.nogil, self.functions = set(), set()
        self.excluded = {i for i, line in enumerate(self.lines, 1) if any(re.search(p, line) for p in excluded)}
        for i, line in enumerate(self.lines):
            code = line.split("#")[0]
            if re.match(r"\s*(cdef|cpdef|def)\s[^=]*\(", code):
                last = next(j for j in range(i, len(self.lines)) if self.lines[j].split("#")[0].rstrip().endswith(":"))
                if " inline " in code:  # it may have no C at all
                    self.functions.add(i + 1)
                if "nogil:" in self.lines[last]:
                    self.nogil |= self.block(last)
            elif re.match(r"\s*with nogil:", line):
                self.nogil |= self.block(i)
            elif " in prange(" in line:
                self.excluded |= {i + 1} | self.block(i)

    def block(self, i):
        """The lines that are further in than line i (from 0), as numbers from 1."""
        depth = len(self.lines[i]) - len(self.lines[i].lstrip())
        if self.lines[i].endswith(" nogil:") and not self.lines[i].lstrip().startswith(("cdef", "with")):
            depth = 0  # the last line of a signature
        found = set()
        for j in range(i + 1, len(self.lines)):
            line = self.lines[j]
            if line.strip() and len(line) - len(line.lstrip()) <= depth:
                break
            found.add(j + 1)
        return found


def files():
    return sorted(path for path in KERNELS.iterdir() if path.suffix in (".pyx", ".pxd", ".pxi"))


def places(c):
    """The (file, line) of the kernels that each line of C is for; None: of nothing, as what ends a case of a switch."""
    found, here = [None], None
    for line in c.read_text().splitlines():
        if match := COMMENT.match(line):
            here = match[1], int(match[2])
        found.append(None if line.strip() == "break;" else here)
    return found


def gcov(data):
    command = ["gcov", "--json-format", "--branch-probabilities", "--stdout", data.name]
    done = subprocess.run(command, cwd=data.parent, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)["files"]


def read(data, counts, outcomes):
    """Adds what gcov counted for one extension: of each place how often it ran, and the outcomes of branches in each
    function of C, in order."""
    for file in gcov(data):
        if not file["file"].endswith(".c"):
            continue
        place = places(Path(file["file"]))
        functions = [f for f in file["functions"] if OURS.match(f["name"]) and "_omp_fn" not in f["name"]]
        functions.sort(key=lambda f: f["start_line"])
        starts = [f["start_line"] for f in functions]
        for line in file["lines"]:
            i = bisect_right(starts, line["line_number"]) - 1
            here = place[line["line_number"]]
            if i < 0 or here is None or line["line_number"] > functions[i]["end_line"]:
                continue
            if functions[i]["name"].startswith("__pyx_pymod_exec") and here == place[starts[i]]:
                continue
            counts[here] += line["count"]
            if line["branches"]:
                outcomes[here][data, starts[i]] += [branch["count"] for branch in line["branches"]]


def taken(functions):
    """For each outcome of a line's branches: was it had?  Functions of different types may have different branches, and
    those with the same number are taken for the same."""
    alike = collections.defaultdict(list)
    for counted in functions.values():
        alike[len(counted)].append(counted)
    return [[any(outcome) for outcome in zip(*some, strict=True)] for some in alike.values()]


def main(modules, objects):
    with open("pyproject.toml", "rb") as file:
        excluded = tomllib.load(file)["tool"]["coverage"]["report"]["exclude_also"]
    with open(modules) as file:
        measured = json.load(file)
    total = measured["totals"]
    missing = []
    for name, file in sorted(measured["files"].items()):
        missing += [f"{name}:{line}" for line in file["missing_lines"]]
        missing += [f"{name}:{a} never goes on to {abs(b)}" for a, b in file["missing_branches"]]
    sources = {path.name: Source(path, excluded) for path in files()}
    counts, outcomes = collections.Counter(), collections.defaultdict(lambda: collections.defaultdict(list))
    for data in sorted(Path(objects).rglob("*.gcda")):
        read(data, counts, outcomes)
    ran = lines = had = branches = 0
    for name, source in sources.items():
        known = {line for file, line in counts if file == name} | source.functions
        for line in sorted(known - source.excluded):
            lines += 1
            ran += counts[name, line] > 0
            where = f"{KERNELS / name}:{line}"
            if not counts[name, line]:
                missing.append(where)
            for some in taken(outcomes[name, line]) if line in source.nogil else ():
                had += sum(some)
                branches += len(some)
                if counts[name, line] and not all(some):
                    missing.append(f"{where} has {sum(some)} of {len(some)} outcomes")
    print(*missing, sep="\n")
    rows = {
        "lines of .py": (total["covered_lines"], total["num_statements"], LINES),
        "branches of .py": (total["covered_branches"], total["num_branches"], BRANCHES),
        "lines of kernels": (ran, lines, LINES),
        "branches of kernels": (had, branches, BRANCHES),
    }
    for name, (some, most, _) in rows.items():
        print(f"{name:20} {some:6} of {most:6}  {100 * some / max(most, 1):6.2f} %")
    return any(100 * some < least * most or most == 0 for some, most, least in rows.values())


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
