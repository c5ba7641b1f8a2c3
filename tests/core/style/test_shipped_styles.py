"""The style models that come with Limner keep their promises: no seams, kept colours, strength."""

import numpy as np
import pytest

from core.color.spaces import srgb_to_lab
from core.generator.catalog import SHIPPED, Catalog
from core.generator.generator import Generator
from core.image import Image
from core.style import tiles as module
from core.style.gallery import find_style
from core.style.stylize import StylizeSettings, paint
from tests.core.engine import quiet

MODELS = [model.manifest.id for model in Catalog.read((SHIPPED,)).models("stylize")]


@pytest.fixture(scope="module", params=MODELS)
def generator(request):
    return Generator.open(Catalog.read((SHIPPED,)).find("stylize", request.param), "cpu")


def scene(height, width):
    """Light and dark, colours and grain differ from part to part."""
    rng = np.random.default_rng(2)
    y, x = np.mgrid[0:height, 0:width] / width
    planes = np.stack((0.1 + 0.6 * x, 0.7 - 0.5 * y, 0.5 + 0.4 * np.sin(30 * x * y)), axis=2)
    planes[(x - 0.7) ** 2 + (y - 0.3) ** 2 < 0.02] = (0.9, 0.8, 0.2)
    planes += (0.1 * x)[..., None] * rng.standard_normal((height, width, 1))
    return np.clip(planes, 0, 1).astype(np.float32)


def painted(pixels, generator, **settings):
    if generator.manifest.takes("style"):
        settings["styles"] = ({"path": str(find_style("great-wave"))},)
    settings = {"brush_size": 1} | settings
    return paint(Image(pixels), generator, StylizeSettings(**settings), quiet)


def test_tiles_equal_the_whole(generator, monkeypatch):
    pixels = scene(440, 600)
    whole = painted(pixels, generator)
    monkeypatch.setattr(module, "TILE_SIDE", 240)
    tiled = painted(pixels, generator)
    assert whole.tiles == 1 and tiled.tiles >= 20
    error = (whole.image.pixels.astype(np.float64) - tiled.image.pixels) ** 2
    assert 10 * np.log10(1 / max(error.mean(), 1e-20)) >= 60
    assert np.abs(whole.image.pixels - scene(440, 600)).mean() > 0.01  # it does paint


@pytest.mark.parametrize("brush_size", [1, 2])
def test_kept_colours_change_by_2_at_most(generator, brush_size):
    pixels = (scene(160, 200) * 255).astype(np.uint8)
    result = painted(pixels, generator, preserve_colors=1, brush_size=brush_size).image.pixels
    new, old = (srgb_to_lab(x / np.float64(255))[..., 1:] for x in (result, pixels))
    assert np.abs(new - old).mean() <= 2


def test_strength_is_monotonic_from_the_photograph_on(generator):
    pixels = (scene(96, 128) * 255).astype(np.uint8)
    away = [
        np.abs(painted(pixels, generator, strength=s).image.pixels.astype(int) - pixels).mean()
        for s in (0, 0.25, 0.5, 0.75, 1)
    ]
    assert away[0] == 0
    assert np.all(np.diff(away) > 0)
