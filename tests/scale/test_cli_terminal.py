"""The command line in a real terminal: its bar, Ctrl-C, completion with TAB."""

import os
import subprocess
import sys
import time

import numpy as np
import pytest
from terminal import Terminal

import cypool

LONG = "cypool reduce large.npy small.npy --window 15 --stride 2 --axes 1,2 --reduce median"  # minutes
SHORT = "cypool reduce large.npy small.npy --window 2"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A place with a file of 256 MiB."""
    place = tmp_path_factory.mktemp("terminal")
    cells = np.lib.format.open_memmap(place / "large.npy", "w+", np.uint8, (256, 1024, 1024))
    cells[:] = np.random.default_rng(0).integers(0, 256, (1, 1024, 1024), np.uint8)
    cells.flush()
    return place


@pytest.fixture
def place(folder):
    """The same place, without what other tests left there."""
    for path in folder.iterdir():
        if path.name != "large.npy":
            path.unlink()
    return folder


def names(place):
    return sorted(path.name for path in place.iterdir())


def interrupted(terminal, place):
    """Ctrl-C, and what it must leave."""
    terminal.key("C-c")
    terminal.wait("cypool: interrupted")
    terminal.type("echo code $?")
    terminal.wait("code 130")


@pytest.mark.parametrize("columns", [100, 200, 72])
def test_bar(place, columns):
    with Terminal(place, columns) as terminal:
        terminal.type(f"clear; {LONG}")
        screen = terminal.wait("large.npy ━", "% ", " MiB / 256.0 MiB ", "iB/s ", ":")
        assert not screen.splitlines()[1].strip()  # one line
        assert ".small." in "".join(names(place))
        interrupted(terminal, place)
    assert names(place) == ["large.npy"]


def test_narrow_bar(place):
    with Terminal(place, 40) as terminal:
        terminal.type(f"clear; {LONG}")
        (line,) = [line for line in terminal.wait("━", "% ", "iB/s ").splitlines() if "━" in line]
        assert "large.npy" not in line and len(line) <= 40
        terminal.match(r"iB/s \d+:\d\d")  # and a time
        interrupted(terminal, place)


def test_more_and_more(place):
    """Percent grow from one look to the next, beside a rate and a time that is left."""
    pattern = r" (\d+)% [\d.]+ .iB / 256.0 MiB [\d.]+ .iB/s (\d+:)?\d+:\d\d"
    with Terminal(place) as terminal:
        terminal.type(f"clear; {LONG}")
        first = int(terminal.match(pattern)[1])
        end = time.monotonic() + 60
        while int(terminal.match(pattern)[1]) <= first:
            assert time.monotonic() < end, terminal.screen()
        interrupted(terminal, place)


def test_done(place):
    with Terminal(place) as terminal:
        terminal.type(f"clear; {SHORT}; echo code $?")
        screen = terminal.wait("code 0")
        assert "100% 256.0 MiB / 256.0 MiB" in screen
        assert "small.npy: 128 x 512 x 512 uint8, 32.0 MiB" in screen
    assert names(place) == ["large.npy", "small.npy"]
    result = np.load(place / "small.npy", mmap_mode="r")
    x = np.load(place / "large.npy", mmap_mode="r")
    assert np.array_equal(result, cypool.pool(x, 2, "mean", dtype=np.uint8))


def test_interrupt_keeps_what_was_there(place):
    before = b"what was there"
    (place / "small.npy").write_bytes(before)
    with Terminal(place) as terminal:
        terminal.type(f"clear; {LONG} --overwrite")
        terminal.wait(" MiB / 256.0 MiB ")
        interrupted(terminal, place)
    assert names(place) == ["large.npy", "small.npy"] and (place / "small.npy").read_bytes() == before


@pytest.mark.parametrize("signal", ["TERM", "HUP"])
def test_ended(place, signal):
    with Terminal(place) as terminal:
        terminal.type(f"clear; {LONG} &")
        terminal.wait(" MiB / 256.0 MiB ")
        terminal.type(f"kill -{signal} %1; wait %1; echo code $?")
        terminal.wait("code 143")
    assert names(place) == ["large.npy"]


def test_quiet(place):
    with Terminal(place) as terminal:
        terminal.type(f"clear; {SHORT} --quiet; echo code $?")
        terminal.match(r"code 0\s+\$")  # the prompt comes after it
        assert terminal.screen().split() == ["code", "0", "$"]


def test_colours(place):
    """Colours, but none with NO_COLOR."""
    for settings, colours in ({}, True), ({"NO_COLOR": "1"}, False):
        with Terminal(place, **settings) as terminal:
            terminal.type(f"clear; {SHORT} --overwrite; echo code $?")
            terminal.wait("code 0")
            assert ("\x1b[3" in terminal.screen(escapes=True)) == colours


def test_dumb_terminal(place):
    """Where a cursor cannot move, nothing is drawn over and over."""
    with Terminal(place, TERM="dumb") as terminal:
        terminal.type(f"{SHORT}; echo code $?")
        screen = terminal.wait("code 0")
        assert screen.count("256.0 MiB") <= 2 and "[" not in screen
        assert "small.npy: 128 x 512 x 512 uint8, 32.0 MiB" in screen


def test_without_rich(place):
    """No bar, and the same work."""
    code = "import sys; sys.modules['rich'] = None; from cypool.cli import main; sys.exit(main(sys.argv[1:]))"
    (place / "plain.py").write_text(code)
    with Terminal(place) as terminal:
        terminal.type(f"clear; python -P plain.py {SHORT.partition(' ')[2]}; echo code $?")
        screen = terminal.wait("code 0")
        assert "━" not in screen and "small.npy: 128 x 512 x 512 uint8, 32.0 MiB" in screen


def test_wraps_help(place):
    """Help fits the terminal, but for examples."""
    for columns in (50, 80, 150):
        with Terminal(place, columns, 200) as terminal:
            terminal.type("clear; cypool reduce --help; echo code $?")
            lines = terminal.wait("code 0").partition("examples:")[0].splitlines()
            assert columns - 30 < max(map(len, lines)) < columns  # none is broken by the terminal


# ---- completion ------------------------------------------------------------------------------------


def test_completion_in_bash(place):
    (place / "photo.png").touch()
    with Terminal(place) as terminal:
        terminal.type("source <(cypool completion bash); echo code $?")
        terminal.wait("code 0")
        for typed, completed in (
            ("cypool red", "cypool reduce "),
            ("cypool reduce ph", "cypool reduce photo.png "),
            ("cypool reduce photo.png small.png --wi", "cypool reduce photo.png small.png --window "),
            ("cypool reduce photo.png small.png --reduce medi", "cypool reduce photo.png small.png --reduce median "),
            ("cypool pyramid photo.png out --lab", "cypool pyramid photo.png out --labels "),
            ("cypool completion zs", "cypool completion zsh "),
        ):
            terminal.type(typed, enter=False)
            terminal.key("Tab")
            terminal.type("|", enter=False)  # right behind the space of what is complete
            terminal.wait(f"$ {completed}|")
            terminal.key("C-c")
            time.sleep(0.05)


def test_choices_in_bash(place):
    """TAB twice shows what there is."""
    with Terminal(place) as terminal:
        terminal.type("source <(cypool completion bash); clear")
        terminal.type("cypool ", enter=False)
        terminal.key("Tab")
        terminal.key("Tab")
        terminal.wait("reduce", "pyramid", "info", "completion")


@pytest.mark.parametrize("shell", ["bash", "zsh", "tcsh"])
def test_scripts(shell):
    done = subprocess.run(
        [sys.executable, "-P", "-m", "cypool", "completion", shell], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
    options = () if shell == "tcsh" else ("--window", "median")  # shtab gives tcsh commands and files only
    for word in ("reduce", "pyramid", "completion", *options):
        assert word in done.stdout
    if shell == "bash":
        subprocess.run(["bash", "-n"], input=done.stdout, text=True, check=True, env=os.environ)
