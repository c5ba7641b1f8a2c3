"""Photo or drawing, and the model that the filter takes for it."""

import numpy as np
import pytest

from core.colorize.colorize import ColorizeSettings
from core.errors import ImageUnsupported, ModelMissing
from core.filters import FILTERS
from core.image import Image
from core.request.work import Work
from core.sketch.detect import FEATURES, features, is_sketch
from core.worker.service import Service
from tests.core.engine import quiet
from tests.drawings import hint_layer, lines
from tests.fakes import onnx as fakes

DRAWN = "aabcccdd\naabcccdd\neeeefggg\nhhiifggg\nhhiijjjj"


def drawing(scale=40):
    return lines(DRAWN, scale=scale)[0]


def photo(size=(200, 320)):
    """Shapes lit from a side, blurred tones between them, grain: nothing of paper."""
    rng = np.random.default_rng(8)
    y, x = np.mgrid[: size[0], : size[1]]
    tones = 90 + 50 * np.sin(x / 37) * np.cos(y / 29) + 0.2 * y
    for _ in range(12):
        left, top, radius = rng.uniform(0, size[1]), rng.uniform(0, size[0]), rng.uniform(15, 60)
        far = np.hypot(x - left, y - top) / radius
        tones = np.where(far < 1, rng.uniform(20, 200) * (1.2 - 0.5 * far), tones)
    tones = tones + rng.normal(0, 4, size)
    return np.clip(tones, 0, 255).astype(np.uint8)[..., None]


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    fakes.constant_ab(folder / "rose", 40.0, 10.0, default=True)
    fakes.sketcher(folder / "painter", default=True)
    return folder


def colored(folder, pixels, model="", **work):
    service = Service((folder,))
    find = lambda task, model_id: service.generator(task, model_id, "cpu")  # noqa: E731
    given = Work(Image(pixels), ColorizeSettings(), find, model, quiet, **work)
    return FILTERS["colorize"].run(given)


def test_a_drawing_is_one_on_any_paper():
    clean = drawing()
    rng = np.random.default_rng(1)
    paper = np.linspace(0.7, 1, clean.shape[1])[None, :, None] * np.array([0.95, 0.9, 0.8])
    scan = np.clip(clean * paper + rng.normal(0, 3, clean.shape), 0, 255).astype(np.uint8)
    alone = np.concatenate((clean * 0, 255 - clean[..., :1]), axis=2)
    for pixels in (clean, clean[..., :1], scan, 255 - clean, alone, clean.astype(np.uint16) * 257):
        assert is_sketch(Image(pixels))


def test_a_photograph_is_none():
    grey = photo()
    toned = (grey * np.array([1.0, 0.9, 0.7])).astype(np.uint8)
    for pixels in (grey, toned, 255 - grey, (grey / 255).astype(np.float32)):
        assert not is_sketch(Image(pixels))


@pytest.mark.parametrize("size", [(8, 8), (8, 900), (900, 8), (3000, 30)], ids=str)
def test_features_of_any_size_are_numbers(size):
    rng = np.random.default_rng(0)
    for channels in (1, 2, 3, 4):
        found = features(Image(rng.integers(0, 256, (*size, channels)).astype(np.uint8)))
        assert found.shape == (len(FEATURES),) and np.isfinite(found).all()


def test_the_filter_takes_the_model_that_fits(models):
    for pixels, kind, model in ((drawing(), "sketch", "painter"), (photo(), "photo", "rose")):
        answer = colored(models, pixels)
        assert (answer.facts["kind"], answer.facts["kind_reason"]) == (kind, "detected")
        assert answer.generator.manifest.id == model
        roles = [layer.role for layer in answer.layers]
        assert roles == (["colors", "lines"] if kind == "sketch" else [])


def test_the_user_can_choose_otherwise(models):
    for pixels, kind, model in ((drawing(), "photo", "rose"), (photo(), "sketch", "painter")):
        answer = colored(models, pixels, model)
        assert (answer.facts["kind"], answer.facts["kind_reason"]) == (kind, "chosen")
        assert answer.image.pixels.shape == (*pixels.shape[:2], 3)
    with pytest.raises(ModelMissing, match="No model 'nobody'"):
        colored(models, photo(), "nobody")


def test_without_a_model_for_drawings_the_other_one_works(tmp_path):
    fakes.constant_ab(tmp_path / "rose", 40.0, 10.0)
    answer = colored(tmp_path, drawing())
    assert answer.facts["kind"] == "photo" and answer.generator.manifest.id == "rose"


def test_hints_reach_the_drawing_and_previews_have_no_layers(models):
    pixels = drawing()
    hint = hint_layer(pixels.shape[:2], [(40, 40, "g", 8)])
    answer = colored(models, pixels, others=(hint,), preview=True)
    assert not answer.layers
    red, green, blue = answer.image.pixels[20, 20].astype(int)
    assert green > 245 and red < 12 and blue < 12


def test_almost_white_paper_is_refused_when_drawings_are_wanted(models):
    with pytest.raises(ImageUnsupported, match="almost white"):
        colored(models, np.full((64, 64, 1), 252, np.uint8))
