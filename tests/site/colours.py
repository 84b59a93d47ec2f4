"""How well a colour is seen on another one (WCAG 2.2)."""

from __future__ import annotations

from collections.abc import Sequence

Colour = str | Sequence[int]  # "#0b6", "#00bb66", or red, green and blue up to 255


def _luminance(colour: Colour) -> float:
    if isinstance(colour, str):
        digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
        colour = bytes.fromhex(digits)
    parts = [c / 255 for c in colour]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(ink: Colour, ground: Colour) -> float:
    """The contrast of two colours, from 1 to 21."""
    darker, lighter = sorted((_luminance(ink), _luminance(ground)))
    return (lighter + 0.05) / (darker + 0.05)
