"""A picture of synthetic people, each at one moment of a clip, in the order of their scores: docs/synthetic.png.

    python tools/synthetic_sheet.py RIG OUT [--seed 2026] [--rows 4] [--columns 9]

Everybody is somebody else. Of each clip the moment is shown at which the lids, the jaw or the hand go furthest, in turn, or
the first one. The number below is the score of the clip (docs/synthetic.md), not of the moment.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw

from facefatigue.atomic import atomic_path
from facefatigue.synth.clips import ClipSettings, make_clip, rig_at

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

MOMENTS = ("closure", "", "mouth", "hand")
GAP_PX, CAPTION_PX = 4, 13
COLOURS = 256  # a palette keeps the file small


def main() -> None:
    """Render people and put them side by side."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rig", type=Path, help="the face rig (npz)")
    parser.add_argument("out", type=Path, help="the picture to write (.png)")
    parser.add_argument("--seed", type=int, default=2026, help="of the people (default: 2026)")
    parser.add_argument("--rows", type=int, default=4)
    parser.add_argument("--columns", type=int, default=9)
    args = parser.parse_args()
    settings = ClipSettings(seed=args.seed)
    shown = sorted(moments(args.rig, args.rows * args.columns, settings), key=lambda moment: moment[0])
    with atomic_path(args.out) as partial:
        sheet(shown, args.columns, settings.size_px).save(partial, optimize=True)


def moments(rig_path: Path, people: int, settings: ClipSettings) -> Iterator[tuple[float, NDArray[np.uint8]]]:
    """Score and one (S, S, 3) uint8 crop of a clip of every person.

    Args:
        rig_path: The rig file.
        people: How many.
        settings: Of the clips.
    """
    rig, visibility = rig_at(rig_path)
    for person in range(people):
        own = settings.clips_a_person
        clip = make_clip(rig, visibility, settings, person * own + person % own)
        cue = MOMENTS[person % len(MOMENTS)]
        index = int(clip.frames[cue].argmax()) if cue else 0
        yield float(clip.labels["score"]), clip.crops[index]


def sheet(shown: list[tuple[float, NDArray[np.uint8]]], columns: int, size_px: int) -> Image.Image:
    """The picture: crops in rows, the score below each.

    Args:
        shown: Scores and (S, S, 3) uint8 crops.
        columns: Crops in a row.
        size_px: Side S of a crop.
    """
    rows = -(-len(shown) // columns)
    across, down = size_px + GAP_PX, size_px + CAPTION_PX + GAP_PX
    picture = Image.new("RGB", (columns * across + GAP_PX, rows * down + GAP_PX), "white")
    draw = ImageDraw.Draw(picture)
    for number, (score, crop) in enumerate(shown):
        left, top = GAP_PX + number % columns * across, GAP_PX + number // columns * down
        picture.paste(Image.fromarray(crop), (left, top))
        draw.text((left + size_px / 2, top + size_px + 1), f"{score:.2f}", fill="black", anchor="ma")
    return picture.quantize(COLOURS, dither=Image.Dither.FLOYDSTEINBERG)


if __name__ == "__main__":
    main()
