"""Numbers that compare pictures. Pictures are float arrays (H, W, 3), encoded sRGB in [0, 1]."""

from __future__ import annotations

import numpy as np

from core.color.spaces import delta_e_2000, srgb_to_lab

Array = np.ndarray


def ab_error(found: Array, truth: Array) -> float:
    """Mean absolute difference of a* and b*, arrays (H, W, 2) in CIE units."""
    return float(np.abs(found - truth).mean())


def psnr(found: Array, truth: Array) -> float:
    """Peak signal-to-noise ratio in dB over all channels; infinite for equal pictures."""
    error = float(((found - truth) ** 2).mean())
    return float("inf") if error == 0 else -10 * float(np.log10(error))


def srgb_difference(first: Array, second: Array) -> Array:
    """CIEDE2000 of encoded sRGB arrays (..., 3) in [0, 1]: (...)."""
    return delta_e_2000(srgb_to_lab(first), srgb_to_lab(second))


def colorfulness(picture: Array) -> float:
    """Hasler & Suesstrunk 2003, equation 5, on the 0..255 scale: 0 grey, 33 moderate, 82 vivid."""
    red, green, blue = np.moveaxis(picture * 255, -1, 0)
    red_green, yellow_blue = red - green, (red + green) / 2 - blue
    deviation = np.hypot(red_green.std(), yellow_blue.std())
    return float(deviation + 0.3 * np.hypot(red_green.mean(), yellow_blue.mean()))


def ssim(first: Array, second: Array, window: int = 8) -> float:
    """Structural similarity (Wang 2004) of luma, with a square window instead of a Gaussian."""
    weights = np.array((0.299, 0.587, 0.114))
    x, y = first @ weights, second @ weights
    mean_x, mean_y = _window_mean(x, window), _window_mean(y, window)
    variance_x = _window_mean(x * x, window) - mean_x**2
    variance_y = _window_mean(y * y, window) - mean_y**2
    covariance = _window_mean(x * y, window) - mean_x * mean_y
    c1, c2 = 0.01**2, 0.03**2
    structure = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
    return float(
        (structure / ((mean_x**2 + mean_y**2 + c1) * (variance_x + variance_y + c2))).mean()
    )


def frechet_distance(first: Array, second: Array) -> float:
    """Frechet distance of two sets of features (N, D), as Gaussians (Heusel 2017, FID).

    The trace of the covariances' geometric mean comes from the singular values of the product
    of the centred data: no D x D square root, and exact also when N < D.
    """
    mean = ((first.mean(axis=0) - second.mean(axis=0)) ** 2).sum()
    one = (first - first.mean(axis=0)) / np.sqrt(len(first) - 1)
    other = (second - second.mean(axis=0)) / np.sqrt(len(second) - 1)
    cross = np.linalg.svd(one @ other.T, compute_uv=False).sum()
    return float(mean + (one**2).sum() + (other**2).sum() - 2 * cross)


def kernel_distance(first: Array, second: Array) -> float:
    """Kernel distance of two sets of features (N, D): the unbiased squared maximum mean
    discrepancy with the kernel (x.y / D + 1)^3 (KID, Binkowski 2018, arXiv 1801.01401, equation 4),
    over all pictures at once instead of random subsets."""
    size = first.shape[1]

    def kernel(one: Array, other: Array) -> Array:
        return (one @ other.T / size + 1) ** 3

    def within(features: Array) -> float:
        values, count = kernel(features, features), len(features)
        return float((values.sum() - np.trace(values)) / (count * (count - 1)))

    return within(first) + within(second) - 2 * float(kernel(first, second).mean())


def _window_mean(plane: Array, window: int) -> Array:
    """Mean over every square window: (H - window + 1, W - window + 1)."""
    total = np.pad(plane.cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
    rows = total[window:] - total[:-window]
    return (rows[:, window:] - rows[:, :-window]) / window**2
