"""Reading pictures: whole ones are kept, the others counted, the held-out ones always the same."""

from __future__ import annotations

import io
import tarfile
from unittest.mock import Mock

import numpy as np
import pytest
from PIL import Image

from export.data import pictures
from export.data.caching import made_whole
from export.data.pictures import Pictures
from export.errors import DataUnusable

pytestmark = pytest.mark.export


def test_folder_with_subfolders_is_read(photos, tmp_path):
    pictures = Pictures.open([photos], tmp_path / "cache", 40)
    assert len(pictures) == 12
    assert pictures[0].shape == (40, 48, 3)
    assert pictures[0].dtype == np.uint8


def test_tar_gives_the_same_pixels(photos, tmp_path):
    with tarfile.open(tmp_path / "photos.tar", "w") as archive:
        archive.add(photos, "photos")
    from_folder = Pictures.open([photos], tmp_path / "cache", 40)
    from_tar = Pictures.open([tmp_path / "photos.tar"], tmp_path / "cache", 40)
    by_name = {entry.name: i for i, entry in enumerate(from_tar.entries)}
    for index, entry in enumerate(from_folder.entries):
        assert np.array_equal(from_folder[index], from_tar[by_name[entry.name]])


def test_folder_of_shards_gives_the_same_pictures(photos, tmp_path):
    """WebDataset's layout: numbered tars, in them files of the same key, pictures and others."""
    (tmp_path / "shards").mkdir()
    for shard in range(2):
        with tarfile.open(tmp_path / "shards" / f"train-{shard:06d}.tar", "w") as archive:
            for path in sorted((photos / f"class{shard}").iterdir()):
                archive.add(path, path.name)
                label = tarfile.TarInfo(f"{path.stem}.cls")
                label.size = 1
                archive.addfile(label, io.BytesIO(b"0"))
    shards = Pictures.open([tmp_path / "shards"], tmp_path / "cache", 40)
    folder = Pictures.open([photos], tmp_path / "cache", 40)
    assert {entry.name for entry in shards.entries} == {entry.name for entry in folder.entries}


def test_pictures_of_one_name_in_two_classes_are_told_apart(photos, tmp_path):
    for number in range(2):
        first = sorted((photos / f"class{number}").iterdir())[0]
        first.rename(first.with_name("same.png"))
    names = [entry.name for entry in Pictures.open([photos], tmp_path / "cache", 40).entries]
    assert len(set(names)) == 12
    assert {"same.png", "class1/same.png"} <= set(names)


def test_broken_grey_and_small_are_counted(photos, tmp_path):
    whole = (photos / "class0" / "photo00.png").read_bytes()
    (photos / "cut.png").write_bytes(whole[: len(whole) // 2])
    (photos / "text.jpg").write_bytes(b"not a picture")
    Image.new("L", (64, 64), 90).save(photos / "grey.png")
    Image.new("RGB", (8, 8), (255, 0, 0)).save(photos / "small.png")
    pictures = Pictures.open([photos], tmp_path / "cache", 40)
    assert len(pictures) == 12
    assert pictures.skipped == {"broken": 2, "grey": 1, "small": 1}


def test_folder_without_usable_picture_is_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "notes.txt").write_text("no pictures here")
    with pytest.raises(DataUnusable, match="no usable colour picture"):
        Pictures.open([tmp_path / "empty"], tmp_path / "cache", 40)


def test_missing_source_and_broken_tar_are_refused(tmp_path):
    with pytest.raises(DataUnusable, match="does not exist"):
        Pictures.open([tmp_path / "nowhere"], tmp_path / "cache", 40)
    (tmp_path / "bad.tar").write_bytes(b"x" * 2000)
    with pytest.raises(DataUnusable, match="cannot be read"):
        Pictures.open([tmp_path / "bad.tar"], tmp_path / "cache", 40)


def test_split_depends_on_names_alone(photos, tmp_path):
    def held_out_names():
        pictures = Pictures.open([photos], tmp_path / "cache", 40)
        training, held_out = pictures.split(3)
        assert not set(training) & set(held_out)
        assert len(training) + len(held_out) == len(pictures)
        return {pictures.entries[index].name for index in held_out}

    before = held_out_names()
    (photos / "class1" / "photo01.png").rename(photos / "photo01.png")  # another order of reading
    assert held_out_names() == before


def test_holding_everything_out_is_refused(photos, tmp_path):
    with pytest.raises(DataUnusable, match="held out"):
        Pictures.open([photos], tmp_path / "cache", 40).split(12)


def test_two_runs_that_begin_together_share_one_cache(tmp_path):
    folder = tmp_path / "cache" / "same"
    with made_whole(folder) as slower:
        with made_whole(folder) as quicker:
            (quicker / "index.json").write_text("{}")
        (slower / "index.json").write_text("{}")
    assert [path.name for path in folder.iterdir()] == ["index.json"]
    assert list(folder.parent.iterdir()) == [folder]


def test_a_cache_that_is_interrupted_leaves_nothing(photos, tmp_path, monkeypatch):
    monkeypatch.setattr(pictures, "is_grey", Mock(side_effect=KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        Pictures.open([photos], tmp_path / "cache", 40)
    assert list((tmp_path / "cache").iterdir()) == []


def test_something_else_in_the_cache_s_place_is_a_sentence(photos, tmp_path):
    first = Pictures.open([photos], tmp_path / "cache", 40)
    (folder,) = (tmp_path / "cache").iterdir()
    (folder / "index.json").unlink()
    with pytest.raises(DataUnusable, match="Delete it and start again"):
        Pictures.open([photos], tmp_path / "cache", 40)
    assert len(first) > 0
