"""What a colouriser says of pictures: ab, and how likely its palette's colours are, by a seed."""

from dataclasses import dataclass

import numpy as np

from core.color.palette import Wanted, steer
from core.colorize.colorize import check_sizes, guides_of, infer
from core.colorize.distribution import chances
from core.colorize.hints import Hints
from core.colorize.variants import noise_for, tilt, tilted_ab
from core.errors import ModelCorrupt
from core.generator.generator import Generator
from core.generator.manifest import Manifest
from core.raster.resample import block_mean

Array = np.ndarray


@dataclass(frozen=True, eq=False)
class Asked:
    """What the user asks for beside the picture.

    Attributes:
        hints: of the work size, or None.
        wanted: the colours to use, or None.
        seed: 0 for the likeliest colouring.
    """

    hints: Hints | None = None
    wanted: Wanted | None = None
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Network:
    """A generator on one picture, L* (h, w), with one seed."""

    lightness: Array
    generator: Generator
    seed: int

    def run(self, inputs: dict[str, Array]) -> tuple[Array, Array, Array | None]:
        """(guide, ab, distribution) with these inputs, and noise where the model takes it."""
        manifest = self.generator.manifest
        noise = noise_for(manifest, self.seed)
        if noise is not None and self.seed:
            inputs = {**inputs, "noise": noise}
        wanted = ("picture", "palette") if manifest.gives("palette") else ("picture",)
        guide, outputs = infer(self.lightness, self.generator, inputs, wanted)
        ab = outputs["picture"][0]
        if "palette" not in outputs:
            return guide, ab, None
        return guide, *_chosen(manifest, ab, outputs["palette"][0], self.seed)


def predict_asked(
    lightness: list[Array], generator: Generator, asked: Asked
) -> list[tuple[Array, Array]]:
    """As core.colorize.colorize.predict_many, by a seed and in the colours that are wanted; no
    hints.

    Raises ModelCorrupt: the outputs do not fit the input's size.
    """
    manifest = generator.manifest
    guides = guides_of(lightness, generator)
    inputs = {"picture": guides[:, None]}
    noise = noise_for(manifest, asked.seed)
    if noise is not None and asked.seed:
        inputs["noise"] = np.repeat(noise, len(guides), axis=0)
    choosing = manifest.gives("palette") and (asked.wanted is not None or asked.seed != 0)
    outputs = generator.run_many(inputs, ("picture", "palette") if choosing else ("picture",))
    check_sizes(outputs, guides.shape[1:], generator)
    results = []
    for number, (guide, ab) in enumerate(zip(guides, outputs["picture"], strict=True)):
        distribution = None
        if choosing:
            ab, distribution = _chosen(manifest, ab, outputs["palette"][number], asked.seed)
        if asked.wanted is not None:
            small = block_mean(guide, guide.shape[0] // ab.shape[1])
            palette = np.asarray(manifest.palette, np.float32)
            ab = steer(small, ab, asked.wanted, distribution, palette)
        results.append((guide, ab))
    return results


def _chosen(manifest: Manifest, ab: Array, logits: Array, seed: int) -> tuple[Array, Array]:
    """(ab, distribution), tilted by the seed where the network has no noise of its own."""
    if logits.shape[1:] != ab.shape[1:]:
        raise ModelCorrupt(f"The two outputs of '{manifest.title}' are of different sizes.")
    plain = chances(logits, manifest.temperature)
    if not seed or manifest.takes("noise"):
        return ab, plain
    palette = np.asarray(manifest.palette, np.float32)
    tilted = tilt(logits, palette, manifest.temperature, seed)
    other = chances(tilted, manifest.temperature)
    return tilted_ab(ab, plain, other, palette), other
