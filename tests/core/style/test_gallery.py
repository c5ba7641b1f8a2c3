"""Style pictures by name: the shipped ones are what their index says, the user's own come first."""

import pytest
import pyvips

from core.errors import FileUnreadable
from core.style import gallery as module
from core.style.gallery import find_style, gallery
from core.style.pictures import style_pixels


def test_the_shipped_styles_are_small_whole_and_in_the_public_domain(tmp_path):
    styles = gallery(tmp_path)
    assert 4 <= len(styles) <= 8
    assert len({style.id for style in styles}) == len(styles)
    for style in styles:
        assert style.shipped and style.license == "Public domain"
        assert style.title and style.painter and style.year
        assert style.path.stat().st_size <= 40_000
        picture = pyvips.Image.new_from_file(str(style.path))
        assert max(picture.width, picture.height) <= 384
        assert style_pixels(style.path).shape[0] == 3
    files = {path.name for path in module.SHIPPED.iterdir()}
    assert files == {style.path.name for style in styles} | {module.INDEX}


def test_the_users_own_pictures_come_first(tmp_path):
    for name in ("b wall.PNG", "a.webp", "notes.txt", ".hidden.png"):
        (tmp_path / name).write_bytes(b"x")
    styles = gallery(tmp_path)
    assert [style.id for style in styles[:2]] == ["a", "b wall"]
    assert not styles[0].shipped and styles[2].shipped


def test_a_style_is_found_by_file_or_name(tmp_path):
    (tmp_path / "wall.png").write_bytes(b"x")
    assert find_style(str(tmp_path / "wall.png")) == tmp_path / "wall.png"
    assert find_style("wall", tmp_path) == tmp_path / "wall.png"
    assert find_style("great-wave", tmp_path).name == "great-wave.jpg"
    with pytest.raises(FileUnreadable, match=r"no style picture wal\. .* wall, .*great-wave"):
        find_style("wal", tmp_path)


def test_a_damaged_index_is_a_sentence(tmp_path):
    (tmp_path / module.INDEX).write_text("[{}]")
    with pytest.raises(FileUnreadable, match="index"):
        gallery(tmp_path, tmp_path)
