"""One batch of the photo colouriser's training: what goes in, and what is asked of it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from export.data.color_hints import draw_hints
from export.data.degrade import degrade
from export.networks.colorizer import ColorEncoder, Colorizer
from export.networks.vgg import VGG19
from export.training import losses
from export.training.color import lab_to_srgb, linear_to_lab, srgb_to_linear

# Shares of the layers in the perceptual loss. In this VGG19 each is about 1 on average.
PERCEPTUAL_LAYERS = {"relu1_1": 0.5, "relu2_1": 1.0, "relu3_1": 1.0}


class Example(NamedTuple):
    """One batch of squares of side S.

    lightness (N, 1, S, S): L* as an old photograph has it; hint (N, 2, S, S), mask (N, 1, S, S);
    ab (N, 2, S/4, S/4): the truth; tone (N, 1, S/2, S/2): the true L*.
    """

    lightness: Tensor
    hint: Tensor
    mask: Tensor
    ab: Tensor
    tone: Tensor


def make_example(
    squares: Tensor,
    size: int,
    rng: np.random.Generator,
    random: torch.Generator,
    saturation: float,
    hint_share: float,
    degradation: float = 1.0,
) -> Example:
    """Inputs and target from squares (N, 3, s, s) uint8, scaled to `size`, on their device.

    `saturation` multiplies the true ab, against washed-out colours; a share `degradation` of the
    pictures may be made to look old.
    """
    rgb = squares.float() / 255
    if rgb.shape[-1] != size:
        rgb = F.interpolate(rgb, size=(size, size), mode="bilinear", antialias=True)
    linear = srgb_to_linear(rgb)
    lab = linear_to_lab(linear)
    ab = lab[:, 1:] * saturation
    hint, mask = draw_hints(ab, rng, hint_share)
    lightness = degrade(linear, random, degradation).to(memory_format=torch.channels_last)
    target = F.avg_pool2d(ab, Colorizer.downscale)
    return Example(lightness, hint, mask, target, F.avg_pool2d(lab[:, :1], 2))


class Seen(NamedTuple):
    """VGG19's features of some of a batch's pictures, by layer; empty where it is not asked."""

    found: dict[str, Tensor]
    wanted: dict[str, Tensor]


class ColorObjective(nn.Module):
    """The generator with what is trained beside it; one call gives the loss terms of a batch.

    One module, so that data-parallel training sees every parameter in one forward pass.
    """

    def __init__(
        self,
        generator: Colorizer,
        color_encoder: ColorEncoder,
        class_weights: Tensor,
        weights: dict[str, float],
        noise_share: float,
        bf16: bool,
        vgg: VGG19 | None = None,
        perceptual_share: float = 1.0,
        judged_layer: str = "",
    ) -> None:
        super().__init__()
        self.generator, self.color_encoder = generator, color_encoder
        self.register_buffer("class_weights", class_weights, persistent=False)
        self.class_weights: Tensor
        self.weights, self.noise_share, self.bf16 = weights, noise_share, bf16
        self.vgg, self.perceptual_share = vgg, perceptual_share
        self._layers = tuple({*PERCEPTUAL_LAYERS, *filter(None, [judged_layer])})
        if vgg is not None:
            vgg.requires_grad_(False).eval()

    def forward(
        self, example: Example, random: torch.Generator
    ) -> tuple[dict[str, Tensor], Tensor, Seen]:
        """Weighted loss terms, the colours found, ab (N, 2, S/4, S/4), and what VGG19 saw."""
        mean, log_variance = self.color_encoder(example.ab)
        drawn = torch.randn(mean.shape, generator=random, device=mean.device)
        told = torch.rand(len(mean), generator=random, device=mean.device) < self.noise_share
        noise = (mean + torch.exp(0.5 * log_variance) * drawn) * told[:, None]
        with self.autocast(example.ab):
            logits, residual = self.generator.predict(
                example.lightness, example.hint, example.mask, noise
            )
        logits, residual = logits.float(), residual.float()
        ab = self.generator.expectation(logits, residual)
        terms = {
            "classification": losses.classification_loss(
                logits, example.ab, self.generator.palette, self.class_weights
            ),
            "huber": losses.huber_loss(ab, example.ab),
            # Kingma 2014; the latent is only asked to be normal where it was used
            "divergence": (losses.kl_divergence(mean, log_variance) * told).mean(),
        }
        seen = Seen({}, {}) if self.vgg is None else self.look(ab, example)
        if self.weights["perceptual"]:
            terms["perceptual"] = perceptual_loss(seen)
        return {name: self.weights[name] * value for name, value in terms.items()}, ab, seen

    def look(self, ab: Tensor, example: Example) -> Seen:
        """VGG19's features of the colours found and of the true ones.

        At half the size of the squares, and of a share of them: VGG19 costs ten times the
        generator at the same size.
        """
        count = max(1, round(len(ab) * self.perceptual_share))

        def features(colors: Tensor) -> dict[str, Tensor]:
            upsampled = F.interpolate(colors, scale_factor=2.0, mode="bilinear")
            rgb = lab_to_srgb(torch.cat((example.tone[:count], upsampled), dim=1))
            assert self.vgg is not None
            rgb = rgb.to(memory_format=torch.channels_last)
            return self.vgg(rgb, self._layers)

        with self.autocast(ab):
            found = features(ab[:count])
            with torch.no_grad():
                return Seen(found, features(example.ab[:count]))

    def autocast(self, like: Tensor) -> torch.autocast:
        return torch.autocast(like.device.type, dtype=torch.bfloat16, enabled=self.bf16)


def perceptual_loss(seen: Seen) -> Tensor:
    """Squared difference of VGG19's features (Johnson 2016, arXiv 1603.08155, equation 2)."""
    shares = PERCEPTUAL_LAYERS.items()
    terms = [s * F.mse_loss(seen.found[n].float(), seen.wanted[n].float()) for n, s in shares]
    return torch.stack(terms).sum()


def critic_input(tone: Tensor, ab: Tensor) -> Tensor:
    """What the discriminator sees: lightness as the condition and ab, (N, 3, S/4, S/4) about ±1.

    `tone` is L* (N, 1, S/2, S/2), `ab` (N, 2, S/4, S/4).
    """
    return torch.cat((F.avg_pool2d(tone, 2) / 50.0 - 1.0, ab / 50.0), dim=1)
