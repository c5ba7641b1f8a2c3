"""Colour hints as a user gives them: dabs and strokes of one colour each, drawn from the truth.

After Zhang 2017 (arXiv 1705.02999): hints come as two planes of colour and one that says where
they are, and half of the pictures have none, so that one network does with and without.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

LARGEST_DAB = 9  # pixels
EVEN = 8.0  # a stroke stays on one thing: its colours deviate by no more, in ab units


def draw_hints(ab: Tensor, rng: np.random.Generator, share: float) -> tuple[Tensor, Tensor]:
    """Random hints for training: ab (N, 2, H, W) -> hint (N, 2, H, W), mask (N, 1, H, W).

    A `share` of the pictures gets 1 to 30 dabs, few more often than many, of 1 to 9 px; one in
    five of them is drawn out to a stroke. Where the mask is 0, so is the hint.
    """
    hint, mask = torch.zeros_like(ab), torch.zeros_like(ab[:, :1])
    for truth, colors, places in zip(ab, hint, mask, strict=True):
        if rng.random() >= share:
            continue
        for _ in range(int(np.exp(rng.uniform(0, np.log(31))))):
            size = int(rng.integers(1, LARGEST_DAB + 1))
            if rng.random() < 0.2:
                _stroke(truth, colors, places, rng, max(1, size // 2))
            else:
                _dab(truth, colors, places, rng, size)
    return hint, mask


def draw_dabs(ab: Tensor, rng: np.random.Generator, count: int, size: int) -> tuple[Tensor, Tensor]:
    """`count` square dabs of `size` pixels in each picture, for measuring; shapes as above."""
    hint, mask = torch.zeros_like(ab), torch.zeros_like(ab[:, :1])
    for truth, colors, places in zip(ab, hint, mask, strict=True):
        for _ in range(count):
            _dab(truth, colors, places, rng, size)
    return hint, mask


def _dab(truth: Tensor, colors: Tensor, places: Tensor, rng: np.random.Generator, size: int):
    """One square of the mean colour of what it covers."""
    height, width = truth.shape[-2:]
    top, left = int(rng.integers(0, height - size + 1)), int(rng.integers(0, width - size + 1))
    spot = (slice(None), slice(top, top + size), slice(left, left + size))
    colors[spot] = truth[spot].mean(dim=(1, 2), keepdim=True)
    places[spot] = 1.0


def _stroke(truth: Tensor, colors: Tensor, places: Tensor, rng: np.random.Generator, size: int):
    """A straight stroke of one colour, given up where it would cross from one thing to another."""
    height, width = truth.shape[-2:]
    length = int(rng.integers(size + 1, max(size + 2, min(height, width) // 3)))
    angle = rng.uniform(0, 2 * np.pi)
    steps = np.arange(length)
    top = rng.integers(0, height) + np.round(np.sin(angle) * steps).astype(int)
    left = rng.integers(0, width) + np.round(np.cos(angle) * steps).astype(int)
    rows, columns = np.meshgrid(np.arange(size), np.arange(size), indexing="ij")
    rows = (top[:, None] + rows.ravel()).ravel()
    columns = (left[:, None] + columns.ravel()).ravel()
    inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    if not inside.any():
        return
    spots = torch.from_numpy(rows[inside]), torch.from_numpy(columns[inside])
    covered = truth[:, spots[0], spots[1]]
    mean = covered.mean(dim=1, keepdim=True)
    if float((covered - mean).abs().mean()) <= EVEN:
        colors[:, spots[0], spots[1]] = mean
        places[:, spots[0], spots[1]] = 1.0
