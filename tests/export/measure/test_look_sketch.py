"""Drawings without a truth go the whole way and onto a sheet."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from export.errors import DataUnusable
from export.measure import look_sketch
from export.networks.sketcher import Sketcher
from export.onnx import sketch_to_onnx
from export.training.checkpoint import Checkpoint

pytestmark = pytest.mark.export

SMALL = {"channels": (16, 16, 16, 16), "palette_size": 8}


@pytest.fixture
def model(tmp_path) -> Path:
    torch.manual_seed(0)
    state = Sketcher(**SMALL).state_dict()
    state["palette"] = torch.rand(8, 3)
    Checkpoint("sketcher", SMALL, state, state, {}, 1, {}, "abc").save(tmp_path / "c.pt")
    (tmp_path / "models").mkdir()
    sketch_to_onnx.export(
        sketch_to_onnx.Args(
            checkpoint=tmp_path / "c.pt", models=tmp_path / "models", id="tiny", work=64
        )
    )
    return tmp_path / "models" / "tiny"


def test_a_hinted_drawing_gets_its_colour_and_a_blank_one_is_named(model, tmp_path):
    folder = tmp_path / "drawings"
    folder.mkdir()
    picture = Image.new("RGB", (96, 96), "white")
    ImageDraw.Draw(picture).ellipse((20, 20, 76, 76), outline="black", width=3)
    picture.save(folder / "disc.png")
    Image.new("RGB", (96, 96), "white").save(folder / "blank.png")
    hints = {"disc": [[0.5, 0.5, 0.06, "#e02010"]], "other": []}
    (tmp_path / "hints.json").write_text(json.dumps(hints))
    args = look_sketch.Args(
        model=model,
        pictures=(folder,),
        hints=tmp_path / "hints.json",
        side=96,
        sheet=tmp_path / "sheet.png",
    )
    refused = look_sketch.look(args)
    assert len(refused) == 1 and refused[0].startswith("blank.png: The picture is almost white")
    sheet = np.asarray(Image.open(args.sheet))
    hinted = sheet[:96, 3 * 100 : 3 * 100 + 96]  # the fourth column, with gaps of four pixels
    assert np.abs(hinted[60, 48].astype(int) - (0xE0, 0x20, 0x10)).max() <= 8
    assert (sheet[:20, 300:310].min() > 0) and (hinted[22:24, 48] < 100).any()


def test_shipped_hints_are_dabs_inside_the_picture():
    path = Path(look_sketch.__file__).with_name("sketch_hints.json")
    for dabs in look_sketch.read_hints(path).values():
        for x, y, radius, color in dabs:
            assert 0 < x < 1 and 0 < y < 1 and 0 < radius < 0.1 and color.startswith("#")


def test_broken_hints_and_no_drawing_are_refused(model, tmp_path):
    (tmp_path / "bad.json").write_text("{")
    with pytest.raises(DataUnusable, match="cannot be read as JSON"):
        look_sketch.read_hints(tmp_path / "bad.json")
    (tmp_path / "none").mkdir()
    with pytest.raises(DataUnusable, match="no drawing"):
        look_sketch.look(look_sketch.Args(model=model, pictures=(tmp_path / "none",)))
