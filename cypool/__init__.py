"""cypool: pooling of NumPy arrays on a CPU, exact and at the speed of memory."""

from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

from .backward import pool_backward, unpool
from .blocks import block_reduce, block_replicate, downscale_local_mean
from .compose import (
    max_blur_pool,
    max_blur_pool_backward,
    spatial_pyramid_pool,
    spatial_pyramid_pool_backward,
)
from .dispatch import show_config
from .geometry import output_shape
from .kernels.machine import VERSION as __version__
from .mixed import (
    gated_pool,
    gated_pool_backward,
    mixed_pool,
    mixed_pool_backward,
)
from .pooling import adaptive_pool, fractional_pool, global_pool, pool
from .pyramid import pyramid
from .ranks import rank_pool, rank_pool_backward
from .threads import get_workers, set_workers, workers
from .windows import Windows

if TYPE_CHECKING:
    from . import layers as layers
    from . import nn as nn

__all__ = [
    "Windows",
    "__version__",
    "adaptive_pool",
    "block_reduce",
    "block_replicate",
    "downscale_local_mean",
    "fractional_pool",
    "gated_pool",
    "gated_pool_backward",
    "get_workers",
    "global_pool",
    "max_blur_pool",
    "max_blur_pool_backward",
    "mixed_pool",
    "mixed_pool_backward",
    "output_shape",
    "pool",
    "pool_backward",
    "pyramid",
    "rank_pool",
    "rank_pool_backward",
    "set_workers",
    "show_config",
    "spatial_pyramid_pool",
    "spatial_pyramid_pool_backward",
    "unpool",
    "workers",
]

MODULES = ("dask", "layers", "nn", "torch", "xarray", "zarr")  # imported when they are first asked for


def __getattr__(name: str) -> ModuleType:
    if name in MODULES:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
