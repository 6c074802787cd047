"""Whose measure is laid on whose face."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from facefatigue.errors import ConfigurationError, UsageError
from facefatigue.estimate import Estimator, SignReader, measured_signs
from facefatigue.estimate.source import face_warnings
from facefatigue.estimate.yardstick import Yardstick, median_brightness
from facefatigue.signs import Conditions, make_baseline, measure
from facefatigue.signs.blink_fatigue import BlinkEstimate, NoBlinkEstimate

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from facefatigue.estimate import Analysis
    from facefatigue.signs import Baseline
    from facefatigue.signs.blink_fatigue import AlertBlinks

    Film = Callable[..., Analysis]


class Remembering:
    """Stands for the model of blinks; its score is that of the baseline that it was given, or of nobody's."""

    def estimate(self, table: np.ndarray, alert: AlertBlinks | None = None) -> BlinkEstimate | NoBlinkEstimate:
        if len(table) < 5:
            return NoBlinkEstimate(reason="too_few_blinks", text=f"{len(table)} blinks are too few")
        return BlinkEstimate(
            probabilities=(0.7, 0.2, 0.1), score=0.2, interval=(0.0, 0.5), blinks=len(table), columns=("duration",),
            reference="population" if alert is None else "own",
        )  # fmt: skip


@pytest.fixture(autouse=True)
def model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measured_signs, "BlinkFatigue", Remembering)


@pytest.fixture
def own(film: Film) -> Baseline:
    signs = measure(film(120).sign_series[0])
    return make_baseline(
        "me", [signs], [0.2, 0.22, 0.25], conditions=Conditions(glasses="no", brightness=0.9), model="some-model 1.0.0"
    )


def test_a_persons_own_measure(film: Film, own: Baseline) -> None:
    analysis = film(60)
    yardstick = Yardstick(baseline=own, glasses="yes", model="some-model 1.0.0", network_error=0.2)
    signs = yardstick.signs(analysis.sign_series[0])
    assert signs["lid_levels"]["open"] == pytest.approx(own.lid_levels.open, abs=1e-5)
    assert signs["lid_levels"]["shut"] == pytest.approx(own.lid_levels.shut, abs=1e-5)
    assert signs["fatigue"]["reference"] == "own"
    found = yardstick.comparison(signs, analysis.report.faces[0])
    assert found["name"] == "me"
    by_sign = {entry["sign"]: entry for entry in found["deviations"]}
    assert by_sign["score"]["value"] == 0.2
    assert by_sign["blink_rate_per_min"]["words"] == "blinks as often as usual for you"
    assert "glasses: yes now, no in the baseline" in found["cautions"]
    assert "the light differs by more than a factor of two from the baseline's" in found["cautions"]


def test_nobody_elses_face_is_measured_by_it(film: Film, own: Baseline) -> None:
    others = Yardstick(baseline=own, glasses="yes", model="some-model 1.0.0", network_error=0.2).of_others
    assert others == Yardstick(model="some-model 1.0.0", network_error=0.2)
    analysis = film(60)
    signs = others.signs(analysis.sign_series[0])
    assert signs["fatigue"]["reference"] == "population"
    found = others.comparison(signs, analysis.report.faces[0])
    assert found["name"] is None
    assert {entry["reference"] for entry in found["deviations"]} == {"population"}


def test_few_alert_blinks_leave_the_estimate_to_people_at_large(film: Film) -> None:
    few = make_baseline("me", [measure(film(90, every_s=9.0).sign_series[0])])
    assert few.blinks is None
    assert Yardstick(baseline=few).signs(film(60).sign_series[0])["fatigue"]["reference"] == "population"


def test_the_fusion_says_why_there_is_no_estimate(film: Film) -> None:
    yardstick = Yardstick(network_error=0.2)
    analysis = film(10, every_s=5.0, score=None)
    face = analysis.report.faces[0]
    signs = yardstick.signs(analysis.sign_series[0])
    assert yardstick.fusion(signs, face)["abstain_reason"] == "there is no score (too blurred); 2 blinks are too few"


def test_brightness_is_the_median_of_windows(film: Film) -> None:
    assert median_brightness(film(60, brightness=0.35).report.faces[0].windows) == pytest.approx(0.35)
    assert median_brightness(()) is None


def test_several_faces_are_told_whose_baseline_it_was(own: Baseline) -> None:
    assert face_warnings(1, 0, all_faces=False, main=0, baseline=own) == []
    assert face_warnings(0, 0, all_faces=True, main=None, baseline=own) == []
    (warning,) = face_warnings(3, 0, all_faces=True, main=2, baseline=own)
    assert (
        "the baseline me was held against the main one (face 2) alone; that it shows this person was not checked" in warning
    )
    first, second = face_warnings(1, 2, all_faces=False, main=0, baseline=own)
    assert first.startswith("Only the main face is reported; 2 more tracks")
    assert "held against the main one alone" in second


def test_a_baseline_needs_the_signs_and_has_to_be_there(
    own: Baseline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    with pytest.raises(UsageError, match="without them there is nothing to compare"):
        Estimator(baseline=own, signs=False)
    for reader in (Estimator, SignReader):
        with pytest.raises(ConfigurationError, match="there is no baseline 'me'"):
            reader(baseline="me")


def test_two_people_and_one_baseline(own: Baseline, sample: Path, write_video: Callable[..., Path]) -> None:
    """The larger face is the main one, whether all are reported or not; the other one keeps its own measure."""
    from facefatigue.video import open_video

    frames = []
    with open_video(sample) as video:
        for frame in video:
            if frame.index >= 150:
                break
            height, width, _ = frame.rgb.shape
            wide = np.full((height, width * 2, 3), 127, np.uint8)
            wide[:, width:] = frame.rgb
            wide[height // 4 : height // 4 + height // 2, width // 4 : width // 4 + width // 2] = frame.rgb[::2, ::2]
            frames.append(wide)
    path = write_video("two.mp4", frames)
    report = SignReader(all_faces=True, baseline=own).analyze(path).report
    assert len(report.faces) == 2
    mine = [face for face in report.faces if face.comparison is not None and face.comparison["name"] == "me"]
    assert len(mine) == 1
    assert f"(face {mine[0].track}) alone" in report.warnings[-1]
    (alone,) = SignReader(baseline=own).analyze(path).report.faces
    assert alone.comparison is not None
    assert alone.comparison["name"] == "me"
    assert alone.signs["blinks"] == mine[0].signs["blinks"]
