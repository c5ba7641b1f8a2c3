"""Colour formulas: sRGB, linear light, CIE L*a*b*.

    function                  takes                          returns
    srgb_to_linear            encoded sRGB       0..1        linear light         0..1
    linear_to_srgb            linear light       0..1        encoded sRGB         0..1
    luminance_to_lightness    luminance Y        0..1        CIE L*               0..100
    lightness_to_luminance    CIE L*             0..100      luminance Y          0..1
    srgb_to_lab               encoded sRGB       0..1        L* 0..100, a* b* about ±110
    linear_to_lab             linear light       0..1        L* 0..100, a* b* about ±110
    lab_to_srgb               L*, a*, b*                     encoded sRGB, not clipped
    lab_to_linear             L*, a*, b*                     linear light, not clipped
    fit_gamut                 L*, and a*, b*                 a*, b* that sRGB can show there
    delta_e_2000              two of L*, a*, b*              the difference that is seen

Arrays have any shape, with the colour axis last where there is one, and keep their float type.
Values outside the ranges go through without a break: the two transfer functions are odd
(f(-x) = -f(x)) and unbounded above, the two of lightness go on along their own curves.

White is D65, 2° observer. Sources: sRGB, IEC 61966-2-1:1999 with the matrix at seven digits
(B. Lindbloom, "RGB/XYZ Matrices", sRGB, D65); CIE L*a*b*, CIE 15:2004, 8.2.1. The matrix's rows
are divided by their sums, which are the white point: equal red, green and blue are exactly
neutral.
"""

import numpy as np

Array = np.ndarray

_SRGB_TO_XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)

RGB_TO_XYZ = _SRGB_TO_XYZ / _SRGB_TO_XYZ.sum(axis=1, keepdims=True)
"""Linear sRGB -> X/Xn, Y/Yn, Z/Zn; white (1, 1, 1) to (1, 1, 1)."""

XYZ_TO_RGB = np.linalg.inv(RGB_TO_XYZ)

LUMINANCE = RGB_TO_XYZ[1]
"""Weights of linear red, green and blue in luminance; their sum is 1."""

F_KNEE = 6 / 29
"""Value of the L*a*b* function f where its cube root meets its straight part (CIE 15)."""

Y_KNEE = F_KNEE**3
SLOPE = 1 / (3 * F_KNEE**2)
"""Of that straight part."""

LINEAR_KNEE = 0.0031308
"""Linear light at which sRGB's curve meets its straight part."""


def srgb_to_linear(encoded: Array) -> Array:
    """Decode sRGB (the EOTF of IEC 61966-2-1)."""
    size = np.abs(encoded)
    curve = ((np.maximum(size, 0.04045) + 0.055) / 1.055) ** 2.4
    return np.copysign(np.where(size <= 0.04045, size / 12.92, curve), encoded)


def linear_to_srgb(linear: Array) -> Array:
    """Encode to sRGB (the inverse EOTF)."""
    size = np.abs(linear)
    curve = 1.055 * np.maximum(size, LINEAR_KNEE) ** (1 / 2.4) - 0.055
    return np.copysign(np.where(size <= LINEAR_KNEE, size * 12.92, curve), linear)


def cube_root(ratio: Array) -> Array:
    """The function f of CIE L*a*b*: a cube root, a straight line below Y_KNEE.

    Takes X/Xn, Y/Yn or Z/Zn in 0..1 and returns 4/29..1. The line is the curve's tangent, so
    that the two parts add up without a comparison.
    """
    upper = np.maximum(ratio, Y_KNEE)
    return np.cbrt(upper) + SLOPE * (ratio - upper)


def cube(value: Array) -> Array:
    """The inverse of cube_root: 4/29..1 -> 0..1."""
    upper = np.maximum(value, F_KNEE)
    return upper * upper * upper + (value - upper) / SLOPE


def luminance_to_lightness(luminance: Array) -> Array:
    """Relative luminance Y -> CIE L*."""
    return 116 * cube_root(luminance) - 16


def lightness_to_luminance(lightness: Array) -> Array:
    """CIE L* -> relative luminance Y."""
    return cube((lightness + 16) / 116)


def srgb_to_lab(encoded: Array) -> Array:
    """Encoded sRGB (..., 3) -> CIE L*, a*, b* (..., 3)."""
    return linear_to_lab(srgb_to_linear(encoded))


def linear_to_lab(linear: Array) -> Array:
    """Linear light (..., 3) -> CIE L*, a*, b* (..., 3)."""
    f = cube_root(linear @ RGB_TO_XYZ.T.astype(linear.dtype))
    x, y, z = f[..., 0], f[..., 1], f[..., 2]
    return np.stack((116 * y - 16, 500 * (x - y), 200 * (y - z)), axis=-1)


def lab_to_srgb(lab: Array) -> Array:
    """CIE L*, a*, b* (..., 3) -> encoded sRGB (..., 3); outside 0..1 where out of gamut."""
    return linear_to_srgb(lab_to_linear(lab))


def lab_to_linear(lab: Array) -> Array:
    """CIE L*, a*, b* (..., 3) -> linear light (..., 3); outside 0..1 where out of gamut."""
    y = (lab[..., 0] + 16) / 116
    f = np.stack((y + lab[..., 1] / 500, y, y - lab[..., 2] / 200), axis=-1)
    return cube(f) @ XYZ_TO_RGB.T.astype(lab.dtype)


GAMUT_SLACK = 1e-4
"""Linear light by which a colour may miss 0..1 and still count as one of sRGB."""


def fit_gamut(lightness: Array, ab: Array) -> Array:
    """The colours nearest to a* and b*, at their hue, that sRGB has at that lightness.

    Args:
        lightness: L* (...), 0..100.
        ab: (..., 2).

    Returns:
        (..., 2): ab times a factor 0..1, found by halving to a thousandth.
    """
    result = np.array(ab)
    lab = np.concatenate((lightness[..., None], ab), axis=-1)
    outside = np.logical_not(_in_gamut(lab))
    if outside.any():
        lab, asked = lab[outside], result[outside]
        low, high = np.zeros(len(lab), lab.dtype), np.ones(len(lab), lab.dtype)
        for _ in range(10):
            middle = (low + high) / 2
            lab[:, 1:] = asked * middle[:, None]
            fits = _in_gamut(lab)
            low, high = np.where(fits, middle, low), np.where(fits, high, middle)
        result[outside] = asked * low[:, None]
    return result


def _in_gamut(lab: Array) -> Array:
    linear = lab_to_linear(lab)
    return np.all((linear >= -GAMUT_SLACK) & (linear <= 1 + GAMUT_SLACK), axis=-1)


def delta_e_2000(one: Array, other: Array) -> Array:
    """CIEDE2000 of L*, a*, b* (..., 3), kL = kC = kH = 1.

    Source: Sharma, Wu and Dalal, "The CIEDE2000 Color-Difference Formula", Color Research and
    Application 30 (2005), with its test data.
    """
    chroma = np.hypot(one[..., 1], one[..., 2]), np.hypot(other[..., 1], other[..., 2])
    seventh = ((chroma[0] + chroma[1]) / 2) ** 7
    stretch = 1.5 - 0.5 * np.sqrt(seventh / (seventh + 25.0**7))
    a = one[..., 1] * stretch, other[..., 1] * stretch
    c = np.hypot(a[0], one[..., 2]), np.hypot(a[1], other[..., 2])
    h = np.arctan2(one[..., 2], a[0]), np.arctan2(other[..., 2], a[1])
    turn = 2 * np.pi
    apart = np.where(c[0] * c[1] == 0, 0, (h[1] - h[0] + np.pi) % turn - np.pi)
    hue = np.where(c[0] * c[1] == 0, h[0] + h[1], h[0] + apart / 2)
    light = (one[..., 0] + other[..., 0]) / 2
    mean = (c[0] + c[1]) / 2
    degrees = np.degrees(hue) % 360
    tone = (
        1
        - 0.17 * np.cos(hue - np.pi / 6)
        + 0.24 * np.cos(2 * hue)
        + 0.32 * np.cos(3 * hue + np.radians(6))
        - 0.20 * np.cos(4 * hue - np.radians(63))
    )
    turned = np.radians(60) * np.exp(-(((degrees - 275) / 25) ** 2))
    mixed = -2 * np.sqrt(mean**7 / (mean**7 + 25.0**7)) * np.sin(turned)
    middle = (light - 50) ** 2
    lightness = (other[..., 0] - one[..., 0]) / (1 + 0.015 * middle / np.sqrt(20 + middle))
    colorful = (c[1] - c[0]) / (1 + 0.045 * mean)
    hued = 2 * np.sqrt(c[0] * c[1]) * np.sin(apart / 2) / (1 + 0.015 * mean * tone)
    return np.sqrt(np.maximum(lightness**2 + colorful**2 + hued**2 + mixed * colorful * hued, 0))
