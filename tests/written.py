"""What tests of `write_pyramid` share: comparison with `cypool.pyramid`, and the bytes of all files."""

import hashlib
from pathlib import Path

import numpy as np
import zarr

import cypool
import cypool.zarr

WRITE = cypool.zarr.write_pyramid


def files(folder):
    """{path: SHA-256} of all files."""
    folder = Path(folder)
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def is_right(target, plan, x, reduce="mean", factor=2):
    """All levels are those of `cypool.pyramid` of x, whose axes are in the order that is stored."""
    axes = tuple(a for a, name in enumerate(plan.axes) if name in "zyx")
    factor = (factor,) * len(axes) if isinstance(factor, int) else factor
    expected = cypool.pyramid(x, factor, len(plan.levels) - 1, reduce, axes=axes)
    group = zarr.open_group(target, mode="r")
    assert sorted(group.array_keys()) == [level.path for level in plan.levels]
    for level, values in zip(plan.levels, expected, strict=True):
        array = group[level.path]
        assert (array.shape, array.chunks, array.shards) == (level.shape, level.chunks, level.shards)
        assert array.dtype == plan.dtype == x.dtype.newbyteorder("=")
        np.testing.assert_array_equal(array[...], values, err_msg=level.path)
    assert not Path(f"{target}.partial").exists()
    return expected
