"""Thumbnails of style models: how each paints one and the same small photograph.

The gallery of the dialog shows them; a model without one is chosen by its name alone.
"""

from pathlib import Path

from core.files.picture import PictureFile
from core.generator.catalog import Model
from core.generator.generator import Generator
from core.style.stylize import StylizeSettings, paint

NAME = "thumbnail.jpg"
PHOTOGRAPH = Path(__file__).parents[1] / "data" / "houses.jpg"
"""Houses in Burano by Antonio Careses, CC BY 3.0, cut and made smaller; never trained on.
https://commons.wikimedia.org/wiki/File:Urban_Pearls_Of_Venetian_Lagoon_(108454037).jpeg
"""


def save_thumbnail(model: Model) -> None:
    """Paint the photograph and save it beside the model's manifest.

    Raises:
        FileUnreadable, FileUnwritable: the photograph, or the model's folder.
        ModelError, OutOfMemory: the model cannot paint.
    """
    photograph = PictureFile.read(PHOTOGRAPH)
    generator = Generator.open(model, "cpu")
    painted = paint(photograph.image, generator, StylizeSettings(brush_size=1.0), lambda *_: None)
    photograph.save(painted.image, model.folder / NAME)
