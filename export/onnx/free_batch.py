"""Free an exported model's first axis, so that films send several frames through it at a time.

    python -m export.onnx.free_batch --model core/data/models/photo-v2

Done only where three pictures together give what they give one by one; a graph that has the one
written into its inside (a Reshape, say) fails that and stays as it is. Parts of a model are left.
"""

from __future__ import annotations

import os
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import onnx

from core.errors import LimnerError
from core.generator.catalog import Model
from core.generator.generator import Generator
from core.generator.manifest import Manifest, file_sha256
from export.errors import ExportRefused
from export.onnx.graph import check
from export.training.arguments import option, parse_arguments

AXIS = "pictures"
COUNT = 3


@dataclass(frozen=True)
class Args:
    """Frees the first axis of a model's main graph, in place."""

    model: Path = option(Path("core/data/models/photo-v2"), "the model's folder")
    tolerance: float = option(1e-3, "largest allowed difference, in the output's units")


def main() -> None:
    args = parse_arguments(Args)
    try:
        error = free_batch(args.model, args.tolerance)
    except LimnerError as problem:
        sys.exit(str(problem))
    print(f"{args.model.name}: {COUNT} pictures at once and one by one differ by {error:.2e}")


def free_batch(folder: Path, tolerance: float) -> float:
    """Rewrite the graph and the manifest; the largest difference. Raises ExportRefused."""
    manifest = Manifest.load(folder)
    path = folder / manifest.file
    graph = onnx.load(path)
    for value in [*graph.graph.input, *graph.graph.output]:
        value.type.tensor_type.shape.dim[0].dim_param = AXIS
    del graph.graph.value_info[:]  # what was inferred for one picture
    if problem := check(graph):
        raise ExportRefused(f"The graph of {folder.name} cannot be freed: {problem}.")
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".free-") as name:
        draft = Path(name) / folder.name
        draft.mkdir()
        for part in manifest.parts:
            os.link(folder / part.file, draft / part.file)
        (draft / manifest.file).write_bytes(graph.SerializeToString())
        freed = replace(manifest, sha256=file_sha256(draft / manifest.file))
        error = _difference(Generator.open(Model(freed, draft), device="cpu"))
        if not error <= tolerance:  # also refuses NaN
            raise ExportRefused(
                f"{COUNT} pictures at once differ by {error:.2e} from one by one, more than "
                f"{tolerance:.0e}."
            )
        os.replace(draft / manifest.file, path)
    freed.save(folder)
    return error


def _difference(generator: Generator) -> float:
    """Largest difference in the output of role "picture" between both ways."""
    rng = np.random.default_rng(0)
    size = generator.manifest.size
    side = max(size.minimum, 64)
    width, height = size.fixed or tuple(
        -(-length // size.multiple_of) * size.multiple_of for length in (side + 32, side)
    )
    inputs = {}
    for spec in generator.manifest.inputs:
        place = () if spec.layout == "NC" else (height, width)
        values = rng.uniform(size=(COUNT, spec.channels, *place)).astype(np.float32)
        inputs[spec.role] = values * (100 if spec.space == "lab-l" else 1)
    together = generator.run_all(inputs, ("picture",))["picture"]
    errors = []
    for number in range(COUNT):
        one = {role: array[number : number + 1] for role, array in inputs.items()}
        alone = generator.run_all(one, ("picture",))["picture"]
        errors.append(np.abs(together[number : number + 1] - alone).max())
    return float(np.max(errors))


if __name__ == "__main__":
    main()
