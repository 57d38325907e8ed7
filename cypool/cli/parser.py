"""What can be written on the command line, and what ``--help`` says of it."""

from __future__ import annotations

import argparse
import sys
from typing import Any, NoReturn

from ..geometry import BORDERS
from ..kernels.machine import VERSION
from ..reducers import TABLE
from . import values

__all__ = ["make_parser"]

SHELLS = ("bash", "zsh", "tcsh")

ENDING = """\
examples:
  cypool reduce photo.png small.png --window 4
  cypool pyramid volume.tif volume.ome.zarr --reduce mean
  cypool info

cypool COMMAND --help tells more.
"""
REDUCE = """\
examples:
  cypool reduce photo.png small.png --window 4 --reduce median
  cypool reduce volume.tif peaks.tif --window 1,4,4 --reduce max
  cypool reduce noisy.npy smooth.npy --window 3 --stride 1 --padding 1 --border reflect
  cypool reduce data.npy upper.npy --window 8 --reduce quantile --option q=0.9

Files: .npy .npz .tif .tiff, and pictures; .zarr and .h5 are read, too. Which channels
a file has, what becomes of its dtype, and more: the page "Command line" of the guide.
"""
PYRAMID = """\
examples:
  cypool pyramid volume.tif volume.ome.zarr --dry-run
  cypool pyramid volume.tif volume.ome.zarr --scale 2,0.5,0.5 --units micrometer
  cypool pyramid cells.h5 cells.ome.zarr --dataset labels --labels
  cypool pyramid slides.npy slides.ome.zarr --axes cyx --chunks 1,512,512 --compression zstd:5

What was interrupted goes on where it stopped when the same command is run again.
"""
COMPLETION = """\
examples:
  cypool completion bash > ~/.local/share/bash-completion/completions/cypool
  cypool completion zsh > _cypool        # in a folder of $fpath
  cypool completion tcsh > ~/.cypool.csh # and: source ~/.cypool.csh
"""


class Help(argparse.HelpFormatter):
    """Paragraphs are filled, examples stay as they are."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        parts = text.split("\n\n")
        return "\n\n".join(
            p if p.startswith("examples") else super(Help, self)._fill_text(p, width, indent) for p in parts
        )


class Parser(argparse.ArgumentParser):
    """Errors of every command in one form: the usage, and a line that begins with ``cypool: error:``."""

    def __init__(self, *arguments: Any, **keywords: Any):
        keywords = {"formatter_class": Help, "allow_abbrev": False, **keywords}
        super().__init__(*arguments, **keywords)

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(2, f"cypool: error: {values.printable(message)}\n")


def make_parser(complete: Any = None) -> argparse.ArgumentParser:
    """The parser; `complete`: what shtab needs to know of an argument that is a file."""
    parser = Parser("cypool", usage="cypool [options] COMMAND ...", description="Pooling of arrays on the CPU.",
                    epilog=ENDING)  # fmt: skip
    parser.add_argument("--version", action="version", version=f"cypool {VERSION}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", title="commands")

    def command(name: str, usage: str, summary: str, epilog: str | None) -> Parser:
        added: Parser = commands.add_parser(
            name, usage=f"cypool {name} {usage}".rstrip(), help=summary, epilog=epilog,
            description=f"{summary[0].upper()}{summary[1:]}.",
        )  # fmt: skip
        added.add_argument("--debug", action="store_true", help="show where an error comes from")
        return added

    _reduce(
        command("reduce", "[options] SOURCE TARGET", "make an image or an array smaller, window by window", REDUCE),
        complete,
    )
    _pyramid(command("pyramid", "[options] SOURCE TARGET", "write an OME-Zarr image with smaller and smaller levels",
                     PYRAMID), complete)  # fmt: skip
    command("info", "", "print what was built and what runs here; a bug report should hold it", None)
    shells = command("completion", "SHELL", "print what makes a shell complete commands and options", COMPLETION)
    shells.add_argument("shell", metavar="SHELL", choices=SHELLS, help=", ".join(SHELLS))
    return parser


def _files(parser: argparse.ArgumentParser, complete: Any, source: str, target: str) -> Any:
    for name, text in (("source", source), ("target", target)):
        argument: Any = parser.add_argument(name, metavar=name.upper(), help=text)
        argument.complete = complete
    files = parser.add_argument_group("files")
    files.add_argument("--dataset", metavar="NAME", help="which array of a .h5, .zarr or .npz source")
    files.add_argument("--overwrite", action="store_true", help="replace a target that is there already")
    files.add_argument("--dry-run", action="store_true", help="print shapes and sizes, and write nothing")
    return files


def _running(parser: argparse.ArgumentParser) -> Any:
    running = parser.add_argument_group("running")
    running.add_argument("--workers", metavar="N", type=values.integer, help="at most so many threads; -1: all")
    running.add_argument("--quiet", action="store_true", help="no bar, and no line at the end")
    return running


def _reduce(parser: argparse.ArgumentParser, complete: Any) -> None:
    _files(parser, complete, "the file to read", "the file to write; its name says the format")
    windows = parser.add_argument_group("windows", "One number holds for every pooled axis; 1,4,4 is one for each.")
    windows.add_argument("--window", metavar="N", type=values.numbers, default=2, help="cells of a window (2)")
    windows.add_argument("--stride", metavar="N", type=values.numbers,
                         help="cells from one window to the next (the window)")  # fmt: skip
    windows.add_argument("--padding", metavar="N", type=values.paddings, default=0,
                         help="cells added on both sides; before:after; valid, same or same_lower (0)")  # fmt: skip
    windows.add_argument("--dilation", metavar="N", type=values.numbers, default=1,
                         help="cells from one cell of a window to the next (1)")  # fmt: skip
    windows.add_argument("--partial", "--ceil", action=argparse.BooleanOptionalAction, default=True,
                         help="keep a last window that is only partly inside (kept)")  # fmt: skip
    windows.add_argument("--border", choices=BORDERS, default="ignore", metavar="HOW",
                         help=f"what padding holds: {', '.join(BORDERS)} (ignore: nothing)")  # fmt: skip
    windows.add_argument("--border-value", metavar="X", type=values.number, default=0,
                         help="what it holds with --border constant (0)")  # fmt: skip
    axes = parser.add_argument_group("axes").add_mutually_exclusive_group()
    parser.set_defaults(channel_axis=None)
    axes.add_argument("--axes", metavar="A,B", type=values.numbers,
                      help="numbers of the pooled axes; --axes=-2,-1: the last two (all but channels)")  # fmt: skip
    axes.add_argument("--channel-axis", metavar="A", type=values.integer, help="the axis that is not pooled")
    axes.add_argument("--no-channels", action="store_true", help="pool a last axis of 3 or 4 as any other")
    values_of = parser.add_argument_group("values")
    values_of.add_argument("--reduce", metavar="HOW", choices=tuple(TABLE), default="mean",
                           help=f"{', '.join(TABLE)} (mean)")  # fmt: skip
    values_of.add_argument("--option", metavar="NAME=VALUE", type=values.name_and_value, action="append",
                           default=[], help="of the reducer: q=0.9, p=3, ties=first, ...; may be repeated")  # fmt: skip
    values_of.add_argument("--dtype", metavar="TYPE",
                           help="of the result (of means and medians: the source's; else pool's)")  # fmt: skip
    values_of.add_argument("--nan-policy", choices=("propagate", "omit", "raise"), default="propagate",
                           metavar="HOW", help="of NaN: propagate, omit, raise (propagate)")  # fmt: skip
    values_of.add_argument("--fill-value", metavar="X", type=values.number, help="value of windows without a cell")
    _running(parser)


def _pyramid(parser: argparse.ArgumentParser, complete: Any) -> None:
    files = _files(parser, complete, "the file or folder to read", "the folder to write, such as volume.ome.zarr")
    files.add_argument("--no-resume", dest="resume", action="store_false",
                       help="begin again where an interrupted run would go on")  # fmt: skip
    levels = parser.add_argument_group("levels")
    levels.add_argument("--factor", metavar="N", type=values.numbers,
                        help="from one level to the next; 1,2,2: for each of z, y, x (2)")  # fmt: skip
    levels.add_argument("--levels", metavar="N", type=values.integer,
                        help="reduced levels (until the longest axis fits a chunk)")  # fmt: skip
    levels.add_argument("--reduce", metavar="HOW", choices=tuple(TABLE), help="as in cypool reduce (mean)")
    levels.add_argument("--labels", action="store_true", help="the source holds labels: their modes, not means")
    axes = parser.add_argument_group("axes")
    axes.add_argument("--axes", metavar="NAMES", type=values.axis_names,
                      help="such as zyx or tcyx (those of the file, or the last letters of tczyx)")  # fmt: skip
    axes.add_argument("--channel-axis", metavar="A", type=values.integer, help="the number of the axis of channels")
    axes.add_argument("--scale", metavar="X,..", type=values.real_numbers, help="size of a cell along each axis")
    axes.add_argument("--units", metavar="NAME,..", type=values.words, help="of the scale, one for all or for each")
    axes.add_argument("--name", metavar="NAME", help="of the image, in its metadata")
    storage = parser.add_argument_group("storage")
    storage.add_argument("--chunks", metavar="N", type=values.numbers, help="cells of a chunk along every or each axis")
    storage.add_argument("--shards", metavar="N", type=values.numbers, help="cells of a file that holds many chunks")
    storage.add_argument("--compression", type=values.compression, metavar="NAME[:N]",
                         help="such as zstd:3, gzip:5 or none (zstd)")
    running = _running(parser)
    running.add_argument("--memory", metavar="SIZE", type=values.memory, help="to work with, such as 1GiB (256MiB)")
