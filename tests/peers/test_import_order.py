"""Beside libraries that bring an OpenMP, or threads, of their own: any order of imports, and calls in turn."""

import itertools

import pytest
from fresh import fresh

USES = {
    "torch": "torch.nn.functional.max_pool2d(torch.from_numpy(x)[None], 2)",
    "sklearn.cluster": "sklearn.cluster.KMeans(2, n_init=1, random_state=0).fit(x[:200, :2])",
    "numba": "numba.njit(parallel=True)(lambda a: a.sum())(x)",
    "cv2": "cv2.blur(x, (3, 3))",
}
ORDERS = [
    *((name, "cypool") for name in USES), *(("cypool", name) for name in USES), ("cypool", *USES), (*USES, "cypool"),
    *itertools.islice(itertools.permutations(("cypool", *USES)), 7, 120, 31),
]  # fmt: skip


@pytest.mark.parametrize("order", ORDERS, ids=" ".join)
def test_import_order(order):
    imports = "".join(f"import {name}\n" for name in order)
    uses = "".join(f"    {USES[name]}\n" for name in order if name in USES)
    fresh(
        f"""
import numpy
{imports}
x = numpy.random.default_rng(0).random((1024, 1024), numpy.float32)
expected = x.reshape(512, 2, 512, 2).max((1, 3))
for _ in range(3):
{uses}    for workers in (None, 1, 2):
        assert numpy.array_equal(cypool.pool(x, 2, workers=workers), expected)
import os
pid = os.fork()
if pid == 0:
    os._exit(0 if numpy.array_equal(cypool.pool(x, 2), expected) else 1)
assert os.waitpid(pid, 0)[1] == 0
""",
        timeout=120,
        OMP_NUM_THREADS="2",
    )
