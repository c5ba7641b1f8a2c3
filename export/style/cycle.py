"""The cycle-consistent game of painters: two generators, two discriminators, and their losses.

Zhu 2017 (CycleGAN, arXiv 1703.10593): photographs x and a painter's works y have no pairs. With
G: x -> y, F: y -> x and a discriminator for each domain,

    adversarial   LSGAN or another of export.training.adversarial, for G against D_Y and F against
    D_X cycle         lambda (E[|F(G(x)) - x|] + E[|G(F(y)) - y|])                 (equation 2)
    identity      mu (E[|G(y) - y|] + E[|F(x) - x|])                           (section 5.2)
    content       nu E[(VGG(G(x)) - VGG(x))^2]          (Johnson 2016, arXiv 1603.08155, eq. 2)
    booster       distance of G(x)'s VGG statistics from the works'      (export.style.booster)
    tone          1 - correlation of G(x)'s and x's light and dark        (losses.tone_loss)

lambda 10, mu 5 as in CycleGAN. Cycle and identity, four passes of six, may be left out of steps.
Generators are `Stylizer`s: no normalisation over the picture, so that a painter's tiles equal the
whole. Discriminators see pictures through the same random changes of light, colour and place, true
ones and painted ones alike (DiffAugment, Zhao 2020, arXiv 2006.10738): a painter has left a few
hundred works, which they would learn by heart.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from export.networks.discriminator import FeatureDiscriminator, PatchDiscriminator
from export.networks.stylizer import Stylizer
from export.networks.vgg import VGG19
from export.networks.weights import load_weights
from export.style.booster import LAYERS, Booster
from export.training import losses
from export.training.adversarial import PicturePool, adversarial_loss

FEATURE_DEPTH = 2  # of relu3_1, itself at a quarter: patches of about 70 pixels


@dataclass(frozen=True)
class Weights:
    """Factors of the loss terms."""

    adversarial: float = 1.0
    cycle: float = 10.0
    identity: float = 5.0
    content: float = 1.0
    variation: float = 0.1
    range: float = 10.0
    tone: float = 0.0


class ScaledDiscriminator(nn.Module):
    """PatchGANs on the picture (N, 3, H, W) in [0, 1] and on its halves; raw scores in one row.

    Each scale counts alike, however many patches it has: losses of the row are means over
    patches, so every scale's scores are repeated to the same number.
    """

    def __init__(self, channels: int, depth: int, scales: int) -> None:
        super().__init__()
        self.judges = nn.ModuleList(
            PatchDiscriminator(3, channels, depth, spectral=True) for _ in range(scales)
        )

    def forward(self, rgb: Tensor) -> Tensor:
        rgb, scores = rgb * 2 - 1, []
        for judge in self.judges:
            scores.append(judge(rgb).float())
            rgb = F.avg_pool2d(rgb, 2)
        size = scores[0].shape[-2:]
        return torch.cat([F.interpolate(score, size=size) for score in scores], dim=1)


class Game(nn.Module):
    """The four networks. `painter` is the one that is exported; the `photographer`, of the same
    network or one of its own, is thrown away. With `features`, a number of channels, the
    discriminator of works judges features, with twice `channels` inside.
    """

    def __init__(
        self,
        network: dict[str, Any],
        channels: int,
        depth: int,
        scales: int,
        photographer: dict[str, Any] | None = None,
        features: int = 0,
    ) -> None:
        super().__init__()
        self.painter = Stylizer(**network)  # G
        self.photographer = Stylizer(**(photographer or network))  # F
        self.judge_of_works: nn.Module = ScaledDiscriminator(channels, depth, scales)  # D_Y
        if features:
            self.judge_of_works = FeatureDiscriminator(features, 2 * channels, FEATURE_DEPTH)
        self.judge_of_photos = ScaledDiscriminator(channels, depth, scales)  # D_X

    def generators(self) -> list[nn.Parameter]:
        return [*self.painter.parameters(), *self.photographer.parameters()]

    def judges(self) -> list[nn.Parameter]:
        return [*self.judge_of_works.parameters(), *self.judge_of_photos.parameters()]


class Side(nn.Module):
    """One side of the game: the networks that it trains, and the losses that it trains them by.

    One module, so that data-parallel training sees one forward pass of exactly what is trained;
    the other side's networks, which the losses ask too, are no part of it.
    """

    def __init__(self, compute: Callable[..., Any], *trained: nn.Module) -> None:
        super().__init__()
        self.trained, self._compute = nn.ModuleList(trained), compute

    def forward(self, *inputs: Any) -> Any:
        return self._compute(*inputs)


class CycleLosses:
    """The losses of both sides, with the pools of older outputs."""

    def __init__(
        self,
        game: Game,
        vgg: VGG19,
        loss: str,
        weights: Weights,
        content_layer: str,
        pool: int,
        booster: Booster | None = None,
        judged_layer: str = "",
    ) -> None:
        self._game, self._vgg, self._weights = game, vgg, weights
        self._layer, self._booster, self._judged = content_layer, booster, judged_layer
        self._judge_loss, self._generator_loss = adversarial_loss(loss)
        self._painted_pool, self._pictured_pool = PicturePool(pool), PicturePool(pool)

    def of_generators(
        self,
        photos: Tensor,
        works: Tensor,
        plays: bool,
        random: torch.Generator,
        returns: bool = True,
        boost: float = 1.0,
    ) -> tuple[dict[str, Tensor], Tensor, Tensor]:
        """Weighted terms; G(photos) and F(works), detached. Pictures (N, 3, S, S) in [0, 1].

        With `plays` False, in the warm-up, the discriminators are not asked; with `returns` False
        there is neither cycle nor identity. `boost` is the booster's weight, if there is one.
        """
        game, weights = self._game, self._weights
        painter, photographer = game.painter.repaint, game.photographer.repaint
        painted, pictured = painter(photos), photographer(works)
        terms = {}
        if returns:
            cycle = F.l1_loss(photographer(painted), photos) + F.l1_loss(painter(pictured), works)
            identity = F.l1_loss(painter(works), works) + F.l1_loss(photographer(photos), photos)
            terms["cycle"] = weights.cycle * cycle
            terms["identity"] = weights.identity * identity
        seen, features = self._seen_by_vgg(photos, painted, boost)
        terms |= seen
        painted, pictured = painted.float(), pictured.float()
        outside = sum((F.relu(x - 1) + F.relu(-x)).square().mean() for x in (painted, pictured))
        terms["variation"] = weights.variation * losses.total_variation(painted)
        terms["range"] = weights.range * torch.as_tensor(outside)
        if weights.tone:
            terms["tone"] = weights.tone * losses.tone_loss(painted, photos)
        if plays:
            for parameter in game.judges():
                parameter.requires_grad_(False)
            judged = features[self._judged] if self._judged else augment(painted, random)
            score = self._generator_loss(game.judge_of_works(judged))
            other = self._generator_loss(game.judge_of_photos(augment(pictured, random)))
            for parameter in game.judges():
                parameter.requires_grad_(True)
            terms["adversarial"] = weights.adversarial * (score + other)
        return terms, painted.detach(), pictured.detach()

    def _seen_by_vgg(
        self, photos: Tensor, painted: Tensor, boost: float
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Content, and what the booster says, by one pass of the VGG19 over what was painted.

        And the features that it gave.
        """
        layer = self._layer
        with torch.no_grad():
            wanted = self._vgg(photos, (layer,))[layer]
        asked = {layer, self._judged, *(LAYERS if self._booster else ())} - {""}
        found = self._vgg(painted, tuple(asked))
        content = F.mse_loss(found[layer].float(), wanted.float())
        terms = {"content": self._weights.content * content}
        if self._booster is not None:
            with torch.autocast(painted.device.type, enabled=False):
                terms["booster"] = boost * self._booster.loss(found)
        return terms, found

    def of_judges(
        self,
        photos: Tensor,
        works: Tensor,
        painted: Tensor,
        pictured: Tensor,
        random: torch.Generator,
    ) -> dict[str, Tensor]:
        """Both discriminators' losses; outputs come from the pools by halves."""
        painted = self._painted_pool.swap(painted, random)
        pictured = self._pictured_pool.swap(pictured, random)
        game = self._game

        def of_one(
            judge: nn.Module, see: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor
        ) -> Tensor:
            return self._judge_loss(judge(see(real)), judge(see(fake)))

        def augmented(rgb: Tensor) -> Tensor:
            return augment(rgb, random)

        see = self._features if self._judged else augmented
        return {
            "judge of works": of_one(game.judge_of_works, see, works, painted),
            "judge of photos": of_one(game.judge_of_photos, augmented, photos, pictured),
        }

    @torch.no_grad()
    def _features(self, rgb: Tensor) -> Tensor:
        return self._vgg(rgb, (self._judged,))[self._judged]

    def state(self) -> dict[str, Any]:
        """For the checkpoint's companions: all but the painter."""
        return {
            "photographer": self._game.photographer.state_dict(),
            "judge_of_works": self._game.judge_of_works.state_dict(),
            "judge_of_photos": self._game.judge_of_photos.state_dict(),
            "painted_pool": self._painted_pool.state(),
            "pictured_pool": self._pictured_pool.state(),
            "booster": self._booster.state() if self._booster else {},
        }

    def restore(self, state: dict[str, Any], device: torch.device) -> None:
        """Goes on with what `state` returned. Raises CheckpointUnusable."""
        for name in ("photographer", "judge_of_works", "judge_of_photos"):
            load_weights(self._game.get_submodule(name), state[name])
        for pool, name in (
            (self._painted_pool, "painted_pool"),
            (self._pictured_pool, "pictured_pool"),
        ):
            pool.restore([picture.to(device) for picture in state[name]])
        if self._booster is not None:
            past = state["booster"].items()
            self._booster.restore({k: (a.to(device), b.to(device)) for k, (a, b) in past})


def augment(rgb: Tensor, random: torch.Generator) -> Tensor:
    """Random light, saturation, contrast and a shift of each picture; gradients pass through.

    (N, 3, H, W). Brightness +-0.25 of the range, saturation 0..2, contrast 0.5..1.5 times, moved by
    up to 1/8 of the side with zeros (mid grey) coming in: the settings of Zhao 2020, halved light.
    """

    def number() -> Tensor:
        return torch.rand(len(rgb), 1, 1, 1, generator=random).to(rgb)

    rgb = rgb - 0.5 + (number() - 0.5) * 0.5
    grey = rgb.mean(dim=1, keepdim=True)
    rgb = grey + (rgb - grey) * number() * 2
    level = rgb.mean(dim=(1, 2, 3), keepdim=True)
    rgb = level + (rgb - level) * (number() + 0.5)
    reach = max(1, rgb.shape[-1] // 8)
    moves = torch.randint(-reach, reach + 1, (len(rgb), 2), generator=random).tolist()
    padded = F.pad(rgb, (reach, reach, reach, reach))
    height, width = rgb.shape[-2:]
    moved = [
        picture[:, reach + down : reach + down + height, reach + right : reach + right + width]
        for picture, (down, right) in zip(padded, moves, strict=True)
    ]
    return torch.stack(moved) + 0.5
