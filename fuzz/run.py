"""One harness under libFuzzer: python fuzz/run.py HARNESS [its options] CORPUS...  (.ci/fuzz sets up what it needs)"""

from __future__ import annotations

import shlex
import sys
import warnings
from pathlib import Path

import atheris

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "tests")]
with atheris.instrument_imports(include=["cypool"]):
    import harnesses

    from cypool import dispatch


def main() -> None:
    name, *options = sys.argv[1:]
    warnings.simplefilter("error")
    dispatch.levels()  # all are loaded before coverage counts
    command = shlex.join([sys.executable, __file__, name])  # with which libFuzzer starts itself again, to merge
    atheris.Setup([command, *options], harnesses.HARNESSES[name])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
