"""A plugin of pytest: tests are collected once, and each mutant lives in a child that runs those that reach it.

First all tests run in a child without a mutant: which ones pass there, how long they take, which mutants they reach.
A mutant is killed if a test fails, the child dies or hangs.  Tests that have killed most come first.
"""

from __future__ import annotations

import faulthandler
import json
import os
import pickle
import random
import resource
import signal
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import cypool_mutants
import pytest
from _pytest.runner import runtestprotocol

import cypool
from cypool import dispatch, engine
from cypool.kernels import calls

ASKED = json.loads(Path(os.environ["MUTATION_ASKED"]).read_text())  # what run.py wants
OUT = Path(ASKED["out"])
MEMORY = 6 << 30  # of a child, beside what the parent has


KERNELS = hasattr(dispatch.kernels, "steer")  # else these are the ordinary ones


def steer(number: int) -> None:
    cypool_mutants.alive = number
    if KERNELS:
        dispatch.kernels.steer(number)


def reached() -> bytes:
    """A byte for each mutant: was it asked for since the last call?"""
    found = bytes(cypool_mutants.reached)
    cypool_mutants.reached[:] = bytes(len(found))
    if KERNELS:
        found = bytes(map(max, found, dispatch.kernels.get_reached()))
        dispatch.kernels.forget_reached()
    return found


def forget() -> None:
    """Nothing is known of earlier calls."""
    calls.forget()
    engine._kept.clear()
    for module in [m for name, m in sys.modules.items() if name.startswith("cypool")]:
        for value in list(vars(module).values()):
            if hasattr(value, "cache_clear"):
                value.cache_clear()


def passes(item: pytest.Item) -> bool:
    return all(report.outcome != "failed" for report in runtestprotocol(item, log=False, nextitem=None))


def limit() -> None:
    with open("/proc/self/statm") as file:
        now = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (now + MEMORY, resource.getrlimit(resource.RLIMIT_AS)[1]))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def in_child(work: Any) -> tuple[int, int]:
    """Starts work(write) in a child; its id, and where to read what it writes."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(reading)
            nowhere = os.open(os.devnull, os.O_RDWR)
            for stream in (1, 2):
                os.dup2(nowhere, stream)
            faulthandler.disable()  # pytest has it on
            limit()
            work(lambda text: os.write(writing, text.encode()))
        finally:
            os._exit(0)
    os.close(writing)
    return child, reading


def function_of(item: pytest.Item) -> str:
    return item.nodeid.partition("[")[0]


Known = dict[str, tuple[float, bytes]]  # seconds of each test that passes (else 0), and the mutants it reaches


def apart(items: list[pytest.Item], kept: Known) -> tuple[list[pytest.Item], list[pytest.Item]]:
    """Of a test with many parameters only some (those that are known, if there are any); the others, in any order."""
    draw = random.Random(ASKED["seed"])
    functions: dict[str, list[pytest.Item]] = {}
    for item in items:
        functions.setdefault(function_of(item), []).append(item)
    most = ASKED["each"]
    some = []
    for group in functions.values():
        before = [item for item in group if item.nodeid in kept]
        some += before or (group if len(group) <= most else draw.sample(group, most))
    taken = set(some)
    rest = [item for item in items if item not in taken]
    draw.shuffle(rest)
    return some, rest


def first_run(items: list[pytest.Item], kept: Known) -> Known:
    """What is known, and what is not yet of these."""
    file = OUT / "first_run"
    file.unlink(missing_ok=True)

    def late(*_: Any) -> None:
        raise TimeoutError

    def work(_: Any) -> None:
        signal.signal(signal.SIGALRM, late)
        found = dict(kept)
        for item in [item for item in items if item.nodeid not in kept]:
            forget()
            reached()
            start = time.monotonic()
            signal.setitimer(signal.ITIMER_REAL, ASKED["longest"])
            try:
                fine = passes(item)
            except TimeoutError:
                fine = False
            signal.setitimer(signal.ITIMER_REAL, 0)
            found[item.nodeid] = time.monotonic() - start if fine else 0.0, reached()
            with (OUT / "progress").open("a") as log:
                log.write(f"{time.monotonic() - start:.2f} {fine} {item.nodeid}\n")
        file.write_bytes(pickle.dumps(found))

    (OUT / "progress").unlink(missing_ok=True)
    child, reading = in_child(work)
    os.waitpid(child, 0)
    os.close(reading)
    assert file.exists(), "the tests do not even run without a mutant: see build/mutation/progress"
    result: Known = pickle.loads(file.read_bytes())
    return result


class Hunt:
    """All mutants, some at a time."""

    def __init__(self, some: list[pytest.Item], rest: list[pytest.Item], known: Known):
        self.items, self.known, self.first = [*some, *rest], [known[item.nodeid] for item in some], len(some)
        self.functions = list(map(function_of, self.items))
        times: dict[str, list[float]] = {}
        for name, (seconds, _) in zip(self.functions, self.known, strict=False):
            times.setdefault(name, []).append(seconds or ASKED["longest"])
        means = {name: sum(some) / len(some) for name, some in times.items()}
        self.seconds = [s for s, _ in self.known] + [means.get(name, 1) for name in self.functions[len(some) :]]
        self.kills: Counter[int] = Counter()
        self.ends: dict[int, dict[str, Any]] = {}
        self.banned: set[str] = set()
        self.end = time.monotonic() + 60 * ASKED["minutes"]

    def tests_of(self, number: int, more: bool) -> list[int]:
        """Those that reach a mutant; `more`: with other parameters, and what was late (all, if none reaches it)."""
        fit = [k for k, (s, r) in enumerate(self.known) if s and r[number]]
        if more:
            late = [k for k, (s, r) in enumerate(self.known) if r[number] and not s]
            names = {self.functions[k] for k in [*fit, *late]} or set(self.functions)
            fit = [*(k for k in range(self.first, len(self.items)) if self.functions[k] in names), *late]
        fit = [k for k in fit if self.items[k].nodeid not in self.banned]
        if not more:
            fit.sort(key=lambda k: (-self.kills[k] / (self.seconds[k] + 0.02), self.seconds[k]))
        total, some = 0.0, []
        for k in fit:
            total += self.seconds[k]
            if total > ASKED["seconds"] and some:
                break
            some.append(k)
        return some

    def start(self, number: int, more: bool) -> tuple[int, int, list[int]]:
        tests = self.tests_of(number, more)

        def work(write: Any) -> None:
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            forget()
            steer(number)
            for k in tests:
                write(f"{k}\n")
                signal.setitimer(signal.ITIMER_REAL, 10 + 10 * self.seconds[k])
                if not passes(self.items[k]):
                    write("failed\n")
                    return
            write("alive\n")

        return (*in_child(work), tests)

    def hunt(self, numbers: list[int], more: bool = False) -> None:
        running: dict[int, tuple[int, int, list[int]]] = {}
        waiting = list(numbers)
        random.Random(ASKED["seed"]).shuffle(waiting)  # what is done in time is a sample
        while waiting or running:
            if time.monotonic() > self.end:
                waiting = []
            while waiting and len(running) < ASKED["jobs"]:
                number = waiting.pop(0)
                child, reading, tests = self.start(number, more)
                running[child] = number, reading, tests
            child, status = os.wait()
            if child not in running:
                continue
            number, reading, tests = running.pop(child)
            with open(reading) as pipe:
                told = pipe.read().split()
            how = told[-1] if told else ""
            code = os.waitstatus_to_exitcode(status)
            if how == "alive":
                reached = any(s and r[number] for s, r in self.known)
                self.ends[number] = {"killed": False, "how": "alive" if reached else "not reached", "more": more}
            else:
                k = int([t for t in told if t.isdigit()][-1])
                self.kills[k] += 1
                why = "fails" if how == "failed" else f"dies of {signal.Signals(-code).name}" if code < 0 else "leaves"
                self.ends[number] = {"killed": True, "by": self.items[k].nodeid, "how": why}
            with (OUT / "ends").open("a") as log:
                log.write(json.dumps([number, self.ends[number]]) + "\n")

    def all(self, numbers: list[int]) -> None:
        """With some parameters of each test; those that live, with others."""
        self.hunt([n for n in numbers if n not in self.ends])
        self.hunt([n for n, end in self.ends.items() if not end["killed"] and not end["more"]], True)


def pytest_runtestloop(session: pytest.Session) -> bool:
    assert str(OUT) in cypool.__file__, cypool.__file__
    assert list(dispatch.levels()) == ["base"]
    start = time.monotonic()
    again = ASKED["resume"] or ASKED["living"]
    kept: Known = pickle.loads((OUT / "first_run").read_bytes()) if again else {}
    some, rest = apart(session.items, kept)
    known = first_run(some, kept)
    fine = sum(bool(known[item.nodeid][0]) for item in some)
    print(f"\n{fine} of {len(some)} tests pass in time without a mutant: {time.monotonic() - start:.0f} s", flush=True)
    hunt = Hunt(some, rest, known)
    if again:
        hunt.ends = dict(map(json.loads, (OUT / "ends").read_text().splitlines()))
    else:
        (OUT / "ends").unlink(missing_ok=True)
    numbers = ASKED["numbers"]
    if ASKED["living"]:
        numbers = [n for n in numbers if n in hunt.ends]
        hunt.ends = {n: end for n, end in hunt.ends.items() if end["killed"]}
    hunt.all(numbers)
    # A test that fails once more without a mutant has killed none.
    killers = {end["by"] for end in hunt.ends.values() if end["killed"]}
    for item in [item for item in session.items if item.nodeid in killers]:
        forget()
        child, reading = in_child(lambda write, item=item: write("fine" if passes(item) else "failed"))
        os.waitpid(child, 0)
        with open(reading) as pipe:
            if pipe.read() != "fine":
                hunt.banned.add(item.nodeid)
                print(f"fails now and then without a mutant, and does not count: {item.nodeid}", flush=True)
    if hunt.banned:
        hunt.ends = {n: end for n, end in hunt.ends.items() if end.get("by") not in hunt.banned}
        hunt.all(numbers)
    (OUT / "result.json").write_text(json.dumps({str(n): end for n, end in hunt.ends.items()}))
    print(f"{len(hunt.ends)} mutants: {time.monotonic() - start:.0f} s", flush=True)
    return True
