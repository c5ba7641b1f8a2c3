"""What is asked of the sketch colouriser: the loss terms of one batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from export.networks.sketcher import Sketcher
from export.sketch.palette import nearest_colors
from export.sketch.samples import Batch
from export.training.color import srgb_to_lab

if TYPE_CHECKING:
    from export.sketch.train import Args


class SketchObjective(nn.Module):
    """The generator with its losses; one call gives the weighted terms of a batch.

    `class_weights` (K): the rebalancing of the palette's colours.
    """

    def __init__(self, generator: Sketcher, class_weights: Tensor, args: Args) -> None:
        super().__init__()
        self.generator, self.args = generator, args
        self.register_buffer("class_weights", class_weights, persistent=False)
        self.class_weights: Tensor

    def forward(self, batch: Batch, random: torch.Generator) -> dict[str, Tensor]:
        args, device = self.args, batch.ink.device
        half = F.avg_pool2d(batch.target, 2)
        coded = torch.rand(len(half), 1, generator=random, device=device) < args.coded
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=args.bf16):
            mean, log_variance = self.generator.posterior(
                F.avg_pool2d(batch.target, 4), F.avg_pool2d(batch.ink, 4)
            )
            mean, log_variance = mean.float(), log_variance.float()
            drawn = torch.randn(mean.shape, generator=random, device=device)
            code = (mean + torch.exp(log_variance / 2) * drawn) * coded
            found = self.generator.predict(*batch.inputs(), code)
        found = {name: value.float() for name, value in found.items()}
        truth = srgb_to_lab(half) / 10
        # Ink covers what lies beneath it.
        seen = 1 - 0.8 * F.avg_pool2d(batch.ink, 2)
        inside = (F.avg_pool2d(batch.hinted, 2) > 0.99).float() * batch.flat * seen

        def error(colors: Tensor, weight: Tensor) -> Tensor:
            difference = F.smooth_l1_loss(srgb_to_lab(colors) / 10, truth, reduction="none")
            return (difference * weight).sum() / (3 * weight.sum() + 1)

        hinted = batch.hinted[:, :, ::2, ::2]
        follow = F.binary_cross_entropy_with_logits(found["follow"], hinted, reduction="none")
        divergence = 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).sum(dim=1)
        return {
            "color": args.color_weight * error(found["colors"], seen),
            "spread": args.spread_weight * error(found["spread"], inside),
            "follow": args.follow_weight * (follow * seen * batch.flat).mean(),
            "class": args.classification_weight * self._classification(found["logits"], batch),
            "code": args.code_weight * (divergence * coded[:, 0]).mean(),
        }

    def _classification(self, logits: Tensor, batch: Batch) -> Tensor:
        """Rebalanced cross-entropy of the nearest palette colour, at a quarter of the size."""
        wanted = nearest_colors(batch.target[:, :, 2::4, 2::4], self.generator.palette)
        entropy = F.cross_entropy(logits, wanted, self.class_weights, reduction="none")
        return (entropy * (1 - 0.8 * batch.ink[:, 0, 2::4, 2::4])).mean()
