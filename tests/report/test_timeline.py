from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from facefatigue.errors import OutputError, UsageError
from facefatigue.report.timeline import draw_timeline

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from facefatigue.estimate.report import Report

ALERT, FATIGUE = (0, 114, 178), (213, 94, 0)


def pixels(path: Path) -> np.ndarray[Any, Any]:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB")).astype(int)


def columns_of(picture: np.ndarray[Any, Any], colour: tuple[int, int, int]) -> np.ndarray[Any, Any]:
    """Columns of the plot (below the legend) that hold a colour."""
    plot = picture[300:]
    return np.flatnonzero((np.abs(plot - np.array(colour)).max(axis=2) <= 6).any(axis=0))


def test_segments_lie_at_their_times_and_a_gap_stays_empty(tmp_path: Path, make_report: Callable[..., Report]) -> None:
    draw_timeline(make_report(), tmp_path / "t.png")
    with Image.open(tmp_path / "t.png") as image:
        assert image.info["dpi"] == pytest.approx((300, 300), abs=0.1)
    picture = pixels(tmp_path / "t.png")
    width = picture.shape[1]
    assert width == 2160
    left, right = 0.085 * width, 0.96 * width  # 0 s and 25 s

    def time_s(columns: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        return (columns - left) / (right - left) * 25

    tired, awake = time_s(columns_of(picture, FATIGUE)), time_s(columns_of(picture, ALERT))
    assert tired.min() == pytest.approx(0, abs=0.1)
    assert tired.max() == pytest.approx(12, abs=0.1)
    assert awake.min() == pytest.approx(14, abs=0.1)
    assert awake.max() == pytest.approx(24, abs=0.1)
    assert not ((awake > 18.1) & (awake < 19.9)).any()  # abstains


@pytest.mark.parametrize(
    "given",
    [
        {"faces": 0},
        {"windows": 0, "duration_s": 0.0},
        {"windows": 1},
        {"scored": False},
        {"windows": 2000, "length_s": 5.4},
        {"faces": 12, "windows": 5},
        {"faces": 30, "windows": 2},
        {"path": "昨日 😀 العربية $x^2$ \\frac{ \x07 \udcff.mp4"},
        {"path": "rtsp://me:secret@cam/live"},
        {"path": "n" * 300},
    ],
)
@pytest.mark.parametrize("suffix", [".png", ".svg"])
def test_anything_can_be_drawn_without_a_warning(
    tmp_path: Path, make_report: Callable[..., Report], given: dict[str, Any], suffix: str
) -> None:
    path = tmp_path / f"t{suffix}"
    draw_timeline(make_report(**given), path)
    assert path.stat().st_size > 5000
    assert list(tmp_path.iterdir()) == [path]


def test_pdf(tmp_path: Path, make_report: Callable[..., Report]) -> None:
    draw_timeline(make_report(), tmp_path / "t.PDF")
    assert (tmp_path / "t.PDF").read_bytes().startswith(b"%PDF")


def test_more_faces_make_a_taller_picture(tmp_path: Path, make_report: Callable[..., Report]) -> None:
    heights = []
    for faces in (1, 2, 5, 12, 20):
        draw_timeline(make_report(faces=faces, windows=3), tmp_path / "t.png")
        heights.append(pixels(tmp_path / "t.png").shape[0])
    assert heights[:4] == sorted(set(heights[:4]))
    assert heights[4] == heights[3]


def test_a_face_without_interval(tmp_path: Path, make_report: Callable[..., Report]) -> None:
    report = make_report()
    face = dataclasses.replace(report.faces[0], score_interval=None)
    draw_timeline(dataclasses.replace(report, faces=(face,)), tmp_path / "t.png")


def test_errors(tmp_path: Path, make_report: Callable[..., Report]) -> None:
    with pytest.raises(UsageError, match=r"\.png"):
        draw_timeline(make_report(), tmp_path / "t.gif")
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="not a folder"):
        draw_timeline(make_report(), tmp_path / "file" / "t.png")
