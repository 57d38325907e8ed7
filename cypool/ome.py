"""What OME-Zarr 0.5 says of a pyramid: names of axes, sizes of cells, where a level lies, how it was made.

The first cell of a level covers ``factor**k`` cells of the image, and its centre lies in their middle::

    level 0    | 0 | 1 | 2 | 3 |     cell i is centred on  i * scale
    level 1    |   0   |   1   |     on  i * 2 * scale + scale / 2
    level 2    |       0       |     on  i * 4 * scale + scale * 3 / 2
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from .arguments import few, integer, is_sequence, real, shown, text, typed
from .kernels.machine import VERSION

__all__ = ["NAMES", "SPACE", "attributes", "axis_names", "cell_sizes", "cell_units", "per_name"]

NAMES = "tczyx"  # the order in which axes are stored
SPACE = "zyx"  # those that are pooled
TYPES = {"t": "time", "c": "channel"}
LONG_UNITS = {
    "nm": "nanometer", "um": "micrometer", "\u00b5m": "micrometer", "\u03bcm": "micrometer", "micron": "micrometer",
    "mm": "millimeter", "cm": "centimeter", "m": "meter", "s": "second", "ms": "millisecond", "min": "minute",
}  # fmt: skip


def axis_names(axes: Any, channel_axis: Any, found: Sequence[str] | None, ndim: int) -> tuple[str, ...]:
    """A name for each axis of an array: those given, those its file has, or the last ones of tczyx."""
    if channel_axis is not None:
        if axes is not None:
            raise ValueError(f"give axes or channel_axis, not both: {shown(axes)} and {shown(channel_axis)}")
        channel = integer(channel_axis, "channel_axis", -(2**62))
        if not -ndim <= channel < ndim:
            raise ValueError(f"channel_axis: axis {channel} is out of bounds for an array of {ndim} dimensions")
        rest = list("tzyx"[5 - ndim :] if 2 < ndim < 6 else "")
        axes = [*rest[: channel % ndim], "c", *rest[channel % ndim :]]
    elif axes is None:
        axes = found if found is not None else NAMES[-ndim:]
    if not is_sequence(axes) and not isinstance(axes, str):
        raise TypeError(f"axes must be names, as 'czyx', not {typed(axes)}")
    names = tuple(text(name, tuple(NAMES), "axes") for name in few(axes, "axes must have at most 5 names"))
    if len(names) != ndim:
        raise ValueError(f"axes must have a name of {NAMES} for each of {ndim} dimensions, not {shown(''.join(names))}")
    if len(set(names)) != ndim:
        raise ValueError(f"axes must not repeat, not {shown(''.join(names))}")
    if sum(name in SPACE for name in names) < 2:
        raise ValueError(f"axes must have two or three of {SPACE}, not {shown(''.join(names))}: OME-Zarr holds images")
    return names


def per_name(value: Any, names: Sequence[str], default: Any, name: str) -> dict[str, Any]:
    """{axis: value} from a value for all that are pooled, a mapping of names, or a sequence with one for each axis."""
    if isinstance(value, Mapping):
        for key in value:
            if key not in names:
                raise ValueError(f"{name} must name some of the axes {', '.join(names)}, not {shown(key)}")
        return {a: value.get(a, default) for a in names}
    if is_sequence(value):
        given = few(value, f"{name} must have one entry for each of {len(names)} axes")
        if len(given) != len(names):
            raise ValueError(f"{name} must have one entry for each of the axes {', '.join(names)}, not {shown(value)}")
        return dict(zip(names, given, strict=True))
    return {a: value if a in SPACE else default for a in names}


def cell_sizes(scale: Any, names: Sequence[str], found: Mapping[str, float]) -> dict[str, float]:
    """How long a cell of the array is on each axis."""
    given = per_name(found if scale is None else scale, names, 1.0, "scale")
    sizes = {a: real(size, "scale") for a, size in given.items()}
    for size in sizes.values():
        if not 0 < size < math.inf:
            raise ValueError(f"scale must be positive and finite, not {shown(scale if scale is not None else found)}")
    return sizes


def cell_units(units: Any, names: Sequence[str], found: Mapping[str, str]) -> dict[str, str | None]:
    """The units of these lengths, by their long names."""
    given = per_name(found if units is None else units, names, None, "units")
    for unit in given.values():
        if unit is not None and not isinstance(unit, str):
            raise TypeError(f"units must be names of units, as 'micrometer', not {typed(unit)}")
        if unit == "":
            raise ValueError("units must be names of units, as 'micrometer', not ''")
    return {a: unit if unit is None else LONG_UNITS.get(unit, unit) for a, unit in given.items()}


def attributes(
    names: Sequence[str], factors: Mapping[str, int], paths: Sequence[str], sizes: Mapping[str, float],
    units: Mapping[str, str | None], name: str, reduce: str,
) -> dict[str, Any]:  # fmt: skip
    """The attributes of the group."""
    axes = []
    for a in names:
        unit = units.get(a)
        axes.append({"name": a, "type": TYPES.get(a, "space"), **({} if unit is None else {"unit": unit})})
    datasets = []
    for level, path in enumerate(paths):
        cells = {a: factors.get(a, 1) ** level for a in names}
        scale = [sizes[a] * n for a, n in cells.items()]
        centre = [sizes[a] * (n - 1) / 2 for a, n in cells.items()]
        steps = [{"type": "scale", "scale": scale}, {"type": "translation", "translation": centre}]
        datasets.append({"path": path, "coordinateTransformations": steps})
    how = {
        "description": f"Each level is reduced from level 0 by {reduce}; windows at the end hold only what there is.",
        "method": "cypool.pyramid",
        "version": VERSION,
        "args": [],
        "kwargs": {"factor": [factors.get(a, 1) for a in names], "reduce": reduce},
    }
    image = {"name": name, "axes": axes, "datasets": datasets, "type": reduce, "metadata": how}
    return {"ome": {"version": "0.5", "multiscales": [image]}}
