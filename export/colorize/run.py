"""A training run of the photo colouriser: its pictures, networks, optimizers, and one step."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from lightning_fabric import Fabric
from torch import Tensor

from export.colorize.critic import Critic
from export.colorize.objective import ColorObjective, Example, make_example
from export.colorize.palette import color_weights, make_palette, sample_colors
from export.colorize.previews import validate
from export.data.pictures import Pictures
from export.data.split import Split
from export.errors import DataUnusable
from export.networks.colorizer import ColorEncoder, Colorizer
from export.networks.pretrained import load_encoder, read_vgg
from export.networks.weights import load_weights
from export.training import run
from export.training.shared import adamw, require_finite

if TYPE_CHECKING:
    from export.colorize.train import Args

SAMPLES = 1 << 40  # seeds from here on are not those of steps


class Batch(NamedTuple):
    """A step's pictures, and the random numbers of its losses."""

    example: Example
    random: torch.Generator


class Run(run.Run["Args"]):
    """The colouriser, its encoder of the truth's colours, and perhaps a discriminator."""

    network = "colorizer"
    generator: Colorizer

    def __init__(self, args: Args, fabric: Fabric) -> None:
        super().__init__(args, fabric)
        with fabric.rank_zero_first():  # one process decodes, the others read its cache
            self.pictures = Pictures.open(list(args.sources), args.cache, args.short_side)
        self.training, self.validation = split_pictures(self.pictures, args)
        torch.manual_seed(args.seed)
        restored = self.begin(Colorizer(**self.network_arguments))
        colors = sample_colors(self.pictures, self.training, args.size, args.saturation, args.seed)
        if self.is_fresh:
            palette = make_palette(colors, args.palette_size, args.seed)
            self.generator.palette.copy_(palette)
            load_encoder(self.generator.encoder, args.encoder)
        self.generator.encoder.freeze_stages(args.frozen_stages)
        self.color_encoder = ColorEncoder(args.noise_size)
        if restored and "color_encoder" in restored.companions:
            load_weights(self.color_encoder, restored.companions["color_encoder"])
        optimizer = adamw(
            self.generator.encoder,
            (self.generator, self.color_encoder),
            args.encoder_lr,
            args.decoder_lr,
            args.weight_decay,
        )
        uses_vgg = args.perceptual_weight or (args.adversarial_weight and args.judged_layer)
        self.vgg = read_vgg(args.vgg) if uses_vgg else None
        self.objective = self.prepare(self._objective(colors), optimizer)
        self.critic = None
        if args.adversarial_weight:
            vgg = self.vgg if args.judged_layer else None
            self.critic = Critic(args, fabric, vgg.channels(args.judged_layer) if vgg else 0)
        self.go_on(restored)

    def _objective(self, colors: Tensor) -> ColorObjective:
        """The losses; `colors` (M, 2) are ab of the training pictures."""
        args = self.args
        return ColorObjective(
            self.generator,
            self.color_encoder,
            color_weights(self.generator.palette.cpu(), colors, args.rebalancing),
            {
                "classification": args.classification_weight,
                "huber": args.huber_weight,
                "divergence": args.divergence_weight,
                "perceptual": args.perceptual_weight,
            },
            args.noise_share,
            args.bf16,
            self.vgg,
            args.perceptual_share,
            args.judged_layer,
        )

    @property
    def network_arguments(self) -> dict[str, Any]:
        return {
            "channels": list(self.args.channels),
            "palette_size": self.args.palette_size,
            "temperature": self.args.temperature,
            "noise_size": self.args.noise_size,
            "dropout": self.args.dropout,
        }

    def batch(self, step: int) -> Batch:
        args, rng, random = self.args, self.rng(step), self.random(step)
        squares = self.pictures.crops(
            rng,
            rng.choice(self.training, args.batch),
            int(rng.choice(range(args.size, args.short_side + 1, 8))),
        )
        example = make_example(
            squares.to(self.device),
            args.size,
            rng,
            random,
            args.saturation,
            args.hint_share,
            args.degradation,
        )
        return Batch(example, random)

    def alone(self, batch: Batch) -> Tensor:
        noise = torch.zeros(self.args.batch, self.args.noise_size, device=self.device)
        logits, residual = self.generator.predict(*batch.example[:3], noise)
        return logits.float().mean() + residual.float().mean()

    def step(self, step: int) -> dict[str, float]:
        plays = not self.critic or step >= self.args.critic_steps
        with self.clock.part("pictures"):
            example, random = self.batch(step)
        with self.clock.part("losses"), torch.set_grad_enabled(plays):
            terms, ab, seen = self.objective(example, random)
            if self.critic:
                found, wanted = self.critic.shown(example, ab, seen)
                terms |= self.critic.terms(found)
        values = self.learn(terms, step) if plays else require_finite(terms, step)
        if self.critic:
            with self.clock.part("losses"):
                judged = self.critic.losses(found, wanted, random)
            optimizer, parameters = self.critic.optimizer, self.critic.parameters()
            values |= self.descend(optimizer, judged, parameters, step, longest=math.inf)
        return values

    def companions(self) -> dict[str, Any]:
        states: dict[str, Any] = {"color_encoder": self.color_encoder.state_dict()}
        return states | (self.critic.state() if self.critic else {})

    def restore_companions(self, companions: dict[str, Any]) -> None:
        if self.critic:
            self.critic.restore(companions)

    def sample_inputs(self) -> Iterator[tuple[Tensor, ...]]:
        """Sixteen batches, without noise."""
        noise = torch.zeros(self.args.batch, self.args.noise_size, device=self.device)
        for number in range(16):
            example = self.batch(SAMPLES + number).example
            yield example.lightness, example.hint, example.mask, noise

    def draw(self, generator: Any, path: Path) -> dict[str, float]:
        pictures = [self.pictures[index] for index in self.validation]
        return validate(generator, pictures, self.args.size, path)


def split_pictures(pictures: Pictures, args: Args) -> tuple[list[int], list[int]]:
    """Indices to train on and to look at, by the split's file or else by the names' hashes.

    Of the former only those with one of `args.names`. Raises DataUnusable where none is left.
    """
    if args.split == Path():
        training, validation = pictures.split(args.held_out)
    else:
        training, validation, _ = Split.load(args.split).indices(pictures)
    if not args.names:
        return training, validation
    chosen = [i for i in training if pictures.entries[i].name.startswith(args.names)]
    if not chosen:
        wanted = " or ".join(repr(name) for name in args.names)
        raise DataUnusable(f"No picture to train on has a name with {wanted}.")
    return chosen, validation
