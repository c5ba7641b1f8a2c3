"""An in-memory GIMP with one image, for plugin/run.py: pictures are drawn as letters."""

from contextlib import contextmanager

from plugin.errors import Unsupported
from plugin.host import Draft, Host, Source

COLORS = {
    "k": (0, 0, 0),
    "r": (255, 0, 0),
    "g": (0, 255, 0),
    "b": (0, 0, 255),
    "y": (255, 255, 0),
    "x": (128, 128, 128),
    "w": (255, 255, 255),
}
_LETTERS = {color: letter for letter, color in COLORS.items()}


def drawn(text):
    """Rows of letters: lines of text, or parts between slashes, without their indentation."""
    return [row.strip() for row in text.replace("/", "\n").split("\n") if row.strip()]


def pixels_of(rows, channels):
    """Packed u8 pixels of letters; "." is transparent, and black where there is no alpha."""
    data = bytearray()
    for letter in "".join(rows):
        red, green, blue = COLORS.get(letter, (0, 0, 0))
        data += bytes([red] if channels < 3 else [red, green, blue])
        if channels in (2, 4):
            data.append(0 if letter == "." else 255)
    return bytes(data)


def letters_of(data, width, channels):
    """The rows of letters that packed u8 pixels stand for."""
    letters = []
    for at in range(0, len(data), channels):
        pixel = tuple(data[at : at + channels])
        color = pixel[:1] * 3 if channels < 3 else pixel[:3]
        visible = channels in (1, 3) or pixel[-1]
        letters.append(_LETTERS[color] if visible else ".")
    return ["".join(letters[at : at + width]) for at in range(0, len(letters), width)]


class FakeLayer:
    """Rows of letters at a place on the canvas; mask: rows of "#" and ".", or None."""

    def __init__(self, name, rows, offsets=(0, 0), mask=None):
        self.name, self.rows, self.offsets, self.mask = name, rows, offsets, mask
        self.note = None
        self.members = []  # of a group

    def at(self, x, y):
        """The letter at a point of the canvas; "." outside the layer or its mask."""
        x, y = x - self.offsets[0], y - self.offsets[1]
        if not (0 <= y < len(self.rows) and 0 <= x < len(self.rows[0])):
            return "."
        return "." if self.mask is not None and self.mask[y][x] == "." else self.rows[y][x]


class FakeHost(Host):
    """One image with one layer, which is the source.

    Args:
        rows: the layer, drawn.
        selection: the canvas's selection, drawn with "#" and "."; None for none.
        canvas: (width, height); the layer's size where not given.
        base, alpha, offsets: of the image and the layer.
        chosen: fields of Source that are to differ.

    Attributes:
        events: what run.py did, in order.
        undo_steps: names of closed undo groups.
        open_groups: undo groups that are open.
        told: sentences of tell().
    """

    def __init__(
        self,
        rows,
        selection=None,
        canvas=None,
        base="rgb",
        alpha=False,
        offsets=(0, 0),
        chosen=None,
    ):
        self._alpha, self._chosen = alpha, chosen or {}
        source = FakeLayer("source", drawn(rows), offsets)
        self.layers = [source]  # topmost first
        self.base = base
        self.selection = None if selection is None else drawn(selection)
        self.canvas = canvas or (len(source.rows[0]), len(source.rows))
        self.events, self.undo_steps, self.open_groups, self.told = [], [], 0, []
        self.fractions = []
        self.removed = False
        self.refused_outputs = ()
        self._source = source

    def source(self):
        known = {
            "drawables": 1,
            "kind": "layer",
            "base": self.base,
            "floating": False,
            "selection": "none" if self.selection is None else "inside",
        }
        return Source(**dict(known, **self._chosen))

    def alive(self):
        return not self.removed

    def picture(self):
        channels = ("Y'" if self.base == "gray" else "R'G'B'") + ("A" if self._alpha else "")
        rows = self._source.rows
        return {"width": len(rows[0]), "height": len(rows), "format": channels + " u8"}

    def source_number(self):
        return 7

    def read(self, top, rows):
        self.events.append(f"read {top}+{rows}")
        channels = (1 if self.base == "gray" else 3) + self._alpha
        return pixels_of(self._source.rows[top : top + rows], channels)

    can_reduce = False

    def is_source(self, layer):
        return layer is self._source

    def place(self, layer):
        x, y = (layer.offsets[n] - self._source.offsets[n] for n in (0, 1))
        return x, y, x + len(layer.rows[0]), y + len(layer.rows)

    def read_other(self, layer, rectangle, scale):
        assert scale == 1.0 or self.can_reduce
        x, y, width, height = rectangle
        step = round(1 / scale)
        rows = [row[::step] for row in layer.rows[::step]]
        return pixels_of([row[x : x + width] for row in rows[y : y + height]], 4)

    def layer_number(self, layer):
        return 9

    def palette_colors(self, name):
        return {"Two": ["#000000", "#ff0000"]}[name]

    def new_draft(self, name, picture):
        self.events.append("draft")
        return FakeDraft(self, name, picture)

    @contextmanager
    def undo_group(self, name):
        self.open_groups += 1
        self.events.append("undo start")
        try:
            yield
        finally:
            self.open_groups -= 1
            self.undo_steps.append(name)
            self.events.append("undo end")

    def refuse_output(self, output):
        if output in self.refused_outputs:
            raise Unsupported("Not there.")

    def insert(self, draft, output):
        if self.base == "gray":
            self.base = "rgb"
            self.events.append("to rgb")
        self.events.append("insert" if output == "layer" else f"insert as {output}")
        self.layers.insert(0, FakeLayer(draft.name, draft.rows(), self._source.offsets))
        self.layers[0].note = draft.note
        if self.selection is not None:
            self.layers[0].mask = self._mask()

    def insert_group(self, name, note, pieces, through):
        self.events.append("insert group" + (" through" if through else ""))
        members = []
        for piece in pieces:
            place = (self._source.offsets[0] + piece.x, self._source.offsets[1] + piece.y)
            layer = FakeLayer(piece.draft.name, piece.draft.rows(), place)
            layer.mode, layer.visible = piece.mode, piece.visible
            members.append(layer)
        self.layers.insert(0, FakeLayer(name, ["." * len(members[0].rows[0])]))
        self.layers[0].note, self.layers[0].members = note, members

    def _mask(self):
        left, top = self._source.offsets
        width, height = self.canvas

        def selected(x, y):
            return 0 <= x < width and 0 <= y < height and self.selection[y][x] == "#"

        rows = self._source.rows
        return [
            "".join("#" if selected(left + x, top + y) else "." for x in range(len(row)))
            for y, row in enumerate(rows)
        ]

    def composite(self):
        """What the canvas shows: rows of letters."""
        width, height = self.canvas
        return ["".join(self._visible(x, y) for x in range(width)) for y in range(height)]

    def _visible(self, x, y):
        return next((s for layer in self.layers if (s := layer.at(x, y)) != "."), ".")

    def progress(self, fraction, text):
        self.fractions.append(fraction)

    def tell(self, sentence):
        self.told.append(sentence)


class FakeDraft(Draft):
    """Collects the rows that run.py writes; refuses what a real GIMP would refuse."""

    def __init__(self, host, name, picture):
        self.name = name
        self._host, self._picture = host, picture
        self._channels = 4 if picture["format"].startswith("R'G'B'A ") else 3
        self._data = b""
        self.note = None

    def keep_note(self, note):
        self.note = note

    def write(self, top, rows, data):
        row_bytes = self._picture["width"] * self._channels
        assert len(self._data) == top * row_bytes, "rows come in order"
        assert len(data) == rows * row_bytes, "rows come whole"
        self._host.events.append(f"write {top}+{rows}")
        self._data += data

    def rows(self):
        return letters_of(self._data, self._picture["width"], self._channels)

    def discard(self):
        self._host.events.append("discard")
