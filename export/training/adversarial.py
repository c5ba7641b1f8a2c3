"""Adversarial training, shared by all tasks: the losses by name, and a pool of older outputs.

Goodfellow 2014 (arXiv 1406.2661), equation 1: discriminator D and generator G play

    min_G max_D  E_x[log D(x)] + E_z[log(1 - D(G(z)))]

Conditional (Mirza 2014, arXiv 1411.1784; pix2pix, Isola 2017, arXiv 1611.07004, equation 1): both
also see the condition y, here the lightness or the line art:

    min_G max_D  E_y,x[log D(y, x)] + E_y,z[log(1 - D(y, G(y, z)))]

Cycle-consistent (Zhu 2017, arXiv 1703.10593, equation 3), for two domains without pairs:

    L(G, F, D_X, D_Y) = L_GAN(G, D_Y) + L_GAN(F, D_X) + lambda E[|F(G(x)) - x| + |G(F(y)) - y|]

Below, `real` and `fake` are the discriminator's raw outputs (any shape) for true and generated
pictures; D = sigmoid(output) where the formulas above have a probability.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from export.errors import BadPreset


def minimax_critic(real: Tensor, fake: Tensor) -> Tensor:
    """-E[log D(x)] - E[log(1 - D(G(z)))]: the negated maximum of Goodfellow 2014, equation 1."""
    return F.softplus(-real).mean() + F.softplus(fake).mean()


def minimax_generator(fake: Tensor) -> Tensor:
    """E[log(1 - D(G(z)))], the minimum of equation 1. Its gradient vanishes while D wins."""
    return -F.softplus(fake).mean()


def non_saturating_generator(fake: Tensor) -> Tensor:
    """-E[log D(G(z))], what Goodfellow 2014, section 3, trains instead of the minimum."""
    return F.softplus(-fake).mean()


def least_squares_critic(real: Tensor, fake: Tensor) -> Tensor:
    """1/2 E[(D(x) - 1)^2] + 1/2 E[D(G(z))^2] (LSGAN, Mao 2017, arXiv 1611.04076, equation 9)."""
    return 0.5 * ((real - 1) ** 2).mean() + 0.5 * (fake**2).mean()


def least_squares_generator(fake: Tensor) -> Tensor:
    """1/2 E[(D(G(z)) - 1)^2] (LSGAN, equation 9)."""
    return 0.5 * ((fake - 1) ** 2).mean()


def hinge_critic(real: Tensor, fake: Tensor) -> Tensor:
    """E[max(0, 1 - D(x))] + E[max(0, 1 + D(G(z)))] (Miyato 2018, arXiv 1802.05957, eq. 16)."""
    return F.relu(1 - real).mean() + F.relu(1 + fake).mean()


def hinge_generator(fake: Tensor) -> Tensor:
    """-E[D(G(z))] (Miyato 2018, equation 17)."""
    return -fake.mean()


ADVERSARIAL_LOSSES: dict[
    str, tuple[Callable[[Tensor, Tensor], Tensor], Callable[[Tensor], Tensor]]
] = {
    "minimax": (minimax_critic, minimax_generator),
    "non-saturating": (minimax_critic, non_saturating_generator),
    "lsgan": (least_squares_critic, least_squares_generator),
    "hinge": (hinge_critic, hinge_generator),
}
"""Name -> (discriminator's loss of real and fake, generator's loss of fake)."""


def adversarial_loss(
    name: str,
) -> tuple[Callable[[Tensor, Tensor], Tensor], Callable[[Tensor], Tensor]]:
    """The pair of losses called `name`. Raises BadPreset."""
    if name not in ADVERSARIAL_LOSSES:
        known = ", ".join(ADVERSARIAL_LOSSES)
        raise BadPreset(f"There is no adversarial loss '{name}' (known: {known}).")
    return ADVERSARIAL_LOSSES[name]


class PicturePool:
    """Older outputs, half of which are shown to the discriminator in place of the newest.

    Shrivastava 2017 (arXiv 1612.07828), section 2.3, as in CycleGAN. It keeps the discriminator
    from forgetting what the generator did before. `size` 0 passes everything through.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.kept: list[Tensor] = []

    def swap(self, pictures: Tensor, random: torch.Generator) -> Tensor:
        """(N, C, H, W) -> the same shape, some of them from the pool, which keeps those given."""
        if self.size == 0:
            return pictures
        shown, where = [], random.device
        for picture in pictures.detach():
            if len(self.kept) < self.size:
                self.kept.append(picture.clone())
                shown.append(picture)
            elif torch.rand((), generator=random, device=where) < 0.5:
                place = int(torch.randint(self.size, (), generator=random, device=where))
                shown.append(self.kept[place])
                self.kept[place] = picture.clone()
            else:
                shown.append(picture)
        return torch.stack(shown)

    def state(self) -> list[Tensor]:
        return list(self.kept)

    def restore(self, kept: list[Tensor]) -> None:
        """Goes on with a saved state, of which only `size` pictures are taken."""
        self.kept = list(kept[: self.size])
