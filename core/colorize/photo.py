"""Photographs, with all that a user can ask for: hints, a palette, a reference, other colourings.

    L* reduced -> network (with noise, where it takes that) -> ab and palette logits
               -> what hints tell of the whole picture (core.colorize.kriging); around them, where
               the
                  network takes them, what it says with them
               -> seed (core.colorize.variants) -> palette or reference (core.color.palette)
               -> carried to the work size -> hints held (core.colorize.hints) -> laid over the
               picture

Everything up to the last step is kept between previews; saturation and strength act in the last.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.color.palette import Wanted, steer, wanted_like, wanted_of
from core.colorize.colorize import lay_fit, reduced_lightness, work_size
from core.colorize.distribution import confidence_map, likeliest
from core.colorize.hints import NETWORK_REACH, Hints, Spread, change_for, read_hints, spread
from core.colorize.kriging import carry
from core.colorize.prediction import Asked, Network
from core.colorize.variants import has_variants
from core.generator.generator import Generator
from core.image import Image, check_usable
from core.raster.resample import block_mean, guided_upsample, pad_zeros
from core.request.preview_cache import Recall
from core.request.work import Answer, Layer, Work

Array = np.ndarray


@dataclass(frozen=True, eq=False)
class Colors:
    """Colours found for reduced L*.

    Attributes:
        fit: slopes and offsets (2, H, W) of ab in L*, H and W padded to what the network takes.
        ab: as chosen, (2, h, w), before hints were held.
        distribution: softmax (K, h, w) over the model's palette, before a palette or reference
            chose; None without.
    """

    fit: tuple[Array, Array]
    ab: Array
    distribution: Array | None


def color_photo(work: Work, generator: Generator) -> Answer:
    """Colour a photograph; the first variant is the answer's picture, the others are layers.

    Facts: likeliest [{color, share}] and confidence 0..1 at work.at, where that is given;
    hinted, the share of the picture that hints cover, where there are any; notes, sentences on
    what could not be done; recalled in previews.

    Raises:
        ImageUnsupported: see core.image.check_usable; the reference cannot be seen.
        ModelCorrupt: the generator's outputs do not fit its input's size.
    """
    check_usable(work.image)
    size = work_size(generator.manifest.size, work.image.width, work.image.height)
    lightness = reduced_lightness(
        work.image, size, lambda share: work.progress(0.3 * share, "Reading lightness")
    )
    facts: dict[str, Any] = {}
    hints = _hints(work, size, facts)
    wanted = _wanted(work, facts)
    seeds = _seeds(work, generator, facts)
    provider = generator.provider.removesuffix("ExecutionProvider")
    found, recalled = [], True
    for number, seed in enumerate(seeds):
        work.progress(0.3 + 0.3 * number / len(seeds), f"Predicting colour ({provider})")
        colors, known = _recalled(work, generator, lightness, Asked(hints, wanted, seed))
        found.append(colors)
        recalled = recalled and known
    if work.recall is not None:
        facts["recalled"] = recalled
    if work.at is not None:
        facts |= tell(work.image, work.at, lightness, found[0], generator)
    images = _lay_all(work, found, size)
    layers = tuple(
        Layer("variant", f"Variant {number} (seed {seed})", image)
        for number, (seed, image) in enumerate(zip(seeds[1:], images[1:], strict=True), 2)
    )
    return Answer(images[0], generator, layers, facts)


def _lay_all(work: Work, found: list[Colors], size: tuple[int, int]) -> list[Image]:
    """One picture for each; the first is made last, for it may take the source's memory."""
    images: list[Image] = []
    image, place = work.shown
    for number, colors in reversed(list(enumerate(found))):
        result = image.color_result(work.color_memory() if number == 0 else None)
        done = len(images) / len(found)

        def progress(fraction: float, text: str, done: float = done) -> None:
            share = (fraction - 0.6) / 0.4 / len(found)
            work.progress(0.6 + 0.4 * (done + share), text)

        progress(0.6, "Laying colour over the picture")
        lay_fit(image, colors.fit, size, work.settings, result, progress, place)
        images.insert(0, result)
    return images


def _hints(work: Work, size: tuple[int, int], facts: dict[str, Any]) -> Hints | None:
    other = work.other("hint")
    if other is None:
        return None
    hints = read_hints(work.image, other, size)
    facts["hinted"] = 0.0 if hints is None else round(float(hints.mask.mean()), 4)
    if hints is None:
        _note(facts, "Nothing is painted on the layer of hints, at least not on this picture.")
    return hints


def _wanted(work: Work, facts: dict[str, Any]) -> Wanted | None:
    reference = work.other("reference")
    if work.settings.palette:
        if reference is not None:
            _note(facts, "The palette was used, and not the reference picture.")
        return wanted_of(work.settings.palette)
    return None if reference is None else wanted_like(reference.image)


def _seeds(work: Work, generator: Generator, facts: dict[str, Any]) -> list[int]:
    seed, count = work.settings.seed, work.settings.variants
    if has_variants(generator.manifest):
        return list(range(seed, seed + count))
    if seed or count > 1:
        title = generator.manifest.title
        _note(facts, f"The model '{title}' knows one colouring; other seeds give the same.")
    return [0]


def _note(facts: dict[str, Any], sentence: str) -> None:
    facts.setdefault("notes", []).append(sentence)


def _recalled(
    work: Work, generator: Generator, lightness: Array, asked: Asked
) -> tuple[Colors, bool]:
    """(find_colors, whether nothing of it had to be inferred again)."""
    if work.recall is None:
        return find_colors(lightness, generator, asked, Recall()), False
    question: dict[str, Any] = {
        "model": (generator.manifest.sha256, generator.provider),
        "lightness": lightness,
        "hint": None if asked.hints is None else asked.hints.ab,
        "mask": None if asked.hints is None else asked.hints.mask,
        "wanted": None if asked.wanted is None else asked.wanted.lab,
        "shares": None if asked.wanted is None else asked.wanted.shares,
    }
    recall = work.recall
    inferred: list[bool] = []
    colors = recall.get(
        ("photo", asked.seed),
        question,
        lambda: find_colors(lightness, generator, asked, recall, inferred.append),
    )
    return colors, not any(inferred)


def find_colors(
    lightness: Array,
    generator: Generator,
    asked: Asked,
    recall: Recall,
    inferred: Callable[[bool], None] = lambda again: None,
) -> Colors:
    """Colours for reduced L* (h, w), as everything but saturation and strength asks for.

    Args:
        recall: where what the network says without hints is kept.
        inferred: told for each use of the network whether it had to be run.
    """
    manifest = generator.manifest
    said = Network(lightness, generator, asked.seed)
    question = {"model": (manifest.sha256, generator.provider), "lightness": lightness}
    guide, ab, distribution = recall.get(("plain", asked.seed), question, lambda: said.run({}))
    inferred(not recall.hit)
    ratio = guide.shape[0] // ab.shape[1]
    reached = None if asked.hints is None else spread(asked.hints, lightness)
    if reached is not None:
        change = carry(reached, guide, ab)
        if manifest.takes("hint") and manifest.takes("hint-mask"):
            hints = reached.hints
            inputs = {"hint": hints.ab[None], "hint-mask": hints.mask[None, None]}
            _, ab_there, distribution_there = said.run(inputs)
            inferred(True)
            near = block_mean(pad_zeros(reached.share(NETWORK_REACH), guide.shape), ratio)
            change = change + near * (ab_there - ab - change)
            if distribution is not None and distribution_there is not None:
                distribution = distribution + near * (distribution_there - distribution)
        ab = ab + change
    if asked.wanted is not None:
        small = block_mean(guide, ratio)
        palette = np.asarray(manifest.palette, np.float32)
        ab = steer(small, ab, asked.wanted, distribution, palette)
    slopes, offsets = guided_upsample(guide, ab)
    if reached is not None:
        slopes, offsets = _held(guide, slopes, offsets, reached)
    return Colors((slopes, offsets), ab, distribution)


def _held(guide: Array, slopes: Array, offsets: Array, reached: Spread) -> tuple[Array, Array]:
    """Slopes and offsets with what the hints change; elsewhere they stay as they are."""
    height, width = reached.distance.shape
    visible = np.s_[:, :height, :width]
    predicted = (slopes * guide + offsets)[visible]
    change = np.zeros_like(slopes)
    change[visible] = change_for(reached, guide[:height, :width], predicted)
    more = guided_upsample(guide, change)
    return slopes + more[0], offsets + more[1]


def tell(
    image: Image, at: tuple[int, int], lightness: Array, colors: Colors, generator: Generator
) -> dict[str, Any]:
    """What the network thinks of a pixel: the next likeliest colours, and how sure it is."""
    if colors.distribution is None:
        return {"likeliest": [], "confidence": None}
    height, width = lightness.shape
    x, y = at[0] * width // image.width, at[1] * height // image.height
    ratio = colors.fit[0].shape[1] // colors.ab.shape[1]
    place = np.s_[:, y // ratio, x // ratio]
    palette = np.asarray(generator.manifest.palette, np.float32)
    found = likeliest(colors.distribution[place], palette, float(lightness[y, x]))
    sure = confidence_map(
        colors.distribution[place][:, None, None], palette, colors.ab[place][:, None, None]
    )
    return {
        "likeliest": [{"color": likely.color, "share": likely.share} for likely in found],
        "confidence": round(float(sure[0, 0]), 3),
    }


def confidence(colors: Colors, generator: Generator) -> Array | None:
    """How sure the network is of each place, (h, w), 0..1; None without a palette."""
    if colors.distribution is None:
        return None
    palette = np.asarray(generator.manifest.palette, np.float32)
    return confidence_map(colors.distribution, palette, colors.ab)
