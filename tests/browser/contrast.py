"""Contrast of two colours as WCAG 2.2 §1.4.3 computes it."""

import re


def contrast_ratio(one: str, other: str) -> float:
    """Return the ratio of two opaque CSS colours, 1 … 21."""
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    """Return the relative luminance of `rgb(r, g, b)`."""
    red, green, blue = (_linear(int(value) / 255) for value in re.findall(r"\d+", colour)[:3])
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(value: float) -> float:
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
