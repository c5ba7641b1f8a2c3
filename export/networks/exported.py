"""Exported models as a place to start training from: a model's folder instead of a checkpoint.

Who has Limner has its models, but not the checkpoints that they were made of. The export keeps the
names of the weights; what it folded into the kernels, BatchNorm, is measured anew.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnx
import torch
from google.protobuf.message import DecodeError
from onnx import numpy_helper
from torch import Tensor, nn

from core.generator.manifest import Manifest
from export.errors import CheckpointUnusable

STEM_PARTS = ("/Split_output_0", "/Split_output_1")  # what `Stylizer.start` makes of its stem


@torch.no_grad()
def load_exported(generator: nn.Module, folder: Path) -> None:
    """Fills a generator, in place, with the weights of the exported model in `folder`.

    In evaluation mode it then computes what the model computes. Its BatchNorms are left neutral but
    for their shift: see `unfold_norms`. What only training needs stays as it is. Raises
    CheckpointUnusable where the model is of another network, or of other sizes.
    """
    manifest = Manifest.load(folder)
    if manifest.parts:
        raise CheckpointUnusable(
            f"The model in {folder} is several graphs; training can only start from its checkpoint."
        )
    stored = _read(folder / manifest.file)
    norms = _norms(generator)
    for norm in norms:
        stored[f"{norm.name}.bias"] = stored.get(f"{norm.conv}.bias", np.empty(0))
    settled = tuple(
        f"{norm.name}.{part}"
        for norm in norms
        for part in ("weight", "running_mean", "running_var", "num_batches_tracked")
    )
    wanted = {
        name: value
        for name, value in generator.state_dict().items()
        if name not in settled and not name.startswith(training_only(generator))
    }
    _check_fit(wanted, stored, folder)
    for norm in norms:
        norm.module.reset_running_stats()
        norm.module.get_buffer("running_var").sub_(norm.module.eps)
        nn.init.ones_(norm.module.weight)
    for name, value in wanted.items():
        value.copy_(torch.from_numpy(np.ascontiguousarray(stored[name])))


def training_only(generator: nn.Module) -> tuple[str, ...]:
    """Beginnings of the names of those weights that are not exported."""
    return getattr(generator, "training_only", ())


@torch.no_grad()
def unfold_norms(generator: nn.Module, batches: Iterable[tuple[Tensor, ...]]) -> None:
    """Gives neutral BatchNorms the statistics of what they see, in place; the outputs stay.

    Each is left with the mean m and the variance v of its inputs over the batches, the scale
    sqrt(v) and a shift larger by m, so that training with the statistics of single batches starts
    from the same function. Norms that the generator keeps in evaluation mode stay neutral.
    """
    generator.train()
    trained = [norm.module for norm in _norms(generator) if norm.module.training]
    generator.eval()
    if not trained:
        return
    sums: dict[nn.Module, Tensor] = {
        norm: torch.zeros(3, norm.num_features, dtype=torch.float64) for norm in trained
    }

    def observe(norm: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        x = inputs[0].double().transpose(0, 1).flatten(1).cpu()
        sums[norm] += torch.stack((torch.full((len(x),), x.shape[1]), x.sum(1), (x * x).sum(1)))

    watches = [norm.register_forward_pre_hook(observe) for norm in trained]
    for batch in batches:
        generator(*batch)
    for watch in watches:
        watch.remove()
    for norm in trained:
        count, total, squares = sums[norm]
        mean = total / count
        variance = (squares / count - mean * mean).clamp_min(0)
        norm.bias.add_(mean)
        norm.weight.copy_(torch.sqrt(variance + norm.eps))
        norm.get_buffer("running_mean").copy_(mean)
        norm.get_buffer("running_var").copy_(variance)


class _Norm(NamedTuple):
    """A BatchNorm that the export folds into a convolution, and both names."""

    name: str
    module: nn.BatchNorm2d
    conv: str


def _norms(generator: nn.Module) -> list[_Norm]:
    """As `packing.fold_norms` finds them: directly after a convolution in the same module.

    But for those that only training needs.
    """
    found = []
    for parent_name, parent in generator.named_modules():
        previous = None
        for name, child in parent.named_children():
            path = f"{parent_name}.{name}" if parent_name else name
            is_exported = not path.startswith(training_only(generator))
            if isinstance(child, nn.BatchNorm2d) and previous is not None and is_exported:
                found.append(_Norm(path, child, previous))
            previous = path if isinstance(child, nn.Conv2d) else None
    return found


def _read(path: Path) -> dict[str, np.ndarray]:
    """The graph's constants as float32, by the names that they have in the network."""
    try:
        graph = onnx.load(path, load_external_data=False).graph
    except (OSError, DecodeError) as error:
        raise CheckpointUnusable(f"{path} cannot be read as an ONNX file.") from error
    stored = {
        tensor.name.removesuffix(".fp16"): numpy_helper.to_array(tensor).astype(np.float32)
        for tensor in graph.initializer
    }
    _name_folded(graph, stored)
    return stored


def _name_folded(graph: onnx.GraphProto, stored: dict[str, np.ndarray]) -> None:
    """Undoes, in `stored`, what the export has done to weights on their way into the graph."""
    maker = {name: node for node in graph.node for name in node.output}
    for node in graph.node:
        before = maker.get(node.input[0]) if node.input else None
        if node.op_type == "Conv" and before and before.output[0].startswith("whole_vectors."):
            missing = int(stored[before.input[1]][5])
            stored[node.input[1]] = stored[node.input[1]][:, :-missing]
            before = maker.get(before.input[0])
        if node.op_type == "Conv" and before and before.op_type == "Softmax":
            # the expectation over a palette is a convolution with it
            stored["palette"] = stored[node.input[1]][:, :, 0, 0].T
        if node.op_type == "MatMul" and node.input[1] in stored:
            # linear layers without bias, transposed: "/levels.0/code/MatMul"
            name = node.name.removesuffix("/MatMul").strip("/").replace("/", ".")
            stored[f"{name}.weight"] = stored[node.input[1]].T
    if all(part in stored for part in STEM_PARTS):
        stored["stem.weight"] = np.concatenate([stored[part] for part in STEM_PARTS], axis=1)


def _check_fit(wanted: dict[str, Tensor], stored: dict[str, np.ndarray], folder: Path) -> None:
    """Raises CheckpointUnusable unless each weight that is wanted is stored, in its shape."""
    for name in wanted:
        if name not in stored:
            raise CheckpointUnusable(f"The model in {folder} is of another network: no '{name}'.")
    for name, value in wanted.items():
        if stored[name].shape != tuple(value.shape):
            raise CheckpointUnusable(
                f"The model in {folder} has '{name}' of {list(stored[name].shape)}, the network of "
                f"{list(value.shape)}; the settings of its sizes must be the same."
            )
