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


def whole_vectors(graph: onnx.ModelProto) -> onnx.ModelProto:
    """Pads the input channels of large convolutions to a multiple of four, in place.

    The padding is zeros with zero weights, so nothing changes but rounding. GPUs compute in vectors
    of four channels, and ONNX Runtime's WebGPU provider computes convolutions that end inside a
    vector wrongly (microsoft/onnxruntime#29651): 0.7 in sRGB with six channels, 80 in ab with 355.
    """
    constants = {tensor.name: tensor for tensor in graph.graph.initializer}
    for node in graph.graph.node:
        if node.op_type == "Cast" and node.input[0] in constants:
            constants[node.output[0]] = constants[node.input[0]]
    found = [node for node in graph.graph.node if _ends_inside_a_vector(node, constants)]
    for number, node in enumerate(found):
        kernel = constants[node.input[1]]
        missing = -kernel.dims[1] % 4
        padded = np.pad(numpy_helper.to_array(kernel), ((0, 0), (0, missing), (0, 0), (0, 0)))
        kernel.CopyFrom(numpy_helper.from_array(padded, kernel.name))
        widths = np.array([0, 0, 0, 0, 0, missing, 0, 0], np.int64)
        name = f"whole_vectors.{number}"
        graph.graph.initializer.append(numpy_helper.from_array(widths, f"{name}.pads"))
        pad = helper.make_node("Pad", [node.input[0], f"{name}.pads"], [name])
        node.input[0] = name
        graph.graph.node.insert(list(graph.graph.node).index(node), pad)
    return graph


def _ends_inside_a_vector(node: onnx.NodeProto, constants: dict[str, onnx.TensorProto]) -> bool:
    """Whether it is a convolution of more than four channels and not of a multiple of four."""
    if node.op_type != "Conv" or node.input[1] not in constants:
        return False
    groups = [attribute.i for attribute in node.attribute if attribute.name == "group"]
    channels = constants[node.input[1]].dims[1]
    return channels > 4 and channels % 4 != 0 and groups in ([], [1])


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
