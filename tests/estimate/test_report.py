from __future__ import annotations

import builtins
import json
import types
from collections import Counter
from typing import Any

import pytest

from facefatigue.errors import MissingExtraError, UsageError
from facefatigue.estimate.report import (
    WINDOW_COLUMNS,
    FaceReport,
    ModelInfo,
    Report,
    SourceInfo,
    WindowQuality,
    WindowResult,
)


@pytest.fixture
def report() -> Report:
    quality = WindowQuality(eye_distance_px=60.0, brightness=0.4, sharpness=150.5, yaw=-0.1, roll_deg=2.0)
    scored = WindowResult(
        start_s=0.0, end_s=1.28, score=0.1 + 0.2, fatigue_probability=0.25, label="alert", coverage=1.0, quality=quality
    )
    dark = WindowResult(
        start_s=1.28,
        end_s=2.56,
        score=None,
        fatigue_probability=None,
        label="abstain",
        coverage=0.5,
        abstain_reason="too_dark",
    )
    face = FaceReport(
        track=0,
        frames=64,
        coverage=0.98,
        score=0.3,
        score_interval=(0.2, 0.4),
        fatigue_probability=0.25,
        label="alert",
        abstain_reason=None,
        windows=(scored, dark),
        signs={"blinks": [{"start_s": 0.5, "end_s": 0.7}], "perclos": None},
    )
    source = SourceInfo(
        path="日.mp4",
        duration_s=2.6,
        frames=65,
        width=640,
        height=480,
        rotation_deg=90,
        variable_frame_rate=False,
        timestamp_repairs=Counter({"missing": 3}),
    )
    model = ModelInfo(name="some-model", version="0.1.0", sha256="ab" * 32, licence="Apache-2.0", engine="onnxruntime")
    return Report(source=source, model=model, faces=(face,), warnings=("3 timestamps were missing.",))


def test_the_keys_are_those_of_the_schema(report: Report) -> None:
    plain = report.to_dict()
    assert plain["schema"] == "facefatigue.report/1"
    assert list(plain) == ["schema", "source", "model", "faces", "warnings"]
    source = {"path", "duration_s", "frames", "width", "height", "rotation_deg", "variable_frame_rate"}
    assert source <= set(plain["source"])
    assert list(plain["model"]) == ["name", "version", "sha256", "licence", "engine"]
    assert list(plain["faces"][0]) == [
        "track",
        "frames",
        "coverage",
        "score",
        "score_interval",
        "fatigue_probability",
        "label",
        "abstain_reason",
        "windows",
        "signs",
        "comparison",
        "fusion",
    ]
    window = {"start_s", "end_s", "score", "fatigue_probability", "label", "coverage"}
    assert window <= set(plain["faces"][0]["windows"][0])
    assert plain["faces"][0]["score_interval"] == [0.2, 0.4]
    assert plain["faces"][0]["windows"][1]["score"] is None
    assert plain["source"]["timestamp_repairs"] == {"missing": 3}


def test_round_trip(report: Report) -> None:
    assert Report.from_json(report.to_json()) == report
    assert Report.from_json(report.to_json(indent=None)) == report
    assert Report.from_dict(report.to_dict()) == report
    assert "日.mp4" in report.to_json()
    assert "\n" not in report.to_json(indent=None)


def test_any_mapping_can_be_written(report: Report) -> None:
    object.__setattr__(report.faces[0], "signs", types.MappingProxyType({"perclos": 0.1}))
    assert report.to_dict()["faces"][0]["signs"] == {"perclos": 0.1}


def test_a_path_that_is_not_utf8_survives(report: Report) -> None:
    object.__setattr__(report.source, "path", "bad\udcff.mp4")
    text = report.to_json()
    assert Report.from_json(text.encode("utf-8").decode("utf-8")) == report


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_json_holds_no_nan(report: Report, value: float) -> None:
    object.__setattr__(report.faces[0], "score", value)
    with pytest.raises(ValueError, match="JSON"):
        report.to_json()


def test_unknown_fields_are_passed_over_and_optional_ones_may_be_missing(report: Report) -> None:
    plain = report.to_dict()
    plain["later"] = plain["source"]["later"] = plain["faces"][0]["windows"][0]["later"] = 1
    assert Report.from_dict(plain) == report
    del plain["warnings"], plain["source"]["mirrored"], plain["faces"][0]["windows"][0]["quality"]
    assert Report.from_dict(plain).faces[0].windows[0].quality is None


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("schema",), "facefatigue.report/2", "its schema is 'facefatigue.report/2'"),
        (("source",), None, "report.source should be an object, not None"),
        (("source", "frames"), "65", "report.source.frames should be a whole number, not '65'"),
        (("source", "frames"), True, "should be a whole number, not True"),
        (("source", "duration_s"), float("nan"), "should be a number, not nan"),
        (("source", "variable_frame_rate"), 1, "should be true or false"),
        (("faces",), {}, "report.faces should be a list"),
        (("faces", 0, "label"), "asleep", r"report.faces\[0\].label should be one of alert, fatigue, abstain"),
        (("faces", 0, "abstain_reason"), "bored", "should be one of no_face"),
        (("faces", 0, "score_interval"), [0.1], "should be 2 values"),
        (("faces", 0, "windows", 1, "coverage"), None, r"windows\[1\].coverage should be a number, not None"),
        (("faces", 0, "windows", 0, "quality"), [1], "quality should be an object"),
        (("warnings",), [1], r"report.warnings\[0\] should be a text"),
    ],
)
def test_what_is_wrong_is_named(report: Report, path: tuple[str | int, ...], value: Any, said: str) -> None:
    plain = report.to_dict()
    place: Any = plain
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    with pytest.raises(UsageError, match=said):
        Report.from_dict(plain)


def test_missing_fields_and_other_texts(report: Report) -> None:
    plain = report.to_dict()
    del plain["faces"][0]["windows"][1]["end_s"]
    with pytest.raises(UsageError, match=r"report.faces\[0\].windows\[1\].end_s is missing"):
        Report.from_dict(plain)
    for text in ("", "{", "[]", "null", "7", json.dumps({"a": 1})):
        with pytest.raises(UsageError, match="not a report"):
            Report.from_json(text)


def test_dataframe(report: Report) -> None:
    pd = pytest.importorskip("pandas", reason="needs the extra 'dataframe'")
    frame = report.to_dataframe()
    assert tuple(frame.columns) == WINDOW_COLUMNS
    assert len(frame) == 2
    assert frame["score"].dtype == "float64"
    assert frame["track"].dtype == "int64"
    assert frame.loc[0, "score"] == pytest.approx(0.3)
    assert pd.isna(frame.loc[1, "score"])
    assert pd.isna(frame.loc[1, "yaw"])
    assert list(frame["label"]) == ["alert", "abstain"]
    empty = Report(source=report.source, model=report.model, faces=()).to_dataframe()
    assert tuple(empty.columns) == WINDOW_COLUMNS
    assert empty["score"].dtype == "float64"


def test_dataframe_without_pandas(report: Report, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def refuse(name: str, *args: Any, **given: Any) -> Any:
        if name == "pandas":
            raise ImportError(name)
        return real(name, *args, **given)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(MissingExtraError, match=r"facefatigue\[dataframe\]"):
        report.to_dataframe()
