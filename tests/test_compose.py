"""Compositions: each against its formula in NumPy, and its gradient against central differences."""

import numpy as np
import pytest
from test_gradients import differences

import cypool

X = np.random.default_rng(0).permutation(2 * 6 * 8).reshape(2, 6, 8) / 17 - 1
BLOCKS = X.reshape(2, 3, 2, 4, 2).swapaxes(2, 3).reshape(2, 3, 4, 4)
GATE = np.array([[0.3, -0.2], [0.5, 0.1]])


def ordered():
    return np.sort(BLOCKS, -1)[..., ::-1]


def test_formulas():
    high, middle = BLOCKS.max(-1), BLOCKS.mean(-1)
    assert np.allclose(cypool.mixed_pool(X, (2, 2), 0.3), 0.3 * high + 0.7 * middle)
    a = 1 / (1 + np.exp(-(BLOCKS * GATE.ravel()).sum(-1)))
    assert np.allclose(cypool.gated_pool(X, (2, 2), GATE), a * high + (1 - a) * middle)
    assert np.allclose(cypool.rank_pool(X, (2, 2), top=3), ordered()[..., :3].mean(-1))
    weights = np.array([0.5, 0.0, 0.3, 0.2])
    assert np.allclose(cypool.rank_pool(X, (2, 2), weights=weights), (ordered() * weights).sum(-1))
    assert np.allclose(cypool.rank_pool(X, (2, 2), alpha=0.4), (ordered() * 0.4 * 0.6 ** np.arange(4)).sum(-1))


def test_max_blur():
    """Against a plain loop; and a shift of the image by one stride shifts the result."""
    x = np.random.default_rng(1).random((1, 12, 13))
    got = cypool.max_blur_pool(x, (3, 2), stride=2, blur=4)
    top = np.lib.stride_tricks.sliding_window_view(x, (3, 2), axis=(1, 2)).max((-1, -2))
    padded = np.pad(top, ((0, 0), (1, 2), (1, 2)), mode="reflect")
    line = np.array([1, 3, 3, 1]) / 8
    want = np.lib.stride_tricks.sliding_window_view(padded, (4, 4), axis=(1, 2))[:, ::2, ::2]
    assert np.allclose(got, (want * np.outer(line, line)).sum((-1, -2)))
    for taps in range(1, 7):  # at stride 1 there is a value for each maximum
        assert cypool.max_blur_pool(x, (3, 2), stride=1, blur=taps).shape == top.shape
    flat = cypool.max_blur_pool(np.full((9, 9), 3.0), 2, blur=3)
    assert np.allclose(flat, 3)


def test_spatial_pyramid():
    x = np.random.default_rng(2).random((2, 7, 13))
    got = cypool.spatial_pyramid_pool(x, (1, 2, 3))
    want = [x.max((1, 2))[:, None]]
    for n in (2, 3):
        kh, kw, sh, sw = -(-7 // n), -(-13 // n), 7 // n, 13 // n
        want += [
            x[:, i * sh : i * sh + kh, j * sw : j * sw + kw].max((1, 2))[:, None] for i in range(n) for j in range(n)
        ]
    assert np.array_equal(got, np.concatenate(want, 1))
    assert cypool.spatial_pyramid_pool(np.zeros((2, 9, 5)), (1, 2, 3)).shape == got.shape
    hidden = np.ma.masked_less(np.arange(16).reshape(4, 4), 8)
    assert cypool.spatial_pyramid_pool(hidden, (1, 2)).tolist() == [15, None, None, 13, 15]


CASES = [
    (cypool.mixed_pool, cypool.mixed_pool_backward, dict(window=(2, 2), a=0.3)),
    (cypool.mixed_pool, cypool.mixed_pool_backward, dict(window=(3, 2), a=0.6, stride=2, padding=1)),
    (cypool.gated_pool, cypool.gated_pool_backward, dict(window=(2, 2), gate=GATE)),
    (cypool.gated_pool, cypool.gated_pool_backward, dict(window=(2, 2), gate=GATE, stride=1, padding=1, border="edge")),
    (cypool.rank_pool, cypool.rank_pool_backward, dict(window=(2, 2), top=2)),
    (cypool.rank_pool, cypool.rank_pool_backward, dict(window=(3, 2), alpha=0.3, stride=1)),
    (cypool.rank_pool, cypool.rank_pool_backward,
     dict(window=(2, 2), weights=np.array([0.4, 0.1, 0.5, 0.0]), stride=1, padding=1, border="wrap")),
    (cypool.max_blur_pool, cypool.max_blur_pool_backward, dict(window=(2, 2), axes=(1, 2))),
    (cypool.max_blur_pool, cypool.max_blur_pool_backward, dict(window=(3, 2), axes=(1, 2), stride=1, blur=5)),
    (cypool.spatial_pyramid_pool, cypool.spatial_pyramid_pool_backward, dict(levels=(1, 2, 3))),
    (cypool.spatial_pyramid_pool, cypool.spatial_pyramid_pool_backward, dict(levels=(2,), reduce="mean", axes=(0, 2))),
]  # fmt: skip


@pytest.mark.parametrize("forward,backward,call", CASES, ids=lambda v: getattr(v, "__name__", ""))
def test_gradients(forward, backward, call):
    g = np.random.default_rng(3).random(forward(X, **call).shape)
    want = differences(lambda x: forward(x, **call), X, g)
    assert np.allclose(backward(g, X, **call), want, rtol=1e-5, atol=1e-7)
    for wrt in ("a", "gate", "weights"):
        if wrt in call:
            value = np.asarray(call[wrt], float).reshape(np.shape(call[wrt]) or (1,))
            shape = np.shape(call[wrt])

            def with_value(v, wrt=wrt, shape=shape):
                return forward(X, **{**call, wrt: v if shape else float(v[0])})

            got = backward(g, X, **call, wrt=wrt)
            assert np.allclose(np.reshape(got, value.shape), differences(with_value, value, g), rtol=1e-5, atol=1e-7)
    single = X.astype(np.float32)
    assert forward(single, **call).dtype == backward(g.astype(np.float32), single, **call).dtype == np.float32


@pytest.mark.parametrize(
    "error,function,call",
    [
        (ValueError, cypool.mixed_pool, dict(window=2, a=1.5)),
        (ValueError, cypool.mixed_pool, dict(window=2, a=float("nan"))),
        (TypeError, cypool.mixed_pool, dict(window=2, a="1")),
        (ValueError, cypool.gated_pool, dict(window=2, gate=np.ones(3))),
        (ValueError, cypool.rank_pool, dict(window=2)),
        (ValueError, cypool.rank_pool, dict(window=2, top=2, alpha=0.5)),
        (ValueError, cypool.rank_pool, dict(window=2, top=9)),
        (ValueError, cypool.rank_pool, dict(window=2, weights=[1, 2])),
        (ValueError, cypool.rank_pool, dict(window=2, top=1, padding=1)),
        (TypeError, cypool.rank_pool, dict(window=2, top=1, where=X > 0)),
        (TypeError, cypool.max_blur_pool, dict(window=2, blur=1.5)),
        (ValueError, cypool.max_blur_pool, dict(window=2, blur=0)),
        (ValueError, cypool.max_blur_pool, dict(window=2, blur=10**9)),
        (ValueError, cypool.spatial_pyramid_pool, dict(levels=())),
        (ValueError, cypool.spatial_pyramid_pool, dict(levels=(7,))),
        (TypeError, cypool.spatial_pyramid_pool, dict(levels=("a",))),
        (TypeError, cypool.mixed_pool, dict(window=2, colour=1)),
    ],
)
def test_errors(error, function, call):
    with pytest.raises(error):
        function(X, **call)


def test_an_empty_batch():
    x = np.ones((0, 3, 4, 4))
    y = cypool.spatial_pyramid_pool(x, (1, 2))
    assert y.shape == (0, 3, 5) and cypool.spatial_pyramid_pool_backward(y, x, (1, 2)).shape == x.shape


def test_backward_errors():
    for function, call in [(cypool.mixed_pool_backward, dict(window=2)),
                           (cypool.rank_pool_backward, dict(window=2, top=1)),
                           (cypool.gated_pool_backward, dict(window=(2, 2), gate=GATE))]:  # fmt: skip
        with pytest.raises(ValueError, match="wrt"):
            function(np.zeros(cypool.pool(X, call["window"]).shape), X, **call, wrt="z")
    with pytest.raises(ValueError, match="grad"):
        cypool.spatial_pyramid_pool_backward(np.zeros((2, 3)), X)


@pytest.mark.parametrize("forward,backward,call", CASES, ids=lambda v: getattr(v, "__name__", ""))
def test_infinities_without_a_warning(forward, backward, call):
    for dtype in ("f2", "f8"):
        x = X.astype(dtype)
        x[:, ::2], x[:, :, ::3] = np.inf, -np.inf
        y = forward(x, **call)
        assert y.dtype == x.dtype and not np.isfinite(y).all()
        assert backward(np.ones_like(y), x, **call).shape == x.shape


def test_bad_arrays_are_named():
    call = dict(window=(2, 2), gate=GATE)
    for function in (cypool.gated_pool_backward, cypool.mixed_pool_backward, cypool.rank_pool_backward):
        rest = {cypool.gated_pool_backward: call, cypool.rank_pool_backward: dict(window=(2, 2), top=1)}
        for grad in ([[1, 2], [3]], np.ones(3), np.ones(3, complex), ["a"]):
            with pytest.raises((TypeError, ValueError), match=r"^grad"):
                function(grad, X, **rest.get(function, dict(window=(2, 2))))
    for gate in ([[1, 2], [3]], "ab", None, [1j], np.ones((2, 3)), np.full((2, 2), np.nan)):
        with pytest.raises((TypeError, ValueError), match=r"^gate"):
            cypool.gated_pool(X, (2, 2), gate)
    for weights in ([[1, 2], [3]], ["a"] * 4, [1j] * 4, [1, 2, 3, np.inf]):
        with pytest.raises((TypeError, ValueError), match=r"^weights"):
            cypool.rank_pool(X, (2, 2), weights=weights)
    with pytest.raises(ValueError, match="axis 1 is pooled and must not have length 0"):
        cypool.fractional_pool(X[:, :0], (2, 2), axes=(1, 2))
