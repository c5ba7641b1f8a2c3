"""The sizes of pictures that a generator takes."""

from core.generator.manifest import SizeSpec


def legal_size(width: int, height: int, size: SizeSpec) -> tuple[int, int]:
    """The least (width, height) that holds these and that the generator takes.

    A graph of one fixed size takes only that; larger pictures are then cut.
    """
    if size.fixed:
        return max(width, size.fixed[0]), max(height, size.fixed[1])
    step = size.multiple_of
    legal = [-(-max(side, size.minimum) // step) * step for side in (width, height)]
    return legal[0], legal[1]
