"""One window, moving: each frame beside its heat."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from facefatigue.atomic import atomic_path
from facefatigue.explain.drawing import Key, gradient_picture

if TYPE_CHECKING:
    from pathlib import Path

    from facefatigue.explain.sheet import ExplainedWindow

SIDE_PX = 224
KEY_PX = 64  # width of the colours and their values beside the pictures
_PAPER, _INK = (255, 255, 255), (34, 34, 34)


def write_gif(window: ExplainedWindow, path: Path) -> None:
    """Write a moving GIF of a window: each frame beside its heat by the first method, at the rate of the clip.

    At the right stand the colours with the values that they stand for in this window.

    Args:
        window: The window.
        path: A GIF file, written whole or not at all.

    Raises:
        OutputError: The file cannot be written.
    """
    attribution = window.explanation.attributions[0]
    gradients = None if attribution.colour is None else gradient_picture(attribution.colour)
    key = _picture(Key.of(attribution))
    frames = []
    for index in range(len(window.crops)):
        shown = window.picture(attribution, index) if gradients is None else gradients[index]
        pair = Image.fromarray(np.concatenate([window.base(index), shown], axis=1))
        frame = Image.new("RGB", (2 * SIDE_PX + KEY_PX, SIDE_PX))
        frame.paste(pair.resize((2 * SIDE_PX, SIDE_PX), Image.Resampling.BICUBIC))
        frame.paste(key, (2 * SIDE_PX, 0))
        # Of Pillow's ways to choose 256 colours the one that keeps the few, bright ones of heat.
        frames.append(frame.quantize(256, Image.Quantize.MAXCOVERAGE))
    with atomic_path(path) as partial:
        frames[0].save(
            partial,
            save_all=True,
            append_images=frames[1:],
            duration=round(1000 / window.frame_rate_hz),
            loop=0,
        )


def _picture(key: Key) -> Image.Image:
    """The colours, the last on top, with the values that they stand for."""
    image = Image.new("RGB", (KEY_PX, SIDE_PX), _PAPER)
    top, bottom, left, wide = 14, SIDE_PX - 14, 6, 10
    rows = np.linspace(len(key.colours) - 1, 0, bottom - top).round().astype(int)
    image.paste(Image.fromarray(key.colours[rows][:, None].repeat(wide, axis=1)), (left, top))
    draw = ImageDraw.Draw(image)
    for place, text in key.values():
        y = bottom - place * (bottom - top)
        draw.text((left + wide + 3, y), text, font=ImageFont.load_default(10), fill=_INK, anchor="lm")
    return image
