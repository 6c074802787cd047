from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from facefatigue.data.layouts import read_yawdd
from facefatigue.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def test_mirror_videos(root: Path, touch: Callable[..., None], settle: Callable, reasons: Callable) -> None:
    touch(
        "YawDD dataset/Mirror/Female_mirror/1-FemaleNoGlasses-Normal.avi",
        "YawDD dataset/Mirror/Female_mirror/1-FemaleNoGlasses-Yawning.AVI",
        "YawDD dataset/Mirror/Female_mirror/5-FemaleSunGlasses-Talking.avi.avi",
        "YawDD dataset/Mirror/Male_mirror Avi Videos/1-MaleGlasses-Talking .avi",
        "YawDD dataset/Mirror/Male_mirror Avi Videos/8-MaleGlassesBeard-Talking&yawning.avi",
        "YawDD dataset/Mirror/Male_mirror Avi Videos/9-MaleNoGlasses-YawningTalking.avi",
        "YawDD dataset/Mirror/Male_mirror Avi Videos/9-MaleNoGlasses-Singing.avi",
        "YawDD dataset/Mirror/Male_mirror Avi Videos/10-MaleNoGlasses.avi",
        "YawDD dataset/Mirror/Male_mirror Avi Videos/clip.avi",
        "YawDD dataset/Dash/Female/11-FemaleGlasses.avi.avi",
        "YawDD dataset/Dash/Male/13-MaleNoGlasses .avi",
        "YawDD dataset/Table1.pdf",
    )
    reading = read_yawdd(root)
    found = settle(reading)
    shown = {path.rpartition("/")[2]: (one.subject, one.score, *one.further.values()) for path, one in found.items()}
    assert shown == {
        "1-FemaleNoGlasses-Normal.avi": ("female-1", 0.0, "none", "female", "normal"),
        "1-FemaleNoGlasses-Yawning.AVI": ("female-1", 1.0, "none", "female", "yawning"),
        "5-FemaleSunGlasses-Talking.avi.avi": ("female-5", 0.0, "sunglasses", "female", "talking"),
        "1-MaleGlasses-Talking .avi": ("male-1", 0.0, "glasses", "male", "talking"),
        "8-MaleGlassesBeard-Talking&yawning.avi": ("male-8", 1.0, "glasses", "male", "talking and yawning"),
        "9-MaleNoGlasses-YawningTalking.avi": ("male-9", 1.0, "none", "male", "talking and yawning"),
    }
    assert {tuple(one.further) for one in found.values()} == {("glasses", "gender", "behaviour")}
    assert {one.label_source for one in found.values()} == {"YawDD acted yawning, not fatigue"}
    why = {path.rpartition("/")[2]: reason for path, reason in reasons(reading).items()}
    assert why == {
        "9-MaleNoGlasses-Singing.avi": "its behaviour 'singing' is not normal, talking or yawning",
        "10-MaleNoGlasses.avi": "its name has no behaviour, as those of dash videos",
        "clip.avi": "its name is not NUMBER-GENDERGLASSES-BEHAVIOUR",
        "11-FemaleGlasses.avi.avi": "dash videos mix normal, talking and yawning, and no times are labelled",
        "13-MaleNoGlasses .avi": "dash videos mix normal, talking and yawning, and no times are labelled",
    }


def test_dash_videos_alone_give_nothing(root: Path, touch: Callable[..., None]) -> None:
    touch("Dash/Female/1-FemaleNoGlasses.avi", "Dash/Female/2-FemaleNoGlasses-Yawning.avi")
    for folder in (root, root / "Dash"):
        with pytest.raises(ConfigurationError, match="can be used \\(2 × dash videos mix"):
            read_yawdd(folder)


def test_the_same_video_in_two_folders_counts_once(root: Path, touch: Callable[..., None], settle: Callable) -> None:
    touch("Mirror/Mirror/Male_mirror/1-MaleGlasses-Normal.avi", "Mirror/Male_mirror/1-MaleGlasses-Normal.avi")
    assert list(settle(read_yawdd(root))) == ["Mirror/Male_mirror/1-MaleGlasses-Normal.avi"]
