"""The compiled half: `machine`, `calls`, and one module for each CPU level (see `cypool.dispatch`).

libgomp reads its waiting policy when it is loaded, which is here.  By default a thread spins for
milliseconds after its work: beside another busy process or another library's threads that costs
whole time slices (measured with one of two cores busy: 16 ms for a call instead of 3).  So it spins
for some microseconds only, unless the user has said otherwise.
"""

import os

_unset = {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT"}.isdisjoint(os.environ)
if _unset:
    os.environ["GOMP_SPINCOUNT"] = "10000"
try:
    from . import calls, machine
except ImportError as _error:
    raise ImportError(
        "cypool's compiled kernels do not load. Is this the source folder? Install it "
        "(pip install .) and start Python elsewhere; `make test` and `make demo` do so"
    ) from _error
finally:
    if _unset:
        del os.environ["GOMP_SPINCOUNT"]

__all__ = ["calls", "machine"]
