"""Synthetic pictures and tiny arguments: no weights, no downloads, seconds in all.

Without PyTorch the whole folder is skipped, with a sentence.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

NEEDED = ("torch", "lightning_fabric", "onnx", "safetensors", "PIL")
MISSING = [name for name in NEEDED if importlib.util.find_spec(name) is None]

# Test files import torch at their top: they must not even be collected where it is missing.
collect_ignore_glob = ["test_[!s]*.py", "test_s[!k]*.py", "test_sk[!i]*.py"] if MISSING else []


@pytest.fixture(autouse=not MISSING)
def one_thread():
    """Small tensors are slower with many threads, and results differ with their number."""
    import torch

    torch.set_num_threads(1)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Twelve small coloured pictures in two subfolders."""
    from PIL import Image

    rng = np.random.default_rng(0)
    folder = tmp_path / "photos"
    for index in range(12):
        coarse = rng.integers(0, 256, (5, 6, 3), dtype=np.uint8)
        picture = Image.fromarray(coarse).resize((96, 80), Image.Resampling.BICUBIC)
        path = folder / f"class{index % 2}" / f"photo{index:02d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        picture.save(path)
    return folder


@pytest.fixture
def colorize_args(photos: Path, tmp_path: Path):
    """Arguments of a colouriser's training that takes three steps."""
    from export.colorize.train import Args

    return Args(
        sources=(photos,),
        out=tmp_path / "run",
        cache=tmp_path / "cache",
        steps=3,
        warm_up=1,
        batch=2,
        size=32,
        short_side=40,
        held_out=2,
        palette_size=8,
    )


@pytest.fixture
def illustrations(tmp_path: Path) -> Path:
    """A tar of twelve discs of one colour on white, drawn with black outlines."""
    import io
    import tarfile

    from PIL import Image, ImageDraw

    path = tmp_path / "illustrations.tar"
    rng = np.random.default_rng(0)
    with tarfile.open(path, "w") as archive:
        for index in range(12):
            left, top, size = (int(value) for value in rng.integers((8, 8, 40), (30, 30, 60)))
            box = (left, top, left + size, top + size)
            color = tuple(int(value) for value in rng.integers(0, 200, 3) + (55, 0, 0))
            for folder, fill in (("pairs_color", color), ("pairs_line", "white")):
                picture = Image.new("RGB", (100, 100), "white")
                ImageDraw.Draw(picture).ellipse(box, fill=fill, outline="black", width=3)
                content = io.BytesIO()
                picture.save(content, "PNG")
                member = tarfile.TarInfo(f"illustrations/{folder}/fl_thing_{index}.png")
                member.size = len(content.getvalue())
                archive.addfile(member, io.BytesIO(content.getvalue()))
    return path


TINY_TRANSFER = {"channels": [4, 6, 8], "dilations": [1, 2], "style": 8}
TINY_PAINTER = {"channels": [4, 6, 8], "dilations": [1], "leak": 0.2}


@pytest.fixture
def vgg_file(tmp_path: Path) -> Path:
    """A VGG19 of random weights."""
    import torch
    from safetensors.torch import save_file

    from export.networks.vgg import VGG19

    torch.manual_seed(0)
    save_file(VGG19().state_dict(), tmp_path / "vgg.safetensors")
    return tmp_path / "vgg.safetensors"


@pytest.fixture
def sketch_args(illustrations: Path, photos: Path, tmp_path: Path):
    """Arguments of a sketch colouriser's training that takes three steps."""
    from export.sketch.train import Args

    return Args(
        illustrations=illustrations,
        sources=(photos,),
        out=tmp_path / "run",
        cache=tmp_path / "cache",
        steps=3,
        warm_up=1,
        batch=4,
        sizes=(32,),
        pair_side=64,
        short_side=40,
        validation=2,
        test=3,
        held_out=2,
        photos=0.25,
        palette_size=8,
    )


@pytest.fixture
def style_args(photos: Path, tmp_path: Path, vgg_file: Path):
    """Arguments of a painter's training that takes three steps."""
    from export.style.train_style import Args

    return Args(
        sources=(photos,),
        works=(photos / "class0",),
        vgg=vgg_file,
        out=tmp_path / "run",
        cache=tmp_path / "cache",
        steps=3,
        warm_up=1,
        batch=1,
        size=32,
        short_side=40,
        held_out=2,
        work_side=40,
        style_layers=("relu1_1", "relu2_1"),
        content_layer="relu2_1",
        bf16=False,
    )


@pytest.fixture
def transfer_args(photos: Path, tmp_path: Path, vgg_file: Path, monkeypatch: pytest.MonkeyPatch):
    """Arguments of a training of arbitrary style that takes three steps, of a tiny network."""
    from export.style import train_transfer

    monkeypatch.setattr(train_transfer, "NETWORK", TINY_TRANSFER)
    return train_transfer.Args(
        sources=(photos,),
        styles=(photos / "class0",),
        vgg=vgg_file,
        out=tmp_path / "run",
        cache=tmp_path / "cache",
        steps=3,
        warm_up=1,
        batch=2,
        styles_per_step=1,
        size=32,
        least_crop=32,
        short_side=48,
        style_sides=(32, 48),
        held_out=2,
        held_out_styles=2,
        mixed=0.5,
        bf16=False,
    )


@pytest.fixture
def painter_args(photos: Path, tmp_path: Path, vgg_file: Path, monkeypatch: pytest.MonkeyPatch):
    """A game of three steps on the drawn pictures; the works are those of class 1."""
    from export.style import train_painter

    monkeypatch.setattr(train_painter, "NETWORK", TINY_PAINTER)
    return train_painter.Args(
        sources=(photos,),
        works=(photos,),
        work_names=("photo01", "photo03", "photo05", "photo07"),
        vgg=vgg_file,
        out=tmp_path / "run",
        cache=tmp_path / "cache",
        steps=3,
        warm_up=1,
        calm=1,
        batch=2,
        size=32,
        short_side=40,
        work_side=40,
        held_out=2,
        held_out_works=1,
        judge_channels=4,
        judge_depth=1,
        content_layer="relu2_1",
        pool=3,
        bf16=False,
    )
