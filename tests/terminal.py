"""A real terminal for tests: bash in tmux, keys sent to it, its screen read."""

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

NEEDED = "these tests look at a real terminal and need tmux and bash (on Debian and Ubuntu: apt install tmux bash)"


class Terminal:
    """A shell in `folder`; the commands of this Python's environment are on its PATH."""

    def __init__(self, folder, columns=100, lines=24, **settings):
        for program in ("tmux", "bash"):
            assert shutil.which(program), NEEDED
        self.place = tempfile.mkdtemp(prefix="tmux", dir="/tmp")  # the name of a socket must be short
        self.socket = f"{self.place}/s"
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        words = {"PATH": path, "PS1": "$ ", "LC_ALL": "C.UTF-8", "HISTFILE": ""} | settings
        words = [f"{name}={value}" for name, value in words.items()]
        kept = {
            name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "TMUX", "COLUMNS", "LINES")
        }
        subprocess.run(
            ["tmux", "-S", self.socket, "-f", "/dev/null", "new", "-d", "-x", str(columns), "-y", str(lines),
             "-c", str(folder), shlex.join(["env", *words, "bash", "--norc", "--noprofile"])],
            check=True, env=kept,
        )  # fmt: skip
        self.wait("$")

    def tmux(self, *words):
        return subprocess.run(["tmux", "-S", self.socket, *words], check=True, capture_output=True, text=True).stdout

    def screen(self, escapes=False):
        return self.tmux("capture-pane", "-p", *(["-e"] if escapes else []))

    def type(self, text, enter=True):
        self.tmux("send-keys", "-l", text)
        if enter:
            self.tmux("send-keys", "Enter")

    def key(self, name):
        self.tmux("send-keys", name)

    def wait(self, *parts, seconds=60):
        """The screen, as soon as all of `parts` are on it."""
        return self._until(lambda screen: all(part in screen for part in parts) and screen, parts, seconds)

    def match(self, pattern, seconds=60):
        """What of the screen matches, as soon as something does."""
        return self._until(lambda screen: re.search(pattern, screen), pattern, seconds)

    def _until(self, found, what, seconds):
        end = time.monotonic() + seconds
        while not (result := found(screen := self.screen())):
            assert time.monotonic() < end, f"{what} not seen in {seconds} s:\n{screen}"
            time.sleep(0.02)
        return result

    def close(self):
        subprocess.run(["tmux", "-S", self.socket, "kill-server"], check=True)
        shutil.rmtree(self.place)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()
