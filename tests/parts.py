"""A long run of random calls as a program: one process for each CPU, each with its share of the work."""

import os
import subprocess
import sys
import time


def main(parser, run, script):
    """`run(options)`, with options.part (i, parts), in as many processes as there are CPUs; 1 if one of them failed."""
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--part", default="")
    options = parser.parse_args()
    if options.part:
        options.part = tuple(map(int, options.part.split("/")))
        return run(options)
    parts = len(os.sched_getaffinity(0))
    warned = [f"-W{option}" for option in sys.warnoptions]
    again = [sys.executable, *warned, "-P", os.path.abspath(script), *sys.argv[1:], "--seed", str(options.seed)]
    running = [subprocess.Popen([*again, "--part", f"{i}/{parts}"]) for i in range(parts)]
    return any([process.wait() for process in running])  # a list: wait for all
