"""cypool: pooling of NumPy arrays on a CPU, exact and at the speed of memory."""

from .blocks import block_reduce, block_replicate, downscale_local_mean
from .dispatch import show_config
from .geometry import output_shape
from .kernels.machine import VERSION as __version__
from .pooling import adaptive_pool, global_pool, pool
from .threads import get_workers, set_workers, workers
from .windows import Windows

__all__ = [
    "Windows",
    "__version__",
    "adaptive_pool",
    "block_reduce",
    "block_replicate",
    "downscale_local_mean",
    "get_workers",
    "global_pool",
    "output_shape",
    "pool",
    "set_workers",
    "show_config",
    "workers",
]
