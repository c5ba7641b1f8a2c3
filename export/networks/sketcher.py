"""The sketch colouriser: line art and optional hints in, the colours beneath the lines out.

A draft and a refinement. The draft is a palette of colours chosen softly at a quarter of the
size, by a MobileNetV2 encoder of the lines and a decoder that sees the hints at every level. The
refinement, at half the size, spreads the hints (and evens out the draft) along learned paths
that lines block, and decides for every cell how far it follows its hint. A latent code of the
truth, zeros when colouring by default, carries what lines cannot tell (a conditional
variational autoencoder, as in BicycleGAN, Zhu 2017, arXiv 1711.11586).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from export.networks.mobilenet import FEATURE_CHANNELS, MobileNetV2, conv_norm
from export.networks.propagation import Paths

CODE_SIZE = 8  # numbers of the latent code, the generator's input "noise"
STEM = 16  # channels of the fine branch at half the size
LOWEST_REACH = 1e-30  # exp(-69): a hint that far away is no hint
RESIDUAL_RANGE = 0.1  # the residual's largest correction, in sRGB


class HintedLevel(nn.Module):
    """Doubles the size, joins encoder features and hints of that size, two 3x3 convolutions."""

    def __init__(self, inputs: int, skip: int, outputs: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(inputs + skip + 4, outputs, 3, padding=1, bias=False)
        self.first_norm = nn.BatchNorm2d(outputs)
        self.second = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.second_norm = nn.BatchNorm2d(outputs)
        self.code = nn.Linear(CODE_SIZE, outputs, bias=False)

    def forward(self, x: Tensor, skip: Tensor, hints: Tensor, code: Tensor) -> Tensor:
        x = F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
        x = self.first_norm(self.first(torch.cat((x, skip, hints), dim=1)))
        x = F.relu(x + self.code(code)[:, :, None, None])
        return F.relu(x + self.second_norm(self.second(x)))


class Posterior(nn.Module):
    """Training only: the code's mean and log variance, (N, 8) each, of colours and lines.

    Input: colours (N, 3, h, w) in [0, 1] and ink (N, 1, h, w), at a quarter of the size.
    """

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            conv_norm(4, 32, 3, 2), conv_norm(32, 64, 3, 2), conv_norm(64, 96, 3, 2)
        )
        self.out = nn.Linear(96, 2 * CODE_SIZE)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, colors: Tensor, ink: Tensor) -> tuple[Tensor, Tensor]:
        pooled = self.layers(torch.cat((colors, ink), dim=1)).mean(dim=(2, 3))
        mean, log_variance = self.out(pooled).chunk(2, dim=1)
        return mean, log_variance.clamp(-8, 4)


class Sketcher(nn.Module):
    """Ink, hints and code -> colours beneath the lines, (N, 3, H/2, W/2), sRGB in [0, 1].

    Ink (N, 1, H, W): 0 paper to 1 ink. Hint (N, 3, H, W): sRGB in [0, 1], read where hint_mask
    (N, 1, H, W) in [0, 1] is not 0. Noise (N, 8): zeros, or draws from a standard normal
    distribution for other colourings. H and W must be multiples of 32. The softmax over
    `palette_size` colours at `temperature` is as in the photo colouriser.
    """

    size_multiple = 32
    downscale = 2
    training_only = ("posterior.",)

    def __init__(
        self,
        channels: tuple[int, int, int, int] = (160, 96, 64, 48),
        palette_size: int = 96,
        temperature: float = 0.5,
        rounds: int = 3,
    ) -> None:
        super().__init__()
        self.temperature, self.rounds = temperature, rounds
        self.encoder = MobileNetV2()
        _, stride4, stride8, stride16, stride32 = FEATURE_CHANNELS
        self.fine = nn.Sequential(conv_norm(1, STEM, 3, 2), conv_norm(STEM, STEM, 3))
        self.around = nn.Sequential(conv_norm(stride4 + STEM, 32, 3), conv_norm(32, 16, 3))
        self.barrier = nn.Sequential(conv_norm(STEM + 16, 24, 3), nn.Conv2d(24, 1, 1))
        self.neck = nn.Conv2d(stride32 + 4, channels[0], 1)
        self.context = nn.Sequential(
            nn.Linear(stride32 + 4 + CODE_SIZE, channels[0]),
            nn.ReLU(),
            nn.Linear(channels[0], channels[0]),
        )
        self.levels = nn.ModuleList(
            [
                HintedLevel(channels[0], stride16, channels[1]),
                HintedLevel(channels[1], stride8, channels[2]),
                HintedLevel(channels[2], stride4, channels[3]),
            ]
        )
        self.even = conv_norm(2 * channels[3], channels[3], 3)
        self.logits = nn.Conv2d(channels[3], palette_size, 1)
        self.refine = conv_norm(channels[3] + STEM, 24, 3)
        self.decide = nn.Conv2d(24 + 1, 1, 1)
        self.residual = nn.Conv2d(24, 3, 1)
        with torch.no_grad():
            for parameter in (*self.residual.parameters(), *self.decide.parameters()):
                parameter.zero_()
            self.decide.weight[:, -1] = 4.0
            self.decide.get_parameter("bias").fill_(6.0)
        self.posterior = Posterior()
        self.register_buffer("palette", torch.zeros(palette_size, 3))
        self.palette: Tensor

    def train(self, mode: bool = True) -> Sketcher:
        """Like nn.Module.train, but the encoder's BatchNorm statistics stay as pretrained."""
        super().train(mode)
        self.encoder.freeze_statistics()
        return self

    def predict(
        self, ink: Tensor, hint: Tensor, hint_mask: Tensor, code: Tensor
    ) -> dict[str, Tensor]:
        """Everything that a loss looks at.

        "logits" (N, K, H/4, W/4), "spread" (N, 3, H/2, W/2): the hints' colours wherever they
        reach, "follow" (N, 1, H/2, W/2): the logit of following them, "colors" (N, 3, H/2, W/2).
        """
        features = self.encoder(1 - 2 * ink)
        fine = self.fine(ink)
        around = self.around(torch.cat((features[1], F.avg_pool2d(fine, 2)), dim=1))
        paths, coarse_paths = self._paths(fine, around)
        mask = F.avg_pool2d(hint_mask, 2)
        hints = torch.cat((F.avg_pool2d(hint * hint_mask, 2), mask), dim=1)
        spread, reach = self._spread(paths, hints)
        near = torch.sigmoid(reach * 4.0 + 6.0)
        x = self._decode(features, torch.cat((spread * near, near), dim=1), code)
        x = self.even(torch.cat((x, coarse_paths.smooth(x)), dim=1))
        logits = self.logits(x)
        draft = F.interpolate(self.expectation(logits), scale_factor=2.0, mode="nearest")
        x = F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
        x = self.refine(torch.cat((x, fine), dim=1))
        draft = paths.spread(draft, 1) + RESIDUAL_RANGE * torch.tanh(self.residual(x))
        follow = self.decide(torch.cat((x, reach), dim=1))
        colors = draft + torch.sigmoid(follow) * (spread - draft)
        return {"logits": logits, "spread": spread, "follow": follow, "colors": colors}

    def expectation(self, logits: Tensor) -> Tensor:
        """The palette's mean under the softmax at `temperature`: sRGB (N, 3, h, w)."""
        weights = torch.softmax(logits / self.temperature, dim=1)
        return F.conv2d(weights, self.palette.t()[:, :, None, None])

    def forward(
        self, ink: Tensor, hint: Tensor, hint_mask: Tensor, noise: Tensor
    ) -> tuple[Tensor, Tensor]:
        """-> colours (N, 3, H/2, W/2) in [0, 1], the palette's logits (N, K, H/4, W/4)."""
        found = self.predict(ink, hint, hint_mask, noise)
        return found["colors"].clamp(0, 1), found["logits"]

    def _paths(self, fine: Tensor, around: Tensor) -> tuple[Paths, Paths]:
        """The paths at a half and at a quarter of the size."""
        around = F.interpolate(around, scale_factor=2.0, mode="bilinear", align_corners=False)
        # in fp32 also under autocast: barriers are summed up across the picture
        barrier = self.barrier(torch.cat((fine, around), dim=1)).float()
        # Paper costs a little for every cell, so that of two hints the nearer one counts more.
        barrier = 0.02 + 8.0 * F.softplus(barrier - 3.0)
        return Paths(barrier), Paths(2.0 * F.avg_pool2d(barrier, 2))

    def _spread(self, paths: Paths, hints: Tensor) -> tuple[Tensor, Tensor]:
        """Hints (colour * mask, mask) at half the size -> colours everywhere, and their reach.

        The reach is the logarithm of what arrives, in tens: 0 on a hint, about -7 where none is.
        """
        arrived = paths.spread(hints, self.rounds)
        # Lines keep their own cells out: there, what arrives beside them counts.
        arrived = F.avg_pool2d(F.pad(arrived, (1, 1, 1, 1), mode="replicate"), 3, 1)
        amount = arrived[:, 3:] + LOWEST_REACH
        return arrived[:, :3] / amount, torch.log(amount) / 10.0

    def _decode(self, features: list[Tensor], hints: Tensor, code: Tensor) -> Tensor:
        """Encoder features and hints (N, 4, H/2, W/2) -> features (N, C, H/4, W/4)."""
        pyramid = [F.avg_pool2d(hints, 2)]
        for _ in range(3):
            pyramid.append(F.avg_pool2d(pyramid[-1], 2))
        deepest = torch.cat((features[-1], pyramid[3]), dim=1)
        context = self.context(torch.cat((deepest.mean(dim=(2, 3)), code), dim=1))
        x = F.relu(self.neck(deepest) + context[:, :, None, None])
        steps = zip(self.levels, reversed(features[1:-1]), reversed(pyramid[:3]), strict=True)
        for level, skip, hint in steps:
            x = level(x, skip, hint, code)
        return x
