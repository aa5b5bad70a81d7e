"""Draws the pictures that the invented people post: a sky, hills, a sun. The same seed draws the same picture."""

import colorsys
import math
from functools import lru_cache
from io import BytesIO
from random import Random


@lru_cache(maxsize=16)
def draw(seed: str, width: int, height: int) -> bytes:
    """A PNG. Pillow is imported late: a sandbox whose pictures nobody looks at stays small."""
    from PIL import Image, ImageDraw

    rng = Random(seed)  # noqa: S311 - a picture, not a secret
    hue = rng.random()
    image = Image.new("RGB", (width, height))
    pen = ImageDraw.Draw(image)
    for row in range(height):
        pen.line([(0, row), (width, row)], fill=_colour(hue, 0.35, 0.72 + 0.26 * row / height))
    sun, size = (rng.uniform(0.15, 0.85) * width, rng.uniform(0.15, 0.4) * height), height * 0.09
    pen.ellipse([sun[0] - size, sun[1] - size, sun[0] + size, sun[1] + size], fill=_colour(hue + 0.5, 0.3, 0.98))
    for layer in range(4):
        pen.polygon(_hills(rng, layer, width, height), fill=_colour(hue + 0.06 * layer, 0.5, 0.62 - 0.13 * layer))
    out = BytesIO()
    image.quantize(64).save(out, "PNG", optimize=False)
    return out.getvalue()


def _hills(rng: Random, layer: int, width: int, height: int) -> list[tuple[float, float]]:
    base, swing = height * (0.5 + 0.12 * layer), height * 0.08
    a, b, phase = rng.uniform(1, 3), rng.uniform(4, 7), rng.uniform(0, 6.3)
    top = [
        (
            float(x),
            base + swing * (math.sin(a * x / width * 6.3 + phase) + 0.4 * math.sin(b * x / width * 6.3 + phase)),
        )
        for x in range(0, width + 8, 8)
    ]
    return [(0.0, float(height)), *top, (float(width), float(height))]


def _colour(hue: float, saturation: float, value: float) -> tuple[int, int, int]:
    red, green, blue = colorsys.hsv_to_rgb(hue % 1, saturation, min(value, 1.0))
    return int(red * 255), int(green * 255), int(blue * 255)
