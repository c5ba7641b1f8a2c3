"""First and second moments of feature maps, which stand for a picture's style."""

import torch
from torch import Tensor


def mean_and_deviation(features: Tensor) -> tuple[Tensor, Tensor]:
    """Per channel statistics of (N, C, H, W): mean (N, C) and standard deviation (N, C)."""
    mean = features.mean(dim=(2, 3))
    variance = features.var(dim=(2, 3), unbiased=False)
    return mean, torch.sqrt(variance + 1e-6)


def covariance(features: Tensor) -> Tensor:
    """Covariances of the channels of (N, C, H, W): (N, C, C).

    A Gram matrix (Gatys 2015, arXiv 1508.06576) of features less their mean: in a VGG19 whose
    channels are about 1 on average, the mean would otherwise drown the texture.
    """
    flat = features.flatten(2)
    flat = flat - flat.mean(dim=2, keepdim=True)
    return flat @ flat.transpose(1, 2) / flat.shape[2]
