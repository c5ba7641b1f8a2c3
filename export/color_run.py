"""A training run of the photo colouriser: its pictures, networks, optimizers, and one step."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor

from export.arguments import as_plain
from export.checkpoint import (
    Checkpoint,
    git_commit,
    load_checkpoint,
    load_weights,
    read_safetensors,
)
from export.colorizing import ColorObjective, Example, make_example
from export.critic import Critic
from export.data import Pictures
from export.errors import BadPreset, DataUnusable, TrainingDiverged
from export.exported import load_exported, unfold_norms
from export.networks.colorizer import ColorEncoder, Colorizer
from export.networks.vgg import VGG19
from export.palette import color_weights, make_palette, sample_colors
from export.previews import validate
from export.split import Split
from export.training import (
    channels_last,
    learning_rate_factor,
    require_finite,
    set_learning_rate,
    settle_norms,
    update_ema,
)

if TYPE_CHECKING:
    from export.train_colorize import Args

SAMPLES = 1 << 40  # seeds from here on are not those of steps


class Run:
    """A training run: pictures, networks, optimizers, and one step of them."""

    def __init__(self, args: Args, fabric: Fabric) -> None:
        self.args, self.fabric = args, fabric
        self.leads, self.processes = fabric.is_global_zero, fabric.world_size
        self.commit = git_commit()
        with fabric.rank_zero_first():  # one process decodes, the others read its cache
            self.pictures = Pictures.open(list(args.sources), args.cache, args.short_side)
        self.training, self.validation = split_pictures(self.pictures, args)
        restored = self._make_networks()
        self.first_step = 0
        if restored and args.resume:
            self.optimizer.load_state_dict(restored.optimizer)
            self.ema = {key: value.to(fabric.device) for key, value in restored.ema.items()}
            self.first_step = restored.step
            if self.critic:
                self.critic.restore(restored.companions)

    def _make_networks(self) -> Checkpoint | None:
        """Everything that is trained, on its device; returns the checkpoint begun with, if any."""
        args, fabric = self.args, self.fabric

        def colors() -> Tensor:
            return sample_colors(
                self.pictures, self.training, args.size, args.saturation, args.seed
            )

        self.generator, restored = make_generator(args, colors)
        if not restored and args.start != Path():
            unfold_norms(self.generator, self.sample_inputs())
        self.color_encoder = ColorEncoder(args.noise_size)
        if restored and "color_encoder" in restored.companions:
            load_weights(self.color_encoder, restored.companions["color_encoder"])
        objective = ColorObjective(
            self.generator,
            self.color_encoder,
            color_weights(self.generator.palette, colors(), args.rebalancing),
            {
                "classification": args.classification_weight,
                "huber": args.huber_weight,
                "divergence": args.divergence_weight,
                "perceptual": args.perceptual_weight,
            },
            args.noise_share,
            args.bf16,
            read_vgg(args),
            args.perceptual_share,
        )
        objective = channels_last(objective)
        optimizer = make_optimizer(self.generator, self.color_encoder, args)
        self.objective, self.optimizer = fabric.setup(objective, optimizer)
        if args.compile:
            self.objective = torch.compile(self.objective)
        self.critic = Critic(args, fabric) if args.adversarial_weight else None
        self.ema = {key: value.clone() for key, value in self.generator.state_dict().items()}
        self.generator.train()
        return restored

    def example(self, step: int) -> tuple[Example, torch.Generator]:
        """The step's pictures. Seeded by the step, so that a resumed run sees the very same."""
        args, device = self.args, self.fabric.device
        rank = self.fabric.global_rank
        rng = np.random.default_rng((args.seed, step, rank) if rank else (args.seed, step))
        random = torch.Generator(device).manual_seed(args.seed * 1_000_003 + step + 7919 * rank)
        squares = self.pictures.crops(
            rng,
            rng.choice(self.training, args.batch),
            int(rng.choice(range(args.size, args.short_side + 1, 8))),
        )
        example = make_example(
            squares.to(device),
            args.size,
            rng,
            random,
            args.saturation,
            args.hint_share,
            args.degradation,
        )
        return example, random

    def step(self, step: int) -> dict[str, float]:
        """One step of the optimizers; the weighted loss terms. Raises TrainingDiverged."""
        args = self.args
        plays = not self.critic or step >= args.critic_steps
        example, random = self.example(step)
        with torch.set_grad_enabled(plays):
            terms, ab = self.objective(example, random)
            if self.critic:
                terms |= self.critic.terms(example, ab)
        require_finite(terms, step)
        if plays:
            factor = learning_rate_factor(step, args.steps, args.warm_up)
            set_learning_rate(self.optimizer, factor)
            self.optimizer.zero_grad(set_to_none=True)
            self.fabric.backward(torch.stack(list(terms.values())).sum())
            length = torch.nn.utils.clip_grad_norm_(self.generator.parameters(), 5.0)
            if not torch.isfinite(length):
                raise TrainingDiverged(
                    f"The gradient is no number at step {step}; the last checkpoint is kept."
                )
            self.optimizer.step()
            update_ema(self.ema, self.generator, args.ema_decay, step)
        values = {name: float(value.detach()) for name, value in terms.items()}
        if self.critic:
            values["critic"] = self.critic.learn(example, ab.detach(), random, step)
        return values

    def bare_speed(self) -> float:
        """Pictures per second of the generator's forward and backward passes alone."""
        example, random = self.example(self.first_step)
        noise = torch.zeros(self.args.batch, self.args.noise_size, device=self.fabric.device)
        weights = {key: value.clone() for key, value in self.generator.state_dict().items()}
        start = 0.0
        for repeat in range(4):
            if repeat == 1:  # the first one warms up
                start = time.perf_counter()
            with torch.autocast(example.ab.device.type, torch.bfloat16, enabled=self.args.bf16):
                logits, residual = self.generator.predict(*example[:3], noise)
            (logits.float().mean() + residual.float().mean()).backward()
        self.optimizer.zero_grad(set_to_none=True)
        self.generator.load_state_dict(weights)  # the norms' statistics have moved
        return 3 * self.args.batch / (time.perf_counter() - start)

    def agree(self, wish: bool) -> bool:
        """Whether any process wishes so: all must do the same."""
        if self.processes == 1:
            return wish
        total = self.fabric.all_reduce(torch.tensor(float(wish)), reduce_op="sum")
        return bool(torch.as_tensor(total) > 0)

    def save(self, step: int) -> None:
        """Writes the checkpoint, in the first process alone."""
        if not self.leads:
            return
        companions: dict[str, Any] = {"color_encoder": self.color_encoder.state_dict()}
        if self.critic:
            companions |= self.critic.state()
        fresh = Colorizer(**network_arguments(self.args)).to(self.fabric.device)
        Checkpoint(
            network="colorizer",
            network_arguments=network_arguments(self.args),
            weights=self.generator.state_dict(),
            ema=settle_norms(fresh, self.ema, self.sample_inputs()),
            optimizer=self.optimizer.state_dict(),
            step=step,
            arguments=as_plain(self.args),
            commit=self.commit,
            companions=companions,
        ).save(self.args.out / "checkpoint.pt")

    def sample_inputs(self) -> Iterator[tuple[Tensor, ...]]:
        """Sixteen batches of the generator's inputs, always the same: for `settle_norms`."""
        noise = torch.zeros(self.args.batch, self.args.noise_size, device=self.fabric.device)
        for number in range(16):
            example, _ = self.example(SAMPLES + number)
            yield example.lightness, example.hint, example.mask, noise

    def sheet_path(self, step: int) -> Path:
        return self.args.out / f"sheet-{step:06d}.png"

    def validate(self, step: int) -> dict[str, float]:
        """Measures the checkpoint just saved and draws its sheet."""
        path = self.args.out / "checkpoint.pt"
        generator = load_checkpoint(path, network="colorizer").generator()
        pictures = [self.pictures[index] for index in self.validation]
        return validate(generator, pictures, self.args.size, self.sheet_path(step))


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


def make_generator(args: Args, colors: Callable[[], Tensor]) -> tuple[Colorizer, Checkpoint | None]:
    """The generator to begin with, and the checkpoint that it is from, if it is from one.

    Other starts are an exported model's folder and, for the encoder alone, ImageNet weights.
    """
    torch.manual_seed(args.seed)
    generator = Colorizer(**network_arguments(args))
    restored = None
    if not args.resume and args.start != Path() and args.start.is_dir():
        load_exported(generator, args.start)
    elif args.resume or args.start != Path():
        path = args.out / "checkpoint.pt" if args.resume else args.start
        restored = load_checkpoint(path, network="colorizer")
        load_weights(generator, restored.weights if args.resume else restored.ema)
    else:
        generator.palette.copy_(make_palette(colors(), args.palette_size, args.seed))
        if args.encoder != Path():
            try:
                generator.encoder.load_imagenet(read_safetensors(args.encoder))
            except (KeyError, RuntimeError, ValueError, IndexError) as error:
                raise DataUnusable(f"{args.encoder} has another layout: {error}.") from error
    generator.encoder.freeze_stages(args.frozen_stages)
    return generator, restored


def network_arguments(args: Args) -> dict[str, Any]:
    """What builds the generator anew from a checkpoint."""
    return {
        "channels": list(args.channels),
        "palette_size": args.palette_size,
        "temperature": args.temperature,
        "noise_size": args.noise_size,
        "dropout": args.dropout,
    }


def read_vgg(args: Args) -> VGG19 | None:
    """The judge of the perceptual loss, if it has a weight. Raises BadPreset, DataUnusable."""
    if not args.perceptual_weight:
        return None
    if args.vgg == Path():
        raise BadPreset("The perceptual loss needs --vgg, the normalised VGG19's weights.")
    vgg = VGG19()
    load_weights(vgg, read_safetensors(args.vgg))
    return vgg


def make_optimizer(
    generator: Colorizer, color_encoder: ColorEncoder, args: Args
) -> torch.optim.Optimizer:
    """AdamW with a lower rate for the encoder; no decay on norms and biases."""
    encoder = [p for p in generator.encoder.parameters() if p.requires_grad]
    seen = {id(parameter) for parameter in generator.encoder.parameters()}
    others = [p for p in generator.parameters() if id(p) not in seen]
    others += list(color_encoder.parameters())
    groups = []
    for parameters, rate in ((encoder, args.encoder_lr), (others, args.decoder_lr)):
        for decays in (True, False):
            members = [parameter for parameter in parameters if (parameter.ndim > 1) == decays]
            decay = args.weight_decay if decays else 0.0
            groups.append({"params": members, "peak_lr": rate, "weight_decay": decay})
    return torch.optim.AdamW(groups, lr=args.decoder_lr, fused=True)
