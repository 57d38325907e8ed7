"""The model of benchmarks/: how deep a pyramid is, how many bytes it has, and what its steps add up to."""

import importlib.util
import math
from pathlib import Path

import pytest

PATH = Path(__file__).parents[2] / "benchmarks" / "scale_model.py"
SPEC = importlib.util.spec_from_file_location("scale_model", PATH)
model = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(model)

RATES = {"read": 1000, "copy": 2000, "reduce": 500, "compress": 100, "store": 1000, "write": 250, "ratio": 2}


@pytest.mark.parametrize(
    ("shape", "depth"), [((1,), 0), ((128, 128), 0), ((129, 4), 1), ((256,), 1), ((257,), 2), ((1024, 2048, 2048), 4)]
)
def test_depth(shape, depth):
    assert model.depth(shape, 128) == depth


def test_all_levels():
    assert model.all_levels((64, 64, 64), 128) == 1
    assert model.all_levels((512, 512, 512), 128) == 1 + 1 / 8 + 1 / 64
    assert model.all_levels((129, 1, 1), 128) == (129 + 65) / 129  # what is cut counts as a cell
    assert model.all_levels((2**20,) * 3, 1) == pytest.approx(8 / 7)
    assert model.all_levels((2**20,) * 2, 1) == pytest.approx(4 / 3)


def test_steps():
    step = model.steps(1000, 1.2, RATES)
    wanted = {"read": 1, "copy": 0.5, "reduce": 2, "compress": 12, "store": 0.6, "write": 2.4}
    assert step == pytest.approx(wanted)
    for name in wanted:  # a step that is twice as fast takes half as long, and no other step changes
        other = model.steps(1000, 1.2, RATES | {name: 2 * RATES[name]})
        assert other == pytest.approx(wanted | {name: wanted[name] / 2})


@pytest.mark.parametrize("threads", [1, 2, 1000])
def test_predicted(threads):
    found = model.predicted(model.steps(1000, 1.2, RATES), threads)
    assert found["cpu"] == pytest.approx(15.1)  # whatever the number of threads
    assert found["most"] == pytest.approx(3.4 + 15.1 / threads)
    assert found["least"] == pytest.approx(max(3.4, 15.1 / threads))  # threads do not make the disk faster


def test_objects():
    assert model.objects(128**3 * 2, 2, 128) == pytest.approx(8 / 7)
    assert model.objects(1e15, 2, 64) == pytest.approx(8 * model.objects(1e15, 2, 128))


def test_a_petabyte():
    lines = [line.strip("| ").split(" | ") for line in model.petabyte(RATES, nodes=10, cores=4).splitlines()]
    minutes = {line[0]: line[-1] for line in lines}
    assert minutes["read"] == f"{1e9 / 1e6 / 60:.1f}"  # of the store, not of a disk
    assert minutes["compress"] == f"{1e9 * 8 / 7 / 100 / 40 / 60:.1f}"
    assert math.isclose(float(minutes["write"]), 1e9 * 8 / 7 / 2 / 1e6 / 60, abs_tol=0.06)
