"""One call in a child of its own, with little memory and little time."""

import json
import os
import resource
import signal
import warnings

SECONDS = 5
MEMORY = 1 << 28  # beside what the parent has


def limit(bytes_):
    with open("/proc/self/statm") as file:
        now = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (now + bytes_, resource.getrlimit(resource.RLIMIT_AS)[1]))


def attempt(call):
    """How call() ends: ("returned", ""), (class of error, message), or what killed the child: (None, why)."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.close(reading)
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(SECONDS)
            limit(MEMORY)
            warnings.simplefilter("error")
            try:
                call()
                ended = "returned", ""
            except BaseException as error:  # the parent judges
                told = " ".join([str(error), *getattr(error, "__notes__", ())])
                ended = type(error).__name__, told[:100_000]
            os.write(writing, json.dumps(ended).encode())
            code = 0
        finally:
            os._exit(code)
    os.close(writing)
    with open(reading, "rb") as pipe:
        told = pipe.read()
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status == -signal.SIGALRM:
        return None, f"hung for {SECONDS} s"
    if status < 0:
        return None, f"died of {signal.Signals(-status).name}"
    if status or not told:
        return None, f"left with exit code {status}"
    return tuple(json.loads(told))
