"""Interrupted at any point, and called again: the same bytes in every file, and never half a target."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from written import WRITE, files, is_right

import cypool.partial
import cypool.writing

CALL = {"chunks": 8, "levels": 3, "workers": 1, "name": "x"}  # 20 regions of 16 x 16 cells
PASSES = CALL | {"chunks": 3, "levels": 5, "memory": 740}  # regions of 6 x 6 cells, then sums of them, twice


@pytest.fixture(scope="module")
def x(tmp_path_factory):
    path = tmp_path_factory.mktemp("source") / "x.npy"
    np.save(path, np.random.default_rng(0).integers(0, 6000, (64, 72)).astype(np.uint16))
    return path


CHILD = """
import json, os, signal, sys, threading, time
import cypool.zarr, cypool.writing, cypool.partial
source, target, call, stage, count, every = json.loads(sys.argv[1])
cypool.writing.EVERY, cypool.writing.SHARE = every, 0
os.fsync = lambda descriptor: None  # slow, and a kill takes nothing from the system's caches
calls = 0

def kill(*ignored):
    os.kill(os.getpid(), signal.SIGKILL)

def die_in(owner, name, after):
    was = getattr(owner, name)
    def do(*args, **keywords):
        global calls
        calls += 1
        if calls == count and not after:
            kill()
        result = was(*args, **keywords)
        if calls == count and after:
            kill()
        return result
    setattr(owner, name, do)

owners = {"os": os, "Job": cypool.writing.Job, "Partial": cypool.partial.Partial, "zarr": cypool.writing.zarr,
          "shutil": cypool.partial.shutil}
if stage == "timer":
    threading.Timer(count, kill).start()
else:
    when, owner, name = stage.split()
    die_in(owners[owner], name, when == "after")
cypool.zarr.write_pyramid(source, target, **call)
os._exit(7)  # it was not killed: so the timer's thread is not waited for
"""


def killed(source, target, call, stage, count, every=0.0):
    words = json.dumps([str(source), str(target), call, stage, count, every])
    done = subprocess.run([sys.executable, "-P", "-c", CHILD, words], capture_output=True, text=True, timeout=120)
    assert done.returncode in (-signal.SIGKILL, 7), done.stderr
    return done.returncode != 7


STAGES = [
    ("before Job _create", 1), ("after Job _create", 3), ("before Job _region", 1), ("after Job _region", 9),
    ("before Job _store", 20), ("after Job _store", 33), ("after Job _add", 5), ("before Partial save", 1),
    ("after Partial save", 1), ("after Partial save", 12), ("before os replace", 2), ("after os replace", 2),
    ("before Job _end", 1), ("before zarr consolidate_metadata", 1), ("after zarr consolidate_metadata", 1),
    ("after Job _end", 1), ("before Partial finish", 1), ("before os rename", 1), ("after os rename", 1),
    ("before Partial remove", 1), ("after shutil rmtree", 1),
]  # fmt: skip


@pytest.fixture(scope="module")
def small(x, tmp_path_factory):
    """A source of several passes, and the bytes of all files."""
    folder = tmp_path_factory.mktemp("small")
    np.save(folder / "x.npy", np.load(x)[:24, :33])
    assert len(WRITE(folder / "x.npy", folder / "whole", **PASSES).passes) == 3
    return folder / "x.npy", files(folder / "whole")


@pytest.mark.parametrize("stage, count", STAGES, ids=lambda value: str(value).replace(" ", "-"))
def test_killed_at_a_stage(small, stage, count, tmp_path):
    source, expected = small
    assert killed(source, tmp_path / "x", PASSES, stage, count)
    if (tmp_path / "x").exists():
        assert files(tmp_path / "x") == expected  # only at the very end
    else:
        assert (tmp_path / "x.partial").exists()
    WRITE(source, tmp_path / "x", **PASSES)
    assert files(tmp_path / "x") == expected and not (tmp_path / "x.partial").exists()


@pytest.mark.parametrize("call", [
    {"reduce": "median", "chunks": 5, "memory": 2000}, {"reduce": "max", "chunks": 5, "memory": 2000},
    {"workers": 3, "chunks": 4, "shards": 8}, {"workers": 2, "reduce": "mean", "compression": "blosc"},
])  # fmt: skip
def test_killed_again_and_again(x, call, tmp_path):
    """Killed after some regions, until none is left: the work done before is not done again."""
    call = CALL | call
    plan = WRITE(x, tmp_path / "whole", **call)
    expected, regions = files(tmp_path / "whole"), sum(p.count for p in plan.passes)
    step, deaths = regions // 4 + 1, 0
    while killed(x, tmp_path / "x", call, "before Job _take", step):
        deaths += 1
        assert not (tmp_path / "x").exists() and deaths < 9
    assert deaths >= 3 and files(tmp_path / "x") == expected


def test_killed_at_any_time(x, tmp_path):
    call = CALL | {"workers": 2, "chunks": 4}
    WRITE(x, tmp_path / "whole", **call)
    rng = np.random.default_rng()
    for turn in range(3):
        target = tmp_path / str(turn)
        killed(x, target, call, "timer", float(rng.uniform(0.01, 0.6)), every=0.05)
        ended = target.exists() and not Path(f"{target}.partial").exists()  # before it was to be killed
        WRITE(x, target, **call, overwrite=ended)
        assert files(target) == files(tmp_path / "whole")


def test_old_target_stays_until_the_end(x, tmp_path):
    """With overwrite, a kill leaves the old target or the new one; in the moment between, the same call ends it."""
    y = np.full((40, 40), 7, np.uint16)
    WRITE(x, tmp_path / "whole", **CALL)
    expected, call = files(tmp_path / "whole"), CALL | {"overwrite": True}
    for n, (stage, count) in enumerate([("before Job _take", 4), ("before os rename", 1), ("after os rename", 1),
                                        ("after os rename", 2), ("before shutil rmtree", 1)]):  # fmt: skip
        target = tmp_path / str(n)
        WRITE(y, target, **CALL)
        old = files(target)
        assert killed(x, target, call, stage, count)
        if target.exists():
            assert files(target) in (old, expected)
        WRITE(x, target, **call)
        assert files(target) == expected and not Path(f"{target}.partial").exists()


def test_a_target_that_was_moved_away(x, tmp_path):
    """After a kill at the very end: what is there is complete, and the same call writes it once more."""
    assert killed(x, tmp_path / "x", CALL, "before Partial remove", 1)
    (tmp_path / "x").rename(tmp_path / "moved")
    is_right(tmp_path / "x", WRITE(x, tmp_path / "x", **CALL), np.load(x))
    assert files(tmp_path / "x") == files(tmp_path / "moved")


@pytest.mark.parametrize("kind", ["folder", "file", "link"])
def test_another_target_after_a_kill(x, tmp_path, kind):
    """Killed after the old target was put away, and another one made in its place: both are replaced."""
    target, call, old = tmp_path / "x", CALL | {"overwrite": True}, tmp_path / "x.partial/replaced"
    if kind == "folder":
        WRITE(np.zeros((40, 40), np.uint16), target, **CALL)
    elif kind == "file":
        target.write_text("mine")
    else:
        (tmp_path / "elsewhere").mkdir()
        target.symlink_to(tmp_path / "elsewhere")
    assert killed(x, target, call, "after os rename", 1) and not target.exists() and os.path.lexists(old)
    target.mkdir()
    (target / "mine").write_text("mine")
    with pytest.raises(FileExistsError, match="exists: give overwrite=True"):
        WRITE(x, target, **CALL)
    assert (target / "mine").read_text() == "mine"
    is_right(target, WRITE(x, target, **call), np.load(x))
    assert not (target / "mine").exists()


def test_a_target_made_by_someone_else(x, tmp_path):
    """It stays as it is, and so does what was written: once the target is gone, the same call only moves that."""
    target = tmp_path / "x"
    with pytest.raises(FileExistsError, match="was made by someone else in the meantime"):
        WRITE(x, target, **CALL, progress=lambda done, total: target.mkdir(exist_ok=True))
    assert not list(target.iterdir()) and (tmp_path / "x.partial/data/zarr.json").exists()
    target.rmdir()
    seen = []
    is_right(target, WRITE(x, target, **CALL, progress=lambda *n: seen.append(n)), np.load(x))
    assert not seen


def test_a_target_made_before_anything_is_written(x, tmp_path):
    """Between the first look at the target and the lock: nothing is left but the target."""
    cells = np.load(x)

    class Source:
        shape, dtype = cells.shape, cells.dtype

        def __getitem__(self, region):
            (tmp_path / "x").mkdir(exist_ok=True)
            return cells[region]

    with pytest.raises(FileExistsError, match="exists: give overwrite=True"):
        WRITE(Source(), tmp_path / "x", **CALL)
    assert os.listdir(tmp_path) == ["x"] and not os.listdir(tmp_path / "x")


def test_systems_without_locks(x, tmp_path, monkeypatch):
    """Windows: the same files, and no lock."""
    WRITE(x, tmp_path / "whole", **CALL)
    monkeypatch.setattr(cypool.partial, "sys", SimpleNamespace(platform="win32"))
    interrupted(x, tmp_path / "x", CALL)
    assert (tmp_path / "x.partial/journal.json").exists() and not (tmp_path / "x.partial/lock").exists()
    WRITE(x, tmp_path / "x", **CALL)
    assert files(tmp_path / "x") == files(tmp_path / "whole") and not (tmp_path / "x.partial").exists()


def test_keyboard_interrupt(x, tmp_path, monkeypatch):
    WRITE(x, tmp_path / "whole", **CALL)
    expected = files(tmp_path / "whole")
    for workers in (1, 3):
        target, call, seen = tmp_path / str(workers), CALL | {"workers": workers}, []

        def stop(done, total, seen=seen):
            seen.append(done)
            if len(seen) == 9:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            WRITE(x, target, **call, progress=stop)
        assert not target.exists()
        journal = json.loads((tmp_path / f"{workers}.partial/journal.json").read_text())
        assert journal["regions"] == 9 and journal["read"] == seen[-1]
        more = []
        WRITE(x, target, **call, progress=lambda done, total, more=more: more.append(done))
        assert more[0] > seen[-1] and len(more) + 9 == WRITE(x, tmp_path / "d", **call, dry_run=True).passes[0].count
        assert files(target) == expected


def test_interrupt_while_cells_are_shared_out(x, tmp_path, monkeypatch):
    """Half a region is in the books of no one: an older journal stays, or nothing."""
    WRITE(x, tmp_path / "whole", **CALL)
    add, left = cypool.writing.Job._add, [30]

    def stop(self, *args):
        add(self, *args)
        left[0] -= 1
        if not left[0]:
            raise KeyboardInterrupt

    monkeypatch.setattr(cypool.writing.Job, "_add", stop)
    with pytest.raises(KeyboardInterrupt):
        WRITE(x, tmp_path / "x", **CALL)
    assert not list(tmp_path.glob("x*"))
    monkeypatch.setattr(cypool.writing, "EVERY", 0.0)
    left[0] = 30
    with pytest.raises(KeyboardInterrupt):
        WRITE(x, tmp_path / "x", **CALL)
    assert (tmp_path / "x.partial").exists()
    monkeypatch.undo()
    WRITE(x, tmp_path / "x", **CALL)
    assert files(tmp_path / "x") == files(tmp_path / "whole")


def interrupted(x, target, call, after=5):
    seen = []

    def stop(done, total):
        seen.append(done)
        if len(seen) == after:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        WRITE(x, target, **call, progress=stop)


def test_other_calls_do_not_go_on(x, tmp_path):
    interrupted(x, tmp_path / "x", CALL)
    kept = files(tmp_path / "x.partial")
    for change, text in [({"chunks": 4}, "levels: .*8.*, now .*4"), ({"reduce": "max"}, "attributes: "),
                         ({"compression": "gzip"}, "compression: "), ({"scale": 3.0}, "attributes: ")]:  # fmt: skip
        with pytest.raises(ValueError, match=f"was left by another call .{text}"):
            WRITE(x, tmp_path / "x", **CALL | change)
        assert files(tmp_path / "x.partial") == kept
    other = np.load(x)
    with pytest.raises(ValueError, match=r"was left by another call .source: "):
        WRITE(other, tmp_path / "x", **CALL)
    plan = WRITE(other, tmp_path / "x", **CALL, overwrite=True)  # starts anew
    is_right(tmp_path / "x", plan, other)


def test_a_source_that_changed(tmp_path):
    x = np.random.default_rng(0).integers(0, 6000, (150, 170)).astype(np.uint16)
    interrupted(x, tmp_path / "x", CALL)
    with pytest.raises(ValueError, match=r"another call .identity: "):
        WRITE(x + 1, tmp_path / "x", **CALL)
    np.save(tmp_path / "y.npy", x)
    interrupted(tmp_path / "y.npy", tmp_path / "y", CALL)
    time.sleep(0.02)
    np.save(tmp_path / "y.npy", x + 1)
    with pytest.raises(ValueError, match=r"another call .identity: "):
        WRITE(tmp_path / "y.npy", tmp_path / "y", **CALL)


def test_without_resumption(x, tmp_path):
    interrupted(x, tmp_path / "x", CALL)
    seen = []
    WRITE(x, tmp_path / "x", **CALL, resume=False, progress=lambda done, total: seen.append(done))
    assert seen[0] == 16 * 16 * 2


def test_one_process_at_a_time(x, tmp_path):
    """The lock of another process, and of another thread."""
    go, gone = threading.Event(), threading.Event()

    def wait(done, total):
        gone.set()
        go.wait(60)

    thread = threading.Thread(target=lambda: WRITE(x, tmp_path / "x", **CALL, progress=wait))
    thread.start()
    gone.wait(60)
    try:
        with pytest.raises(BlockingIOError, match="is being written by another process"):
            WRITE(x, tmp_path / "x", **CALL)
    finally:
        go.set()
        thread.join()
    assert (tmp_path / "x/zarr.json").exists() and not (tmp_path / "x.partial").exists()


def test_what_is_in_the_way(x, tmp_path):
    (tmp_path / "x.partial").mkdir()
    (tmp_path / "x.partial/mine").write_text("mine")
    with pytest.raises(FileExistsError, match="was not made by write_pyramid"):
        WRITE(x, tmp_path / "x", **CALL, overwrite=True)
    assert (tmp_path / "x.partial/mine").read_text() == "mine"
    (tmp_path / "y.partial").write_text("mine")
    with pytest.raises(FileExistsError, match="was not made by write_pyramid"):
        WRITE(x, tmp_path / "y", **CALL)
    interrupted(x, tmp_path / "z", CALL)
    for damaged in ("{", "[]", "{}", '{"fingerprint": 1}', '{"fingerprint": {}, "pass": 1}'):
        (tmp_path / "z.partial/journal.json").write_text(damaged)
        with pytest.raises(ValueError, match=r"journal.json.* is damaged: remove"):
            WRITE(x, tmp_path / "z", **CALL)
    interrupted(x, tmp_path / "a", CALL)
    (tmp_path / "a").mkdir()
    with pytest.raises(FileExistsError, match="exists: give overwrite"):
        WRITE(x, tmp_path / "a", **CALL)


def test_a_progress_that_raises_keeps_what_is_done(x, tmp_path):
    def stop(done, total):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        WRITE(x, tmp_path / "x", **CALL, progress=stop)
    assert json.loads((tmp_path / "x.partial/journal.json").read_text())["regions"] == 1
    WRITE(x, tmp_path / "x", **CALL)
    assert os.listdir(tmp_path) == ["x"]
