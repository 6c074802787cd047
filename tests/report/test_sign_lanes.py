from __future__ import annotations

from facefatigue.report.face_signs import FaceSigns
from facefatigue.report.sign_lanes import Lane, blink_words, has_many_blinks, lanes_of, nice_top, perclos_line

SHORT = "3.0 s of the face were read"


def test_a_lane_a_kind_of_event() -> None:
    face = FaceSigns(
        track=0, signs={"openness": 1.0, "perclos": 0.0, "blinks": [], "microsleeps": [], "yawns": [], "nods": []}
    )
    assert [lane.name for lane in lanes_of(face, lids=True, blinks=True, perclos=True)] == ["microsleeps", "yawns", "nods"]
    assert [lane.name for lane in lanes_of(face, lids=False, blinks=False, perclos=True)] == [
        "blinks", "microsleeps", "yawns", "nods",
    ]  # fmt: skip
    (lane,) = [lane for lane in lanes_of(face, lids=True, blinks=True, perclos=False) if lane.kind is None]
    assert lane.name == "PERCLOS over time"
    assert "in no minute" in lane.reason


def test_signs_that_share_a_reason_share_a_lane() -> None:
    reasons = {"openness": SHORT, "blinks": SHORT, "perclos": SHORT, "microsleeps": SHORT, "nods": "read too seldom"}
    face = FaceSigns(track=0, signs={"yawns": [], "not_measurable": reasons})
    assert lanes_of(face, lids=False, blinks=False, perclos=False) == [
        Lane(name="eyes, blinks, PERCLOS, microsleeps", kind=None, reason=SHORT),
        Lane(name="nods", kind=None, reason="read too seldom"),
        Lane(name="yawns", kind="yawns", reason=""),
    ]


def test_blinks_without_a_measurement_are_named_although_the_lids_are_drawn() -> None:
    face = FaceSigns(track=0, signs={"openness": 1.0, "perclos": 0.1, "not_measurable": {"blinks": "read too seldom"}})
    lanes = lanes_of(face, lids=True, blinks=True, perclos=True)
    assert lanes[0] == Lane(name="blinks", kind=None, reason="read too seldom")


def test_hundreds_of_blinks_become_rates() -> None:
    def face(count: int, rate: float | None) -> FaceSigns:
        blinks = [{"start_s": 3.0 * i, "peak_s": 3.0 * i, "end_s": 3.0 * i + 0.2} for i in range(count)]
        minutes = [{"start_s": 0.0, "end_s": 60.0, "blink_rate_per_min": rate}]
        return FaceSigns(track=0, signs={"blinks": blinks, "minutes": minutes, "blink_rate_per_min": rate})

    assert not has_many_blinks(face(100, 17.0))
    assert has_many_blinks(face(1000, 17.0))
    assert not has_many_blinks(face(1000, None))
    assert blink_words(face(1000, 17.0)) == "1,000 blinks, 17.0 a minute"
    assert blink_words(face(1, None)) == "1 blink"


def test_perclos_is_not_joined_over_what_was_not_measured() -> None:
    pairs = [[30.0, 0.1], [35.0, 0.2], [40.0, None], [45.0, 0.3], [50.0, 0.3]]
    line = perclos_line(FaceSigns(track=0, signs={"perclos_over_time": pairs}), end_s=60, columns=100)
    assert [piece.middle.tolist() for piece in line.pieces] == [[0.1, 0.2], [0.3, 0.3]]


def test_axis_ends() -> None:
    assert [nice_top(value, (10, 20, 100)) for value in (0, 10, 10.1, 50, 300)] == [10, 10, 20, 100, 100]
