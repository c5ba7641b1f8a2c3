"""Which GIMPs are found, on every system: the most frequent reason for "no menu entry"."""

from pathlib import Path

import pytest

from installer.errors import InstallError
from installer.places import (
    Profile,
    System,
    data_folder,
    find_profiles,
    given_profile,
    installed_gimps,
    is_wanted,
)

LINUX = ".config/GIMP"
FLATPAK = ".var/app/org.gimp.GIMP/config/GIMP"
SNAP = "snap/gimp/current/.config/GIMP"
MAC = "Library/Application Support/GIMP"
WINDOWS = "AppData/Roaming/GIMP"
STORE = "AppData/Local/Packages/GIMP.43237F745459_abc/LocalCache/Roaming/GIMP"

PROFILES = {
    "nothing": ("linux", {}, [], []),
    "three versions": (
        "linux",
        {},
        [f"{LINUX}/2.10", f"{LINUX}/3.0", f"{LINUX}/3.2"],
        [("2.10", ""), ("3.0", ""), ("3.2", "")],
    ),
    "whatever comes next": (
        "linux",
        {},
        [f"{LINUX}/3.14", f"{LINUX}/3.4", f"{LINUX}/4.0"],
        [("3.4", ""), ("3.14", ""), ("4.0", "")],
    ),
    "too old, preview, no version": (
        "linux",
        {},
        [f"{LINUX}/2.8", f"{LINUX}/2.9", f"{LINUX}/2.99", f"{LINUX}/backup", f"{LINUX}/3.0.4"],
        [],
    ),
    "flatpak": ("linux", {}, [f"{FLATPAK}/3.0"], [("3.0", "flatpak")]),
    "snap": ("linux", {}, [f"{SNAP}/3.0"], [("3.0", "snap")]),
    "all three": (
        "linux",
        {},
        [f"{LINUX}/3.0", f"{FLATPAK}/3.2", f"{SNAP}/2.10"],
        [("2.10", "snap"), ("3.0", ""), ("3.2", "flatpak")],
    ),
    "XDG_CONFIG_HOME": (
        "linux",
        {"XDG_CONFIG_HOME": "HOME/settings"},
        [f"{LINUX}/2.10", "settings/GIMP/3.0"],
        [("3.0", "")],
    ),
    "GIMP3_DIRECTORY": ("linux", {"GIMP3_DIRECTORY": "HOME/mine"}, [], [("3", "")]),
    "GIMP2_DIRECTORY, relative": ("linux", {"GIMP2_DIRECTORY": "old"}, [], [("2.10", "")]),
    "mac": ("darwin", {}, [f"{MAC}/2.10", f"{MAC}/3.0"], [("2.10", ""), ("3.0", "")]),
    "mac has no .config": ("darwin", {}, [f"{LINUX}/3.0"], []),
    "windows": ("win32", {}, [f"{WINDOWS}/3.0"], [("3.0", "")]),
    "windows, APPDATA": (
        "win32",
        {"APPDATA": "HOME/Roaming"},
        ["Roaming/GIMP/3.2", f"{WINDOWS}/3.0"],
        [("3.2", "")],
    ),
    "windows store": ("win32", {}, [f"{STORE}/3.0"], [("3.0", "")]),
}


@pytest.mark.parametrize(
    ("platform", "env", "folders", "expected"), PROFILES.values(), ids=list(PROFILES)
)
def test_profiles(tmp_path, platform, env, folders, expected):
    for folder in folders:
        (tmp_path / folder).mkdir(parents=True)
    env = {name: value.replace("HOME", str(tmp_path)) for name, value in env.items()}
    found = find_profiles(System(platform, tmp_path, env))
    assert [(p.version, p.sandbox) for p in found] == expected


def test_the_plug_in_folder_is_named_like_its_script(tmp_path):
    (tmp_path / LINUX / "3.0").mkdir(parents=True)
    (profile,) = find_profiles(System("linux", tmp_path, {}))
    assert profile.plug_in == tmp_path / LINUX / "3.0/plug-ins/limner"


def test_gimp_3_directory_is_taken_from_home_when_it_is_relative(tmp_path):
    (profile,) = find_profiles(System("linux", tmp_path, {"GIMP3_DIRECTORY": "mine"}))
    assert profile.folder == tmp_path / "mine"


def test_a_linked_folder_counts_once(tmp_path):
    """Flatpak opens ~/.config/GIMP to the sandbox by such a link."""
    (tmp_path / LINUX / "3.0").mkdir(parents=True)
    (tmp_path / FLATPAK).parent.mkdir(parents=True)
    (tmp_path / FLATPAK).symlink_to(tmp_path / LINUX)
    (profile,) = find_profiles(System("linux", tmp_path, {}))
    assert (profile.folder, profile.sandbox) == (tmp_path / LINUX / "3.0", "")


@pytest.mark.parametrize(
    ("version", "wanted"),
    [("2.10", True), ("2.8", False), ("2.99", False), ("3.0", True), ("10.0", True), ("x", False)],
)
def test_wanted_versions(version, wanted):
    assert is_wanted(version) is wanted


DATA = {
    "linux": ("linux", {}, ".local/share/limner"),
    "linux, XDG": ("linux", {"XDG_DATA_HOME": "HOME/d"}, "d/limner"),
    "mac": ("darwin", {}, "Library/Application Support/Limner"),
    "windows": ("win32", {"LOCALAPPDATA": "HOME/L"}, "L/Limner"),
    "given": ("linux", {"LIMNER_DATA_DIR": "HOME/x", "XDG_DATA_HOME": "HOME/d"}, "x"),
}


@pytest.mark.parametrize(("platform", "env", "expected"), DATA.values(), ids=list(DATA))
def test_data_folder(tmp_path, platform, env, expected):
    env = {name: value.replace("HOME", str(tmp_path)) for name, value in env.items()}
    assert data_folder(System(platform, tmp_path, env)) == tmp_path / expected


def linux_with_path(machine):
    return System("linux", machine.home, {"PATH": str(machine.bin)})


def test_a_gimp_that_was_never_started_has_its_folder_by_its_program_name(machine):
    real = machine.program("gimp-console-3.2", "exit 1")
    (machine.bin / "gimp-console").symlink_to(real)
    profiles = installed_gimps(linux_with_path(machine))
    assert profiles == [Profile(machine.home / LINUX / "3.2", "3.2")]


def test_a_gimp_without_a_version_in_its_name_is_asked(machine):
    machine.program("gimp", "echo GNU Image Manipulation Program version 3.0.4")
    profiles = installed_gimps(linux_with_path(machine))
    assert profiles == [Profile(machine.home / LINUX / "3.0", "3.0")]


@pytest.mark.parametrize(
    ("name", "script"),
    [
        ("gimp", "exit 3"),
        ("gimp", "echo nothing to say"),
        ("gimp-2.99", "exit 0"),
        ("gimptool-3.0", "exit 0"),
        ("gimp-script-fu-interpreter-3.0", "exit 0"),
    ],
)
def test_what_is_no_gimp_of_ours_is_passed_over(machine, name, script):
    machine.program(name, script)
    assert installed_gimps(linux_with_path(machine)) == []


def test_a_snap_command_is_no_ordinary_gimp(machine):
    (machine.bin / "gimp").symlink_to(machine.program("snap", "echo version 3.0.4"))
    assert installed_gimps(linux_with_path(machine)) == []


def test_an_installed_flatpak_uses_the_ordinary_folder_where_it_exists(machine):
    machine.program("flatpak", "echo Version: 3.0.6")
    (profile,) = installed_gimps(linux_with_path(machine))
    assert profile == Profile(machine.home / FLATPAK / "3.0", "3.0", "flatpak")
    (machine.home / LINUX).mkdir(parents=True)
    (profile,) = installed_gimps(linux_with_path(machine))
    assert profile == Profile(machine.home / LINUX / "3.0", "3.0")


def test_windows_programs_tell_their_version_by_name(tmp_path):
    program = tmp_path / "Programs/GIMP 3/bin/gimp-3.0.exe"
    program.parent.mkdir(parents=True)
    program.touch()
    system = System("win32", tmp_path, {"PROGRAMFILES": str(tmp_path / "Programs")})
    assert installed_gimps(system) == [Profile(tmp_path / WINDOWS / "3.0", "3.0")]


def test_a_folder_given_by_hand(tmp_path):
    folder = tmp_path / "3.0"
    (folder / "plug-ins").mkdir(parents=True)
    assert given_profile(str(folder)) == Profile(folder, "3.0")
    assert given_profile(str(folder / "plug-ins")) == Profile(folder, "3.0")
    with pytest.raises(InstallError, match="There is no folder"):
        given_profile(str(tmp_path / "typo"))


def test_titles():
    assert Profile(Path("x"), "3.0", "flatpak").title == "GIMP 3.0 (Flatpak)"
    assert Profile(Path("x"), "").title == "GIMP"
