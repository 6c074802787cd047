from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from facefatigue.data.layouts import read_drozy
from facefatigue.data.rows import FaultsError
from facefatigue.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ROWS = ["3 6 7", "3 7 6", "2 4 9", *["3 8 8"] * 10, "2 0 8"]


def test_self_ratings(root: Path, touch: Callable[..., None], settle: Callable, reasons: Callable) -> None:
    touch(
        "DROZY/videos_i8/1-1.mp4",
        "DROZY/videos_i8/1-2.MP4",
        "DROZY/videos_i8/3-3.mp4",
        "DROZY/videos_i8/14-2.mp4",
        "DROZY/videos_i8/15-1.mp4",
        "DROZY/videos_i8/2-4.mp4",
        "DROZY/videos_i8/readme.mp4",
        "DROZY/copy/1-1.avi",
    )
    (root / "DROZY" / "kss.txt").write_text("\r\n".join(ROWS) + "\r\n\r\n")
    reading = read_drozy(root)
    found = settle(reading)
    assert {path: (one.subject, one.session, one.kss, one.score, one.scenario) for path, one in found.items()} == {
        "DROZY/copy/1-1.avi": ("1", "1-1", 3, 0.25, "PVT 1"),
        "DROZY/videos_i8/1-2.MP4": ("1", "1-2", 6, 0.625, "PVT 2"),
        "DROZY/videos_i8/3-3.mp4": ("3", "3-3", 9, 1.0, "PVT 3"),
    }
    assert {(one.label_source, one.further["light"]) for one in found.values()} == {("KSS self-rating", "infrared")}
    assert reasons(reading) == {
        "DROZY/videos_i8/1-1.mp4": f"it is a second copy of {root / 'DROZY/copy/1-1.avi'}",
        "DROZY/videos_i8/14-2.mp4": "KSS.txt has 0 for it: this test was not done",
        "DROZY/videos_i8/15-1.mp4": "KSS.txt has no subject 15 with test 1",
        "DROZY/videos_i8/2-4.mp4": "KSS.txt has no subject 2 with test 4",
        "DROZY/videos_i8/readme.mp4": "its name is not SUBJECT-TEST, as in 1-3.mp4",
    }


def test_no_ratings(root: Path, touch: Callable[..., None]) -> None:
    touch("videos_i8/1-1.mp4")
    with pytest.raises(ConfigurationError, match="there is no KSS.txt below it; DROZY is expected as ROOT/KSS.txt and"):
        read_drozy(root)


def test_damaged_ratings_name_every_line(root: Path, touch: Callable[..., None]) -> None:
    touch("videos_i8/1-1.mp4")
    (root / "KSS.txt").write_text("3 x 7\n3 7\n\n2 4 10\n1 2 3.5")
    with pytest.raises(FaultsError) as caught:
        read_drozy(root)
    assert caught.value.faults == (
        "line 1: 'x' is not a whole number from 0 (not done) to 9",
        "line 2 has 2 numbers, not one for each of the 3 tests",
        "line 4: '10' is not a whole number from 0 (not done) to 9",
        "line 5: '3.5' is not a whole number from 0 (not done) to 9",
        "it has 4 lines, not one for each of the 14 subjects",
    )
    (root / "KSS.txt").write_bytes(b"\xff\xfe3 6")
    with pytest.raises(FaultsError, match="it cannot be read"):
        read_drozy(root)


def test_a_missing_line_does_not_shift_the_subjects(root: Path, touch: Callable[..., None]) -> None:
    touch("videos_i8/1-1.mp4")
    (root / "KSS.txt").write_text("\n".join(["", *ROWS[1:]]))
    with pytest.raises(FaultsError, match="it has 13 lines"):
        read_drozy(root)
