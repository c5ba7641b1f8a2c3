"""Named painters: the cycle-consistent game in small, stage 1's colours, the Frechet table."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from core.color.spaces import srgb_to_lab
from core.generator.catalog import Model
from core.generator.generator import Generator
from core.generator.manifest import Manifest
from export.colorize.recolor import Recolored
from export.data.pictures import Pictures
from export.errors import DataUnusable
from export.measure import evaluate_painter
from export.networks.vgg import VGG19
from export.onnx import to_onnx
from export.style import train_painter
from export.style.cycle import CycleLosses, Game, ScaledDiscriminator, Weights, augment
from export.training import devices
from export.training.arguments import parse_arguments
from export.training.checkpoint import load_checkpoint
from tests.export.conftest import TINY_PAINTER as TINY
from tests.export.resuming import assert_same_losses

pytestmark = pytest.mark.export

PHOTO_MODEL = sorted((Path(__file__).parents[3] / "core" / "data" / "models").glob("photo-v*"))[0]
TERMS = {"cycle", "identity", "content", "variation", "range"}
GAME_TERMS = {"adversarial", "judge of works", "judge of photos"}


@pytest.fixture
def args(painter_args) -> train_painter.Args:
    return painter_args


def make_run(args: train_painter.Args) -> train_painter.Run:
    return train_painter.Run(args, devices.start("cpu"))


@pytest.mark.parametrize("judged_layer", ["", "relu2_1"])
def test_game_is_played_and_every_network_learns(args, judged_layer):
    args = replace(args, judged_layer=judged_layer)
    before = make_run(args).game.state_dict()
    before = {key: value.clone() for key, value in before.items()}
    history = train_painter.train(args)
    assert set(history[0]) == TERMS  # calm: the discriminators are not asked yet
    assert set(history[2]) == TERMS | GAME_TERMS
    assert (args.out / "sheet-000003.png").exists()
    after = make_run(replace(args, resume=True)).game.state_dict()
    for name in ("painter", "photographer", "judge_of_works", "judge_of_photos"):
        kernels = [k for k in before if k.startswith(name) and before[k].dim() == 4]
        assert kernels
        assert all(not torch.equal(before[key], after[key]) for key in kernels)


def test_resumed_game_has_the_same_losses(args):
    assert_same_losses(train_painter.train, args, rel=1e-3)


def game_losses(**weights: float) -> tuple[Game, CycleLosses]:
    torch.manual_seed(0)
    game = Game(TINY, channels=4, depth=1, scales=2)
    return game, CycleLosses(game, VGG19(), "lsgan", Weights(**weights), "relu1_1", 0)


@torch.no_grad()
def test_generators_that_do_nothing_have_no_cycle_and_no_identity_loss():
    game, losses = game_losses()
    for generator in (game.painter, game.photographer):
        generator.paint.weight.zero_()
        generator.paint.bias.zero_()
    photos, works = torch.rand(2, 2, 3, 32, 32)
    terms, painted, _ = losses.of_generators(photos, works, False, torch.Generator())
    assert torch.equal(painted, photos)
    assert terms["cycle"] == terms["identity"] == terms["content"] == terms["range"] == 0


@torch.no_grad()
def test_cycle_term_is_lambda_times_both_ways():
    game, losses = game_losses(cycle=10.0, identity=5.0)
    for generator, step in ((game.painter, 0.1), (game.photographer, 0.2)):
        generator.paint.weight.zero_()
        generator.paint.bias.fill_(step)
    photos, works = torch.rand(2, 2, 3, 32, 32)
    terms, _, _ = losses.of_generators(photos, works, False, torch.Generator())
    # every picture comes back 0.1 + 0.2 lighter; alone, works 0.1 and photographs 0.2
    assert terms["cycle"] == pytest.approx(10 * (0.3 + 0.3), rel=1e-4)
    assert terms["identity"] == pytest.approx(5 * (0.1 + 0.2), rel=1e-4)


def test_steps_without_return_have_neither_cycle_nor_identity(args):
    history = train_painter.train(replace(args, return_every=2))
    assert set(history[1]) == TERMS - {"cycle", "identity"} | GAME_TERMS
    assert set(history[2]) == TERMS | GAME_TERMS


def test_boosted_game_comes_nearer_to_the_works_and_resumes(args):
    boosted = replace(args, steps=12, calm=99, booster_weight=1.0, tone_weight=1.0, lr=3e-3)
    history = train_painter.train(replace(boosted, booster_last=1.0, booster_memory=0.0))
    assert set(history[0]) == TERMS | {"booster", "tone"}
    assert sum(h["booster"] for h in history[-4:]) < sum(h["booster"] for h in history[:4])
    assert_same_losses(train_painter.train, replace(boosted, steps=3), rel=1e-3)


def test_painter_starts_from_an_exported_model_or_a_checkpoint(args, tmp_path, monkeypatch):
    monkeypatch.undo()  # the shipped painter's own sizes
    model = Path(__file__).parents[3] / "core" / "data" / "models" / "van-gogh-v1"
    found = make_run(replace(args, start=model)).game.painter.eval()
    rgb = torch.rand(1, 3, 32, 32)
    generator = Generator.open(Model(Manifest.load(model), model), device="cpu")
    with torch.no_grad():
        assert np.abs(found(rgb).numpy() - generator.run(rgb.numpy())).max() < 1e-3
    run = make_run(args)
    run.save(1)
    other = make_run(replace(args, start=args.out / "checkpoint.pt", seed=5))
    assert torch.equal(other.game.painter.paint.weight, run.game.painter.paint.weight)
    assert not torch.equal(other.game.photographer.stem.weight, run.game.photographer.stem.weight)


@pytest.mark.parametrize("layer", ["relu1_1", "relu2_1"])
def test_judge_of_features_learns_to_tell_smooth_from_rough(layer):
    torch.manual_seed(0)
    vgg, random = VGG19(), torch.Generator()
    features = vgg.channels(layer)
    game = Game(TINY, 8, 1, 1, features=features)
    losses = CycleLosses(game, vgg, "lsgan", Weights(), "relu1_1", 0, judged_layer=layer)
    optimizer = torch.optim.Adam(game.judges(), 3e-3)
    history = []
    for _ in range(40):
        rough = torch.rand(2, 3, 32, 32)
        smooth = torch.rand(2, 3, 1, 1).expand(-1, -1, 32, 32)
        loss = losses.of_judges(rough, rough, smooth, smooth, random)["judge of works"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        history.append(float(loss.detach()))
    assert history[-1] < 0.5 * history[0]


def test_generators_losses_leave_the_discriminators_alone():
    game, losses = game_losses()
    photos, works = torch.rand(2, 2, 3, 32, 32)
    terms, _, _ = losses.of_generators(photos, works, True, torch.Generator())
    terms["adversarial"].backward()
    assert all(parameter.grad is None for parameter in game.judges())
    assert game.painter.paint.weight.grad is not None
    assert all(parameter.requires_grad for parameter in game.judges())


@torch.no_grad()
def test_scales_count_alike():
    judge = ScaledDiscriminator(channels=4, depth=1, scales=2)
    scores = judge(torch.rand(1, 3, 64, 64))
    assert scores.shape[1] == 2
    assert scores.shape[2] == scores.shape[3]


def test_augmentation_moves_all_pictures_and_keeps_gradients():
    rgb = torch.rand(2, 3, 32, 32, requires_grad=True)
    changed = augment(rgb, torch.Generator().manual_seed(3))
    assert changed.shape == rgb.shape
    assert not torch.equal(changed[0], changed[1])
    changed.sum().backward()
    assert rgb.grad is not None and rgb.grad.abs().sum() > 0
    again = augment(rgb, torch.Generator().manual_seed(3))
    assert torch.equal(changed, again)


def test_recolored_photograph_keeps_its_lightness_and_is_made_once(photos, tmp_path):
    pictures = Pictures.open([photos], tmp_path / "cache", 64)
    recolored = Recolored(pictures, PHOTO_MODEL, tmp_path / "cache", work=64)
    original, found = (np.array(source[3]) for source in (pictures, recolored))
    assert found.shape == original.shape
    lab, wanted = srgb_to_lab(found / 255.0), srgb_to_lab(original / 255.0)
    # colours beyond sRGB are clipped, which moves some pixels' lightness
    assert np.median(np.abs(lab[..., 0] - wanted[..., 0])) < 1.0
    assert np.abs(lab[..., 1:] - wanted[..., 1:]).mean() > 5.0
    again = Recolored(pictures, PHOTO_MODEL, tmp_path / "cache", work=64)
    again._generator = None  # what was made must come from the file  # type: ignore[assignment]
    assert np.array_equal(again[3], found)


def test_recolored_photographs_are_trained_on(args, monkeypatch):
    run = make_run(replace(args, colorizer=PHOTO_MODEL, recolored=1.0))
    plain = make_run(args)
    photos, works = run.batch(0)
    others, same_works = plain.batch(0)
    assert works.shape == photos.shape == (2, 3, 32, 32)
    assert not torch.allclose(photos, others, atol=0.02)


def test_held_out_works_are_never_trained_on(photos, tmp_path):
    works = Pictures.open([photos], tmp_path / "cache", 40)
    names = ("photo00", "photo02", "photo04")
    trained, held_out = train_painter.split_works(works, names, 1)
    assert len(trained) == 2 and len(held_out) == 1 and not set(trained) & set(held_out)
    assert all(works.entries[i].name.startswith(names) for i in trained + held_out)
    with pytest.raises(DataUnusable, match="3 works are to be held out, but there are only 3"):
        train_painter.split_works(works, names, 3)


def test_painter_goes_to_onnx_and_is_measured(args, tmp_path, capsys):
    train_painter.train(args)
    (tmp_path / "models").mkdir()
    to_onnx.export(
        to_onnx.Args(
            checkpoint=args.out / "checkpoint.pt",
            models=tmp_path / "models",
            id="tiny",
            title="Tiny",
            description="A test.",
            license="MIT",
            trained_on="Nothing.",
        )
    )
    assert load_checkpoint(args.out / "checkpoint.pt", network="stylizer").step == 3
    evaluate_painter.evaluate(
        evaluate_painter.Args(
            model=tmp_path / "models" / "tiny",
            sources=args.sources,
            works=args.works,
            work_names=("photo0",),  # not the same pictures as the photographs
            vgg=args.vgg,
            cache=args.cache,
            side=40,
            held_out=4,
            held_out_works=4,
            count=4,
            sheet=tmp_path / "sheet.png",
        )
    )
    printed = capsys.readouterr().out
    assert printed.startswith("4 held-out photographs against 4 held-out works, 40 px squares")
    rows = {line.split("|")[1].strip(): line.split("|") for line in printed.splitlines()[3:6]}
    assert set(rows) == {"tiny", "photographs unchanged", "works trained on"}
    unchanged = float(rows["photographs unchanged"][2])
    assert unchanged > 0 and float(rows["photographs unchanged"][3]) == 1
    assert float(rows["tiny"][2]) / unchanged == pytest.approx(float(rows["tiny"][3]), rel=2e-3)
    assert re.search(r"SSIM to the photograph: 0\.\d+", printed)
    assert (tmp_path / "sheet.png").exists()


@pytest.mark.parametrize("name", ["monet", "ukiyoe", "pointillism", "cezanne"])
def test_shipped_presets_are_valid(name):
    assert parse_arguments(train_painter.Args, ["--preset", name]).work_names
