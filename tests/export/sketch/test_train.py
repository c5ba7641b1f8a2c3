"""Training of the sketch colouriser in small: it learns, resumes exactly, and is measured."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from export.data.hints import HintLayer
from export.errors import BadPreset, DataUnusable, TrainingDiverged
from export.measure import evaluate_sketch
from export.metrics import drawings as sketch_metrics
from export.onnx import sketch_to_onnx
from export.sketch import train
from export.training import devices
from export.training.arguments import parse_arguments
from export.training.checkpoint import load_checkpoint
from tests.export.resuming import assert_same_losses

pytestmark = pytest.mark.export


@pytest.fixture
def args(sketch_args):
    return sketch_args


def test_training_moves_parameters_and_writes_what_it_promises(args):
    history = train.train(args)
    assert len(history) == 3
    checkpoint = load_checkpoint(args.out / "checkpoint.pt", network="sketcher")
    assert checkpoint.step == 3
    assert (args.out / "sheet-000003.png").exists()
    torch.manual_seed(args.seed)
    fresh = train.Sketcher(palette_size=8).state_dict()
    moved = {key for key in fresh if not torch.equal(fresh[key], checkpoint.weights[key])}
    needed = {"encoder.stem.0.weight", "barrier.1.weight", "posterior.out.weight", "logits.weight"}
    assert needed <= moved
    assert {tuple(color) for color in checkpoint.weights["palette"].tolist()} != {(0, 0, 0)}


def test_losses_of_one_batch_fall(args):
    """Each of them: a wrong sign anywhere would make one rise."""
    run = train.Run(args, devices.start("cpu"))
    optimizer = torch.optim.Adam(run.generator.parameters(), lr=2e-3)
    batch = run.sampler.batch((1, 5), 6, 32)
    assert batch.hint_mask.any()
    history = []
    for _ in range(15):
        terms = run.objective(batch, torch.Generator().manual_seed(0))
        optimizer.zero_grad()
        torch.stack(list(terms.values())).sum().backward()
        optimizer.step()
        history.append({name: float(value.detach()) for name, value in terms.items()})
    for name in ("color", "follow", "class"):
        assert history[-1][name] < 0.8 * history[0][name], name


def test_resumed_run_has_the_same_losses(args):
    assert_same_losses(train.train, args)


def test_loss_that_is_no_number_keeps_the_last_checkpoint(args):
    train.train(replace(args, steps=1))
    saved = (args.out / "checkpoint.pt").read_bytes()
    with pytest.raises(TrainingDiverged, match="color loss is nan at step 1"):
        train.train(replace(args, resume=True, color_weight=float("nan")))
    assert (args.out / "checkpoint.pt").read_bytes() == saved


def test_a_size_that_the_generator_cannot_take_is_refused(args):
    with pytest.raises(BadPreset, match="multiples of 32"):
        train.train(replace(args, sizes=(32, 40)))


def test_shipped_presets_are_valid():
    assert parse_arguments(train.Args, ["--preset", "sketch"]).bf16
    assert parse_arguments(sketch_to_onnx.Args, ["--preset", "sketch-v1"]).id == "sketch-v1"


def test_measuring_prints_both_tables_and_writes_the_numbers(args, tmp_path, capsys):
    train.train(replace(args, steps=1))
    (tmp_path / "models").mkdir()
    sketch_to_onnx.export(
        sketch_to_onnx.Args(
            checkpoint=args.out / "checkpoint.pt", models=tmp_path / "models", id="tiny", work=64
        )
    )
    measured = evaluate_sketch.Args(
        model=tmp_path / "models" / "tiny",
        illustrations=args.illustrations,
        cache=args.cache,
        pair_side=64,
        validation=2,
        test=3,
        json=tmp_path / "numbers.json",
        sheet=tmp_path / "sheet.png",
        threads=1,
    )
    evaluate_sketch.evaluate(replace(measured, write_lines=tmp_path / "lines"))
    assert len(list((tmp_path / "lines").glob("fl_thing_*.png"))) == 3
    # the lines themselves, in the place of G'MIC's colours: as good as white paper off the lines
    evaluate_sketch.evaluate(replace(measured, flats=tmp_path / "lines"))
    printed = capsys.readouterr().out
    assert "| tiny |" in printed and "Colour across a line" in printed
    numbers = json.loads((tmp_path / "numbers.json").read_text())
    unhinted = numbers["without hints"]
    assert set(unhinted) == {"tiny", "tiny, the whole way", "white paper", "mean colour", "G'MIC"}
    # hints are exact where the filter has the last word, however raw the generator is
    assert numbers["whole way"]["hints"]["hinted areas"]["median"] < 5
    near = pytest.approx(unhinted["white paper"]["delta E"], rel=0.1)
    assert unhinted["G'MIC"]["delta E"] == near
    assert (tmp_path / "sheet.png").exists()


def test_missing_flats_are_refused(tmp_path):
    with pytest.raises(DataUnusable, match=r"autofill_gmic"):
        evaluate_sketch.read_flat(tmp_path / "none.png", (4, 4, 3))


def drawing(colors_right):
    """Two areas with a line between: (drawing, colours of a result), 20 x 41."""
    areas = np.ones((20, 41), int)
    areas[:, 21:] = 2
    ink = np.zeros((20, 41), np.float32)
    ink[:, 20] = 1
    truth = np.where((areas == 1)[..., None], (1.0, 0, 0), (0, 0, 1.0))
    result = truth.copy()
    result[:, 21 : 21 + colors_right] = (1, 0, 0)
    one = sketch_metrics.Drawing("x", ink, areas, truth, [1, 2], [1], HintLayer(20, 41))
    return one, result


@pytest.mark.parametrize("columns", [0, 1, 3])
def test_colour_beyond_a_line_is_counted(columns):
    crossed, looked_at = sketch_metrics.bleeding(*drawing(columns))
    # within six pixels of the other area, the line of one pixel included: five columns each
    assert looked_at == 2 * 5 * 20
    assert crossed == columns * 20
