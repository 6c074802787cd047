"""What becomes of videos of one alert person, and what is said where that is doubtful."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING, Self

import pytest

import facefatigue
from facefatigue import api
from facefatigue.errors import ConfigurationError
from facefatigue.estimate import AlertRecordings

if TYPE_CHECKING:
    from collections.abc import Callable

    from facefatigue.estimate import Analysis

    Film = Callable[..., Analysis]


def test_numbers_of_all_videos_come_together(film: Film) -> None:
    recordings = AlertRecordings()
    recordings.add("a.mp4", film(90, brightness=0.4, score=0.2))
    recordings.add("b.mp4", film(60, brightness=0.5, score=0.3))
    own = recordings.baseline("me", glasses="yes")
    assert (own.name, own.recordings, own.model) == ("me", 2, "some-model 1.0.0")
    assert own.read_s == recordings.read_s == pytest.approx(150, abs=0.2)
    assert own.statistics["score"].n == 29 + 19
    assert own.statistics["blink_rate_per_min"].median == pytest.approx(20, abs=1)
    assert own.blinks is not None
    assert own.conditions.glasses == "yes"
    assert own.conditions.brightness == pytest.approx(0.4)  # most windows
    assert (recordings.warnings, recordings.doubts()) == ([], [])


def test_too_little_is_known_before_and_refused(film: Film) -> None:
    recordings = AlertRecordings()
    recordings.add("a.mp4", film(25))
    assert not recordings.enough
    with pytest.raises(ConfigurationError, match=r"25.0 s of the face were read; a baseline needs 60 s"):
        recordings.baseline("me")
    recordings.add("b.mp4", film(36))
    assert recordings.enough
    assert recordings.baseline("me").recordings == 2


def test_people_who_do_not_look_alike_are_doubted(film: Film) -> None:
    recordings = AlertRecordings()
    for name, looks in (("a.mp4", 1), ("b.mp4", 1), ("c.mp4", 2)):
        recordings.add(name, film(60, looks=looks))
    (doubt,) = recordings.doubts()
    assert re.search(
        r"these show one: a.mp4 and c.mp4 \(0\.\d\d\), b.mp4 and c.mp4 \(0\.\d\d\); the likeness of two people reaches 0.78",
        doubt,
    )


def test_several_faces_are_a_warning(film: Film) -> None:
    analysis = film(60, others=2)
    usual = "Only the main face is reported; 2 more tracks of a face were seen (--all-faces reports all)."
    report = dataclasses.replace(analysis.report, warnings=("The file ends early.", usual))
    recordings = AlertRecordings()
    recordings.add("a.mp4", dataclasses.replace(analysis, report=report))
    assert recordings.warnings == [
        "a.mp4: The file ends early.",
        "a.mp4: several faces were seen; the main one counts, and should be that of the alert person",
    ]


def test_a_video_without_a_face_adds_nothing(film: Film) -> None:
    recordings = AlertRecordings()
    recordings.add("room.mp4", film(90, faces=0))
    recordings.add("hidden.mp4", film(0))
    assert recordings.warnings == [
        "room.mp4: no face was found; this video adds nothing",
        "hidden.mp4: the face could not be read; this video adds nothing",
    ]
    assert recordings.read_s == 0
    recordings.add("a.mp4", film(90))
    assert recordings.baseline("me").recordings == 1


def test_blinks_that_cannot_be_measured_are_a_warning(film: Film) -> None:
    recordings = AlertRecordings()
    recordings.add("still.mp4", film(90, every_s=1000.0))
    (warning,) = recordings.warnings
    assert warning.startswith("still.mp4: blinks could not be measured whole: the lids were never seen to close in 90 s")
    own = recordings.baseline("me")
    assert (own.blinks, "blink_rate_per_min" in own.statistics) == (None, False)


def test_without_a_score_the_signs_are_used(film: Film) -> None:
    recordings = AlertRecordings()
    recordings.add("a.mp4", film(90, score=None))
    assert recordings.warnings == ["a.mp4: no window could be scored (too_blurred); its signs alone are used"]
    own = recordings.baseline("me")
    assert "score" not in own.statistics
    assert own.model is None
    assert own.conditions.brightness == pytest.approx(0.4)


def test_in_one_call(film: Film, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    known = {"a.mp4": film(60, looks=1), "b.mp4": film(60, looks=2)}

    class Estimator:
        def __init__(self, *_: object, **__: object) -> None:
            pass

        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def analyze(self, source: str, *, max_duration_s: float | None) -> Analysis:
            return known[source] if max_duration_s is None else film(max_duration_s)

    monkeypatch.setattr(api, "Estimator", Estimator)
    own = facefatigue.measure_baseline(["a.mp4", "b.mp4"], name="me", glasses="no")
    assert isinstance(own, facefatigue.Baseline)
    assert (own.name, own.recordings, own.conditions.glasses) == ("me", 2, "no")
    (record,) = caplog.records
    assert "looks do not tell that these show one: a.mp4 and b.mp4" in record.getMessage()
    with pytest.raises(ConfigurationError, match="a baseline needs 60 s"):
        facefatigue.measure_baseline(["a.mp4"], name="me", max_duration_s=30)
