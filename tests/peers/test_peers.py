"""The same question to other libraries: what they and cypool both define must agree.

Integers and selections to the bit; means to the rounding of the peer.  Where a peer's meaning
differs (borders, rounding), only what both define is compared.
"""

import cv2
import numpy as np
import pytest
import scipy.ndimage
import tensorstore as ts
import xarray
from PIL import Image

import cypool

SHAPES = [(64, 96), (65, 97), (7, 301), (300, 5), (1, 1), (128, 1024)]
rng = np.random.default_rng(20)


def image(dtype, shape):
    x = rng.random(shape) * 250
    return x.astype(dtype)


def downsampled(x, block, method):
    store = ts.downsample(ts.array(x), list(block), method)
    return store.read().result()


@pytest.mark.parametrize("shape", [s for s in SHAPES if len(s) == 2])
@pytest.mark.parametrize("dtype", ["u1", "i1", "u2", "i2", "u4", "i8", "f4", "f8"])
@pytest.mark.parametrize("block", [(2, 2), (3, 2), (1, 4), (5, 7)])
def test_tensorstore(dtype, shape, block):
    """Blocks of what exists (border "ignore", ceil_mode): min and max to the bit; integer means
    half to even, to the bit."""
    x = image(dtype, shape)
    for method in ("min", "max", "mean"):
        if method == "mean" and x.dtype.kind == "f":
            continue
        expected = downsampled(x, block, method)
        got = cypool.pool(x, block, method, ceil_mode=True, dtype=x.dtype)
        assert got.dtype == expected.dtype and np.array_equal(got, expected), (method, x)
    if x.dtype.kind == "f":
        got = cypool.pool(x, block, "mean", ceil_mode=True)
        np.testing.assert_allclose(got, downsampled(x, block, "mean"), rtol=1e-5)


@pytest.mark.parametrize("dtype", ["u1", "u2", "f4", "f8"])
@pytest.mark.parametrize("size", [3, 5, 15])
@pytest.mark.parametrize("shape", [(40, 60), (33, 17)])
def test_opencv_sliding(dtype, size, shape):
    """Dilation and erosion: a window centred on each pixel, what lies outside takes no part."""
    x = image(dtype, shape)
    kernel = np.ones((size, size), np.uint8)
    for name, function in (("max", cv2.dilate), ("min", cv2.erode)):
        got = cypool.pool(x, size, name, stride=1, padding="same")
        assert np.array_equal(got, function(x, kernel)), name
    if dtype[0] == "f":
        for border, code in (("reflect", cv2.BORDER_REFLECT_101), ("edge", cv2.BORDER_REPLICATE)):
            got = cypool.pool(x, size, "mean", stride=1, padding="same", border=border)
            np.testing.assert_allclose(got, cv2.blur(x, (size, size), borderType=code), rtol=1e-5)


@pytest.mark.parametrize("dtype", ["f4", "u1", "u2"])
@pytest.mark.parametrize("factor", [2, 4, 8])
def test_opencv_area(dtype, factor):
    x = image(dtype, (128, 256))
    expected = cv2.resize(x, (256 // factor, 128 // factor), interpolation=cv2.INTER_AREA)
    got = cypool.pool(x, factor, "mean", rounding="half_up", dtype=x.dtype)
    if dtype == "f4":
        np.testing.assert_allclose(got, expected, rtol=1e-5)
    else:  # OpenCV rounds by path
        assert np.abs(got.astype(int) - expected.astype(int)).max() <= 1


@pytest.mark.parametrize("mode", ["reflect", "mirror", "nearest", "wrap", "constant"])
@pytest.mark.parametrize("dtype", ["f8", "i4"])
def test_scipy_filters(mode, dtype):
    """SciPy's names for borders: its reflect is NumPy's symmetric, its mirror NumPy's reflect."""
    x = image(dtype, (30, 41))
    border = {"reflect": "symmetric", "mirror": "reflect", "nearest": "edge"}.get(mode, mode)
    for name, function in (("max", scipy.ndimage.maximum_filter), ("min", scipy.ndimage.minimum_filter)):
        got = cypool.pool(x, (5, 3), name, stride=1, padding="same", border=border, border_value=7)
        assert np.array_equal(got, function(x, (5, 3), mode=mode, cval=7)), name
    if dtype == "f8":
        got = cypool.pool(x, (5, 3), "mean", stride=1, padding="same", border=border, border_value=7)
        np.testing.assert_allclose(got, scipy.ndimage.uniform_filter(x, (5, 3), mode=mode, cval=7), rtol=1e-12)


@pytest.mark.parametrize("name", ["max", "min", "mean", "sum", "var", "std", "prod", "count"])
def test_xarray_coarsen(name):
    """Trimmed blocks, NaN skipped, as pandas and xarray do."""
    x = image("f8", (43, 62)) / 250
    x[rng.random(x.shape) < 0.2] = np.nan
    coarse = getattr(xarray.DataArray(x, dims=("y", "x")).coarsen(y=4, x=5, boundary="trim"), name)
    got = cypool.pool(x, (4, 5), name, nan_policy="omit")
    np.testing.assert_allclose(got, coarse().values, rtol=1e-12)


@pytest.mark.parametrize("factor", [2, 3, 8])
def test_pillow_reduce(factor):
    """Pillow rounds half up, and clips the last blocks to the image."""
    x = image("u1", (100, 131))
    expected = np.asarray(Image.fromarray(x).reduce(factor))
    got = cypool.pool(x, factor, "mean", ceil_mode=True, rounding="half_up", dtype=np.uint8)
    assert got.shape == expected.shape
    assert np.abs(got.astype(int) - expected.astype(int)).max() <= 1
