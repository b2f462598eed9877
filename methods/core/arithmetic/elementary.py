"""Exponential, logarithm, sine and cosine in float32, as polynomials that compile to vectors.

Cephes (Moshier 1989), files expf.c, logf.c and sinf.c; errors are below 2 units in the last place.
"""

import numpy as np

from howrobust.compiled import part

f32 = np.float32
i32 = np.int32


@part
def log(x: f32) -> f32:
    """Natural logarithm of a normal x > 0; NaN for NaN.

    Parameters
    ----------
    x : float32
        A normal number above 0.

    Returns
    -------
    float32
        The function's value.
    """
    bits = np.float32(x).view(np.int32)
    # 2^exponent is split off so that the rest lies in [sqrt(1/2), sqrt(2)).
    exponent = i32(i32(bits - i32(0x3F3504F3)) >> i32(23))
    m = np.int32(bits - i32(exponent << i32(23))).view(np.float32) - f32(1)
    z = m * m
    y = f32(7.0376836292e-2)
    y = y * m + f32(-1.1514610310e-1)
    y = y * m + f32(1.1676998740e-1)
    y = y * m + f32(-1.2420140846e-1)
    y = y * m + f32(1.4249322787e-1)
    y = y * m + f32(-1.6668057665e-1)
    y = y * m + f32(2.0000714765e-1)
    y = y * m + f32(-2.4999993993e-1)
    y = y * m + f32(3.3333331174e-1)
    y = y * m * z - f32(0.5) * z + m
    y = y + f32(exponent) * f32(0.6931471805599453)
    return y if x == x else x


@part
def exp(x: f32) -> f32:
    """e^x, with x clipped to [-87, 88]; NaN for NaN.

    Parameters
    ----------
    x : float32
        Exponent.

    Returns
    -------
    float32
        The function's value.
    """
    bounded = min(max(x, f32(-87.0)), f32(88.0))
    n = np.floor(bounded * f32(1.44269504088896341) + f32(0.5))
    # ln 2 in two parts: the first has few bits, so that n times it is exact.
    r = bounded - n * f32(0.693359375) + n * f32(2.12194440e-4)
    y = f32(1.9875691500e-4)
    y = y * r + f32(1.3981999507e-3)
    y = y * r + f32(8.3334519073e-3)
    y = y * r + f32(4.1665795894e-2)
    y = y * r + f32(1.6666665459e-1)
    y = y * r + f32(5.0000001201e-1)
    y = y * r * r + r + f32(1)
    scale = np.int32((i32(n) + i32(127)) << i32(23)).view(np.float32)
    return y * scale if x == x else x


@part
def sine(r: f32) -> f32:
    """Sine of r in [-pi/4, pi/4].

    Parameters
    ----------
    r : float32
        Angle in [-pi/4, pi/4], radians.

    Returns
    -------
    float32
        The function's value.
    """
    z = r * r
    y = (f32(-1.9515295891e-4) * z + f32(8.3321608736e-3)) * z + f32(-1.6666654611e-1)
    return y * z * r + r


@part
def cosine(r: f32) -> f32:
    """Cosine of r in [-pi/4, pi/4].

    Parameters
    ----------
    r : float32
        Angle in [-pi/4, pi/4], radians.

    Returns
    -------
    float32
        The function's value.
    """
    z = r * r
    y = f32(2.443315711809948e-5) * z + f32(-1.388731625493765e-3)
    return (y * z + f32(4.166664568298827e-2)) * z * z - f32(0.5) * z + f32(1)
