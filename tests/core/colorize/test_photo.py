"""Seeds, variants, likeliest colours, confidence, and what previews remember."""

import numpy as np
import pytest

from core.color import spaces
from core.colorize.colorize import ColorizeSettings, colorize
from core.colorize.distribution import chances, confidence_map, likeliest
from core.colorize.photo import Asked, color_photo, confidence, find_colors
from core.colorize.variants import tilt
from core.errors import BadRequest, ModelCorrupt
from core.image import Image
from core.request.preview_cache import MOST_KEPT, Recall
from core.request.work import Other, Work
from tests.core.engine import open_generator, quiet
from tests.fakes import onnx as fakes
from tests.pixels import draw, grey

PALETTE = ((60.0, 40.0), (-50.0, 40.0), (20.0, -60.0), (58.0, 42.0))
LOGITS = (1.0, 0.7, 0.2, 0.8)


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return open_generator(fakes.constant_ab(tmp_path_factory.mktemp("m") / "plain", 10.0, 20.0))


@pytest.fixture(scope="module")
def noisy(tmp_path_factory):
    return open_generator(fakes.hinted_ab(tmp_path_factory.mktemp("m") / "noisy", 10.0, 20.0))


@pytest.fixture(scope="module")
def choosing(tmp_path_factory):
    folder = tmp_path_factory.mktemp("m") / "choosing"
    return open_generator(fakes.palette_ab(folder, PALETTE, LOGITS))


def ask(pixels, generator, others=(), in_place=False, at=None, recall=None, **settings):
    find = lambda task, model_id: generator  # noqa: E731
    chosen = ColorizeSettings(**settings)
    work = Work(Image(pixels), chosen, find, "", quiet, others, recall is not None, in_place, at)
    return color_photo(Work(**{**vars(work), "recall": recall}), generator)


PICTURE = grey("1246\n6421", 24)


def test_without_wishes_it_is_the_plain_colouring(plain, choosing):
    for generator in (plain, choosing):
        expected = colorize(Image(PICTURE), generator, ColorizeSettings(), quiet).pixels
        np.testing.assert_array_equal(ask(PICTURE, generator).image.pixels, expected)


@pytest.mark.parametrize("name", ["noisy", "choosing"])
def test_seeds_are_other_colourings_and_always_the_same_ones(name, request):
    generator = request.getfixturevalue(name)
    answer = ask(PICTURE, generator, seed=7, variants=3)
    assert [layer.role for layer in answer.layers] == ["variant"] * 2
    pictures = [answer.image.pixels, *(layer.image.pixels for layer in answer.layers)]
    likely = ask(PICTURE, generator).image.pixels
    for number, picture in enumerate(pictures):
        again = ask(PICTURE, generator, seed=7 + number).image.pixels
        np.testing.assert_array_equal(picture, again)
        assert (picture != likely).any()
    assert (pictures[0] != pictures[1]).any() and (pictures[1] != pictures[2]).any()
    assert "notes" not in answer.facts


def test_a_model_of_one_colouring_says_so(plain):
    answer = ask(PICTURE, plain, seed=3, variants=4)
    assert answer.layers == ()
    assert "one colouring" in answer.facts["notes"][0]
    np.testing.assert_array_equal(answer.image.pixels, ask(PICTURE, plain).image.pixels)


def test_variants_made_in_the_pictures_own_memory_are_the_same(choosing):
    pixels = draw("1246\n6421", 24)
    apart = ask(pixels.copy(), choosing, seed=1, variants=3)
    memory = pixels.copy()
    inside = ask(memory, choosing, in_place=True, seed=1, variants=3)
    assert inside.image.pixels is memory
    for answer in (apart, inside):
        assert len(answer.layers) == 2
    np.testing.assert_array_equal(apart.image.pixels, memory)
    for one, other in zip(apart.layers, inside.layers, strict=True):
        np.testing.assert_array_equal(one.image.pixels, other.image.pixels)


def test_a_tilt_is_smooth_over_colors():
    rng = np.random.default_rng(0)
    colors = rng.uniform(-80, 80, (60, 2))
    near = colors + rng.uniform(-2, 2, colors.shape)
    both = np.concatenate((colors, near))
    tilted = tilt(np.zeros((120, 1, 1), np.float32), both, 0.5, 9)[:, 0, 0] / 0.5
    assert tilted.std() == pytest.approx(1.5, abs=0.01)
    assert np.abs(tilted[:60] - tilted[60:]).max() < 0.6


def test_likeliest_colors_are_visibly_different(choosing):
    answer = ask(PICTURE, choosing, at=(60, 30))
    found = answer.facts["likeliest"]
    assert len(found) == 3
    weights = np.exp(LOGITS) / np.exp(LOGITS).sum()
    # the first and the last of the palette look alike: they are one colour
    shares = [weights[0] + weights[3], weights[1], weights[2]]
    assert [f["share"] for f in found] == pytest.approx(shares, abs=0.002)
    rgb = [[int(f["color"][i : i + 2], 16) / 255 for i in (1, 3, 5)] for f in found]
    lab = spaces.srgb_to_lab(np.array(rgb))
    for i in range(3):
        for j in range(i):
            assert spaces.delta_e_2000(lab[i], lab[j]) >= 9.5
    light = spaces.srgb_to_lab(np.full((1, 3), PICTURE[30, 60, 0] / 255))[0, 0]
    np.testing.assert_allclose(lab[:, 0], light, atol=1.0)
    assert 0 < answer.facts["confidence"] < 1


def test_models_without_a_palette_tell_nothing(plain):
    facts = ask(PICTURE, plain, at=(0, 0)).facts
    assert facts["likeliest"] == [] and facts["confidence"] is None


def test_in_black_there_is_one_color():
    found = likeliest(np.full(4, 0.25), np.array(PALETTE), 0.0)
    assert [f.share for f in found] == [1.0]
    assert found[0].color in ("#000000", "#010000")


def test_confidence_is_1_where_only_one_color_is_likely_and_less_elsewhere(choosing):
    logits = np.zeros((4, 1, 2), np.float32)
    logits[2, 0, 0] = 50
    distribution = chances(logits, 0.5)
    ab = np.array([[[20, -10]], [[-60, 5]]], np.float32)
    sure = confidence_map(distribution, np.array(PALETTE), ab)
    assert sure.shape == (1, 2)
    assert sure[0, 0] == pytest.approx(1) and sure[0, 1] < 0.2
    colors = find_colors(np.full((24, 40), 50, np.float32), choosing, Asked(), Recall())
    whole = confidence(colors, choosing)
    assert whole.shape == (24, 40) and ((whole > 0) & (whole < 1)).all()


def test_a_palette_and_a_reference_reach_the_picture(plain, choosing):
    reference = Other("reference", Image(draw("b", 40)))
    for generator in (plain, choosing):
        blue = ask(PICTURE, generator, palette=["#3355cc"]).image.pixels[4, 4].astype(int)
        assert blue[2] > blue[0] + 5
        blue = ask(PICTURE, generator, (reference,)).image.pixels[4, 4].astype(int)
        assert blue[2] > blue[0] + 5
        green = ask(PICTURE, generator, (reference,), palette=["#20a020"])
        assert green.image.pixels[4, 60, 1] > green.image.pixels[4, 60, 2]
        assert "not the reference" in green.facts["notes"][0]


@pytest.mark.parametrize("name", ["plain", "noisy"])
def test_a_preview_computes_again_only_what_changed(name, request):
    generator = request.getfixturevalue(name)
    generator.recall, recall = True, Recall()
    hint = np.zeros((48, 96, 4), np.uint8)
    hint[10:20, 10:20] = (200, 40, 50, 255)
    moved = np.roll(hint, 30, axis=1)
    try:

        def asked(pixels=hint, **settings):
            others = (Other("hint", Image(pixels)),)
            answer = ask(PICTURE, generator, others, recall=recall, **settings)
            fresh = ask(PICTURE, generator, others, **settings)
            np.testing.assert_array_equal(answer.image.pixels, fresh.image.pixels)
            return answer.facts["recalled"]

        assert asked() is False
        assert asked(strength=0.3) is True
        assert asked(saturation=1.7) is True
        # a new hint: a network that does not see hints need not be asked again
        assert asked(moved) is (name == "plain")
        assert asked(moved) is True
        assert asked(moved, palette=["#3355cc"]) is (name == "plain")
    finally:
        generator.recall = False


def test_recall_forgets_the_oldest():
    recall, made = Recall(), []
    for number in (*range(MOST_KEPT + 1), 0, MOST_KEPT):
        question = {"n": np.array([number]), "none": None}
        recall.get(number, question, lambda number=number: made.append(number))
    assert made == [*range(MOST_KEPT + 1), 0]
    recall.get(5, {"n": np.array([6]), "none": None}, lambda: made.append("other"))
    assert made[-1] == "other" and not recall.hit


def test_outputs_of_two_sizes_are_the_models_fault(tmp_path):
    generator = open_generator(fakes.palette_ab(tmp_path / "odd", PALETTE, LOGITS))
    real = generator.run_all

    def halved(inputs, wanted=None, part=""):
        outputs = real(inputs, wanted, part)
        return {**outputs, "palette": outputs["palette"][..., ::2, ::2]}

    generator.run_all = halved
    with pytest.raises(ModelCorrupt, match="different sizes"):
        ask(PICTURE, generator)


@pytest.mark.parametrize(
    "settings",
    [{"seed": -1}, {"seed": 1.0}, {"seed": True}, {"seed": 1 << 40}, {"variants": 0},
     {"variants": 7}, {"variants": "2"}, {"palette": "#112233"}, {"palette": ["blue"]}],
    ids=str,
)  # fmt: skip
def test_settings_out_of_range_are_refused(settings):
    with pytest.raises(BadRequest):
        ColorizeSettings(**settings)
