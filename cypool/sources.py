"""Arrays that a pyramid is made from, wherever they lie: `open_source` gives shape, dtype and regions of all of them.

NumPy arrays and ``.npy`` files need nothing else; Zarr, TIFF, HDF5 and images import their library when they are
opened (``pip install 'cypool[zarr]'``).  Regions are read when they are asked for, never the whole (but of images).
"""

from __future__ import annotations

import importlib
import math
import mmap
import os
import stat
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .arguments import shown, typed

__all__ = ["Source", "is_path", "open_source"]

Array = NDArray[Any]
Region = tuple[slice, ...]
NAMES = "tczyx"
LONGEST = 2**15  # bytes of a path: more than systems take


class Source:
    """An array that is read region by region.

    ``shape``, ``dtype``, ``ndim``, ``nbytes``, ``name``; ``path``: of its file, or None; ``axes``: a name for each
    axis, or None; ``chunks``: how it is stored, or None; ``scale`` and ``units``: {axis: size of a cell, its unit}, as
    far as the file says.
    """

    def __init__(
        self, data: Any, name: str, *, path: Path | None = None, axes: Sequence[str] | None = None,
        chunks: Sequence[int] | None = None, scale: dict[str, float] | None = None,
        units: dict[str, str] | None = None, close: Callable[[], object] | None = None,
    ) -> None:  # fmt: skip
        try:
            self.dtype: np.dtype[Any] = np.dtype(data.dtype)
        except TypeError:
            raise TypeError(f"{name} has a dtype that NumPy does not have: {shown(data.dtype)}") from None
        self.shape: tuple[int, ...] = tuple(int(n) for n in data.shape)
        self.name: str = name
        self.path: Path | None = path
        self.axes: tuple[str, ...] | None = None if axes is None else tuple(axes)
        self.chunks: tuple[int, ...] | None = None
        if chunks is not None and all(isinstance(n, int) for n in chunks):  # of dask: tuples
            self.chunks = tuple(chunks)
        self.scale: dict[str, float] = scale or {}
        self.units: dict[str, str] = units or {}
        self._data: Any = data
        self._close: Callable[[], object] | None = close

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def nbytes(self) -> int:
        return math.prod(self.shape) * self.dtype.itemsize

    def read(self, region: Region) -> Array:
        """The cells of a region: a slice for each axis."""
        if self._data is None:
            raise ValueError(f"{self.name} is closed")
        try:
            found = np.asarray(self._data[region])
        except (OSError, MemoryError):
            raise
        except Exception as error:  # each library has its own for what is damaged
            where = ", ".join(f"{part.start or 0}:{'' if part.stop is None else part.stop}" for part in region)
            raise ValueError(f"{self.name} cannot be read at [{where}]: {type(error).__name__}: {error}") from error
        expected = tuple(len(range(*part.indices(n))) for part, n in zip(region, self.shape, strict=True))
        if found.shape != expected or found.dtype != self.dtype:
            raise ValueError(f"{self.name}: read {found.dtype} {found.shape}, not {self.dtype} {expected}")
        return found

    def close(self) -> None:
        """Lets go of files.  Arrays that were read stay good."""
        self._data = None
        close, self._close = self._close, None
        if close is not None:
            close()

    def __enter__(self) -> Source:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Source {self.name}: {self.dtype} {self.shape}>"


def open_source(source: Any, *, dataset: str | None = None) -> Source:
    """Open an array to be read region by region.

    Parameters
    ----------
    source : ndarray, zarr array, h5py dataset, str or path
        An array, or a file: ``.npy``, ``.zarr``, ``.tif`` and ``.tiff``, ``.h5`` and ``.hdf5``, or an image that
        imageio reads.
    dataset : str, optional
        Which array of a file of several: a path in Zarr (default: the file itself, or level 0 of its pyramid) and in
        HDF5 (needed unless there is only one); the number of a series in TIFF (default 0).

    Returns
    -------
    Source

    Raises
    ------
    TypeError, ValueError, OSError, ImportError
        What is no such source; a file that is not what its name says, damaged, or of a dataset that is not there; one
        that is missing (FileNotFoundError) or cannot be read; a library that is not installed.

    Examples
    --------
    >>> import numpy as np
    >>> from cypool.sources import open_source
    >>> with open_source(np.arange(12).reshape(3, 4)) as source:
    ...     source.shape, source.read((slice(1, 2), slice(0, 2)))
    ((3, 4), array([[4, 5]]))
    """
    if isinstance(source, Source):
        return source
    if isinstance(source, (str, os.PathLike)):
        where = os.fspath(source)
        if not isinstance(where, str):
            raise TypeError(f"source must be an array or a path of str, not {typed(where)}")
        if not is_path(where):
            raise ValueError(f"source must be the path of a file, not {shown(where)}")
        return _open_file(Path(where), dataset)
    if isinstance(source, np.ma.MaskedArray):
        raise TypeError("source must not be a masked array: give its cells a value (source.filled())")
    for needed in ("shape", "dtype", "__getitem__"):
        if not hasattr(source, needed):
            raise TypeError(f"source must be an array or the path of a file, not {typed(source)}")
    if dataset is not None:
        raise ValueError(f"dataset={shown(dataset)} goes with the path of a file, not with an array")
    chunks = getattr(source, "chunks", None)
    return Source(source, f"{type(source).__module__}.{type(source).__name__}", chunks=chunks)


def is_path(text: str) -> bool:
    """Whether a system may take it for a path: not empty, not too long, no null, nothing that is no text."""
    try:
        return 0 < len(os.fsencode(text)) <= LONGEST and "\0" not in text
    except UnicodeEncodeError:
        return False


def _open_file(path: Path, dataset: Any) -> Source:
    if dataset is not None and not isinstance(dataset, str):
        raise TypeError(f"dataset must be a string, not {typed(dataset)}")
    try:
        found = path.stat()
    except FileNotFoundError:
        raise FileNotFoundError(f"source {str(path)!r} does not exist") from None
    ending, opens = path.suffix.lower(), _open_image
    if stat.S_ISDIR(found.st_mode):
        opens = _open_zarr
    elif not stat.S_ISREG(found.st_mode):
        raise ValueError(f"source must be a file or a folder, and {str(path)!r} is neither")
    elif ending in OPENERS:
        opens = OPENERS[ending]
    if dataset is not None and opens in (_open_npy, _open_image):
        raise ValueError(f"dataset={shown(dataset)} is for files of several arrays, not for {str(path)!r}")
    with ExitStack() as stack:
        try:
            source = opens(path, dataset, stack)
        except (Refused, ImportError, MemoryError, PermissionError):
            raise
        except Exception as error:  # each library has its own for what is damaged
            folder = " (a folder must hold a Zarr array or group)" if stat.S_ISDIR(found.st_mode) else ""
            raise ValueError(f"source {str(path)!r} cannot be read{folder}: {type(error).__name__}: {error}") from error
        source.path, source._close = path, stack.pop_all().close
        return source


class Refused(ValueError):
    """What is wrong with the arguments, not with the file."""


def _library(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name not in (name, name.split(".")[0]):
            raise
        raise ImportError(f"this source needs {name}, which is not installed: pip install 'cypool[zarr]'") from error


def _known(names: Sequence[Any]) -> tuple[str, ...] | None:
    """Names of axes, if they are those of an image."""
    found = tuple(str(name).lower() for name in names)
    return found if set(found) <= set(NAMES) and len(set(found)) == len(found) else None


class _Mapped:
    """An array in a file that is mapped into memory, of which a thread holds no more than `MOST` bytes there.

    Pages that were read would count as memory of this process until the system takes them away: with a file that
    is large, they count as all of it.
    """

    MOST = 2**22
    AROUND = 2**16  # Linux maps the pages around the one that is asked for, so many bytes

    def __init__(self, path: Path, dtype: np.dtype[Any], shape: tuple[int, ...], offset: int, order: Any = "C") -> None:
        self.dtype: np.dtype[Any] = dtype
        self.shape: tuple[int, ...] = shape
        size = path.stat().st_size
        if offset + math.prod(shape) * dtype.itemsize > size:
            raise ValueError(f"the file ends at byte {size}, within its cells")
        with open(path, "rb") as file:
            self._map: mmap.mmap = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self._first: int = np.ndarray((), np.uint8, self._map).ctypes.data
        self._array: Array = np.ndarray(shape, dtype, self._map, offset, order=order)

    def __getitem__(self, region: Region) -> Array:
        cells = self._array[region]
        found = np.empty(cells.shape, cells.dtype)
        if not cells.size or not cells.ndim or not hasattr(mmap, "MADV_DONTNEED"):
            found[...] = cells
            return found
        spans = [(n - 1) * abs(stride) for n, stride in zip(cells.shape, cells.strides, strict=True)]
        axis = int(np.argmax(spans))  # in slabs along it, whose pages are let go before the next one
        rest = sum(spans) - spans[axis] + cells.itemsize
        step = 1 + max(0, self.MOST - rest) // max(1, abs(cells.strides[axis]))
        for start in range(0, cells.shape[axis], step):
            part = (slice(None),) * axis + (slice(start, start + step),)
            slab = cells[part]
            found[part] = slab
            low = slab.ctypes.data - self._first
            low -= low % max(self.AROUND, mmap.PAGESIZE)
            # Another thread that reads in these pages only reads them again.
            self._map.madvise(mmap.MADV_DONTNEED, low, max(self.MOST, rest) + 2 * self.AROUND)
        return found


def _open_npy(path: Path, dataset: str | None, stack: ExitStack) -> Source:
    found = np.load(path, mmap_mode="r", allow_pickle=False)
    order = "C" if found.flags.c_contiguous else "F"
    return Source(_Mapped(path, found.dtype, found.shape, found.offset, order), str(path))


def _open_image(path: Path, dataset: str | None, stack: ExitStack) -> Source:
    # The bytes, not the path: where no plugin reads it, imageio would leave the file open.
    data = path.read_bytes()
    if not data:
        raise Refused(f"source {str(path)!r} cannot be read: it is empty")
    array = _library("imageio.v3").imread(data, extension=path.suffix or None)
    colours = array.ndim == 3 and array.shape[-1] <= 4
    return Source(array, str(path), axes="yxc" if colours else "yx" if array.ndim == 2 else None)


# ---- Zarr --------------------------------------------------------------------------------------------------------


def _open_zarr(path: Path, dataset: str | None, stack: ExitStack) -> Source:
    zarr = _library("zarr")
    node = zarr.open(str(path), mode="r")
    image = _multiscale(node)
    where = dataset
    if where is None and not isinstance(node, zarr.Array):
        where = image["datasets"][0]["path"] if image else "0"
    if where is not None:
        if isinstance(node, zarr.Array) or where not in node:
            raise Refused(f"source {str(path)!r} has no array {where!r}{_list(node)}")
        node = node[where]
    if not isinstance(node, zarr.Array):
        inner = _list(node, f"{where}/")
        raise Refused(f"source {str(path)!r} is a group of arrays at {where!r}: give dataset={inner}")
    scale, units, axes = {}, {}, _known(getattr(node.metadata, "dimension_names", None) or ["none"])
    if image:
        named = [axis if isinstance(axis, dict) else {"name": axis} for axis in image.get("axes", [])]
        axes = _known([axis["name"] for axis in named]) if len(named) == node.ndim else None
        units = {axis["name"]: axis["unit"] for axis in named if "unit" in axis}
        for level in image["datasets"]:
            for step in level.get("coordinateTransformations", []):
                if level["path"] == where and step["type"] == "scale" and axes:
                    scale = dict(zip(axes, map(float, step["scale"]), strict=True))
    name = str(path) if where is None else f"{path}/{where}"
    return Source(node, name, axes=axes, chunks=node.chunks, scale=scale, units=units if axes else None)


def _multiscale(node: Any) -> dict[str, Any] | None:
    """What OME-Zarr says of an image."""
    found = node.attrs.get("ome", node.attrs).get("multiscales")
    return found[0] if found else None


def _list(node: Any, at: str = "") -> str:
    names = [at + name for name in sorted(node.keys())] if hasattr(node, "keys") else []
    return f" (it has {', '.join(map(repr, names[:20]))})" if names else ""


# ---- HDF5 --------------------------------------------------------------------------------------------------------


def _open_hdf5(path: Path, dataset: str | None, stack: ExitStack) -> Source:
    h5py = _library("h5py")
    file = stack.enter_context(h5py.File(path, "r"))
    names: list[str] = []
    file.visititems(lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None)
    if dataset is None and len(names) != 1:
        raise Refused(f"source {str(path)!r} has {len(names)} arrays: give dataset= (it has {', '.join(names[:20])})")
    where = names[0] if dataset is None else dataset.strip("/")
    if where not in names:
        raise Refused(f"source {str(path)!r} has no array {where!r} (it has {', '.join(names[:20])})")
    found = file[where]
    return Source(found, f"{path}/{where}", chunks=found.chunks)


# ---- TIFF --------------------------------------------------------------------------------------------------------


def _open_tiff(path: Path, dataset: str | None, stack: ExitStack) -> Source:
    """Mapped into memory where cells lie in the file as in an array; else tile by tile, or strip by strip."""
    tifffile = _library("tifffile")
    file = stack.enter_context(tifffile.TiffFile(path))
    count = len(file.series)
    if dataset is not None and not (dataset.isdecimal() and int(dataset) < count):
        raise Refused(f"source {str(path)!r} has series 0 to {count - 1}, not {dataset!r}")
    series = file.series[int(dataset or 0)]
    size = path.stat().st_size
    for page in series.pages:
        if page is not None and any(o + n > size for o, n in zip(page.dataoffsets, page.databytecounts, strict=True)):
            raise ValueError(f"the file ends at byte {size}, within its cells")
    _tiff_is_whole(file, series)
    axes = series.axes.lower()
    axes = axes.replace("s", "c") if "c" not in axes else axes
    given: dict[str, Any] = {"axes": _known(axes), "scale": {}, "units": {}}
    _tiff_sizes(tifffile, file, given["scale"], given["units"])
    if series.dataoffset is not None:
        dtype = series.dtype.newbyteorder(file.byteorder)
        data: Any = _Mapped(path, dtype, tuple(series.shape), series.dataoffset)
        return Source(data, str(path), **given)
    file.filehandle.set_lock(True)
    store = stack.enter_context(series.aszarr(level=0))
    data = _library("zarr").open_array(store, mode="r")
    return Source(data, str(path), chunks=data.chunks, **given)


def _tiff_is_whole(file: Any, series: Any) -> None:
    """ValueError where the list of pages goes on behind the last one that was found, or ImageJ wrote more images."""
    page, form, handle = file.pages[-1], file.tiff, file.filehandle
    handle.seek(page.offset)
    tags = int.from_bytes(handle.read(form.tagnosize), "little" if file.byteorder == "<" else "big")
    handle.seek(page.offset + form.tagnosize + tags * form.tagsize)
    if any(handle.read(form.offsetsize)):
        raise ValueError(f"the pages after page {len(file.pages) - 1} are not there")
    images, found = (file.imagej_metadata or {}).get("images", 1), series.size // max(1, math.prod(file.pages[0].shape))
    if isinstance(images, int) and images > found:
        raise ValueError(f"of {images} images, as ImageJ says, {found} are there")


def _tiff_sizes(tifffile: Any, file: Any, scale: dict[str, float], units: dict[str, str]) -> None:
    """Sizes of cells that OME or ImageJ wrote; what they did not write right is passed over."""
    found: dict[str, Any] = {}
    if file.is_ome:
        image = tifffile.xml2dict(file.ome_metadata).get("OME", {}).get("Image", {})
        pixels = (image[0] if isinstance(image, list) else image).get("Pixels", {})
        for axis in "xyz":
            found[axis] = pixels.get(f"PhysicalSize{axis.upper()}"), pixels.get(f"PhysicalSize{axis.upper()}Unit", "µm")
    elif file.is_imagej:
        unit = str(file.imagej_metadata.get("unit", "")).replace("\\u00B5", "µ")
        found["z"] = file.imagej_metadata.get("spacing"), unit
        for axis, tag in (("x", "XResolution"), ("y", "YResolution")):
            cells, lengths = file.pages[0].tags.valueof(tag, (0, 0))
            found[axis] = lengths / cells if cells else None, unit
    for axis, (size, unit) in found.items():
        if isinstance(size, (int, float)) and 0 < size < math.inf:
            scale[axis] = float(size)
            if unit and unit not in ("pixel", "pixels"):
                units[axis] = unit


OPENERS = {
    ".npy": _open_npy, ".zarr": _open_zarr, ".h5": _open_hdf5, ".hdf5": _open_hdf5,
    **dict.fromkeys((".tif", ".tiff", ".btf", ".tf8", ".lsm"), _open_tiff),
}  # fmt: skip
