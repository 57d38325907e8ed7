"""The pooling nodes among ONNX's own conformance cases: inputs, attributes and expected outputs from its package."""

import importlib

import numpy as np
import onnx
import pytest
from onnx.backend.test.case import node

from cypool.nn import onnx_pool

OPERATORS = {
    "averagepool": "AveragePool", "globalaveragepool": "GlobalAveragePool", "globalmaxpool": "GlobalMaxPool",
    "lppool": "LpPool", "maxpool": "MaxPool", "maxunpool": "MaxUnpool",
}  # fmt: skip

for module in OPERATORS:  # importing one makes its cases
    importlib.import_module(f"onnx.backend.test.case.node.{module}")
CASES = [case for case in node._NodeTestCases if case.model.graph.node[0].op_type in OPERATORS.values()]


def test_all_cases_are_there():
    """GlobalLpPool has none."""
    assert len(CASES) == len({case.name for case in CASES}) >= 53
    assert {case.model.graph.node[0].op_type for case in CASES} == set(OPERATORS.values())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(case):
    operator = case.model.graph.node[0]
    assert len(case.model.graph.node) == 1 and len(case.data_sets) == 1
    attributes = {a.name: onnx.helper.get_attribute_value(a) for a in operator.attribute}
    inputs, expected = case.data_sets[0]
    got = onnx_pool(operator.op_type, list(inputs), attributes, outputs=len(expected))
    assert len(got) == len(expected)
    for ours, theirs in zip(got, expected, strict=True):
        assert ours.dtype == theirs.dtype and ours.shape == theirs.shape
        np.testing.assert_allclose(ours, theirs, rtol=case.rtol, atol=case.atol)
    for ours, theirs in zip(onnx_pool(operator.op_type, inputs, attributes), expected, strict=False):
        np.testing.assert_allclose(ours, theirs, rtol=case.rtol, atol=case.atol)
