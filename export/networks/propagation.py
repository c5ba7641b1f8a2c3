"""Spreading values over paper and stopping them at lines: attention along rows and columns.

A barrier p >= 0 is predicted for every cell. From one cell of a row to another, the weight falls
as exp(-(sum of p between them)); so for columns. A pass takes, for every cell, the weighted mean
of its row and then of its column; a few passes go round corners. Everything is a cumulative sum
and matrix products, exact in both directions, and differentiable in p. (Linear propagation with
learned affinities: Liu 2017, arXiv 1710.01020; rows and columns in turn: Wang 2020, axial
attention, arXiv 2003.07853.)
"""

from __future__ import annotations

import torch
from torch import Tensor


def row_weights(barrier: Tensor) -> tuple[Tensor, Tensor]:
    """Barriers (N, 1, h, w) -> weights (N, h, w, w) between the cells of a row, sums (N, h, w, 1).

    The sums are of the last axis: dividing a product by them is cheaper than dividing weights.
    """
    barrier = barrier.squeeze(1)
    depth = torch.cumsum(barrier, dim=2) - barrier / 2  # up to the middle of each cell
    weights = torch.exp(-(depth.unsqueeze(3) - depth.unsqueeze(2)).abs())
    return weights, weights.sum(dim=3, keepdim=True)


class Paths:
    """The weights along the rows and the columns of one grid of barriers (N, 1, h, w)."""

    def __init__(self, barrier: Tensor) -> None:
        self._rows = row_weights(barrier)
        self._columns = row_weights(barrier.transpose(2, 3))

    def along_rows(self, values: Tensor) -> Tensor:
        """Weighted means along the rows of (N, C, h, w)."""
        weights, sums = self._rows
        return (torch.matmul(weights, values.permute(0, 2, 3, 1)) / sums).permute(0, 3, 1, 2)

    def along_columns(self, values: Tensor) -> Tensor:
        """Weighted means along the columns of (N, C, h, w)."""
        weights, sums = self._columns
        return (torch.matmul(weights, values.permute(0, 3, 2, 1)) / sums).permute(0, 3, 2, 1)

    def spread(self, values: Tensor, rounds: int) -> Tensor:
        """`rounds` times along the rows, then along the columns: (N, C, h, w)."""
        for _ in range(rounds):
            values = self.along_columns(self.along_rows(values))
        return values

    def smooth(self, values: Tensor) -> Tensor:
        """One round in each order, averaged: a cell's surroundings up to the lines."""
        return (self.spread(values, 1) + self.along_rows(self.along_columns(values))) / 2
