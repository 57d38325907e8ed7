"""Every hostile value in every call, each in a child of its own: nothing dies, hangs, or is refused without a reason.

PYTHONPATH=tests python tests/hostile [--sample N] [--only WORD] [--seed N] [--part I/N]
"""

import argparse
import builtins
import collections
import itertools
import os
import random
import re
import sys

import parts
from calls import all_calls
from sandbox import attempt
from values import ARGUMENTS, FINE, rows

from cypool.arguments import typed

LONGEST = 1000  # characters of a message
ALLOWED = (
    "must", "take ", "takes ", "needs", "give ", "unexpected keyword", "multiple values", "missing", "does not",
    "do not", "goes with", "go with", "more than", "out of bounds", "no gradient", "fewer than", "at most",
    "has no", "has room for", "is part of",
)  # fmt: skip


def trials(seed):
    """(call, {argument: value}, outcomes): one bad argument, and after those, two."""
    draw = random.Random(seed)
    for call in all_calls():
        table = {name: list(rows(name, call.right(name))) for name in call.names if name in ARGUMENTS}
        for name, given in table.items():
            for value, outcomes in given:
                yield call, {name: value}, {*outcomes, *call.more(name)}
        for name, other in itertools.combinations(table, 2):
            (value, one), (another, two) = draw.choice(table[name]), draw.choice(table[other])
            yield call, {name: value, other: another}, {*one, *two, FINE, *call.more(name), *call.more(other)}


def chosen(options):
    """The trials that are asked for, one at a time: all are 200 MB, which the fork of each child would have to map."""
    some = None
    if options.sample:
        n = sum(options.only in call.name for call, _, _ in trials(options.seed))
        some = set(random.Random(options.seed).sample(range(n), min(options.sample, n)))
    named = (trial for trial in trials(options.seed) if options.only in trial[0].name)
    return (trial for i, trial in enumerate(named) if some is None or i in some)


def fault(call, changed, outcomes, ended, message):
    """What is wrong with the end of a trial, or None."""
    if ended is None:
        return message
    if ended == "returned":
        return None if FINE in outcomes else "was accepted"
    kind = getattr(builtins, ended, None)
    if kind is None or not (kind is MemoryError or issubclass(kind, tuple(o for o in outcomes if o))):
        return f"raised {ended}"
    odd = (type(v).__module__ == "values" or callable(v) for v in changed.values())
    odd = (*odd, "func_kwargs" in changed)  # what they raise is their own
    if kind is MemoryError or any(odd):
        return None
    if len(message) > LONGEST:
        return f"has a message of {len(message)} characters"
    if not any(re.search(rf"\b{name}", message) for name in call.known):
        return "does not name the argument"
    if not any(word in message for word in ALLOWED):
        return "does not say what is allowed"
    return None


def run(options):
    part, count = options.part
    counts, faults = collections.Counter(), []
    for call, changed, outcomes in itertools.islice(chosen(options), part, None, count):
        ended, message = attempt(lambda call=call, changed=changed: call(**changed))
        counts[ended] += 1
        why = fault(call, changed, outcomes, ended, message)
        if why:
            given = ", ".join(f"{name}={typed(v)}" for name, v in changed.items())
            faults.append(f"{call.name} ({call.nd}-D), {given}: {why}: {ended}: {message[:300]}")
            print(faults[-1], flush=True)
    print(f"part {part}: {sum(counts.values())} calls, seed {options.seed}: {len(faults)} faults; {dict(counts)}")
    return bool(faults)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sample", type=int, default=0, help="so many calls instead of all")
    parser.add_argument("--only", default="", help="calls whose name has this in it")
    sys.exit(parts.main(parser, run, os.path.dirname(__file__)))
