"""Where windows lie: every small geometry, every kind of padding, Windows, huge sizes."""

import pickle
from fractions import Fraction
from functools import cache
from itertools import product
from typing import NamedTuple

import arrays
import numpy as np
import places
import pytest
import reference

import cypool
from cypool import Windows
from cypool.rows import fewest

NAMES = arrays.NAMES
MIRRORS = ("reflect", "symmetric", "edge", "wrap")
EVEN, UNEVEN = tuple((p, p) for p in range(3)), tuple(product(range(3), range(3)))


class Geometry(NamedTuple):
    arguments: dict
    windows: np.ndarray | None  # its windows, among the different ones there are; None: no window fits
    empty: bool  # has a window without a cell


@cache
def every(n, border="ignore", pads=UNEVEN):
    """Every geometry of an axis of length n, and a table of the different windows they have."""
    found, tables = [], []
    for k, s, pad, d, ceil in product((1, 2, 3, 4), (1, 2, 3), pads, (1, 2, 3), (False, True)):
        if k == 1 < d or (border in MIRRORS and max(pad) > n - (border == "reflect")):
            continue
        arguments = dict(window=(k,), stride=s, padding=(pad,), dilation=d, ceil_mode=ceil)
        try:
            table = places.resolve(places.sliding(n, k, s, pad, d, ceil), n, border)
        except ValueError:
            table = np.empty((0, k), int)
        tables.append(np.pad(table, ((0, 0), (0, 4 - k)), constant_values=places.OFF))
        found.append((arguments, (table == places.OFF).all(1).any()))
    windows, which = np.unique(np.concatenate(tables), axis=0, return_inverse=True)
    which = np.split(which, np.cumsum([len(table) for table in tables])[:-1])
    return [Geometry(a, w if len(w) else None, e) for (a, e), w in zip(found, which, strict=True)], windows


def refused(x, **arguments):
    """No window fits, or one is empty and the result has no value for that."""
    with pytest.raises(ValueError, match="window"):
        got = cypool.pool(x, **arguments)
        pytest.fail(f"pool(x, **{arguments}) gave {arrays.show(got)}\nfor {arrays.show(x)}")


def check(name, dtype, border, **options):
    """Every geometry, along the last axis or the first.  Both axes, and uneven padding, only change
    tables that the reducers share: one reducer of each kind tries them."""
    each_kind = name in ("max", "mean", "first", "lp")
    for n in range(1, 9):
        geometries, windows = every(n, border, UNEVEN if each_kind else EVEN)
        x = arrays.lines(dtype, n, calm=name in arrays.PLAIN)
        columns = np.ascontiguousarray(x.T)
        whole = reference.result_dtype(name, x.dtype).kind not in "fc"
        fill = {"fill_value": 1} if whole and name not in reference.EMPTY else {}
        kind = border if border == "constant" else "ignore"
        answer = reference.over(x, {1: windows}, name, border=kind, **fill, **options)
        results = []
        for i, g in enumerate(geometries):
            call = dict(g.arguments, border=border, **options)
            if g.windows is None or (g.empty and fill):
                refused(x, reduce=name, **call)
            if g.windows is None:
                continue
            if g.empty:
                call.update(fill)
            both = each_kind and border == "ignore" and call["padding"][0] in EVEN
            for axes in (0, 1) if both else ((i + x.dtype.num) % 2,):
                shape = (len(x), len(g.windows))
                out, intact = arrays.guarded(shape if axes else shape[::-1], answer.dtype)
                got = cypool.pool(x if axes else columns, reduce=name, axes=axes, out=out, **call)
                assert got is out and intact(), f"{name} {x.shape} {axes} {call}: wrote outside the output"
                results.append((got if axes else got.T, g.windows, axes, call))
        windows = np.concatenate([r[1] for r in results])
        answer = reference.Answer(*(a if isinstance(a, np.dtype | None) else a[:, windows] for a in answer))
        fine = reference.agrees(np.concatenate([r[0] for r in results], axis=1), answer)
        if not fine.all():
            row, column = np.argwhere(~fine)[0]
            ends = np.cumsum([len(r[1]) for r in results])
            which = np.searchsorted(ends, column, "right")
            got, _, axes, call = results[which]
            column += got.shape[1] - ends[which]
            raise AssertionError(
                f"pool(x, reduce={name!r}, axes={axes}, **{call}) gave {got[row, column]!r} at output {column}, "
                f"right is {answer.value[~fine][0]!r} for\n{arrays.show(x[row])}"
            )


@pytest.mark.parametrize("dtype,name", arrays.cases(NAMES))
def test_every_small_geometry(dtype, name):
    check(name, dtype, "ignore")


@pytest.mark.parametrize("border", ["constant", *MIRRORS])
@pytest.mark.parametrize("dtype", ["int16", "float32"])
@pytest.mark.parametrize("name", NAMES)
def test_every_border(name, dtype, border):
    check(name, dtype, border, **({"border_value": 3} if border == "constant" else {}))


def test_output_shape_is_the_actual_shape():
    for n in range(1, 9):
        x = np.zeros((2, n), np.uint8)
        for g in every(n)[0]:
            if g.windows is None:
                with pytest.raises(ValueError, match="window"):
                    cypool.output_shape(x.shape, **g.arguments)
                continue
            shape = cypool.output_shape(x.shape, **g.arguments)
            assert shape == (2, len(g.windows)), (n, g.arguments)
            assert shape == cypool.pool(x, reduce="count", **g.arguments).shape
            assert all(type(m) is int for m in shape)


@pytest.mark.parametrize("ceil_mode", [False, True])
def test_output_lengths_seen_elsewhere(ceil_mode):
    """The cases that other libraries got wrong: (n, window, stride, padding, floor, ceil)."""
    for n, k, s, p, low, high in [(2, 1, 2, 0, 1, 1), (9, 4, 4, 2, 3, 3), (32, 8, 4, 0, 7, 7), (4, 3, 2, 0, 1, 2),
                                  (2, 3, 3, 1, 1, 1), (2, 3, 2, 0, None, 1)]:  # fmt: skip
        want = high if ceil_mode else low
        if want is None:
            with pytest.raises(ValueError, match="window"):
                cypool.output_shape((n,), k, stride=s, padding=p, ceil_mode=ceil_mode)
        else:
            assert cypool.output_shape((n,), k, stride=s, padding=p, ceil_mode=ceil_mode) == (want,)


def same(got, answer, message=""):
    fine = reference.agrees(got, answer)
    assert got.shape == answer.value.shape and got.dtype == answer.dtype and fine.all(), (message, got, answer)


# ---- Windows -------------------------------------------------------------------------------------


def kinds(n):
    """(Windows, its taps, cells it reaches over) for an axis of length n."""
    for k, s, p, d, ceil in product((1, 2, 3), (1, 3), (0, 1, (2, 0)), (1, 2), (False, True)):
        try:
            yield Windows.sliding(k, s, p, d, ceil), places.sliding(n, k, s, p, d, ceil), d * (k - 1) + 1
        except ValueError:
            pass
    for k, s in product((1, 2, 3), (1, 2, 4)):
        if k <= n:
            yield Windows.sliding(k, s, shift=True), places.sliding(n, k, s, shift=True), k
    for o in (1, 2, 3, n, n + 3):
        yield Windows.adaptive(o), places.adaptive(n, o), None
    yield Windows.whole(), places.whole(n), n
    starts = np.arange(n)
    stops = np.maximum(np.minimum(starts**2 + 1, n), starts + 1)
    yield Windows.explicit(starts, stops, n), places.explicit(starts, stops), None


@pytest.mark.parametrize("n", range(1, 8))
def test_windows_have_bounds_and_length(n):
    for w, taps, reach in kinds(n):
        starts, stops = w.bounds(n)
        assert starts.dtype == stops.dtype == np.int64
        assert w.length(n) == len(taps) == len(starts), (w, n)
        first = taps[:, 0]
        last = np.where(taps != places.OFF, taps, -1).max(1) if reach is None else first + reach - 1
        np.testing.assert_array_equal(starts, np.clip(first, 0, n), str(w))
        np.testing.assert_array_equal(stops, np.clip(last + 1, 0, n), str(w))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", ["bool", "int16", "uint64", "float32"])
def test_windows_of_every_kind_pool(name, dtype):
    options = {} if dtype == "float32" or name in reference.EMPTY else {"fill_value": 1}
    for n in (1, 2, 5, 7):
        x = arrays.lines(dtype, n, calm=name in arrays.PLAIN)
        y = np.stack([x, x[::-1]], axis=2)
        for w, taps, _ in kinds(n):
            same(cypool.pool(x, (w,), name, **options), reference.over(x, {1: taps}, name, **options), w)
            two = {1: taps, 2: places.sliding(2, 2)}
            same(cypool.pool(y, (w, Windows.sliding(2)), name, **options), reference.over(y, two, name, **options), w)


def test_windows_beside_integers():
    x = arrays.finite("float32", (3, 7, 6))
    got = cypool.pool(x, (Windows.adaptive(3), 2), "max")
    same(got, reference.over(x, {1: places.adaptive(7, 3), 2: places.sliding(6, 2)}, "max"))


@pytest.mark.parametrize("border", ["ignore", "constant", *MIRRORS])
def test_windows_say_the_same_as_arguments(border):
    x = arrays.lines("float32", 7, calm=True)
    for k, s, p, d, ceil in product((2, 3), (1, 2), (0, 1, (2, 1), "same"), (1, 2), (False, True)):
        w = Windows.sliding(k, s, p, d, ceil)
        padding = p if isinstance(p, str) else (p,)
        call = dict(window=(k,), stride=s, padding=padding, dilation=d, ceil_mode=ceil)
        got = cypool.pool(x, (w,), "sum", border=border, border_value=2)
        np.testing.assert_array_equal(got, cypool.pool(x, reduce="sum", border=border, border_value=2, **call), str(w))
        assert got.shape == cypool.output_shape(x.shape, (w,)) == cypool.output_shape(x.shape, **call)


@pytest.mark.parametrize("name", NAMES)
def test_windows_of_each_plane(name):
    """A leading axis of starts and stops: other windows for each plane of the unpooled axes."""
    rng = np.random.default_rng(3)
    starts = rng.integers(0, 8, (6, 5))
    stops = np.minimum(starts + rng.integers(0, 6, (6, 5)), 8)  # some are empty, in no order
    w = Windows.explicit(starts, stops, 8)
    for shape, axis in (((2, 3, 8), 2), ((2, 8, 3), 1), ((8, 2, 3), 0)):
        x = arrays.finite("float32", shape, 1, calm=True)
        got = cypool.pool(x, w, name, axes=axis)
        planes, result = np.moveaxis(x, axis, 2).reshape(6, 8), np.moveaxis(got, axis, 2).reshape(6, 5)
        for plane, row, first, last in zip(planes, result, starts, stops, strict=True):
            same(row, reference.over(plane, {0: places.explicit(first, last)}, name), (shape, first, last))
    for shape in ((5, 8), (7, 8), (1, 8), (2, 4, 8), (8,)):
        with pytest.raises(ValueError, match="6"):
            cypool.pool(np.zeros(shape), w, name, axes=-1)


def test_windows_are_values():
    a = [Windows.sliding(3, 2, 1), Windows.adaptive(4), Windows.whole(), Windows.explicit([0, 2], [2, 4], 4)]
    b = [Windows.sliding(3, 2, 1), Windows.adaptive(4), Windows.whole(), Windows.explicit([0, 2], [2, 4], 4)]
    assert a == b and len({*a, *b}) == 4
    assert pickle.loads(pickle.dumps(a)) == a
    assert Windows.sliding(3) != Windows.sliding(3, 2)
    for w in a:
        with pytest.raises((AttributeError, TypeError)):
            w.window = 5
        assert cypool.pool(np.arange(4.0), w).ndim == 1


def test_explicit_windows_keep_their_own_copy():
    starts, stops = np.array([0, 2]), np.array([2, 4])
    w = Windows.explicit(starts, stops, 4)
    starts[:], stops[:] = 99, 0
    assert cypool.pool(np.arange(4), w).tolist() == [1, 3]


def test_centers_of_the_windows():
    np.testing.assert_array_equal(Windows.sliding(2).centers(6), [0.5, 2.5, 4.5])
    np.testing.assert_array_equal(Windows.sliding(3, 2, 1).centers(5), [0, 2, 4])
    np.testing.assert_array_equal(Windows.sliding(2, 1, dilation=3).centers(6), [1.5, 2.5, 3.5])
    np.testing.assert_array_equal(Windows.adaptive(2).centers(6), [1, 4])
    np.testing.assert_array_equal(Windows.whole().centers(6), [2.5])


@pytest.mark.parametrize("n,outputs", [(4757, 3527), (560, 2219), (5873, 3527), (7, 7), (1, 5), (2**40, 3)])
def test_adaptive_bounds_are_exact(n, outputs):
    starts, stops = Windows.adaptive(outputs).bounds(n)
    assert starts.tolist() == [i * n // outputs for i in range(outputs)]
    assert stops.tolist() == [-((i + 1) * n // -outputs) for i in range(outputs)]


def test_adaptive_and_global_are_pool_with_other_windows():
    x = arrays.finite("float32", (2, 5, 7), calm=True)
    tables = {1: places.adaptive(5, 3), 2: places.adaptive(7, 4)}
    same(cypool.adaptive_pool(x, (3, 4)), reference.over(x, tables, "mean"))
    same(cypool.adaptive_pool(x, (4, 3), "max", axes=(2, 1)), reference.over(x, tables, "max"))
    assert cypool.adaptive_pool(x, 2).shape == (2, 2, 2)
    everything = reference.over(x, {a: places.whole(n) for a, n in enumerate(x.shape)}, "mean")
    same(cypool.global_pool(x), everything)
    same(np.asarray(cypool.global_pool(x, keepdims=False)), everything._replace(
        value=everything.value[0, 0, 0], slack=everything.slack[0, 0, 0]))  # fmt: skip
    assert cypool.global_pool(x, "max", axes=(0, 2), keepdims=False).tolist() == x.max((0, 2)).tolist()
    assert cypool.global_pool(x, "max", axes=1).shape == (2, 1, 7)


# ---- padding -------------------------------------------------------------------------------------


@pytest.mark.parametrize("n,k,s,d", list(product(range(1, 9), (1, 2, 3, 4), (1, 2, 3), (1, 2))))
def test_same_padding(n, k, s, d):
    x = arrays.lines("float32", n, calm=True)
    for padding in ("same", "same_lower"):
        got = cypool.pool(x, (k,), "sum", stride=s, padding=padding, dilation=d)
        assert got.shape[1] == -(-n // s)
        same(got, reference.pool(x, (k,), "sum", stride=s, padding=padding, dilation=d))


def test_forms_of_padding():
    x = arrays.finite("int32", (6, 7))
    forms = {
        0: (0, 0), "valid": (0, 0), 1: (1, 1), (0, 1): (0, 1), ((1, 2), 0): ((1, 2), 0), (0, (1, 0)): (0, (1, 0)),
        ((1, 1), (2, 0)): ((1, 1), (2, 0)),
    }  # fmt: skip
    for given, meant in forms.items():
        same(cypool.pool(x, 3, "sum", padding=given), reference.pool(x, (3, 3), "sum", padding=meant), given)
    same(cypool.pool(x[0], 3, "sum", padding=((1, 2),)), reference.pool(x[0], (3,), "sum", padding=((1, 2),)))
    same(cypool.pool(x, 3, "sum", padding=np.array([1, 2])), reference.pool(x, (3, 3), "sum", padding=(1, 2)))


@pytest.mark.parametrize("name", ["max", "sum", "mean", "count"])
def test_huge_padding(name):
    x = np.array([[1, 5, 2], [7, 0, 3]], np.float32)
    p = 10**6
    got = cypool.pool(x, (3,), name, stride=1, padding=p)
    near = reference.pool(x, (3,), name, stride=1, padding=2)
    assert got.shape == (2, 2 * p + 1)
    same(got[:, p - 2 : p + 3], near)
    away = np.delete(got, np.s_[p - 2 : p + 3], axis=1)
    assert np.isnan(away).all() if name in ("max", "mean") else (away == 0).all()
    wide = cypool.pool(x, 2 * p + 2, name, padding=p, stride=p)
    assert wide.shape == (1, 1)
    same(wide, reference.over(x, {0: places.whole(2), 1: places.whole(3)}, name))


@pytest.mark.parametrize("dtype", ["int8", "uint64", "int64", "float32"])
def test_constant_border_is_arithmetic(dtype):
    p, v = 10**9, 3
    x = np.array([[1, 5, 2], [7, 0, 3]], dtype)
    cells = (2 * p + 2) * (2 * p + 3)
    total = 18 + v * (cells - 6)
    call = dict(window=(2 * p + 2, 2 * p + 3), padding=p, border="constant", border_value=v)
    assert cypool.pool(x, reduce="count", **call).item() == cells
    mean = cypool.pool(x, reduce="mean", **call)
    assert mean.item() == np.asarray(float(Fraction(total, cells)), mean.dtype)
    sums = cypool.pool(x, reduce="sum", **call)
    if dtype == "float32":
        assert abs(sums.item() - total) <= np.spacing(np.float32(total)) / 2
    else:
        assert sums.item() == np.asarray(total % 2**64, np.uint64).astype(sums.dtype)  # wraps
    for name, value in dict(max=7, min=0, range=7, any=True, all=False).items():
        assert cypool.pool(x, reduce=name, **call).item() == value
    one = dict(call, border_value=100)
    assert cypool.pool(x, reduce="max", **one).item() == 100
    assert cypool.pool(x, reduce="first", **one).item() == 100
    squares = 1 + 25 + 4 + 49 + 9 + v * v * (cells - 6)
    var = Fraction(squares, cells) - Fraction(total, cells) ** 2
    assert cypool.pool(x, reduce="var", **call).item() == pytest.approx(float(var), rel=1e-6)


@pytest.mark.parametrize("name", ["sum", "mean"])
@pytest.mark.parametrize("shape", [(1, 1), (5, 7), (3, 4, 9), (40, 3000)])
@pytest.mark.parametrize("channels", [False, True])
def test_padded_zeros_to_the_bit(name, shape, channels):
    """Zeros that pad are not read, and yet make 0 of -0."""
    x = np.full(shape, -0.0, np.float32)
    x.ravel()[::3] = np.random.default_rng(0).random(len(x.ravel()[::3])) - 0.5
    if channels:
        x = np.moveaxis(np.ascontiguousarray(np.moveaxis(x, 0, -1)), -1, 0)
    cases = [(3, 1, (1, 1)), (2, 2, (1, 1)), (3, 2, (2, 1)), (4, 3, (0, 3)), (1, 1, (1, 0))]
    for window, stride, (before, after) in cases:
        call = dict(window=(window, window), reduce=name, stride=stride)
        got = cypool.pool(x, **call, padding=((before, after),) * 2, border="constant")
        padded = np.pad(x, [(0, 0)] * (x.ndim - 2) + [(before, after)] * 2)
        expected = cypool.pool(padded, **call)
        assert got.shape == expected.shape and got.tobytes() == expected.tobytes(), call
    huge = cypool.pool(x, 10**9, name, padding=10**9, stride=10**9, border="constant", axes=-1)
    assert (huge == 0).sum() >= huge.size // 2
    assert not np.signbit(huge[huge == 0]).any()


@pytest.mark.parametrize("name", ["mean", "max", "count", "sum"])
@pytest.mark.parametrize("width", [95, 1500, 5000])
def test_rows_of_any_length(name, width):
    """Short rows go in bands, long ones in tiles and strips; only the ends of a row lie at the border."""
    x = arrays.finite("float32", (13, width))
    calls = (dict(window=3, stride=1, padding=1), dict(window=(3, 4), stride=(1, 4), dilation=(2, 3)), dict(window=2),
             dict(window=(2, 5), stride=(2, 3), padding=(0, 2), ceil_mode=True))  # fmt: skip
    for call in calls:
        same(cypool.pool(x, reduce=name, **call), reference.pool(x, reduce=name, **call))


def test_border_value_takes_part_whatever_the_mask():
    x = np.array([1.0, 2.0, 3.0])
    got = cypool.pool(x, 3, "count", stride=1, padding=1, border="constant", where=np.array([False, True, False]))
    assert got.tolist() == [2, 1, 2]


# ---- axes ----------------------------------------------------------------------------------------


def test_the_window_follows_the_order_of_axes():
    x = arrays.finite("int64", (4, 5, 6, 3))
    for axes in [(0, 2), (2, 0), (-2, 0), (1,), 3, (3, 1, 0), (0, 1, 2, 3)]:
        m = np.size(axes)
        window, padding = (2, 3, 3, 4)[:m], tuple(((i + 1) % 2, 1) for i in range(m))
        got = cypool.pool(x, window, "max", axes=axes, stride=1, padding=padding)
        same(got, reference.pool(x, window, "max", axes=axes, stride=1, padding=padding), axes)
        first = cypool.pool(x, window, "first", axes=axes, stride=1, padding=padding)
        same(first, reference.pool(x, window, "first", axes=axes, stride=1, padding=padding), axes)


def test_which_axes_a_window_pools():
    x = np.zeros((4, 6, 8), np.float32)
    assert cypool.pool(x, 2).shape == (2, 3, 4)
    assert cypool.pool(x, (2,)).shape == (4, 6, 4)
    assert cypool.pool(x, [2, 3]).shape == (4, 3, 2)
    assert cypool.pool(x, 2, axes=1).shape == (4, 3, 8)
    assert cypool.pool(x, 2, axes=(0, -1)).shape == (2, 6, 4)
    assert cypool.pool(x, Windows.whole()).shape == (1, 1, 1)


def test_sixty_four_axes():
    x = np.arange(6.0).reshape((1,) * 61 + (3, 1, 2))
    assert cypool.pool(x, (2, 1, 2), "max").ravel().tolist() == [3.0]
    assert cypool.pool(x, 1, "sum").tolist() == x.tolist()
    assert cypool.global_pool(x, "mean").item() == 2.5


def test_lengths_of_zero():
    assert cypool.pool(np.zeros((0, 2, 6, 6)), (2, 2)).shape == (0, 2, 3, 3)
    assert cypool.pool(np.zeros((1, 0, 6, 6), np.int16), (2, 2), "sum").shape == (1, 0, 3, 3)
    assert cypool.pool(np.zeros((1, 0, 6, 6), np.int16), (2, 2), "sum").dtype == np.int64
    assert cypool.adaptive_pool(np.zeros((4, 6)), (0, 2)).shape == (0, 2)
    assert cypool.output_shape((0, 2**61, 6), (2,)) == (0, 2**61, 3)
    assert cypool.pool(np.zeros((0, 2**40, 6), np.uint8), (2,)).shape == (0, 2**40, 3)


def test_fewest_cells_of_a_window():
    """What a plan knows of its windows before it sees data: whether one may be empty."""
    spans = [Windows.adaptive(o).resolve(n) for n in (7, 30) for o in (1, 3, 7, 30)]
    spans += [Windows.sliding(k, s, padding=p).resolve(9) for k in (1, 2, 3, 5) for s in (1, 2, 4) for p in range(k)]
    spans += [Windows.explicit([0, 2, 4], [2, 2, 9], 9).resolve(9), Windows.explicit([], [], 9).resolve(9)]
    spans += [Windows.whole().resolve(0), Windows.whole().resolve(5)]
    for span in spans:
        assert fewest(span, constant=False) == min(span.counts("ignore"), default=0)
        assert fewest(span, constant=True) == min(span.counts("constant"), default=0)


def test_planes_beside_windows_of_one_cell():
    """Windows that differ from plane to plane, and an axis whose windows are its cells, before it or behind."""
    x = np.arange(24.0).reshape(2, 3, 4)
    starts = np.array([[0, 1], [1, 0], [2, 2]])  # of each plane of axis 1
    of_planes, cells = cypool.Windows.explicit(starts, starts + 1, 4), cypool.Windows.sliding(1)
    want = np.stack([x[:, j][:, starts[j]] for j in range(3)], 1)
    for order in ((0, 1, 2), (2, 1, 0), (1, 0, 2)):
        laid = np.ascontiguousarray(x.transpose(order)).transpose(np.argsort(order))
        for reduce in ("max", "mean", "median"):
            assert np.array_equal(cypool.pool(laid, (of_planes, cells), reduce, axes=(2, 0)), want)
            turned = cypool.pool(laid.T, (cells, of_planes), reduce, axes=(2, 0))
            assert np.array_equal(turned, want.T)
