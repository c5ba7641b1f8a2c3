"""The whole way in small, on real photographs: train, stop, resume, export, evaluate."""

from __future__ import annotations

import json
import os
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.generator.catalog import Model
from core.generator.generator import Generator
from core.generator.manifest import Manifest
from export.colorize import train
from export.measure import evaluate
from export.onnx import to_onnx
from export.training.arguments import parse_arguments
from export.training.checkpoint import load_checkpoint
from export.training.shared import Progress
from tests.export.resuming import totals

pytestmark = pytest.mark.export
ROOT = Path(__file__).parents[2]
PHOTOGRAPHS = ROOT / "examples" / "held-out"


@pytest.mark.filterwarnings("ignore")  # of TensorBoard and Lightning, about their own matters
def test_smoke_preset_goes_all_the_way(tmp_path, monkeypatch):
    pytest.importorskip("tensorboard")
    words = ["--preset", "smoke", "--sources", str(PHOTOGRAPHS)]
    words += ["--cache", str(tmp_path / "cache"), "--out", str(tmp_path / "run")]
    args = parse_arguments(train.Args, words)

    show = Progress.show

    def stop_at_40(self, step, losses):
        show(self, step, losses)
        if step == 40:
            os.kill(os.getpid(), signal.SIGTERM)  # as a cluster does

    monkeypatch.setattr(Progress, "show", stop_at_40)
    first = train.train(args)
    assert len(first) == 40
    assert load_checkpoint(args.out / "checkpoint.pt").step == 40
    monkeypatch.setattr(Progress, "show", show)
    second = train.train(replace(args, resume=True))
    assert len(second) == 20
    assert np.mean(totals(second)) < np.mean(totals(first[:10]))
    assert (args.out / "sheet-000060.png").exists()
    assert list(args.out.glob("events.out.tfevents.*"))

    models = tmp_path / "models"
    manifest = to_onnx.export(
        to_onnx.Args(
            checkpoint=args.out / "checkpoint.pt",
            models=models,
            id="smoke",
            title="Smoke",
            description="A test.",
            license="MIT",
            trained_on="61 photographs.",
            work=256,
        )
    )
    assert manifest.takes("hint") and manifest.takes("noise") and manifest.gives("palette")
    assert len(manifest.palette) == 16

    folder = models / "smoke"
    generator = Generator.open(Model(Manifest.load(folder), folder), device="cpu")
    evaluate.evaluate(
        generator,
        evaluate.Args(
            model=folder,
            sources=(PHOTOGRAPHS,),
            cache=tmp_path / "cache",
            held_out=12,
            count=4,
            out=tmp_path / "report",
            shown=2,
        ),
    )
    report = json.loads((tmp_path / "report" / "report.json").read_text())
    assert set(report["rows"]) == {"smoke", "grey", "mean colour", "truth"}
    assert report["rows"]["truth"]["ab error"] == 0
    assert 0 < report["rows"]["grey"]["ab error"] < 60
    assert report["hints"]["whole way"]["delta E 2000 at the hints, median"] < 5
    assert (tmp_path / "report" / "report.md").exists()
    assert (tmp_path / "report" / "sheet.png").exists()
