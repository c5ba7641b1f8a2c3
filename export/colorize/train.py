r"""Trains the photo colouriser, stage by stage.

    python -m export.colorize.train --preset photo --sources photos.tar \
        --encoder mobilenetv2.safetensors --out runs/photo
    python -m export.colorize.train --preset photo-perceptual --sources photos.tar \
        --start runs/photo/checkpoint.pt --vgg vgg19.safetensors --out runs/photo-perceptual

First which colours (classification), then how they look (perceptual loss), last a short game
against a discriminator. On many GPUs:
`torchrun --nproc-per-node 8 -m -- export.colorize.train ...` (the two hyphens alone keep torchrun
from taking --start for its own).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from export.colorize.run import Run
from export.training import loop, run
from export.training.arguments import option
from export.training.shared import run_script


@dataclass(frozen=True)
class Args(run.TrainingArgs):
    """Trains the photo colouriser."""

    sources: tuple[Path, ...] = option((), "tars or folders of colour photographs")
    encoder: Path = option(Path(), "MobileNetV2 ImageNet weights (safetensors, GluonCV layout)")
    vgg: Path = option(Path(), "normalised VGG19 weights, for the perceptual loss")
    out: Path = option(Path("runs/photo"), "folder of checkpoint.pt and the sheets")
    warm_up: int = option(100, "steps of linear warm-up")
    batch: int = option(32, "pictures per step and process")
    size: int = option(128, "side of the training squares, a multiple of 32")
    short_side: int = option(160, "short side of the cached pictures")
    split: Path = option(Path(), "file of export.data.split: which photographs are held out")
    held_out: int = option(500, "photographs never trained on, where there is no split file")
    names: tuple[str, ...] = option((), "train on files alone whose names begin with one of these")
    decoder_lr: float = option(1.5e-3, "peak learning rate of the decoder")
    encoder_lr: float = option(3e-4, "peak learning rate of the pretrained encoder")
    weight_decay: float = option(0.01, "AdamW's decoupled weight decay")
    ema_decay: float = option(0.999, "decay of the smoothed weights")
    frozen_stages: int = option(0, "stages of the encoder that stay as pretrained, of 7")
    channels: tuple[int, ...] = option((256, 128, 96, 64), "widths of the decoder's four levels")
    dropout: float = option(0.0, "share of the decoder's channels dropped in training")
    palette_size: int = option(72, "colours of the palette")
    temperature: float = option(0.5, "softmax temperature of the expectation")
    saturation: float = option(1.1, "factor on the target ab, against washed-out colours")
    degradation: float = option(1.0, "share of the pictures whose lightness is made to look old")
    classification_weight: float = option(1.0, "weight of the rebalanced classification loss")
    huber_weight: float = option(1.0, "weight of the Huber loss on ab")
    divergence_weight: float = option(0.02, "weight of the KL divergence of the noise, in nats")
    perceptual_weight: float = option(0.0, "weight of the perceptual loss; needs --vgg")
    perceptual_share: float = option(1.0, "share of each batch that the perceptual loss sees")
    adversarial_weight: float = option(0.0, "weight of the adversarial loss")
    adversarial_loss: str = option("hinge", "minimax, non-saturating, lsgan or hinge")
    judged_layer: str = option("", "VGG19 layer that the discriminator judges; empty: ab and L*")
    critic_steps: int = option(200, "steps in which the discriminator learns alone, at first")
    critic_lr: float = option(4e-4, "learning rate of the discriminator")
    pool: int = option(64, "older outputs kept for the discriminator, 0 for none")
    hint_share: float = option(0.5, "share of the training pictures with colour hints")
    noise_share: float = option(0.5, "share whose noise tells the truth's colours, else zeros")
    noise_size: int = option(8, "length of the noise vector z")
    rebalancing: float = option(0.5, "lambda of the rebalancing: 1 leaves all colours equal")


def train(args: Args) -> loop.History:
    return loop.launch(Run, args)


if __name__ == "__main__":
    run_script(Args, train)
