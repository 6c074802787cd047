"""From what was read of a face to the dict in the report, without nets."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest

from facefatigue.errors import UsageError
from facefatigue.estimate import measured_signs as module
from facefatigue.estimate.measured_signs import measured_signs
from facefatigue.estimate.report import SourceInfo
from facefatigue.estimate.sign_report import FaceSignReport, SignReport
from facefatigue.signs import LidLevels, SignSeries, measure
from facefatigue.signs.blink_fatigue import AlertBlinks, BlinkEstimate, NoBlinkEstimate

ALERT = AlertBlinks(blinks=40, interval_s=3.0, amplitude=(0.9, 0.1), duration_s=(0.2, 0.05), velocity=(6.0, 1.5))


def series_of(duration_s: float, rate_hz: float = 30.0, every_s: float = 4.0) -> SignSeries:
    """Eyes that shut for 0.2 s every few seconds."""
    time_s = np.arange(int(duration_s * rate_hz)) / rate_hz
    since_s = time_s % every_s
    shut = np.clip(1 - np.abs(since_s - 2.0) / 0.12, 0, 1)
    openness = np.repeat((0.8 - 0.6 * shut)[:, None], 2, axis=1).astype(np.float32)
    zero = np.zeros(len(time_s), np.float32)
    return SignSeries(
        time_s=time_s, openness=openness, mouth_open=zero, smile=zero, squint=zero, gaze_down=zero, yaw_rad=zero,
        pitch_rad=zero, roll_rad=zero, eye_visible=np.ones((len(time_s), 2), np.bool_), start_s=0.0, end_s=duration_s,
    )  # fmt: skip


def numbers(value: Any) -> list[float]:
    if isinstance(value, dict):
        return [number for entry in value.values() for number in numbers(entry)]
    if isinstance(value, list):
        return [number for entry in value for number in numbers(entry)]
    return [value] if isinstance(value, int | float) else []


def test_the_dict_is_that_of_the_signs_with_the_estimate_of_fatigue() -> None:
    series = series_of(60)
    plain = measured_signs(series)
    own = measure(series).to_dict()
    fatigue = plain.pop("fatigue")
    assert (fatigue["reference"], fatigue["blinks"]) == ("population", 15)
    assert plain == own
    assert len(plain["blinks"]) == 15


def test_a_baseline_makes_the_estimate_the_person_s_own() -> None:
    series = series_of(60)
    people, own = (measured_signs(series, alert=alert)["fatigue"] for alert in (None, ALERT))
    assert own["reference"] == "own"
    assert set(people["columns"]) < set(own["columns"])
    assert np.ptp(people["score_interval"]) > np.ptp(own["score_interval"])


def test_the_lid_levels_of_a_baseline_are_the_measure() -> None:
    series = series_of(60)
    levels = LidLevels(open=(0.95, 0.95), shut=(0.2, 0.2))
    assert measured_signs(series, levels=levels)["openness"] == measure(series, levels).to_dict()["openness"]
    assert measured_signs(series, levels=levels)["openness"] < measured_signs(series)["openness"] - 0.1


@pytest.mark.parametrize("series", [series_of(60), series_of(3), series_of(0), series_of(20, 5.0), series_of(1 / 30)])
def test_every_sign_is_a_finite_number_or_has_a_reason(series: SignSeries) -> None:
    plain = json.loads(json.dumps(measured_signs(series), allow_nan=False))
    assert plain == measured_signs(series)
    assert all(math.isfinite(number) for number in numbers(plain))
    for name in (
        "openness",
        "perclos",
        "blinks",
        "blink_rate_per_min",
        "microsleeps",
        "yawns",
        "nods",
        "head_pose",
        "fatigue",
    ):
        assert (plain[name] is None) == (name in plain["not_measurable"]), name
        assert plain["not_measurable"].get(name, "a reason")


def test_without_a_face_nothing_is_invented() -> None:
    plain = measured_signs(series_of(0))
    assert plain["not_measurable"]["blinks"] == plain["not_measurable"]["fatigue"] == "no face was read"
    assert [plain[name] for name in ("blinks", "yawns", "nods", "perclos", "fatigue")] == [None] * 5


def test_with_a_baseline_the_blinks_are_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[np.ndarray] = []
    estimate = BlinkEstimate(
        probabilities=(0.2, 0.3, 0.5), score=0.65, interval=(0.3, 1.0), blinks=15, columns=("duration",), reference="own"
    )

    class Model:
        def estimate(self, blinks: np.ndarray, alert: AlertBlinks | None) -> BlinkEstimate | NoBlinkEstimate:
            assert alert is ALERT
            asked.append(blinks)
            return NoBlinkEstimate(reason="too_few_blinks", text="2 blinks are too few") if len(blinks) < 5 else estimate

    monkeypatch.setattr(module, "BlinkFatigue", Model)
    plain = measured_signs(series_of(60), alert=ALERT)
    assert plain["fatigue"] == estimate.to_dict()
    assert "fatigue" not in plain["not_measurable"]
    assert asked[0].shape == (15, 4)
    assert np.nanmedian(asked[0][:, 0]) == pytest.approx(4, rel=0.02)
    few = measured_signs(series_of(10), alert=ALERT)
    assert (few["fatigue"], few["not_measurable"]["fatigue"]) == (None, "2 blinks are too few")


def report(*signs: dict[str, Any]) -> SignReport:
    source = SourceInfo(
        path="日.mp4", duration_s=60.0, frames=1800, width=64, height=48, rotation_deg=0, variable_frame_rate=False
    )
    faces = [FaceSignReport(track=track, frames=1800, coverage=1.0, signs=own) for track, own in enumerate(signs)]
    return SignReport(source=source, faces=tuple(faces), warnings=("A note.",))


def test_the_report_on_signs_comes_back_from_json() -> None:
    made = report(measured_signs(series_of(60)), measured_signs(series_of(3)))
    plain = made.to_dict()
    assert plain["schema"] == "facefatigue.signs/1"
    assert list(plain) == ["schema", "source", "faces", "warnings"]
    assert {"track", "coverage", "signs"} <= set(plain["faces"][0])
    assert SignReport.from_json(made.to_json()) == made
    assert SignReport.from_dict({**plain, "later": 1}) == made


def test_a_report_on_signs_that_is_wrong_is_refused() -> None:
    plain = report(measured_signs(series_of(60))).to_dict()
    with pytest.raises(UsageError, match=r"its schema is 'facefatigue.report/1', not 'facefatigue.signs/1'"):
        SignReport.from_dict({**plain, "schema": "facefatigue.report/1"})
    plain["faces"][0]["signs"]["blinks"][3]["start_s"] = math.nan
    with pytest.raises(UsageError, match=r"faces\[0\].signs.blinks\[3\].start_s should be a number, not nan"):
        SignReport.from_dict(plain)
    with pytest.raises(ValueError, match="JSON"):
        report({"perclos": math.nan}).to_json()


def test_a_report_abstains_when_nothing_could_be_measured() -> None:
    assert report().abstained
    assert report(measured_signs(series_of(0))).abstained
    assert report(measured_signs(series_of(3))).abstained
    assert not report(measured_signs(series_of(3)), measured_signs(series_of(60))).abstained
