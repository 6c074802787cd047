from __future__ import annotations

import csv
import dataclasses
import tracemalloc
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from facefatigue.errors import OutputError
from facefatigue.report.sign_files import (
    EVENT_COLUMNS,
    EVENT_KINDS,
    SIGN_COLUMNS,
    write_events_csv,
    write_signs_csv,
)
from facefatigue.signs import Blink, Microsleep, Nod, Signs, SignSeries, Yawn

if TYPE_CHECKING:
    from pathlib import Path


def series_of(count: int, start_s: float = 0.0) -> SignSeries:
    rng = np.random.default_rng(count)
    level = rng.random((count, 9), np.float32)
    time_s = start_s + np.arange(count) / 30
    return SignSeries(
        time_s=time_s, openness=level[:, :2], mouth_open=level[:, 2], smile=level[:, 3], squint=level[:, 4],
        gaze_down=level[:, 5], yaw_rad=level[:, 6] - 0.5, pitch_rad=level[:, 7] - 0.5, roll_rad=level[:, 8] - 0.5,
        eye_visible=rng.random((count, 2)) > 0.2, start_s=0.0, end_s=max(float(time_s[-1]), 0.0) if count else 0.0,
        mouth_visible=rng.random(count) > 0.2,
    )  # fmt: skip


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_row_a_frame(tmp_path: Path) -> None:
    series = {0: series_of(5000), 3: series_of(10, 2.0)}
    write_signs_csv(series, tmp_path / "s.csv")
    rows = rows_of(tmp_path / "s.csv")
    assert tuple(rows[0]) == SIGN_COLUMNS
    assert [row["track"] for row in rows] == ["0"] * 5000 + ["3"] * 10
    for row, own, place in ((rows[0], series[0], 0), (rows[4999], series[0], 4999), (rows[5003], series[3], 3)):
        assert float(row["time_s"]) == pytest.approx(own.time_s[place], abs=1e-6)
        assert float(row["openness_left"]) == pytest.approx(own.openness[place, 0], abs=1e-4)
        assert float(row["openness_right"]) == pytest.approx(own.openness[place, 1], abs=1e-4)
        assert float(row["mouth_open"]) == pytest.approx(own.mouth_open[place], abs=1e-4)
        assert float(row["gaze_down"]) == pytest.approx(own.gaze_down[place], abs=1e-4)
        for turn in ("yaw", "pitch", "roll"):
            assert float(row[f"{turn}_deg"]) == pytest.approx(np.degrees(getattr(own, f"{turn}_rad")[place]), abs=1e-3)
        assert [row["eye_visible_left"], row["eye_visible_right"]] == [str(int(seen)) for seen in own.eye_visible[place]]
        assert row["mouth_visible"] == str(int(own.mouth_visible[place]))
    assert rows[1]["time_s"] == "0.033333"
    assert len(rows[1]["openness_left"]) <= 6


@pytest.mark.parametrize("series", [{}, {0: series_of(0)}])
def test_without_a_frame_there_is_a_header(tmp_path: Path, series: dict[int, SignSeries]) -> None:
    write_signs_csv(series, tmp_path / "s.csv")
    assert (tmp_path / "s.csv").read_text() == ",".join(SIGN_COLUMNS) + "\n"


def test_an_hour_is_written_in_little_memory(tmp_path: Path) -> None:
    series = {0: series_of(108_000)}
    tracemalloc.start()
    write_signs_csv(series, tmp_path / "s.csv")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (tmp_path / "s.csv").stat().st_size > 5e6
    assert peak < 6e6


SIGNS: dict[str, Any] = {
    "blinks": [
        {
            "start_s": 1.0, "peak_s": 1.1, "end_s": 1.2, "amplitude": 0.9, "closure": 0.95, "complete": True,
            "closing_s": 0.06, "closed_s": 0.05, "opening_s": 0.09, "duration_s": 0.2, "closing_velocity_per_s": 11.0,
            "opening_velocity_per_s": 7.0, "rate_so_far_per_min": 14.0,
        },
        {"start_s": 9.0, "peak_s": 9.1, "end_s": 9.3, "amplitude": 0.4, "closure": 0.5, "complete": None, "duration_s": None},
    ],
    "microsleeps": [{"start_s": 5.0, "end_s": 6.5, "closure": 0.97}],
    "yawns": [{"start_s": 3.0, "end_s": 8.5, "peak_s": 5.0, "opening": 0.8, "opening_s": 1.5}],
    "nods": None,
    "not_measurable": {"nods": "too slow"},
}  # fmt: skip


def test_a_row_an_event_in_order_of_time(tmp_path: Path) -> None:
    nods = [{"start_s": 2.0, "end_s": 4.0, "lowest_s": 3.5, "depth_rad": 0.4, "sinking_s": 1.0, "return_s": 0.2}]
    write_events_csv({0: SIGNS, 1: {**SIGNS, "nods": nods, "blinks": None}, 2: None}, tmp_path / "e.csv")
    rows = rows_of(tmp_path / "e.csv")
    assert tuple(rows[0]) == EVENT_COLUMNS
    assert [(row["track"], row["kind"]) for row in rows] == [
        ("0", "blink"), ("0", "yawn"), ("0", "microsleep"), ("0", "blink"), ("1", "nod"), ("1", "yawn"), ("1", "microsleep"),
    ]  # fmt: skip
    assert (rows[0]["start_s"], rows[0]["end_s"], rows[0]["complete"], rows[0]["closing_s"]) == ("1.0", "1.2", "1", "0.06")
    assert (rows[3]["complete"], rows[3]["duration_s"], rows[3]["opening"]) == ("", "", "")
    assert (rows[1]["opening"], rows[1]["opening_s"], rows[1]["amplitude"]) == ("0.8", "1.5", "")
    assert rows[4]["depth_rad"] == "0.4"


def test_there_is_a_column_for_everything_that_is_known_of_an_event() -> None:
    known = {entry.name for kind in (Blink, Microsleep, Yawn, Nod) for entry in dataclasses.fields(kind)}
    assert known == set(EVENT_COLUMNS) - {"track", "kind"}
    assert set(EVENT_KINDS) <= {entry.name for entry in dataclasses.fields(Signs)}


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    for write in (lambda path: write_signs_csv({0: series_of(3)}, path), lambda path: write_events_csv({0: SIGNS}, path)):
        with pytest.raises(OutputError, match="its folder does not exist"):
            write(tmp_path / "none" / "s.csv")
