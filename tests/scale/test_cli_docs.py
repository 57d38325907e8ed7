"""Every command that the guide shows runs, and prints what the guide says."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import h5py
import imageio.v3 as imageio
import numpy as np
import pytest
import tifffile

DOCS = Path(__file__).parent.parent.parent / "docs"
PAGE = (DOCS / "guide" / "command_line.md").read_text()
BLOCKS = re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL)
SCRIPTS = re.findall(r"```shell\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A place with the files that the page works on."""
    place = tmp_path_factory.mktemp("guide")
    rng = np.random.default_rng(0)
    imageio.imwrite(place / "photo.png", rng.integers(0, 256, (1200, 1801, 3), np.uint8))
    volume = rng.integers(0, 4000, (60, 300, 400), np.uint16)
    tifffile.imwrite(place / "volume.tif", volume, photometric="minisblack", metadata={"axes": "ZYX"})
    np.save(place / "noisy.npy", rng.normal(size=(100, 120)).astype(np.float32))
    np.save(place / "planes.npy", rng.integers(0, 256, (5, 100, 120), np.uint8))
    with h5py.File(place / "cells.h5", "w") as file:
        file["raw"] = volume
        file["labels"] = (volume // 1000).astype(np.uint32)
    return place


def commands(block):
    """Pairs of a command and what it is said to print."""
    return [(part.partition("\n")[0], part.partition("\n")[2]) for part in re.split(r"^\$ ", block, flags=re.M)[1:]]


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: commands(block)[0][0][:60])
def test_commands(folder, block):
    found = commands(block)
    assert found and block.startswith("$ ")
    for command, printed in found:
        name, *words = shlex.split(command)
        assert name == "cypool"
        again = ["--overwrite"] if words[0] in ("reduce", "pyramid") else []  # the page uses a name twice
        done = subprocess.run(
            [sys.executable, "-P", "-m", "cypool", *words, *again],
            cwd=folder, capture_output=True, text=True, timeout=300,
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (0, ""), command
        assert done.stdout == printed, command


def test_all_commands_are_run():
    """No command of the page is outside of what these tests look at."""
    seen = [command for block in BLOCKS for command, _ in commands(block)]
    seen += [line for script in SCRIPTS for line in script.splitlines()]
    assert sorted(line.removeprefix("$ ") for line in PAGE.splitlines() if re.match(r"(\$ )?cypool ", line)) == sorted(
        seen
    )


def test_scripts(folder):
    """The lines about completion, in bash, in a home of their own."""
    (script,) = SCRIPTS
    (folder / ".local/share/bash-completion/completions").mkdir(parents=True)
    path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    subprocess.run(
        ["bash", "-e"], input=script, text=True, check=True, cwd=folder, env={"HOME": str(folder), "PATH": path}
    )
    for name in (".local/share/bash-completion/completions/cypool", "_cypool", ".cypool.csh"):
        assert "cypool" in (folder / name).read_text()


def test_examples_of_help():
    """The commands that ``--help`` shows are accepted."""
    from cypool.cli.parser import COMPLETION, ENDING, PYRAMID, REDUCE, make_parser

    lines = [line.strip() for text in (COMPLETION, ENDING, PYRAMID, REDUCE) for line in text.splitlines()]
    shown = [line for line in lines if line.startswith("cypool ") and "COMMAND" not in line]
    assert len(shown) > 10
    for line in shown:
        make_parser().parse_args(shlex.split(line.partition(">")[0])[1:])
