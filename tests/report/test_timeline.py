from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from facefatigue.errors import OutputError, UsageError
from facefatigue.report.face_signs import FaceSigns
from facefatigue.report.timeline import draw_signs, draw_timeline
from facefatigue.signs import measure

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from facefatigue.estimate.report import Analysis, Report
    from facefatigue.signs import SignSeries

MICROSLEEP, YAWN, NOD, BLINK = (204, 121, 167), (230, 159, 0), (86, 180, 233), (0, 158, 115)
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


def times_of(path: Path, colour: tuple[int, int, int], end_s: float) -> np.ndarray[Any, Any]:
    """Where a colour stands on the time axis, in seconds."""
    picture = pixels(path)
    width = picture.shape[1]
    found = columns_of(picture, colour)
    return (found - 0.085 * width) / (0.875 * width) * end_s


def test_signs_lie_below_the_score_at_their_times(
    tmp_path: Path,
    make_analysis: Callable[..., Analysis],
    with_signs: Callable[..., Analysis],
    make_series: Callable[..., SignSeries],
) -> None:
    series = make_series(duration_s=72, yawns=[(10, 16.5)], shut=[(50, 52.5)], nods_s=[40.0], away=[(60, 64)])
    analysis = with_signs(make_analysis(windows=36, duration_s=72), {0: series})
    path = tmp_path / "t.png"
    draw_timeline(analysis.report, path, sign_series=analysis.sign_series)
    yawn, nod, microsleep, blinks = (times_of(path, colour, 72) for colour in (YAWN, NOD, MICROSLEEP, BLINK))
    assert (yawn.min(), yawn.max()) == (pytest.approx(10.6, abs=0.7), pytest.approx(15.8, abs=0.7))
    assert 40 <= nod.min() <= nod.max() <= 42
    assert (microsleep.min(), microsleep.max()) == (pytest.approx(50, abs=0.2), pytest.approx(52.5, abs=0.2))
    assert blinks.min() == pytest.approx(2, abs=0.2)
    assert not ((blinks > 60) & (blinks < 64)).any()
    draw_timeline(analysis.report, tmp_path / "without.png")  # no series: no course of the lids
    draw_timeline(make_analysis(windows=36, duration_s=72).report, tmp_path / "scores.png")
    heights = [pixels(tmp_path / name).shape[0] for name in ("t.png", "without.png", "scores.png")]
    assert heights[0] > heights[1] > heights[2]


def test_three_hours_of_signs_are_a_small_picture(
    tmp_path: Path,
    make_analysis: Callable[..., Analysis],
    with_signs: Callable[..., Analysis],
    make_series: Callable[..., SignSeries],
) -> None:
    series = make_series(duration_s=10_800, rate_hz=10, yawns=[(8000, 8006)], shut=[(9000, 9002)], away=[(3000, 3600)])
    analysis = with_signs(make_analysis(windows=3600, length_s=3.0, duration_s=10_800), {0: series})
    for name in ("t.png", "t.svg"):
        draw_timeline(analysis.report, tmp_path / name, sign_series=analysis.sign_series)
        assert (tmp_path / name).stat().st_size < 1_500_000
    # A yawn of six seconds is less than a pixel wide, but is seen.
    assert times_of(tmp_path / "t.png", YAWN, 10_800) == pytest.approx(8003, abs=20)
    assert times_of(tmp_path / "t.png", MICROSLEEP, 10_800).size


@pytest.mark.parametrize(
    "given",
    [
        {"duration_s": 3, "blinks_s": []},
        {"duration_s": 61, "rate_hz": 3},
        {"duration_s": 61, "rate_hz": 5},
        {"duration_s": 61, "aside": [(0, 61)]},
        {"duration_s": 61, "away": [(0, 61)]},
        {"duration_s": 61, "away": [(i + 0.5, i + 0.9) for i in range(60)]},
        {"duration_s": 80, "away": [(15, 65)]},
    ],
)
def test_what_cannot_be_measured_is_no_obstacle(
    tmp_path: Path,
    make_report: Callable[..., Report],
    make_series: Callable[..., SignSeries],
    given: dict[str, Any],
) -> None:
    source = make_report(duration_s=given["duration_s"]).source
    series = make_series(**given)
    draw_signs(source, [FaceSigns(track=0, signs=measure(series).to_dict(), series=series)], tmp_path / "s.png")
    assert (tmp_path / "s.png").stat().st_size > 5000


def test_signs_alone(tmp_path: Path, make_report: Callable[..., Report], make_series: Callable[..., SignSeries]) -> None:
    source = make_report(duration_s=40).source
    series = make_series(duration_s=40, yawns=[(10, 16.5)])
    face = FaceSigns(track=0, signs=measure(series).to_dict(), series=series)
    path = tmp_path / "s.png"
    draw_signs(source, [face], path)
    assert times_of(path, YAWN, 40).min() == pytest.approx(10.6, abs=0.7)
    heights = []
    for count in (0, 1, 2, 6, 9):
        draw_signs(source, [dataclasses.replace(face, track=track) for track in range(count)], path)
        heights.append(pixels(path).shape[0])
    assert heights[:4] == sorted(set(heights[:4]))
    assert heights[4] == heights[3]
    draw_signs(source, [FaceSigns(track=0, signs={"not_measurable": {"blinks": "$x^2$ \\frac{ 昨日"}})], path)
    with pytest.raises(UsageError, match=r"\.png"):
        draw_signs(source, [face], tmp_path / "s.gif")


def test_estimates_and_usual_stand_below_a_single_face(
    tmp_path: Path, make_analysis: Callable[..., Analysis], compared: Callable[..., Analysis]
) -> None:
    def drawn(report: Report) -> np.ndarray[Any, Any]:
        draw_timeline(report, tmp_path / "t.png")
        return pixels(tmp_path / "t.png")

    bare = drawn(make_analysis().report)
    whole = drawn(compared(make_analysis()).report)
    added = whole.shape[0] - bare.shape[0]
    assert 300 < added < 500  # 1.0 to 1.7 in
    np.testing.assert_allclose(whole[200:600], bare[200:600], atol=6)  # text is set to fractions of a pixel
    panel = whole[-added - 150 :]

    def has(colour: tuple[int, int, int]) -> bool:
        return bool((np.abs(panel - np.array(colour)).max(axis=2) <= 6).any())

    assert has(BLINK)
    assert has(FATIGUE)  # what is unusual
    two = drawn(compared(make_analysis(faces=2)).report)
    np.testing.assert_array_equal(two.shape, drawn(make_analysis(faces=2).report).shape)


@pytest.mark.parametrize("blinks", [0.3, None])
@pytest.mark.parametrize("scored", [True, False])
def test_any_estimates_can_be_drawn(
    tmp_path: Path, make_analysis: Callable[..., Analysis], compared: Callable[..., Analysis], blinks: float, scored: bool
) -> None:
    analysis = compared(make_analysis(scored=scored), name="昨日 $x$ \\frac{" * 9, blinks=blinks)
    draw_timeline(analysis.report, tmp_path / "t.png")
    draw_timeline(analysis.report, tmp_path / "t.svg")
    assert (tmp_path / "t.svg").stat().st_size > 5000


def test_signs_alone_are_compared(
    tmp_path: Path, make_series: Callable[..., SignSeries], make_analysis: Callable[..., Analysis],
    compared: Callable[..., Analysis],
) -> None:  # fmt: skip
    analysis = compared(make_analysis())
    series = make_series()
    face = FaceSigns(track=0, signs=measure(series).to_dict(), series=series)
    draw_signs(analysis.report.source, [face], tmp_path / "bare.png")
    own = dataclasses.replace(face, comparison=analysis.report.faces[0].comparison)
    draw_signs(analysis.report.source, [own], tmp_path / "own.png")
    assert pixels(tmp_path / "own.png").shape[0] > pixels(tmp_path / "bare.png").shape[0] + 300
