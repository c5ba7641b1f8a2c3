"""Which packages an accelerator needs."""

import platform

import pytest

from installer import cli
from installer.places import System
from installer.wheels import (
    ACCELERATORS,
    gpu_is_likely,
    requirement_name,
    requirement_version,
    wanted,
)


def runtimes(asked):
    names = [requirement_name(pin) for pin in asked.required + asked.optional]
    return sorted(name for name in names if name.startswith("onnxruntime"))


@pytest.mark.parametrize(
    ("accelerator", "expected"),
    [
        ("cpu", ["onnxruntime"]),
        ("webgpu", ["onnxruntime", "onnxruntime-ep-webgpu"]),
        ("cuda", ["onnxruntime-gpu"]),
        ("migraphx", ["onnxruntime-migraphx"]),
        ("openvino", ["onnxruntime-openvino"]),
    ],
)
def test_one_onnx_runtime_each(tmp_path, accelerator, expected):
    asked = wanted(cli.CHECKOUT, accelerator, System("linux", tmp_path, {}))
    assert runtimes(asked) == expected


def test_auto_adds_webgpu_where_a_graphics_card_is(tmp_path, monkeypatch):
    for likely in (True, False):
        monkeypatch.setattr("installer.wheels.gpu_is_likely", lambda system, is_=likely: is_)
        asked = wanted(cli.CHECKOUT, "auto", System("linux", tmp_path, {}))
        assert ("onnxruntime-ep-webgpu" in runtimes(asked)) is likely
        assert "numpy" in [requirement_name(pin) for pin in asked.required]


@pytest.mark.parametrize("accelerator", ACCELERATORS)
def test_every_package_is_pinned(tmp_path, accelerator):
    asked = wanted(cli.CHECKOUT, accelerator, System("win32", tmp_path, {}))
    for pin in asked.required + asked.optional:
        assert requirement_version(pin), pin


@pytest.mark.parametrize(
    ("entries", "likely"),
    [
        ([], False),
        (["version"], False),
        (["renderD128"], True),
        (["card0", "card0-HDMI-A-1"], True),
    ],
)
def test_linux_shows_graphics_cards(tmp_path, entries, likely):
    for name in entries:
        (tmp_path / name).mkdir()
    assert gpu_is_likely(System("linux", tmp_path, {}), tmp_path) is likely


@pytest.mark.parametrize(("machine", "likely"), [("arm64", True), ("x86_64", False)])
def test_apples_own_chips_have_one(tmp_path, monkeypatch, machine, likely):
    monkeypatch.setattr(platform, "machine", lambda: machine)
    assert gpu_is_likely(System("darwin", tmp_path, {})) is likely


@pytest.mark.parametrize(
    ("requirement", "name", "version"),
    [
        ("numpy==2.4.6", "numpy", "2.4.6"),
        ("pyvips[binary]==3.2.0", "pyvips", "3.2.0"),
        ("onnxruntime-gpu[cuda,cudnn]==1.31.1; x", "onnxruntime-gpu", "1.31.1"),
        ("pillow", "pillow", ""),
    ],
)
def test_requirements_are_read(requirement, name, version):
    assert (requirement_name(requirement), requirement_version(requirement)) == (name, version)
