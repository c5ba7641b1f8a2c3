"""The discriminator of the photo colouriser with its optimizer and its pool of older outputs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from export.colorize.objective import Example, Seen, critic_input
from export.errors import BadPreset
from export.networks.discriminator import FeatureDiscriminator, PatchDiscriminator
from export.networks.weights import load_weights
from export.training.adversarial import PicturePool, adversarial_loss
from export.training.checkpoint import load_optimizer
from export.training.shared import channels_last

if TYPE_CHECKING:
    from export.colorize.train import Args

SMALLEST = 64  # side of the training squares, of which it sees a quarter
FEATURE_CHANNELS, FEATURE_DEPTH = 96, 2


class Critic:
    """Judges ab at a quarter of the size, with the lightness there as the condition.

    Or, with `judged_layer`, the coloured pictures by their features in that layer of VGG19, in
    which lightness and colour are together (`features` channels of them).

    "NoGAN" (DeOldify, github.com/jantic/DeOldify): it first learns alone, on the outputs of the
    generator as it is; the game of both is short.
    """

    def __init__(self, args: Args, fabric: Fabric, features: int = 0) -> None:
        if args.size < SMALLEST:
            raise BadPreset(f"A discriminator needs squares of {SMALLEST} pixels at least.")
        self._fabric = fabric
        self._critic_loss, self._generator_loss = adversarial_loss(args.adversarial_loss)
        self._weight = args.adversarial_weight
        self._pool = PicturePool(args.pool)
        self._layer = args.judged_layer
        network: nn.Module = PatchDiscriminator()
        if features:
            network = FeatureDiscriminator(features, FEATURE_CHANNELS, FEATURE_DEPTH)
        self._network = channels_last(network)
        optimizer = torch.optim.AdamW(
            self._network.parameters(), lr=args.critic_lr, betas=(0.5, 0.99), fused=True
        )
        self._wrapped, self.optimizer = fabric.setup(self._network, optimizer)

    def parameters(self) -> list[nn.Parameter]:
        return list(self._network.parameters())

    def shown(self, example: Example, ab: Tensor, seen: Seen) -> tuple[Tensor, Tensor]:
        """What it sees of outputs (N, 2, S/4, S/4), and of the truth."""
        if self._layer:
            return seen.found[self._layer].float(), seen.wanted[self._layer].float()
        return critic_input(example.tone, ab), critic_input(example.tone, example.ab)

    def terms(self, found: Tensor) -> dict[str, Tensor]:
        """The generator's weighted adversarial loss; leaves the discriminator as it is."""
        self._network.requires_grad_(False)
        score = self._network(found)
        self._network.requires_grad_(True)
        return {"adversarial": self._weight * self._generator_loss(score)}

    def losses(self, found: Tensor, wanted: Tensor, random: torch.Generator) -> dict[str, Tensor]:
        """The discriminator's own loss, on the truth and on outputs."""
        fake = self._pool.swap(found.detach(), random)
        # One pass for both: data-parallel training allows one forward pass per step.
        scores = self._wrapped(torch.cat((wanted, fake)))
        return {"critic": self._critic_loss(*scores.chunk(2))}

    def state(self) -> dict[str, Any]:
        """For the checkpoint's companions."""
        return {
            "discriminator": self._network.state_dict(),
            "discriminator_optimizer": self.optimizer.state_dict(),
            "pool": self._pool.state(),
        }

    def restore(self, companions: dict[str, Any]) -> None:
        """Goes on with what `state` returned, if it is there."""
        if "discriminator" in companions:
            load_weights(self._network, companions["discriminator"])
            load_optimizer(self.optimizer, companions["discriminator_optimizer"])
            device = self._fabric.device
            self._pool.restore([picture.to(device) for picture in companions["pool"]])
