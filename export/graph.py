"""Tidying an ONNX graph: constants folded, kernels stored in fp16, checked."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

SMALLEST_HALVED = 256  # tensors with fewer values are kept in fp32: they weigh nothing


def is_halved(shape: tuple[int, ...]) -> bool:
    """Whether a tensor is stored in fp16: kernels are, biases are not."""
    return len(shape) >= 2 and int(np.prod(shape)) >= SMALLEST_HALVED


def fold_constants(graph: onnx.ModelProto) -> onnx.ModelProto:
    """Replaces every node that depends on constants alone by its value, in place.

    The exporter spells out, for instance, the widths of each padding as ten nodes.
    """
    known = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.graph.initializer}
    kept, made = [], []
    for node in graph.graph.node:
        inputs = [name for name in node.input if name]
        if not all(name in known for name in inputs):
            kept.append(node)
            continue
        for name, value in zip(node.output, _evaluate(node, known, graph), strict=True):
            known[name] = value
            made.append(name)
    used = {name for node in kept for name in node.input}
    used |= {value.name for value in graph.graph.output}
    for name in made:
        if name in used:
            graph.graph.initializer.append(numpy_helper.from_array(known[name], name))
    unused = [tensor for tensor in graph.graph.initializer if tensor.name not in used]
    for tensor in unused:
        graph.graph.initializer.remove(tensor)
    del graph.graph.node[:]
    graph.graph.node.extend(kept)
    return graph


def halve_kernels(graph: onnx.ModelProto, exact: tuple[str, ...] = ()) -> onnx.ModelProto:
    """Stores large fp32 initialisers as fp16, each followed by a Cast to fp32, in place.

    Those whose names begin with one of `exact` are left as they are.
    """
    casts = []
    for tensor in graph.graph.initializer:
        if tensor.data_type != TensorProto.FLOAT or not is_halved(tuple(tensor.dims)):
            continue
        if tensor.name.startswith(exact):
            continue
        halved = numpy_helper.to_array(tensor).astype(np.float16)
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(halved, name + ".fp16"))
        casts.append(helper.make_node("Cast", [name + ".fp16"], [name], to=TensorProto.FLOAT))
    for position, cast in enumerate(casts):
        graph.graph.node.insert(position, cast)
    return graph


def check(graph: onnx.ModelProto) -> str:
    """onnx.checker's complaint in one line, or nothing."""
    try:
        onnx.checker.check_model(graph, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        return str(error).strip().splitlines()[0]
    return ""


def _evaluate(
    node: onnx.NodeProto, known: dict[str, np.ndarray], graph: onnx.ModelProto
) -> list[np.ndarray]:
    """The outputs of one node whose inputs are known, by ONNX's reference implementation."""
    inputs = {name: known[name] for name in node.input if name}
    single = helper.make_graph(
        [node],
        "constant",
        [
            helper.make_tensor_value_info(
                name, helper.np_dtype_to_tensor_dtype(value.dtype), value.shape
            )
            for name, value in inputs.items()
        ],
        [helper.make_empty_tensor_value_info(name) for name in node.output],
    )
    model = helper.make_model(single, opset_imports=graph.opset_import)
    return [np.asarray(value) for value in ReferenceEvaluator(model).run(None, inputs)]
