"""The networks, a file per family, and the one table that maps a checkpoint's name to a class."""

from __future__ import annotations

from typing import Any

from torch import nn

from export.networks.colorizer import Colorizer
from export.networks.sketcher import Sketcher
from export.networks.stylizer import Stylizer

GENERATORS: dict[str, type[nn.Module]] = {
    "colorizer": Colorizer,
    "sketcher": Sketcher,
    "stylizer": Stylizer,
}


def build_generator(name: str, arguments: dict[str, Any]) -> nn.Module:
    """The generator called `name`, freshly initialised. KeyError for an unknown name."""
    return GENERATORS[name](**arguments)
