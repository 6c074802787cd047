from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from facefatigue.data.layouts import read_uta_rldd
from facefatigue.data.rows import FaultsError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def test_classes_subjects_and_folds(root: Path, touch: Callable[..., None], settle: Callable, reasons: Callable) -> None:
    touch(
        "Fold1_part1/01/0.mov",
        "Fold1_part1/01/5.MOV",
        "Fold1_part1/01/10.mp4",
        "Fold1_part2/Fold1_part2/7/0.m4v",  # a copy with the folder twice
        "Fold3_part2/32/10_1.mp4",
        "Fold3_part2/32/10_2.mp4",
        "Fold3_part2/32/test.mp4",
        "Fold3_part2/32/0 (1).mp4",
        "Fold3_part2/extra/0.mp4",
        "Fold3_part2/32/notes.txt",
    )
    reading = read_uta_rldd(root)
    found = settle(reading)
    assert {path: (one.subject, one.score, one.session, one.further["fold"]) for path, one in found.items()} == {
        "Fold1_part1/01/0.mov": ("01", 0.0, "01-0", "1"),
        "Fold1_part1/01/5.MOV": ("01", 0.5, "01-5", "1"),
        "Fold1_part1/01/10.mp4": ("01", 1.0, "01-10", "1"),
        "Fold1_part2/Fold1_part2/7/0.m4v": ("07", 0.0, "07-0", "1"),
        "Fold3_part2/32/10_1.mp4": ("32", 1.0, "32-10", "3"),
        "Fold3_part2/32/10_2.mp4": ("32", 1.0, "32-10", "3"),
    }
    assert {one.label_source for one in found.values()} == {"UTA-RLDD class (self-reported; KSS 1–3, 6–7, 8–9)"}
    assert reasons(reading) == {
        "Fold3_part2/32/test.mp4": "its name is not 0, 5 or 10, the published classes",
        "Fold3_part2/32/0 (1).mp4": "its name is not 0, 5 or 10, the published classes",
        "Fold3_part2/extra/0.mp4": "its folder is not the number of a subject",
    }


def test_a_second_copy_is_skipped(root: Path, touch: Callable[..., None], settle: Callable, reasons: Callable) -> None:
    touch("Fold1_part1/01/0.mov", "Fold1_part1/01/0.mp4", "copy/Fold1_part1/01/0.mov")
    reading = read_uta_rldd(root)
    assert list(settle(reading)) == ["Fold1_part1/01/0.mov"]
    original = root / "Fold1_part1/01/0.mov"
    assert set(reasons(reading).values()) == {f"it is a second copy of {original}"}


def test_one_fold_as_root(root: Path, touch: Callable[..., None]) -> None:
    touch("Fold4_part1/40/0.mov")
    (one,) = read_uta_rldd(root / "Fold4_part1").recordings
    assert one.further == {"fold": "4"}


def test_without_folds_there_is_no_such_column(root: Path, touch: Callable[..., None], settle: Callable) -> None:
    touch("40/0.mov")
    (one,) = settle(read_uta_rldd(root)).values()
    assert (one.subject, dict(one.further)) == ("40", {})


def test_numbers_that_start_again_in_each_fold_are_refused(root: Path, touch: Callable[..., None]) -> None:
    touch("Fold1_part1/01/0.mov", "Fold2_part1/01/0.mov", "Fold2_part1/02/0.mov")
    with pytest.raises(FaultsError, match="subject 01 is in the folds 1, 2, but") as caught:
        read_uta_rldd(root)
    assert len(caught.value.faults) == 1
