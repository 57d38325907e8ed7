"""Files that a command reads, and the one it writes: whole, or not at all."""

from __future__ import annotations

import errno
import os
import secrets
import stat
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from .errors import Failure, Misuse, extra
from .values import printable, shape

__all__ = ["check_target", "opened", "replacing", "suffix_of", "write"]

Array = NDArray[Any]

# Pictures: the dtypes that a format holds, and the channels of each (0: a picture without such an axis).
PICTURES: dict[str, dict[str, tuple[int, ...]]] = {
    ".bmp": {"bool": (0,), "uint8": (0, 3)},
    ".jpeg": {"uint8": (0, 3)},
    ".jpg": {"uint8": (0, 3)},
    ".pgm": {"uint8": (0,)},
    ".png": {"bool": (0,), "uint8": (0, 2, 3, 4), "uint16": (0,)},
    ".ppm": {"uint8": (3,)},
    ".webp": {"uint8": (3, 4)},
}
SETTINGS: dict[str, dict[str, Any]] = {
    ".jpeg": {"quality": 95}, ".jpg": {"quality": 95}, ".webp": {"lossless": True, "exact": True},
}  # fmt: skip
SUFFIXES = (".npy", ".npz", ".tif", ".tiff", *PICTURES)


# ---- reading -----------------------------------------------------------------------------------


@contextmanager
def opened(path: str, dataset: str | None) -> Iterator[Any]:
    """A source that `cypool.sources` reads, or one array of a .npz file."""
    from ..sources import open_source

    if dataset is not None and suffix_of(path) in (".npy", *PICTURES):
        raise Misuse(f"--dataset chooses an array of several, and {printable(path)} holds one")
    try:
        _check_source(path)
        archive = os.path.isfile(path) and path.lower().endswith(".npz")
        source = open_source(_member(path, dataset)) if archive else open_source(path, dataset=dataset)
    except Exception as error:
        raise unreadable(path, error) from error
    with source:
        yield source


def _check_source(path: str) -> None:
    """The plainest message of what is missing."""
    if stat.S_ISDIR(os.stat(path).st_mode) and not any(
        os.path.exists(os.path.join(path, name)) for name in ("zarr.json", ".zgroup", ".zarray")
    ):
        raise IsADirectoryError(errno.EISDIR, "is a folder, and no Zarr", path)


def _member(path: str, dataset: str | None) -> Array:
    if not zipfile.is_zipfile(path):
        raise Failure(f"{printable(path)} cannot be read: it is no .npz file, or a part of one")
    with np.load(path, allow_pickle=False) as archive:
        names = list(archive)
        if dataset is None and len(names) != 1:
            raise Misuse(f"{printable(path)} holds {len(names)} arrays: choose one with --dataset ({', '.join(names)})")
        if dataset is not None and dataset not in names:
            raise Misuse(f"{printable(path)} holds no {printable(dataset)!r}; there are: {', '.join(names) or 'none'}")
        found: Array = archive[names[0] if dataset is None else dataset]
    return found


def unreadable(path: str, error: Exception) -> Exception:
    """What to raise where a source cannot be read: whatever a library says of a file that is no good, in one line."""
    named = isinstance(error, OSError) and error.filename is not None
    of_the_option = isinstance(error, (TypeError, ValueError)) and str(error).startswith("dataset")
    if named or of_the_option or isinstance(error, (Failure, ImportError, MemoryError)):
        return error
    said = printable(str(error)) or type(error).__name__
    place = printable(path)
    return Failure(f"{said}" if place in said else f"{place} cannot be read: {said}")


# ---- writing -----------------------------------------------------------------------------------


def suffix_of(path: str) -> str:
    return os.path.splitext(path)[1].lower()


def check_target(source: str, target: str, overwrite: bool) -> None:
    """Errors that can be told before anything is read."""
    if suffix_of(target) not in SUFFIXES:
        raise Misuse(f"{printable(target)}: its name must end in one of {' '.join(SUFFIXES)}")
    _check_place(target, overwrite)
    if os.path.exists(target) and os.path.exists(source) and os.path.samefile(source, target):
        raise Misuse(f"{printable(target)} is the source: the result needs another name")


def _check_place(target: str, overwrite: bool) -> None:
    folder = os.path.dirname(target) or "."
    if not os.path.isdir(folder):
        raise Failure(f"{printable(target)}: there is no folder {printable(folder)}")
    try:
        mode = os.stat(target).st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISREG(mode):
        raise Failure(f"{printable(target)} is there, and is no ordinary file")
    if not overwrite:
        raise Failure(f"{printable(target)} is there already; --overwrite replaces it")


@contextmanager
def replacing(target: str, overwrite: bool) -> Iterator[str]:
    """The name of a file beside `target`: at the end it becomes `target`, after an error it is gone."""
    final = os.path.realpath(target)  # a link stays one
    folder, name = os.path.split(final)
    stem, suffix = os.path.splitext(name)
    beside = os.path.join(folder, f".{stem[:50]}.{secrets.token_hex(4)}{suffix}")
    try:
        os.close(os.open(beside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        yield beside
        _settle(beside)
        _check_place(target, overwrite)  # once more: it may have come since
        with suppress(FileNotFoundError):
            os.chmod(beside, stat.S_IMODE(os.stat(final).st_mode))
        os.replace(beside, final)
    except OSError as error:
        if error.filename == beside:
            error.filename, error.filename2 = target, None
        raise
    finally:
        with suppress(FileNotFoundError):
            os.unlink(beside)


def _settle(path: str) -> None:
    """Waits until the file is on the disk, and not in memory alone."""
    handle = os.open(path, os.O_RDWR)
    try:
        os.fsync(handle)
    except OSError as error:
        error.filename = path
        raise
    finally:
        os.close(handle)


def check_format(target: str, sizes: Sequence[int], dtype: np.dtype[Any]) -> None:
    """Misuse unless the file's format holds such an array to the bit (JPEG: nearly)."""
    suffix = suffix_of(target)
    if suffix not in PICTURES:
        return
    channels = sizes[2] if len(sizes) == 3 else 0
    kinds = PICTURES[suffix]
    name = dtype.newbyteorder("=").name
    if len(sizes) in (2, 3) and channels in kinds.get(name, ()) and min(sizes) > 0:
        return
    held = "; ".join(f"{kind}: {' or '.join(map(_described, counts))}" for kind, counts in kinds.items())
    raise Misuse(
        f"{suffix} cannot hold {shape(sizes)} {name} (it holds {held}): write .npy or .tif, or choose another --dtype"
    )


def _described(channels: int) -> str:
    return f"n x m x {channels}" if channels else "n x m"


def write(path: str, array: Array, channel_axis: int | None, axes: Sequence[str] | None) -> None:
    """The array as a file of the format that its name says."""
    try:
        _write(path, array, channel_axis, axes)
    except OSError as error:
        if error.errno is None:  # some libraries lose the reason
            raise OSError(errno.EIO, f"cannot be written: {error}", path) from error
        if error.filename is None:
            error.filename = path
        raise


class _Plain:
    """A file that is written by its method alone: NumPy's own way loses the reason of an error."""

    def __init__(self, file: BinaryIO):
        self.write = file.write


def _write(path: str, array: Array, channel_axis: int | None, axes: Sequence[str] | None) -> None:
    suffix = suffix_of(path)
    if suffix == ".npy":
        with open(path, "wb") as file:
            np.save(_Plain(file), array, allow_pickle=False)
    elif suffix == ".npz":
        with open(path, "wb") as file:
            np.savez_compressed(file, array)
    elif suffix in PICTURES:
        with extra("imageio", suffix):
            import imageio.v3 as imageio
        imageio.imwrite(path, array.astype(array.dtype.newbyteorder("="), copy=False), **SETTINGS.get(suffix, {}))
    else:
        with extra("tifffile", suffix):
            import tifffile
        colour = channel_axis == array.ndim - 1 and array.shape[-1] in (3, 4) and array.ndim > 2
        names = "".join(axes or ()).upper()
        if colour and names:
            names = f"{names[:-1]}S"
        told = {"axes": names} if len(names) == array.ndim and len(set(names)) == array.ndim else {}
        tifffile.imwrite(path, array, photometric="rgb" if colour else "minisblack", metadata=told)
