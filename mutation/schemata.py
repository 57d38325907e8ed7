"""A cypool that holds all chosen mutants at once: its Python and its kernels of the plainest CPU level."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

import cython_mutants
import python_mutants
from mutants import Mutant

HERE = Path(__file__).resolve().parent
CYPOOL = HERE.parent / "cypool"
BUILD = HERE.parent / "build" / "mutation"
SOURCE = BUILD / "source"  # what Cython and the C compiler read

# -O1: a third of the time of -O2.  The rest as in setup.py: floats are to be rounded in the same way.
FLAGS = "-O1 -fno-strict-aliasing -g0 -fwrapv -ffp-contract=off -fno-math-errno -fno-trapping-math -fopenmp -fPIC -w"
CYTHON = "import gc; gc.disable(); from Cython.Compiler.Main import setuptools_main; setuptools_main()"
NOT_KERNELS = ("machine.pyx", "calls.pyx")  # facts of the machine, and what is remembered: no arithmetic
DECLARED = """cdef extern from "mutants.h" nogil:
    bint mutated "cypool_mutated" (int i)
    int alive "cypool_mutant"
    unsigned char* reached "cypool_reached"
"""
STEERING = """

from .mutants cimport alive, reached

def steer(int i):
    global alive
    alive = i

def forget_reached():
    memset(reached, 0, MUTANTS + 1)

def get_reached():
    return (<char*> reached)[:MUTANTS + 1]

cdef extern from *:
    const int MUTANTS
"""
IN_PYTHON = """alive = 0
reached = bytearray({} + 1)


def mutated(i):
    reached[i] = 1
    return i == alive
"""

Sources = dict[Path, cython_mutants.Source | python_mutants.Source]


def sources(kind: str) -> list[Path]:
    if kind == "kernels":
        files = sorted(f for f in CYPOOL.glob("kernels/*") if f.suffix in (".pyx", ".pxd", ".pxi"))
        return [f for f in files if f.name not in NOT_KERNELS]
    return sorted(f for folder in (".", "nn", "layers") for f in CYPOOL.glob(f"{folder}/*.py"))


def translate(chosen: set[int]) -> tuple[list[Mutant], Sources]:
    """All mutants, and the sources with those that are chosen."""
    mutants: list[Mutant] = []
    found: Sources = {}
    for kind in ("kernels", "python"):
        for file in sources(kind):
            read = cython_mutants.Source if kind == "kernels" else python_mutants.Source
            name = str(file.relative_to(CYPOOL if kind == "python" else CYPOOL / "kernels"))
            found[file] = read(name, file.read_text(), mutants, lambda mutant: mutant.number in chosen)
    return mutants, found


def is_kernel(mutant: Mutant) -> bool:
    return mutant.file.startswith("kernels/")


def choose(kind: str, sample: int, seed: int, only: str) -> list[Mutant]:
    """A sample of the mutants of a kind (0: all).  Another line elsewhere does not change it."""
    of_kind = [m for m in translate(set())[0] if is_kernel(m) == (kind == "kernels") and only in m.file]
    of_kind.sort(key=lambda m: hashlib.sha256(f"{seed} {m.key}".encode()).digest())
    return sorted(of_kind[: sample or None], key=lambda m: m.number)


def run(command: list[str], log: Path) -> tuple[int, str]:
    with log.open("w") as file:
        status = subprocess.run(command, cwd=SOURCE, stdout=file, stderr=subprocess.STDOUT).returncode
    return status, log.read_text()


def compile_kernels(target: Path, count: int) -> tuple[int, str]:
    """Status and messages."""
    c = SOURCE / "base.c"
    command = [sys.executable, "-c", CYTHON, "-X", "emit_code_comments=False", "--line-directives"]
    command += ["--module-name", "cypool.kernels.base", "-o", str(c), "cypool/kernels/kernels.pyx"]
    status, messages = run(command, BUILD / "cython.log")
    if status:
        return status, messages
    compiler = shlex.split(os.environ.get("CC", sysconfig.get_config_var("CC") or "cc"))[0]
    command = [compiler, *FLAGS.split(), "-shared", f"-DMUTANTS={count}", "-DPy_LIMITED_API=0x030b0000"]
    include = (sysconfig.get_paths()["include"], SOURCE / "cypool" / "kernels")
    command += [*(f"-I{folder}" for folder in include), str(c), "-o", str(target)]
    return run(command, BUILD / "cc.log")


def blamed(messages: str, found: Sources) -> set[tuple[str, int]]:
    """File and line of the statements that do not compile."""
    kernels = {file.name: source for file, source in found.items() if isinstance(source, cython_mutants.Source)}
    places = re.findall(r"^(?:cypool/kernels/)?(\w+\.p..):(\d+):\d+: ", messages, re.M)
    return {(f"kernels/{name}", kernels[name].origin[int(line) - 1]) for name, line in places if name in kernels}


def build(kind: str, chosen: list[Mutant], package: Path) -> list[Mutant]:
    """Makes the package that the tests import; the mutants that compile."""
    spec = importlib.util.find_spec("cypool")
    assert spec and spec.origin, "cypool must be installed: its module of facts of the machine is used"
    other = ("v3.*", "base.*") if kind == "kernels" else ("v3.*",)
    broken: set[int] = set()
    made = BUILD / "kernels.abi3.so"
    if kind == "kernels":
        broken = build_kernels(chosen, made)
    shutil.rmtree(package, ignore_errors=True)
    shutil.copytree(Path(spec.origin).parent, package / "cypool", ignore=shutil.ignore_patterns(*other, "*.pyc"))
    mutants, found = translate({m.number for m in chosen})
    for file, source in found.items():
        if isinstance(source, python_mutants.Source):
            (package / "cypool" / file.relative_to(CYPOOL)).write_text(source.text)
    (package / "cypool_mutants.py").write_text(IN_PYTHON.format(len(mutants)))
    if kind == "kernels":
        shutil.copy(made, package / "cypool" / "kernels" / "base.abi3.so")
    return [m for m in chosen if m.number not in broken]


def build_kernels(chosen: list[Mutant], target: Path) -> set[int]:
    """Compiles the kernels if they are not; the mutants that do not compile."""
    stamp, left = BUILD / "kernels.stamp", BUILD / "kernels.broken"
    numbers, broken = {m.number for m in chosen}, set()
    texts = "".join(s.text for s in translate(numbers)[1].values() if isinstance(s, cython_mutants.Source))
    wanted = hashlib.sha256((texts + STEERING + DECLARED + FLAGS).encode()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return {int(n) for n in left.read_text().split()}
    stamp.unlink(missing_ok=True)
    shutil.rmtree(SOURCE, ignore_errors=True)
    shutil.copytree(CYPOOL, SOURCE / "cypool", ignore=shutil.ignore_patterns("*.py", "*.pyc"))
    start = time.monotonic()
    while True:
        mutants, found = translate(numbers - broken)
        write_kernels(found)
        status, messages = compile_kernels(target, len(mutants))
        if not status:
            break
        places = blamed(messages, found)
        new = {m.number for m in chosen if (m.file, m.line) in places} - broken
        if not new:
            sys.exit(f"the kernels do not compile, and no mutant is the reason:\n{messages[-3000:]}")
        print(f"{len(new)} mutants do not compile and are dropped", flush=True)
        broken |= new
    print(f"kernels with {len(chosen) - len(broken)} mutants: {time.monotonic() - start:.0f} s", flush=True)
    left.write_text(" ".join(map(str, sorted(broken))))
    stamp.write_text(wanted)
    return broken


def write_kernels(found: Sources) -> None:
    kernels = SOURCE / "cypool" / "kernels"
    for file, source in found.items():
        if isinstance(source, cython_mutants.Source):
            (kernels / file.name).write_text(source.text + (STEERING if file.name == "kernels.pyx" else ""))
    (kernels / "mutants.pxd").write_text(DECLARED)
    (kernels / "mutants.h").write_text((HERE / "mutants.h").read_text())
    (SOURCE / "cypool" / "__init__.py").touch()
    (kernels / "__init__.py").touch()
