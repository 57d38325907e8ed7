"""A directory that becomes its target when it is complete, and that a later call can go on with.

    <target>.partial/
        data/             what becomes the target, by one rename
        sums/             arrays for later passes
        journal.json      whose call this is, and how far it has come; replaced by a rename
        cells.<n>.npz     units that are not complete, as of that journal
        lock              held while a process writes here

What the journal says is there has reached the disk before.  What was written after it is written again.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .arguments import shown

__all__ = ["Partial"]

Array = NDArray[Any]
JOURNAL = "journal.json"
PROGRESS = {"cells", "pass", "regions", "read", "filled"}  # what a journal says of a call that is not complete


class Partial:
    """The directory beside a target; a context manager that holds its lock."""

    def __init__(self, target: Path, fingerprint: Mapping[str, Any]) -> None:
        self.target: Path = target
        self.path: Path = target.with_name(target.name + ".partial")
        self.data: Path = self.path / "data"
        self.sums: Path = self.path / "sums"
        self.fingerprint: dict[str, Any] = json.loads(json.dumps(fingerprint))
        self._lock: int | None = None

    # ---- beginning -----------------------------------------------------------------------------------------------

    def open(self, resume: bool, overwrite: bool) -> dict[str, Any] | None:
        """The journal of an earlier call of the same arguments, or None in a new directory."""
        if os.path.lexists(self.path) and not (self.path / JOURNAL).is_file() and not self._is_new():
            raise FileExistsError(f"{str(self.path)!r} is in the way and was not made by write_pyramid: move it")
        try:
            self.path.mkdir(exist_ok=True)
        except OSError as error:
            error.add_note(f"target {str(self.target)!r} must lie where folders can be made")
            raise
        self._hold()
        state = self._read() if resume else None
        if state is not None and state["fingerprint"] != self.fingerprint:
            if not overwrite:
                self.release()
                raise ValueError(
                    f"{str(self.path)!r} was left by another call ({self._difference(state['fingerprint'])}): give the "
                    "same arguments to go on with it, or overwrite=True, or remove it"
                )
            state = None
        complete = state is not None and bool(state.get("complete"))
        there = os.path.lexists(self.target)
        if complete and not self.data.exists() and not there:  # it was moved away after a crash at the very end
            state = None
        if there and not overwrite and not (complete and not self.data.exists()):
            if state is None:
                self.remove()
            raise FileExistsError(f"target {str(self.target)!r} exists: give overwrite=True to replace it")
        if state is None:
            self.clear()
            self.data.mkdir()
        return state

    def _is_new(self) -> bool:
        """Whether a call ended before it wrote its first journal."""
        if not self.path.is_dir():
            return False
        names = {entry.name for entry in self.path.iterdir() if not entry.name.startswith("cells.")}
        return names <= {"data", "sums", "lock", JOURNAL + ".new"}

    def _hold(self) -> None:
        if sys.platform == "win32":
            return
        import fcntl

        self._lock = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.release()
            raise BlockingIOError(f"{str(self.path)!r} is being written by another process") from None

    def release(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def __enter__(self) -> Partial:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def _read(self) -> dict[str, Any] | None:
        file = self.path / JOURNAL
        if not file.exists():
            return None
        try:
            state = json.loads(file.read_text())
            if not isinstance(state, dict) or not isinstance(state["fingerprint"], dict):
                raise ValueError
            if not state.get("complete") and not state.keys() >= PROGRESS:
                raise ValueError
        except (ValueError, KeyError):
            raise ValueError(f"{str(file)!r} is damaged: remove {str(self.path)!r}") from None
        return state

    def _difference(self, other: Mapping[str, Any]) -> str:
        names = [name for name in self.fingerprint | dict(other) if self.fingerprint.get(name) != other.get(name)]
        return ", ".join(f"{n}: {shown(other.get(n))}, now {shown(self.fingerprint.get(n))}" for n in names)

    def clear(self) -> None:
        """Removes all but the lock."""
        for entry in self.path.iterdir():
            if entry.name != "lock":
                discard(entry)

    def sweep(self) -> None:
        """Removes files that a process that was killed had begun to write."""
        for file in self.path.rglob("*.partial"):
            file.unlink()

    # ---- on the way ----------------------------------------------------------------------------------------------

    def save(self, state: Mapping[str, Any], cells: Mapping[str, Array], written: Iterable[Path]) -> None:
        """A journal, once all that it speaks of has reached the disk."""
        sync(written)
        serial, units = self._serial() + 1, dict[str, Any](cells)
        store = self.path / f"cells.{serial}.npz"
        with open(store, "wb") as file:
            np.savez(file, **units)
            file.flush()
            os.fsync(file.fileno())
        text = json.dumps({"fingerprint": self.fingerprint, "cells": serial, **state}, indent=1)
        new = self.path / (JOURNAL + ".new")
        with open(new, "w") as out:
            out.write(text)
            out.flush()
            os.fsync(out.fileno())
        os.replace(new, self.path / JOURNAL)
        sync_directory(self.path)
        for old in self.path.glob("cells.*.npz"):
            if old != store:
                old.unlink()

    def _serial(self) -> int:
        return max((int(file.name.split(".")[1]) for file in self.path.glob("cells.*.npz")), default=0)

    def cells(self, state: Mapping[str, Any]) -> dict[str, Array]:
        """The units that were not complete."""
        with np.load(self.path / f"cells.{state['cells']}.npz", allow_pickle=False) as found:
            return {name: found[name] for name in found.files}

    # ---- the end -------------------------------------------------------------------------------------------------

    def finish(self, overwrite: bool) -> None:
        """Puts data in the place of the target.  After a crash inside of this, the same call again ends it."""
        if self.data.exists():
            if os.path.lexists(self.target):
                if not overwrite:
                    raise FileExistsError(f"target {str(self.target)!r} was made by someone else in the meantime")
                old = self.path / "replaced"
                if os.path.lexists(old):
                    discard(old)
                os.rename(self.target, old)
            os.rename(self.data, self.target)
            sync_directory(self.target.parent)
        self.remove()

    def remove(self) -> None:
        """Removes the directory, the journal last but for the lock."""
        for entry in sorted(self.path.iterdir(), key=lambda entry: (entry.name == "lock", entry.name == JOURNAL)):
            if entry.name == "lock":
                self.release()
            discard(entry)
        self.path.rmdir()


def discard(entry: Path) -> None:
    """Removes a file, a link, or a folder with all that it holds."""
    shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()


def sync(files: Iterable[Path]) -> None:
    """Waits until files, and their names, have reached the disk; those that are not there are passed over."""
    folders = set()
    for file in files:
        folders.add(file.parent)
        with contextlib.suppress(FileNotFoundError):  # of cells that are all 0
            descriptor = os.open(file, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
    for folder in folders:
        sync_directory(folder)


def sync_directory(folder: Path) -> None:
    if os.name != "posix" or not folder.exists():  # Windows does not open directories
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
