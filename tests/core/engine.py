"""What the tests of the two filters share: a generator from a fake model, quiet progress."""

from core.generator.catalog import Catalog
from core.generator.generator import Generator


def open_generator(folder):
    """The generator of a folder that tests.fakes.onnx wrote."""
    return Generator.open(Catalog.read((folder.parent,)).installed[0], "cpu")


def quiet(fraction, text):
    pass
