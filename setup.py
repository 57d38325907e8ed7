"""Builds the extensions: the kernels once for each CPU level, and one module of facts about the machine.

CYPOOL_OPENMP=auto (default): OpenMP if a test program builds with it; 1: an error if not; 0: without.
"""

import os
import subprocess
import sys
import sysconfig
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.errors import CompileError, LinkError
from setuptools.modified import newer_group

MSVC = os.name == "nt" and "MSC" in os.environ.get("CC", "MSC")
ABI3 = not sysconfig.get_config_var("Py_GIL_DISABLED")  # one binary for CPython 3.11 and later

# Never -ffast-math: it turns off subnormal numbers for the whole process, and deletes tests for NaN.
# -O2 and the vectoriser: as fast here as -O3, whose copies of each loop make the kernels half as large again.
FLAGS = (
    "-O2 -ftree-vectorize -fno-strict-aliasing -g0 -fwrapv -ffp-contract=off -fno-math-errno -fno-trapping-math"
).split()
# GCC 12 vectorises at -O2 only what costs nothing, if it is not told.  It threads jumps through the comparisons of two
# maxima in a row: 20 vector instructions instead of 6.  Functions that are called once it puts into one another until
# loops run out of registers.  It aligns every jump target, which costs 20 kB and gains nothing here.
TRIED = ["-fvect-cost-model=dynamic", "-fno-thread-jumps", "-fno-inline-functions-called-once",
         "-falign-functions=16", "-falign-jumps=1", "-falign-labels=1"]  # GCC's, mostly  # fmt: skip
LEVELS = {  # cypool.kernels.<level>: flags, where the compiler takes them
    "base": [],
    "v3": ["-march=x86-64-v3"],
    "v4": ["-march=x86-64-v4", "-mprefer-vector-width=512", "-falign-loops=1"],  # long rows: 20 kB less
}
NO_NAMES = ["-Wl,-s"]  # 75 kB of a level are names of functions: left out, if no debugger is to know them
OPENMP = [(["-fopenmp"], ["-fopenmp"]), (["-Xpreprocessor", "-fopenmp"], ["-lomp"])]  # to compile with, to link with
if MSVC:
    FLAGS, TRIED, LEVELS, NO_NAMES, OPENMP = ["/O2"], [], {"base": []}, [], [(["/openmp"], [])]

# As python -m cython does it, which took 140 seconds; so it takes 80, and 60 if 1 GB is not searched for garbage.
TRANSLATE = "import gc; gc.disable(); from Cython.Compiler.Main import main; main(command_line=1)"
TEST = """#include <omp.h>
int main(void) { int n = 0;
#pragma omp parallel reduction(+:n)
    n += omp_get_num_threads();
    return n < 1; }
"""


def extension(module, source):
    kernels = Path("cypool/kernels")
    return Extension(
        f"cypool.kernels.{module}",
        [f"cypool/kernels/{source}.pyx"],
        depends=sorted(str(path) for kind in ("*.pxd", "*.pxi", "*.h") for path in kernels.glob(kind)),
        include_dirs=["cypool/kernels"],
        define_macros=[("Py_LIMITED_API", "0x030b0000")] if ABI3 else [],
        py_limited_api=ABI3,
    )


class BuildExtensions(build_ext):
    def builds(self, program, compile_flags, link_flags=()):
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder, "test.c")
            source.write_text(program)
            try:
                objects = self.compiler.compile([str(source)], folder, extra_postargs=[*compile_flags])
                self.compiler.link_executable(objects, "test", folder, extra_postargs=[*link_flags])
            except (CompileError, LinkError):
                return False
        return True

    def openmp(self):
        wanted = os.environ.get("CYPOOL_OPENMP", "auto")
        if wanted not in ("auto", "1", "0"):
            raise SystemExit(f"CYPOOL_OPENMP must be auto, 1 or 0, not {wanted!r}")
        found = next((pair for pair in OPENMP if wanted != "0" and self.builds(TEST, *pair)), None)
        if wanted == "1" and found is None:
            raise SystemExit("CYPOOL_OPENMP=1, but no OpenMP test program builds with this compiler")
        return found or ([], [])

    def build_extensions(self):
        level = {f"cypool.kernels.{name}": flags for name, flags in LEVELS.items()}
        for e in self.extensions[:]:
            if level.get(e.name) and not self.builds("int main(void) { return 0; }", level[e.name]):
                self.extensions.remove(e)
        common = [*FLAGS, *(flag for flag in TRIED if self.builds("int main(void) { return 0; }", [flag]))]
        to_compile, to_link = self.openmp()
        if not any(flag.startswith("-g") for flag in os.environ.get("CFLAGS", "").split()) and self.builds(
            "int main(void) { return 0; }", [], NO_NAMES
        ):
            to_link = [*to_link, *NO_NAMES]
        temp = Path(self.build_temp)
        # Part of the machine module, and a file that everything depends on: other flags, another build.
        flags = " ".join([*common, *to_compile, *(f"{name}:{flag}" for name in LEVELS for flag in LEVELS[name])])
        text = f'#define CYPOOL_VERSION "{self.distribution.get_version()}"\n'
        text += f'#ifdef __VERSION__\n#define CYPOOL_BUILD "compiler " __VERSION__ ", {flags}"\n'
        text += f'#else\n#define CYPOOL_BUILD "{flags}"\n#endif\n'
        temp.mkdir(parents=True, exist_ok=True)
        header = temp / "build.h"
        if not header.exists() or header.read_text() != text:
            header.write_text(text)
        with ThreadPoolExecutor() as pool:
            list(pool.map(self.translate, {e.sources[0]: e.depends for e in self.extensions}.items()))
        for e in self.extensions:
            e.extra_compile_args = [*common, *level.get(e.name, []), *to_compile]
            e.extra_link_args = [*to_link]
            e.include_dirs.append(str(temp))
            e.depends.append(str(header))
        self.parallel = self.parallel or os.cpu_count()
        super().build_extensions()

    def c_of(self, source):
        return Path(self.build_temp, Path(source).stem + ".c")

    def translate(self, source_and_others):
        """Each source once, in a process of its own, so that several are translated at once."""
        source, depends = source_and_others
        c = self.c_of(source)
        if self.force or newer_group([source, *depends], str(c)):
            options = ["--module-name", f"cypool.kernels.{c.stem}", "-o", str(c), source]
            subprocess.run([sys.executable, "-c", TRANSLATE, *options], check=True)

    def build_extension(self, e):
        start = time.perf_counter()
        c = self.c_of(e.sources[0])
        name = e.name.rpartition(".")[2]
        if name != c.stem:  # one translation of several modules: each gives it its own name
            own = Path(self.build_temp, f"{name}.c")
            text = f'#define PyInit_{c.stem} PyInit_{name}\n#include "{c.name}"\n'
            if not own.exists() or own.read_text() != text:
                own.write_text(text)
            e.depends.append(str(c))
            c = own
        e.sources = [str(c)]
        super().build_extension(e)
        size = os.path.getsize(self.get_ext_fullpath(e.name)) / 1e6
        print(f"{e.name}: built in {time.perf_counter() - start:.0f} s, {size:.2f} MB")


setup(
    ext_modules=[
        *(extension(level, "kernels") for level in LEVELS),
        *(extension(module, module) for module in ("machine", "calls")),
    ],
    cmdclass={"build_ext": BuildExtensions},
    options={"bdist_wheel": {"py_limited_api": "cp311"}} if ABI3 else {},
)
