"""Pooling of torch tensors on a CPU, with gradients: the functions of `torch.nn.functional`, and more.

    from cypool.torch import max_pool2d          # instead of torch.nn.functional

A tensor is read where it lies, whatever its strides (channels_last, slices, transposes), and a result is
not copied.  bool, integers, float16, float32 and float64; complex for sums and means; bfloat16, which
NumPy lacks, is a TypeError.  Sums, means, maxima, minima and unpooling can be differentiated any number of
times, everything else once.  Threads are those of `cypool.set_workers`, not torch's.

Where torch accepts arguments, values and gradients are torch's, but for these:

* means of integers are float64 (torch cuts them off), and sums and means of floats are more exact;
* `lp_pool2d` takes absolute values, and windows cut short by `ceil_mode` are not scaled up;
* the index of a window with NaN is that of its first one (torch: the last);
* a window without a single cell gives NaN (torch: -inf, and an index outside of the tensor);
* of values with the same index `max_unpool2d` keeps the last, whose gradient it is (torch: undefined, and
  the gradient goes to all of them);
* padding is not limited to half of the window.
"""

try:
    import torch as _torch  # noqa: F401
except ModuleNotFoundError as _error:
    if _error.name != "torch":
        raise
    raise ImportError("cypool.torch needs PyTorch, which is not installed: pip install 'cypool[torch]'") from _error

from .adaptive import (
    adaptive_avg_pool1d,
    adaptive_avg_pool2d,
    adaptive_avg_pool3d,
    adaptive_max_pool1d,
    adaptive_max_pool2d,
    adaptive_max_pool3d,
)
from .autograd import pool
from .averages import avg_pool1d, avg_pool2d, avg_pool3d, lp_pool1d, lp_pool2d, lp_pool3d
from .selections import (
    max_pool1d,
    max_pool2d,
    max_pool3d,
    median_pool1d,
    median_pool2d,
    median_pool3d,
    min_pool1d,
    min_pool2d,
    min_pool3d,
)
from .unpooling import max_unpool1d, max_unpool2d, max_unpool3d

__all__ = [
    "adaptive_avg_pool1d",
    "adaptive_avg_pool2d",
    "adaptive_avg_pool3d",
    "adaptive_max_pool1d",
    "adaptive_max_pool2d",
    "adaptive_max_pool3d",
    "avg_pool1d",
    "avg_pool2d",
    "avg_pool3d",
    "lp_pool1d",
    "lp_pool2d",
    "lp_pool3d",
    "max_pool1d",
    "max_pool2d",
    "max_pool3d",
    "max_unpool1d",
    "max_unpool2d",
    "max_unpool3d",
    "median_pool1d",
    "median_pool2d",
    "median_pool3d",
    "min_pool1d",
    "min_pool2d",
    "min_pool3d",
    "pool",
]
