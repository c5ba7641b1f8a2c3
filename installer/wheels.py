"""Which packages an accelerator needs. The pins stand in pyproject.toml alone."""

import platform
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

from installer.errors import InstallError
from installer.places import System

ACCELERATORS = ("auto", "cpu", "webgpu", "cuda", "migraphx", "openvino")

_BRINGS_ITS_OWN_RUNTIME = {"cuda", "migraphx", "openvino"}
"""Their packages are an ONNX Runtime each; two of them in one environment break each other."""

DRM = Path("/sys/class/drm")


@dataclass(frozen=True)
class Wanted:
    """What pip is asked for.

    Attributes:
        accelerator: as the person asked.
        required: requirements without which nothing works.
        optional: requirements whose absence is said, and no failure.
        reason: why, one sentence.
    """

    accelerator: str
    required: tuple[str, ...]
    optional: tuple[str, ...]
    reason: str


def wanted(checkout: Path, accelerator: str, system: System) -> Wanted:
    """The packages for an accelerator of ACCELERATORS."""
    base, extras = _pins(checkout)
    if accelerator == "cpu":
        return Wanted(accelerator, base, (), "Pictures are worked on by the processor alone.")
    if accelerator == "auto":
        if not gpu_is_likely(system):
            return Wanted(accelerator, base, (), "No graphics card was found: the processor works.")
        reason = "A graphics card was found: WebGPU is added, the processor stays as a fallback."
        return Wanted(accelerator, base, extras["webgpu"], reason)
    if accelerator in _BRINGS_ITS_OWN_RUNTIME:
        base = tuple(pin for pin in base if requirement_name(pin) != "onnxruntime")
    required = base + extras[accelerator]
    return Wanted(accelerator, required, (), f"Pictures are worked on through {accelerator}.")


def gpu_is_likely(system: System, drm: Path = DRM) -> bool:
    """Whether this machine has a graphics card that WebGPU may use."""
    if system.platform == "win32":
        return True
    if system.platform == "darwin":
        return platform.machine() == "arm64"
    return any(drm.glob("renderD*")) or any(drm.glob("card[0-9]*"))


def requirement_name(requirement: str) -> str:
    """ "pyvips" of "pyvips[binary]==3.2.0"."""
    return re.split(r"[\[=<>!~; ]", requirement, maxsplit=1)[0]


def requirement_version(requirement: str) -> str:
    """ "3.2.0" of "pyvips[binary]==3.2.0"; "" where it is not pinned."""
    return requirement.partition("==")[2].partition(";")[0].strip()


def _pins(checkout: Path) -> tuple[tuple[str, ...], dict[str, tuple[str, ...]]]:
    path = checkout / "pyproject.toml"
    try:
        project = tomllib.loads(path.read_text(encoding="utf-8"))["project"]
        extras = project.get("optional-dependencies", {})
        return tuple(project["dependencies"]), {
            name: tuple(extras[name]) for name in ACCELERATORS if name in extras
        }
    except (OSError, ValueError, KeyError) as error:
        raise InstallError(
            f"{path} is missing or damaged.", "Get Limner again and start install.py from there."
        ) from error
