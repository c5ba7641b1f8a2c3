"""A layer filtered in GIMP is the file that the command line makes of the same picture."""

import numpy as np
import pytest

from core.color.spaces import linear_to_srgb, srgb_to_lab, srgb_to_linear
from tests.gimp.pictures import read_file
from tests.gimp.session import Session

pytestmark = pytest.mark.gimp

COMMANDS = {"colorize": "colorize", "stylize": "style"}
SAME_SPACE = ("photo8.png", "photo16.png", "grey8.png")


@pytest.fixture(scope="session")
def files(session: Session) -> Session:
    """The session, with the command line's results beside GIMP's."""
    for task, command in COMMANDS.items():
        for name in (*SAME_SPACE, "p3.png"):
            session.command_line(
                command,
                f"/limner/in/{name}",
                f"--output=/limner/out/{task}-{name}",
                "--device=cpu",
                log=f"{task}-{name}.log",
            )
    return session


@pytest.mark.parametrize("name", SAME_SPACE)
@pytest.mark.parametrize("task", COMMANDS)
def test_pixel_for_pixel(files: Session, task: str, name: str):
    in_gimp = files.pixels(f"file/{task}/{name}", "result")
    by_command = read_file(files.out / f"{task}-{name}")
    assert in_gimp.dtype == by_command.dtype
    np.testing.assert_array_equal(in_gimp, by_command)


@pytest.mark.parametrize("name", SAME_SPACE)
@pytest.mark.parametrize("task", COMMANDS)
def test_it_does_something(files: Session, task: str, name: str):
    source = files.pixels(f"file/{task}/{name}", "source")
    result = files.pixels(f"file/{task}/{name}", "result")
    full = np.iinfo(result.dtype).max
    difference = np.abs(result / full - source / full)
    assert difference.mean() > 0.02  # 5 of 255


@pytest.mark.parametrize("task", COMMANDS)
def test_display_p3_keeps_its_profile_and_looks_the_same(files: Session, task: str):
    facts = files.case(f"file/{task}/p3.png")
    assert facts["status"] == "success", facts["message"]
    assert facts["before"]["profile"]
    assert facts["after"]["profile"] == facts["before"]["profile"]
    in_gimp = files.pixels(f"file/{task}/p3.png", "result").astype(int)
    by_command = read_file(files.out / f"{task}-p3.png").astype(int)
    difference = np.abs(in_gimp - by_command)
    assert difference.mean() < 0.1  # measured: 0.01 and 0.02
    assert difference.max() <= 2  # measured: 1, by GIMP's and libvips' own roundings


@pytest.mark.parametrize("task", COMMANDS)
def test_display_p3_gives_the_colours_that_srgb_gives(files: Session, task: str):
    """The same colours in another encoding: the results are the same colours, too."""
    in_p3 = files.pixels(f"file/{task}/p3.png", "result") / 255
    in_srgb = files.pixels(f"file/{task}/photo8.png", "result") / 255
    as_srgb = linear_to_srgb(p3_to_srgb(srgb_to_linear(in_p3)))  # P3 has sRGB's tone curve
    lab_p3, lab_srgb = srgb_to_lab(as_srgb), srgb_to_lab(in_srgb)
    distance = np.linalg.norm(lab_p3 - lab_srgb, axis=-1)
    # CIE76. Measured: 0.4 and 0.7; with P3's numbers taken for sRGB's it would be above 1.8
    assert distance.mean() < 1.2


def p3_to_srgb(linear: np.ndarray) -> np.ndarray:
    """Linear Display P3 to linear sRGB; both D65. CSS Color 4, section 10."""
    matrix = [
        [1.2249401762805598, -0.2249401762805598, 0.0],
        [-0.0420569547096881, 1.0420569547096881, 0.0],
        [-0.0196375545903344, -0.0786360455506319, 1.0982736001409663],
    ]
    return np.clip(linear @ np.array(matrix).T, 0, 1)
