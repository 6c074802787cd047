"""The picture of synthetic people: crops in rows, small enough for the documentation."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("numba")
from synthetic_sheet import CAPTION_PX, GAP_PX, sheet


def test_crops_stand_in_rows_in_their_order() -> None:
    shown = [(number / 10, np.full((20, 20, 3), 25 * number, np.uint8)) for number in range(7)]
    picture = sheet(shown, 3, 20)
    assert picture.size == (3 * (20 + GAP_PX) + GAP_PX, 3 * (20 + CAPTION_PX + GAP_PX) + GAP_PX)
    colours = np.asarray(picture.convert("RGB")).astype(int)
    for number in range(7):
        left = GAP_PX + number % 3 * (20 + GAP_PX)
        top = GAP_PX + number // 3 * (20 + CAPTION_PX + GAP_PX)
        assert colours[top + 10, left + 10] == pytest.approx([25 * number] * 3, abs=2)
        assert colours[top + 20 : top + 20 + CAPTION_PX, left : left + 20].min() < 128  # the score
    assert (colours[-10:, -15:] == 255).all()
