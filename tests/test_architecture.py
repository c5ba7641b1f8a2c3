"""The import rule: plugin -> core.protocol, export -> core, core -> nothing of ours.

Also: which library may be imported where, that GIMP's side is standard library only and is
valid Python 2.7, and that the worker loads nothing that it does not need.
"""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.python27 import PYTHON27, needs_python27

ROOT = Path(__file__).parents[1]

# Names that only one of the two Pythons has; plugin/ asks for both in turn.
PYTHON2_ONLY = {"Queue", "__builtin__"}
STANDARD = set(sys.stdlib_module_names) | PYTHON2_ONLY | {"__future__"}

ONLY_IN = {
    "onnxruntime": {"core/generator/session.py"},
    "av": {"core/film/", "benchmarks/"},
    "cv2": {"core/film/", "benchmarks/"},
    "ray": {"core/cli/cluster.py"},
    "pyvips": {"core/files/libvips.py"},
    "gi": {"plugin/gimp3/"},
    "gimpfu": {"plugin/gimp2/"},
    "gimp": {"plugin/gimp2/"},
    "torch": {"export/"},
    "safetensors": {"export/"},
    "lightning_fabric": {"export/"},
    "onnx": {"export/"},
    "PIL": {"export/"},
    "google": {
        "export/networks/exported.py"
    },  # protobuf, which onnx reads with, and whose error it lets out
    "gmic": {"export/tools/autofill_gmic.py"},  # a baseline, in its own venv
}
"""Outside library -> the only files (or folders, with /) that may import it."""

OURS = {
    "core": ("core",),
    "plugin": ("plugin", "core.protocol"),
    "export": ("export", "core"),
    "benchmarks": ("benchmarks", "core", "plugin"),
    # before anything is installed: the parts of core that are standard library only
    "installer": (
        "installer",
        "core.generator.catalog",
        "core.errors",
        "core.generator.manifest",
        "plugin",
    ),
}
"""Package -> the prefixes of our own modules that it may import."""

ROOMS = {
    "core": (
        ("errors", "protocol"),
        ("image", "progress_bar"),
        ("raster",),
        ("color",),
        ("files",),
        ("generator",),
        ("request",),
        ("colorize",),
        ("sketch",),
        ("style",),
        ("motion",),
        ("film",),
        ("filters",),
        ("animation",),
        ("worker",),
        ("cli",),
        ("__main__",),
    ),
    "export": (
        ("errors",),
        ("networks",),
        ("training",),
        ("data",),
        ("metrics",),
        ("onnx",),
        ("colorize",),
        ("sketch",),
        ("style",),
        ("tools",),
        ("measure",),
    ),
}
"""Package -> its rooms, bottom first: a room imports itself and what stands before it."""

MOST_FILES_AT_THE_TOP = 10

FREE = {"numpy": ("core", "export", "benchmarks")}


def sources(package):
    return sorted((ROOT / package).rglob("*.py"))


def imported_modules(path):
    """Every module that a file imports, inside functions too; `from core import x` as core.x."""
    names = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import hides what it imports"
            names += [f"{node.module}.{alias.name}" for alias in node.names]
    return names


def may_import(package, relative, module):
    top = module.partition(".")[0]
    if top in OURS:
        return any(module == own or module.startswith(own + ".") for own in OURS[package])
    if top in ONLY_IN:
        return any(relative.startswith(place) for place in ONLY_IN[top])
    if top in FREE:
        return package in FREE[top]
    return top in STANDARD


@pytest.mark.parametrize("package", sorted(OURS))
def test_every_import_is_allowed(package):
    files = sources(package)
    assert files, f"{package}/ has no Python file"
    wrong = [
        f"{relative} imports {module}"
        for path in files
        for relative in [path.relative_to(ROOT).as_posix()]
        for module in imported_modules(path)
        if not may_import(package, relative, module)
    ]
    assert not wrong, "\n".join(wrong)


def floor_of(package, room):
    """How high a room lies; fails for one that the list does not name."""
    floors = [number for number, rooms in enumerate(ROOMS[package]) if room in rooms]
    assert floors, f"{package}/{room} stands in no line of ROOMS"
    return floors[0]


def may_enter(package, relative, module):
    """Whether a file of a package with rooms may import a module, as far as the rooms go."""
    _, room, *_ = relative.removesuffix(".py").split("/")
    top, _, rest = module.partition(".")
    other = rest.partition(".")[0]
    if top != package or room == other or other == "__version__":
        return True
    return floor_of(package, other) < floor_of(package, room)


@pytest.mark.parametrize("package", sorted(ROOMS))
def test_a_room_imports_only_rooms_before_it(package):
    wrong = [
        f"{relative} imports {module}"
        for path in sources(package)
        for relative in [path.relative_to(ROOT).as_posix()]
        if relative != f"{package}/__init__.py"
        for module in imported_modules(path)
        if not may_enter(package, relative, module)
    ]
    assert not wrong, "\n".join(wrong)


def test_an_arrow_turned_round_would_be_caught():
    assert may_enter("core", "core/sketch/sketch.py", "core.raster.flood.follow")
    assert not may_enter("core", "core/raster/flood.py", "core.sketch.regions.find_areas")
    assert not may_enter("core", "core/errors.py", "core.image.Image")
    assert not may_enter("export", "export/networks/adain.py", "export.training.losses")
    with pytest.raises(AssertionError, match="stands in no line"):
        may_enter("core", "core/sketch/sketch.py", "core.attic.thing")


def test_few_files_stand_at_the_top_of_core():
    assert len(list((ROOT / "core").glob("*.py"))) <= MOST_FILES_AT_THE_TOP


def test_the_rule_would_catch_what_it_is_there_for():
    assert not may_import("core", "core/image.py", "onnxruntime.InferenceSession")
    assert not may_import("core", "core/image.py", "plugin.run")
    assert not may_import("core", "core/image.py", "torch")
    assert not may_import("plugin", "plugin/run.py", "core.image")
    assert not may_import("plugin", "plugin/run.py", "numpy")
    assert not may_import("plugin", "plugin/run.py", "gi.repository")
    assert not may_import("plugin", "plugin/gimp2/host.py", "gi.repository")
    assert may_import("plugin", "plugin/run.py", "core.protocol")


def test_what_both_pythons_share_imports_nothing_of_ours():
    for name in ("__init__", "protocol"):
        for module in imported_modules(ROOT / f"core/{name}.py"):
            assert module.partition(".")[0] in STANDARD - {"core"}, module


def python27_files():
    files = [*sources("plugin"), ROOT / "core/__init__.py", ROOT / "core/protocol.py"]
    # GIMP 3 brings its own Python 3
    return [path for path in files if "gimp3" not in path.parts]


@needs_python27
def test_gimp_2_files_compile_in_a_real_python_2():
    script = "import sys\nfor path in sys.argv[1:]:\n    compile(open(path).read(), path, 'exec')\n"
    files = [str(path) for path in python27_files()]
    subprocess.run([PYTHON27, "-B", "-c", script, *files], check=True)


def modules_after(statement):
    script = f"{statement}\nimport sys\nprint(*sorted(sys.modules), sep='\\n')"
    answer = subprocess.run(
        [sys.executable, "-B", "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(answer.stdout.split())


def test_the_worker_loads_no_codec():
    loaded = modules_after("import core.worker.service")
    assert "onnxruntime" in loaded
    assert not loaded & {"pyvips", "PIL", "cffi"}


def test_the_installer_needs_nothing_but_python():
    loaded = modules_after("import installer.cli")
    assert "core.generator.catalog" in loaded
    assert not loaded & {*ONLY_IN, *FREE}


def test_the_plug_in_is_light_when_gimp_asks_what_it_offers():
    """GIMP waits for this at its start; and what fails to import there has no menu entry."""
    loaded = modules_after("import plugin.filters, plugin.installation")
    assert not loaded & {"numpy", "onnxruntime", "subprocess", "threading", "core.protocol"}
