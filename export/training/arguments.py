"""One frozen dataclass per script: every field is a flag, a preset is a TOML file of them."""

from __future__ import annotations

import argparse
import dataclasses
import tomllib
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from export.errors import BadPreset

Args = TypeVar("Args")
PRESETS = Path(__file__).parents[1] / "presets"


def option(default: Any, help: str) -> Any:
    """A documented field of an arguments dataclass."""
    if isinstance(default, (list, tuple)):
        return dataclasses.field(default=tuple(default), metadata={"help": help})
    return dataclasses.field(default=default, metadata={"help": help})


def parse_arguments(kind: type[Args], words: list[str] | None = None) -> Args:
    """Defaults, overruled by `--preset name-or-path.toml`, overruled by the flags."""
    hints = get_type_hints(kind)
    parser = argparse.ArgumentParser(
        description=(kind.__doc__ or "").strip(), formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--preset", help="a TOML file, or the name of one in export/presets")
    for field in dataclasses.fields(kind):  # type: ignore[arg-type]
        flag = "--" + field.name.replace("_", "-")
        text = f"{field.metadata['help']} ({field.default})"
        parser.add_argument(
            flag, dest=field.name, default=argparse.SUPPRESS, help=text, **_flag(hints[field.name])
        )
    given = vars(parser.parse_args(words))
    preset = given.pop("preset", None)
    values = read_preset(kind, preset) if preset else {}
    values.update({key: _plain(value) for key, value in given.items()})
    return kind(**values)


def read_preset(kind: type, name: str) -> dict[str, Any]:
    """The values of a preset, and of the one that its key `preset` names, which it overrules.

    BadPreset for a missing file, bad TOML or an unknown key.
    """
    path = Path(name) if name.endswith(".toml") else PRESETS / f"{name}.toml"
    hints = get_type_hints(kind)
    try:
        values = tomllib.loads(path.read_text())
    except OSError as error:
        raise BadPreset(f"The preset {path} cannot be read: {error.strerror}.") from error
    except tomllib.TOMLDecodeError as error:
        raise BadPreset(f"The preset {path} is not valid TOML: {error}.") from error
    inherited = values.pop("preset", None)
    base = read_preset(kind, inherited) if isinstance(inherited, str) else {}
    for key in values:
        if key not in {field.name for field in dataclasses.fields(kind)}:
            raise BadPreset(f"The preset {path} sets '{key}', which {kind.__module__} lacks.")
    return base | {key: _convert(value, hints[key]) for key, value in values.items()}


def as_plain(arguments: Any) -> dict[str, Any]:
    """The arguments as JSON-like values, for a checkpoint."""
    plain = {}
    for key, value in dataclasses.asdict(arguments).items():
        if isinstance(value, tuple):
            plain[key] = [str(v) if isinstance(v, Path) else v for v in value]
        else:
            plain[key] = str(value) if isinstance(value, Path) else value
    return plain


def _flag(kind: Any) -> dict[str, Any]:
    """argparse's view of a field's type."""
    if kind is bool:
        return {"action": argparse.BooleanOptionalAction}
    if get_origin(kind) is tuple:
        return {"type": get_args(kind)[0], "nargs": "+"}
    return {"type": kind}


def _plain(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _convert(value: Any, kind: Any) -> Any:
    """A TOML value as the field's type: strings become paths, whole numbers floats."""
    if get_origin(kind) is tuple:
        return tuple(get_args(kind)[0](item) for item in value)
    return kind(value)
