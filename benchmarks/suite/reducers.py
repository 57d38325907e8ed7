"""Every reducer of the table, on an image and on the maps of a net, and its gradient: for regressions, with asv.

A reducer that is added to the table is measured here without a line being written.
"""

import numpy as np

import cypool
from cypool.backward import WRT
from cypool.reducers import TABLE

DTYPES = ("uint8", "float32", "float64")
OPTIONS = {
    "lp": {"p": 2}, "gem": {"p": 3}, "quantile": {"q": 0.25}, "stochastic": {"rng": 0},
}  # fmt: skip


def array(shape, dtype):
    rng = np.random.default_rng(0)
    x = rng.random(shape, dtype=np.float32)
    return x.astype(dtype) if np.dtype(dtype).kind == "f" else (x * 255).astype(dtype)


class Reducers:
    rounds, repeat, warmup_time, sample_time = 1, 3, 0.005, 0.005
    params = (sorted(TABLE), DTYPES)
    param_names = ("reduce", "dtype")

    def setup(self, reduce, dtype):
        self.image, self.maps = array((1024, 1024), dtype), array((8, 16, 56, 56), dtype)
        self.call = {"reduce": reduce, **OPTIONS.get(reduce, {})}

    def time_blocks_of_an_image(self, reduce, dtype):
        cypool.pool(self.image, 2, **self.call)

    def time_overlapping_windows_of_maps(self, reduce, dtype):
        cypool.pool(self.maps, (3, 3), stride=2, padding=1, **self.call)


class Gradients:
    rounds, repeat, warmup_time, sample_time = 1, 3, 0.005, 0.005
    params = sorted(set(WRT["x"]) & set(TABLE))
    param_names = ("reduce",)

    def setup(self, reduce):
        self.maps = array((8, 16, 56, 56), "float32")
        self.call = {"window": (3, 3), "reduce": reduce, "stride": 2, "padding": 1, **OPTIONS.get(reduce, {})}
        self.ones = np.ones(cypool.pool(self.maps, **self.call).shape, np.float32)

    def time_gradient(self, reduce):
        cypool.pool_backward(self.ones, self.maps, **self.call)
