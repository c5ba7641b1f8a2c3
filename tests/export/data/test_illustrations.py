"""Pairs of colours and lines: what shows the same subject stays on one side of the split."""

from __future__ import annotations

import pytest

from export.data.illustrations import Illustrations, split_subjects, subject
from export.errors import DataUnusable

pytestmark = pytest.mark.export


@pytest.mark.parametrize(
    "same",
    [
        # zombie: person, man and woman; both collections
        ("om_1F9DF", "om_1F9DF-200D-2640-FE0F", "fl_woman_zombie", "flc_man_zombie"),
        # police officer in five skin tones
        ("om_1F46E-1F3FB", "om_1F46E-1F3FF-200D-2642-FE0F", "fl_man_police_officer"),
        # rose, in both collections and shaded
        ("om_1F339", "fl_rose", "flc_rose"),
        # families and couples, whoever they are
        ("om_1F468-200D-1F469-200D-1F466", "om_1F491", "om_1F469-1F3FB", "fl_woman"),
        # a profession is its tool
        ("om_1F468-200D-1F692", "om_1F9D1-1F3FE-200D-1F692", "om_1F692"),
        ("fl_waving_hand_medium_dark", "fl_waving_hand_light", "fl_waving_hand"),
    ],
)
def test_variants_share_their_subject(same):
    assert len({subject(name) for name in same}) == 1, [subject(name) for name in same]


def test_other_subjects_are_others():
    names = ("om_1F339", "om_1F40A", "om_E0AD", "om_E2CD", "fl_scarf", "fl_orange_book")
    assert len({subject(name) for name in names}) == len(names)


def test_no_subject_is_on_two_sides():
    tones = [f"om_1F9DF-1F3F{tone}" for tone in "BCDEF"]
    names = [*tones, "fl_man_zombie", *(f"fl_thing_{index}" for index in range(30))]
    for count in range(1, 12):
        test, validation = split_subjects(names, validation=2, test=count)
        assert len({subject(name) for name in test + validation}) == count + 2
    assert split_subjects(names, 2, 5) == split_subjects(names[::-1], 2, 5)


def test_more_held_out_subjects_than_there_are_is_refused():
    with pytest.raises(DataUnusable, match="only 1"):
        split_subjects(["om_1F9DF", "fl_zombie"], validation=1, test=1)


def test_pairs_are_read_flattened_and_split(illustrations, tmp_path):
    pairs = Illustrations.open(illustrations, tmp_path / "cache", side=64)
    assert len(pairs) == 12
    training, validation, test = pairs.split(validation=2, test=3)
    assert (len(training), len(validation), len(test)) == (7, 2, 3)
    one = pairs[training[0]]
    assert one.ink.shape == one.areas.shape == (64, 64)
    assert one.ink.max() == 255
    assert one.areas.min() >= 1
    # a disc on white, and nothing of its black outline
    assert len({tuple(color) for color in one.colors[1:].tolist()}) == 2
    assert (0, 0, 0) not in {tuple(color) for color in one.colors[1:].tolist()}


def test_the_cache_is_read_again(illustrations, tmp_path):
    first = Illustrations.open(illustrations, tmp_path / "cache", side=32)
    kept = sorted((tmp_path / "cache").rglob("areas.u16"))
    again = Illustrations.open(illustrations, tmp_path / "cache", side=32)
    assert again.names == first.names
    assert sorted((tmp_path / "cache").rglob("areas.u16")) == kept


def test_a_file_that_is_no_tar_is_refused(tmp_path):
    (tmp_path / "some.tar").write_bytes(b"no tar")
    with pytest.raises(DataUnusable, match="cannot be read as a tar"):
        Illustrations.open(tmp_path / "some.tar", tmp_path / "cache")
    with pytest.raises(DataUnusable, match="does not exist"):
        Illustrations.open(tmp_path / "other.tar", tmp_path / "cache")
