from .forward import described, pooled_lazily
def pool(x, window, reduce="max", *, stride=None, padding=0, dilation=1, ceil_mode=False, axes=None, border="ignore", border_value=0, where=None, nan_policy="propagate", min_count=1, fill_value=None, return_indices=False, dtype=None, out=None, workers=None, **options):
    return pooled_lazily(described(x, window, reduce, stride, padding, dilation, ceil_mode, axes, border, border_value, where, nan_policy, min_count, fill_value, return_indices, dtype, workers, options))

from .gradients import gradient_lazily
def pool_backward(grad, x, window, reduce="max", *, stride=None, padding=0, dilation=1, ceil_mode=False, axes=None, border="ignore", border_value=0, where=None, nan_policy="propagate", min_count=1, fill_value=None, indices=None, wrt="x", out=None, workers=None, **options):
    return gradient_lazily(grad, x, window, reduce, stride, padding, dilation, ceil_mode, axes, border, border_value, where, nan_policy, min_count, fill_value, indices, wrt, workers, options)
