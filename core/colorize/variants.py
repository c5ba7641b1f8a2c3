"""Other plausible colourings of a picture, by a seed.

Networks with a noise input were trained to answer another noise with another colouring. Those
with a palette alone can be asked for colours that they hold nearly as likely, by a smooth tilt of
their logits. Where there is neither, there is one colouring: turning its hues would be paint.
"""

import numpy as np

from core.generator.manifest import Manifest

Array = np.ndarray

MOST_SEED = (1 << 31) - 1

NOISE = 0.6
"""Standard deviation of the noise. Networks were trained with 1; less keeps to what is plausible
("truncation trick", Brock et al., arXiv 1809.11096).
"""

TILT = 1.5
"""Standard deviation over the palette of what a seed adds to logits / temperature."""

WAVES = 3
SHORTEST, LONGEST = 80.0, 200.0
"""Wavelengths of the tilt, in ab units: neighbouring colours rise and fall together."""


def has_variants(manifest: Manifest) -> bool:
    """Whether a seed changes what the model says."""
    return manifest.takes("noise") or manifest.gives("palette")


def noise_for(manifest: Manifest, seed: int) -> Array | None:
    """Normal numbers (1, n) for the noise input; zeros for seed 0, None without that input."""
    for tensor in manifest.inputs:
        if tensor.role == "noise":
            if seed == 0:
                return np.zeros((1, tensor.channels), np.float32)
            rng = np.random.default_rng(seed)
            return NOISE * rng.standard_normal((1, tensor.channels), np.float32)
    return None


def tilt(logits: Array, colors: Array, temperature: float, seed: int) -> Array:
    """Logits (K, h, w) that favour other colours, the same ones everywhere.

    A sum of waves over the a*b* plane, of seeded directions, lengths and phases, is added.
    Where the network is sure of a colour, that colour stays.
    """
    rng = np.random.default_rng(seed)
    plane = np.asarray(colors, np.float64)
    wave = np.zeros(len(plane))
    for _ in range(WAVES):
        angle, phase = rng.uniform(0, 2 * np.pi, 2)
        length = rng.uniform(SHORTEST, LONGEST)
        direction = np.array([np.cos(angle), np.sin(angle)])
        wave += np.cos(plane @ direction * (2 * np.pi / length) + phase)
    wave = (wave - wave.mean()) / max(float(wave.std()), 1e-6) * TILT * temperature
    return logits + wave.astype(np.float32)[:, None, None]


def tilted_ab(ab: Array, plain: Array, tilted: Array, colors: Array) -> Array:
    """ab (2, h, w) moved as its palette's mean moves from one distribution (K, h, w) to another."""
    plane = np.asarray(colors, np.float32).T
    change = plane @ (tilted - plain).reshape(len(plain), -1)
    return ab + change.reshape(ab.shape)
