"""Where a small picture lies in a window onto it: zoom, pan and the divider. No GTK in here.

Lengths are pixels of the window (the viewport) unless they are called a picture's.
"""

LARGEST_ZOOM = 16.0
ZOOM_STEP = 1.25
GRIP = 8
"""So close to the divider a press takes hold of it."""


class View:
    """What a viewport shows of a picture.

    Attributes:
        width, height: of the viewport.
        zoom: viewport pixels for one of the picture's.
        left, top: the viewport's place of the picture's upper left corner; often negative.
        divider: x in the viewport; left of it is what was, right of it what will be.

    Args:
        picture: (width, height) of the picture.
        most: (width, height) that the viewport may have; it takes the picture's shape, but no
            side becomes shorter than `least`.
        largest: zoom that a user can reach.
    """

    def __init__(self, picture, most, least=120, largest=LARGEST_ZOOM):
        self._picture = picture
        self._largest = largest
        shrink = min(most[0] / picture[0], most[1] / picture[1])
        self.width = min(most[0], max(least, round(picture[0] * shrink)))
        self.height = min(most[1], max(least, round(picture[1] * shrink)))
        self.divider = self.width // 2
        self.fit()

    def fit(self):
        """Show the whole picture, as large as it can be."""
        self._fitting = min(self.width / self._picture[0], self.height / self._picture[1])
        self.zoom = self._fitting
        self._place(0.0, 0.0)

    def zoom_at(self, factor, x, y):
        """Change the zoom; what lies at (x, y) stays there, as far as the borders allow."""
        zoom = min(max(self.zoom * factor, self._fitting), max(self._largest, self._fitting))
        factor, self.zoom = zoom / self.zoom, zoom
        self._place(x - (x - self.left) * factor, y - (y - self.top) * factor)

    def pan(self, across, down):
        """Move the picture, but not beyond its borders."""
        self._place(self.left + across, self.top + down)

    def move_divider(self, x):
        self.divider = min(max(round(x), 0), self.width)

    def grips(self, x):
        """Whether a press at x takes hold of the divider; while all is seen, any press does."""
        return self.is_on_divider(x) or self.zoom <= self._fitting

    def is_on_divider(self, x):
        return abs(x - self.divider) <= GRIP

    def point(self, x, y):
        """The picture's point that lies at (x, y); None where that is beside the picture."""
        across, down = (x - self.left) / self.zoom, (y - self.top) / self.zoom
        inside = 0 <= across < self._picture[0] and 0 <= down < self._picture[1]
        return (across, down) if inside else None

    def place(self, across, down):
        """Where in the viewport a point of the picture lies; perhaps outside of it."""
        return round(self.left + across * self.zoom), round(self.top + down * self.zoom)

    @property
    def rectangle(self):
        """(x, y, width, height) of the viewport's part that the picture covers."""
        left, right = self._covered(self.left, self._picture[0], self.width)
        top, bottom = self._covered(self.top, self._picture[1], self.height)
        return left, top, right - left, bottom - top

    @property
    def seen(self):
        """(left, top, right, bottom) of the picture's part that the viewport shows."""
        starts = [max(0.0, -start / self.zoom) for start in (self.left, self.top)]
        ends = (self.width - self.left) / self.zoom, (self.height - self.top) / self.zoom
        return (*starts, *map(min, ends, self._picture))

    def _covered(self, start, length, limit):
        first = max(0, round(start))
        return first, min(limit, max(first + 1, round(start + length * self.zoom)))

    def _place(self, left, top):
        self.left = _kept(left, self._picture[0] * self.zoom, self.width)
        self.top = _kept(top, self._picture[1] * self.zoom, self.height)


def _kept(start, length, room):
    """The nearest place where a picture of that length leaves no gap, or stands in the middle."""
    if length <= room:
        return (room - length) / 2
    return min(0.0, max(room - length, start))
