"""What a run found, and why mutants live: survivors.csv keeps the reasons, which are written by hand."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path
from typing import Any

KEPT = Path(__file__).with_name("survivors.csv")
COLUMNS = ["file", "line", "mutation", "reason"]
AROUND = 16  # characters before and behind what differs
Key = tuple[str, str, str]


def mutation(end: dict[str, Any]) -> str:
    """What differs, with some of what stands around it."""
    a, b = end["original"], end["mutated"]
    if b == "left out":
        return f"left out: {a}"
    start = 0
    while start < min(len(a), len(b)) and a[start] == b[start]:
        start += 1
    stop = 0
    while stop < min(len(a), len(b)) - start and a[-1 - stop] == b[-1 - stop]:
        stop += 1
    low, high = max(0, start - AROUND), max(0, stop - AROUND)
    return " -> ".join(text[low : len(text) - high] for text in (a, b))


def key_of(end: dict[str, Any]) -> Key:
    return end["file"], end["text"], mutation(end)


def read() -> dict[Key, str]:
    if not KEPT.exists():
        return {}
    with KEPT.open(newline="") as file:
        return {(row["file"], row["line"], row["mutation"]): row["reason"] for row in csv.DictReader(file)}


def keep(reasons: dict[Key, str]) -> None:
    with KEPT.open("w", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(COLUMNS)
        rows.writerows([*key, reason] for key, reason in sorted(reasons.items()))


def share(ends: list[dict[str, Any]]) -> str:
    killed = sum(end["killed"] for end in ends)
    return f"{killed:5} of {len(ends):5} killed, {100 * killed / max(1, len(ends)):5.1f} %"


def report(ends: list[dict[str, Any]], write: bool) -> None:
    """Prints the survivors and the shares; `write`: survivors.csv gets the new ones, and loses what is killed now."""
    reasons = read()
    living = {key_of(end): end for end in ends if not end["killed"]}
    if write:
        kept = {key: reason for key, reason in reasons.items() if key not in set(map(key_of, ends))}
        keep(kept | {key: reasons.get(key, "") for key in living})
    for key, end in living.items():
        print(f"{end['file']}:{end['line']}: {key[2]}\n    {end['text']}\n    {reasons.get(key) or 'no reason known'}"
              f"{' (not reached)' if end['how'] == 'not reached' else ''}")  # fmt: skip
    for file in sorted({end["file"] for end in ends}):
        print(f"{file:30} {share([end for end in ends if end['file'] == file])}")
    for kind, name in ((True, "kernels"), (False, "Python")):
        some = [end for end in ends if end["file"].startswith("kernels/") == kind]
        if some:
            known = (reasons.get(key_of(end)) or "no reason known" for end in some if not end["killed"])
            why = Counter(reason.partition(":")[0] for reason in known)
            how = Counter(end["how"] for end in some if end["killed"])
            print(f"{name:30} {share(some)}; by {dict(how)}; the others: {dict(why)}")
