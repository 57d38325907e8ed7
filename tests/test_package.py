"""The package as installed: where it came from, what it holds, which kernels it chose."""

import io
import re
import subprocess
import sys
import tomllib
from importlib.metadata import distribution, entry_points, version
from pathlib import Path

import numpy as np
import pytest
from fresh import fresh, start

import cypool
from cypool import dispatch, threads

FOLDER = Path(cypool.__file__).parent
SOURCE = Path(__file__).parent.parent


def test_installed_package_is_tested():
    assert FOLDER.parent.name == "site-packages"
    assert not FOLDER.is_relative_to(SOURCE / "cypool")
    assert cypool.__version__ == version("cypool") and re.fullmatch(r"\d+\.\d+\.\d+\S*", cypool.__version__)


def test_files():
    names = {path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*") if path.is_file()}
    assert {"py.typed", "kernels/machine.pyi"} <= names
    assert not {name for name in names if name.endswith((".pyx", ".pxd", ".h", ".c"))}
    licenses = [file for file in distribution("cypool").files or () if file.name == "LICENSE"]
    assert len(licenses) == 1


def test_numpy_is_the_only_dependency():
    needed = [line for line in distribution("cypool").requires or () if "extra ==" not in line]
    assert needed == ["numpy>=2.0"]
    torch = [line for line in distribution("cypool").requires or () if "torch" in line]
    assert len(torch) == 1 and torch[0].endswith('extra == "torch"')  # in no other extra


def test_groups_are_the_extras():
    """pyproject.toml names both, for tools that know one or the other; `lint` has more for those who work on it."""
    with (SOURCE / "pyproject.toml").open("rb") as file:
        found = tomllib.load(file)
    extras, groups = found["project"]["optional-dependencies"], found["dependency-groups"]
    assert (groups["test"], groups["docs"]) == (extras["test"], extras["docs"])
    assert set(extras["lint"]) <= set(groups["lint"])


# cypool.dask and so on: what they need
DOORS = {"dask": "dask", "torch": "PyTorch", "xarray": "xarray", "zarr": "zarr"}


@pytest.mark.parametrize("door", DOORS)
def test_a_door_alone_imports_what_it_needs(door):
    code = f"""
import sys
import cypool, cypool.layers
assert "{door}" not in sys.modules
sys.modules["{door}"] = None  # as if it were not installed
try:
    import cypool.{door}
except ImportError as error:
    print(type(error).__name__, error)
"""
    assert fresh(code).strip() == (
        f"ImportError cypool.{door} needs {DOORS[door]}, which is not installed: pip install 'cypool[{door}]'"
    )


@pytest.mark.parametrize("door", DOORS)
def test_what_is_installed_and_broken_says_so_itself(door):
    """A library that lacks one of its own is not one that is not installed."""
    code = f"""
import sys
class Broken:
    def find_spec(name, path=None, target=None):
        if name == "{door}":
            import nothing_of_this_name
sys.meta_path.insert(0, Broken)
try:
    import cypool.{door}
except ModuleNotFoundError as error:
    print(error.name)
"""
    assert fresh(code).strip() == "nothing_of_this_name"


def test_kernels_that_do_not_load():
    """As in the source folder, where nothing is compiled."""
    code = """
import os, sys
sys.modules["cypool.kernels.machine"] = None
try:
    import cypool
except ImportError as error:
    print(error, os.environ.get("GOMP_SPINCOUNT"))
"""
    found = fresh(code)
    assert found.startswith("cypool's compiled kernels do not load. Is this the source folder? Install it")
    assert found.endswith(" None\n")


@pytest.mark.parametrize("settings", [{}, {"GOMP_SPINCOUNT": "7"}, {"OMP_WAIT_POLICY": "active"}])
def test_how_threads_wait_is_the_users_to_say(settings):
    """What OpenMP finds in the environment as it is loaded, and what is left there."""
    code = """
import os, sys
class Watching:
    def find_spec(name, path=None, target=None):
        if name == "cypool.kernels.machine":
            print(os.environ.get("GOMP_SPINCOUNT"))
sys.meta_path.insert(0, Watching)
import cypool
print(os.environ.get("GOMP_SPINCOUNT"))
"""
    own = settings.get("GOMP_SPINCOUNT")
    assert fresh(code, **settings).split() == [str(own if settings else "10000"), str(own)]


def test_one_binary_for_all_pythons_and_numpys():
    """The stable ABI of Python 3.11, and none of NumPy's."""
    extensions = [path for path in (FOLDER / "kernels").iterdir() if path.suffix in (".so", ".pyd")]
    assert len(extensions) == 2 + len(dispatch.levels())
    for path in extensions:
        assert ".abi3." in path.name or path.suffix == ".pyd"  # Windows has no such mark
        binary = path.read_bytes()
        assert b"_ARRAY_API" not in binary and b"numpy" not in binary.lower(), path.name
        if path.stem.split(".")[0] in dispatch.levels():
            assert len(binary) < 1.5e6, f"{path.name}: {len(binary)} bytes"


def test_types_are_seen_from_outside(tmp_path):
    (tmp_path / "user.py").write_text("import cypool\nn: int = cypool.get_workers()\ns: str = cypool.get_workers()\n")
    done = subprocess.run(
        [sys.executable, "-P", "-m", "mypy", "--strict", "user.py"], cwd=tmp_path, capture_output=True, text=True
    )
    assert "user.py:3" in done.stdout and "Found 1 error" in done.stdout, done.stdout + done.stderr


def test_public_names():
    assert len(set(cypool.__all__)) == len(cypool.__all__)
    assert {"pool", "set_workers", "get_workers", "workers", "show_config", "__version__"} <= set(cypool.__all__)
    for name in cypool.__all__:
        assert getattr(cypool, name).__doc__, name


# ---- CPU levels ---------------------------------------------------------------------------------


def test_best_level_is_chosen():
    code = "from cypool import dispatch; print(dispatch.level, dispatch.kernels.__name__)"
    best = list(dispatch.levels())[-1]
    assert fresh(code).split() == [best, f"cypool.kernels.{best}"]
    assert fresh(code, CYPOOL_CPU="").split() == [best, f"cypool.kernels.{best}"]


@pytest.mark.parametrize("level", dispatch.levels())
def test_forced_level(level):
    code = """
import sys
import numpy, cypool
from cypool import dispatch
x = numpy.random.default_rng(0).random((600, 600))
assert numpy.array_equal(cypool.pool(x, 2), x.reshape(300, 2, 300, 2).max((1, 3)))
levels = ("cypool.kernels.base", "cypool.kernels.v3", "cypool.kernels.v4")
print(dispatch.level, dispatch.kernels.__name__, *(name for name in levels if name in sys.modules))
"""
    module = f"cypool.kernels.{level}"
    assert fresh(code, CYPOOL_CPU=level).split() == [level, module, module]


def test_some_rows_take_the_level_before_the_widest():
    code = """
import sys
import numpy, cypool
from cypool import dispatch
cypool.pool(numpy.zeros((2, 4000), "u1"), 2)
cypool.pool(numpy.zeros((4, 500), "f4"), 3, "median", stride=1)
before = "cypool.kernels.v3" in sys.modules
cypool.pool(numpy.zeros(SHAPE, "f4"), 2)
print(before, "cypool.kernels.v3" in sys.modules, dispatch.kernels_of_rows(40).__name__)
"""
    best = list(dispatch.levels())[-1]
    short = "v3" if best == "v4" else best
    for shape in ("(2, 20)", "(2, 4000)"):  # short, and bound by memory
        one = code.replace("SHAPE", shape)
        assert fresh(one, CYPOOL_CPU=best).split() == 2 * [str(best == "v3")] + [f"cypool.kernels.{best}"]
        assert fresh(one).split() == [str(best == "v3"), str(short == "v3"), f"cypool.kernels.{short}"]


@pytest.mark.parametrize("level", ["v5", "V3", "avx2", "machine", "../base", "0"])
def test_wrong_level(level):
    done = start("-c", "import cypool", CYPOOL_CPU=level)
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("ImportError: CYPOOL_CPU=") and repr(level) in last
    assert ", ".join(dispatch.levels()) in last


def test_level_that_this_machine_lacks():
    """As on an older CPU: machine is loaded alone and changed, then the package that asks it."""
    code = """
import importlib.util, sys, types
package = types.ModuleType("cypool")
package.__path__ = list(importlib.util.find_spec("cypool").submodule_search_locations)
sys.modules["cypool"] = package
import cypool.kernels.machine as machine
machine.cpu_levels = lambda: ("base",)
from cypool import dispatch
print(dispatch.level)
"""
    assert fresh(code).strip() == "base"
    done = start("-c", code, CYPOOL_CPU="v3")
    assert done.returncode == 1 and "CYPOOL_CPU='v3'" in done.stderr.splitlines()[-1]


def test_switch_between_levels_in_one_process():
    before = dispatch.kernels, dispatch.level
    x = np.random.default_rng(0).random((100, 100))
    results = []
    for name, module in dispatch.levels().items():
        with dispatch._use(name):
            assert (dispatch.level, dispatch.kernels) == (name, module)
            results.append(cypool.pool(x, 3, "mean", stride=1, padding=1).tobytes())
    assert len(set(results)) == 1
    with pytest.raises(ZeroDivisionError), dispatch._use("base"):
        raise ZeroDivisionError
    assert (dispatch.kernels, dispatch.level) == before


# ---- show_config --------------------------------------------------------------------------------


def test_show_config():
    text = io.StringIO()
    assert cypool.show_config(file=text) is None
    for needed in (
        f"cypool     {cypool.__version__}",
        f"CPU level  {dispatch.level}",
        "OpenMP     " + ("lib" if threads.machine.OPENMP and sys.platform != "win32" else ""),
        f"workers    {cypool.get_workers()} ",
        f"NumPy      {np.__version__}",
        "-ffp-contract=off",
    ):
        assert needed in text.getvalue()
    assert "fast-math" not in text.getvalue()


def test_show_config_prints():
    assert fresh("import cypool; cypool.show_config()").startswith("cypool ")


# ---- the command line ---------------------------------------------------------------------------


def command(*arguments):
    words = [sys.executable, "-P", "-m", "cypool", *arguments]
    return subprocess.run(words, capture_output=True, text=True, timeout=60)


def test_info():
    text = io.StringIO()
    cypool.show_config(file=text)
    found = command("info")
    assert (found.returncode, found.stderr) == (0, "")
    assert found.stdout.splitlines()[0] == text.getvalue().splitlines()[0]
    assert found.stdout.count("\n") == text.getvalue().count("\n")


def test_version():
    assert command("--version").stdout == f"cypool {cypool.__version__}\n"


@pytest.mark.parametrize("arguments", [[], ["nothing"], ["info", "more"], ["--unknown"]])
def test_wrong_commands(arguments):
    found = command(*arguments)
    assert (found.returncode, found.stdout) == (2, "")
    assert found.stderr.startswith("usage: cypool ")


def test_script():
    (script,) = entry_points(group="console_scripts", name="cypool")
    assert script.load() is cypool.__main__.main
