"""The networks, a file per family, and the one table that maps a checkpoint's name to a class."""

from __future__ import annotations

from typing import Any

from torch import nn

from export.networks.colorizer import Colorizer
from export.networks.sketcher import Sketcher
from export.networks.stylizer import Stylizer
from export.networks.transfer import StyleTransfer

GENERATORS: dict[str, type[nn.Module]] = {
    "colorizer": Colorizer,
    "sketcher": Sketcher,
    "stylizer": Stylizer,
    "transfer": StyleTransfer,
}


def build_generator(name: str, arguments: dict[str, Any]) -> nn.Module:
    """The generator called `name`, freshly initialised. KeyError for an unknown name."""
    return GENERATORS[name](**arguments)
