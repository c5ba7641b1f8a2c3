"""Tests of films need the extra `film`; without it they are skipped with a sentence."""

import importlib.util

import pytest

MISSING = [name for name in ("av", "cv2") if importlib.util.find_spec(name) is None]
collect_ignore_glob = ["test_[!s]*.py", "test_s[!k]*.py", "test_sk[!i]*.py"] if MISSING else []


@pytest.fixture(scope="session")
def models(tmp_path_factory):
    """A folder with a colouriser whose colours depend on lightness, and a style that darkens.

    "rose" and "blur" take several frames at a time, "one" and "dark" one.
    """
    from core.generator.manifest import SizeSpec, TilingSpec
    from tests.fakes import onnx as fakes

    folder = tmp_path_factory.mktemp("models")
    size = SizeSpec(minimum=4, multiple_of=4, work=64)
    fakes.lightness_ab(folder / "rose", size=size, default=True, count="n")
    fakes.lightness_ab(folder / "one", size=size)
    fakes.scale(folder / "dark", 0.5, tiling=TilingSpec("allowed", 0), default=True)
    fakes.box_blur(folder / "blur", 1, count="n")
    return folder


@pytest.fixture(scope="session")
def painters(tmp_path_factory):
    """The same colouriser, with painters: "blur" (the default), "same" changes nothing, one frame
    at a time, "both" the same of several at a time.
    """
    from core.generator.manifest import SizeSpec
    from tests.fakes import onnx as fakes

    folder = tmp_path_factory.mktemp("painters")
    size = SizeSpec(minimum=4, multiple_of=4, work=64)
    fakes.lightness_ab(folder / "rose", size=size, default=True, count="n")
    fakes.box_blur(folder / "blur", 1, count="n", default=True)
    fakes.identity(folder / "same")
    fakes.identity(folder / "both", count="n")
    return folder
