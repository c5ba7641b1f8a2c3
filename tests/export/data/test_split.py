"""The split: groups stay together, near-copies are found, the file is checked."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from export.data.pictures import Pictures
from export.data.split import (
    Args,
    Split,
    group_of,
    make_split,
    merge_groups,
    near_copies,
    picture_hash,
)
from export.errors import DataUnusable

pytestmark = pytest.mark.export


@pytest.mark.parametrize(
    ("name", "path", "group"),
    [
        ("houses_0a.jpg", "Houses Dataset/156_kitchen.jpg", "houses 156"),
        ("houses_0b.jpg", "Houses Dataset/156_frontal.jpg", "houses 156"),
        ("dreambooth_0a.jpg", "dataset/clock/05.jpg", "dreambooth clock"),
        ("flower_0a.jpg", "testB/2013-07-14 12:49:40.jpg", "flower 2013-07-14"),
        ("flower_0b.jpg", "Flower/c1.staticflickr.com-3-2832-327.jpg", "flower_0b.jpg"),
        ("nette_0a.jpg", "train/n01440764/n01440764_22963.JPEG", "imagenet n01440764_22963"),
        ("imagen_0a.jpg", "imagen/n01440764_22963_tench.jpg", "imagenet n01440764_22963"),
        ("holiday.jpg", "", "holiday.jpg"),
    ],
)
def test_group_is_the_house_subject_day_or_source(name, path, group):
    assert group_of(name, path) == group


def test_groups_merge_through_shared_keys_and_pairs():
    groups = merge_groups(["a", "b", "a", "c", "d"], [(1, 3)])
    assert sorted(map(sorted, groups)) == [[0, 2], [1, 3], [4]]


def test_near_copies_survive_size_gamma_and_compression(photos, tmp_path):
    path = next(photos.rglob("*.png"))
    picture = Image.open(path)
    copy = picture.resize((60, 50)).point(lambda value: int(255 * (value / 255) ** 0.8))
    copy.save(tmp_path / "copy.jpg", quality=60)
    pictures = [Image.open(p).convert("RGB") for p in sorted(photos.rglob("*.png"))]
    number = sorted(photos.rglob("*.png")).index(path)
    pictures.append(Image.open(tmp_path / "copy.jpg"))
    hashes = np.stack([picture_hash(np.asarray(picture)) for picture in pictures])
    assert near_copies(hashes) == [(number, len(pictures) - 1)]


def test_split_keeps_groups_whole_and_prefers_open_pictures(photos, tmp_path):
    """Twelve photographs of six houses; those of house 5 are openly licensed."""
    index = {}
    for number, path in enumerate(sorted(photos.rglob("*.png"))):
        path.rename(path.with_name(f"houses_{number:02d}.png"))
        index[f"houses_{number:02d}.png"] = {
            "path": f"{number // 2}_room.png",
            "lic": "A" if number // 2 == 5 else "C",
        }
    pictures = Pictures.open([photos], tmp_path / "cache", 40)
    args = Args(held_out=4, open_held_out=2, validation=2)
    split = make_split(pictures, index, args)
    assert {"houses_10.png", "houses_11.png"} <= split.held_out
    assert len(split.held_out) == 4 and len(split.validation) == 2
    parts = split.indices(pictures)
    assert sorted(map(len, parts)) == [2, 4, 6]
    for part in parts:
        houses = [index[pictures.entries[number].name]["path"] for number in part]
        assert all(houses.count(house) == 2 for house in houses)


def test_split_file_is_read_back_and_checked(tmp_path):
    split = Split(frozenset({"a.jpg"}), frozenset({"b.jpg"}))
    split.save(tmp_path / "split.json")
    assert Split.load(tmp_path / "split.json") == split
    for content in ("{}", "[1]", "no json", json.dumps({"held_out": [1], "validation": []})):
        (tmp_path / "split.json").write_text(content)
        with pytest.raises(DataUnusable, match="not a split"):
            Split.load(tmp_path / "split.json")
    with pytest.raises(DataUnusable, match="cannot be read"):
        Split.load(tmp_path / "nowhere.json")


def test_the_shipped_split_holds_500_out():
    from export.colorize.train import Args as TrainingArgs
    from export.training.arguments import parse_arguments

    for preset in ("photo", "photo-perceptual", "photo-adversarial"):
        split = Split.load(parse_arguments(TrainingArgs, ["--preset", preset]).split)
        assert (len(split.held_out), len(split.validation)) == (500, 200)
        assert not split.held_out & split.validation
