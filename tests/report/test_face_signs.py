from __future__ import annotations

from facefatigue.report.face_signs import EVENT_KINDS, FaceSigns

BLINK = {"start_s": 1.0, "peak_s": 1.1, "end_s": 1.3, "duration_s": 0.3, "complete": False}


def test_events_in_words() -> None:
    signs = {
        "blinks": [BLINK, {**BLINK, "complete": True}, {**BLINK, "duration_s": None, "complete": None}],
        "microsleeps": [{"start_s": 2.0, "end_s": 3.25, "closure": 0.9}],
        "yawns": [{"start_s": 4.0, "end_s": 10.5, "peak_s": 7.0}],
        "nods": [{"start_s": 11.0, "end_s": 12.0, "depth_rad": 0.35}],
    }
    face = FaceSigns(track=0, signs=signs)
    assert [event.text for kind in EVENT_KINDS for event in face.events(kind)] == [
        "blink of 0.30 s, partial",
        "blink of 0.30 s, complete",
        "blink",
        "eyes shut for 1.2 s",
        "yawn of 6.5 s",
        "nod, 20° deep",
    ]
    assert [event.partial for event in face.events("blinks")] == [True, False, False]
    assert [event.peak_s for event in (*face.events("yawns"), *face.events("nods"))] == [7.0, 11.5]
    assert face.events("microsleeps")[0].duration_s == 1.25


def test_what_is_missing_was_not_measured() -> None:
    face = FaceSigns(track=0, signs={"blinks": [], "perclos": None, "not_measurable": {"perclos": "too short"}})
    assert face.reason_against("blinks") is None
    assert face.reason_against("perclos") == "too short"
    assert face.reason_against("yawns") == "not measured"
    assert FaceSigns(track=0, signs={}).reason_against("nods") == "not measured"
    assert face.events("yawns") == []
    assert face.number("perclos") is None
    assert face.perclos_over_time() == ()
    assert face.blink_rates() == []


def test_what_rests_on_another_sign_shares_its_reason() -> None:
    def why(**signs: object) -> list[str | None]:
        face = FaceSigns(track=0, signs=signs)
        return [face.reason_against(name) for name in ("blink_duration_s", "incomplete_blink_share", "yawns_per_hour")]

    assert why(not_measurable={"blinks": "too short", "yawns": "masked"}) == ["too short", "too short", "masked"]
    assert why(blinks=[], yawns=[])[:2] == ["there were no blinks"] * 2
    assert why(blinks=[BLINK], not_measurable={"blink_duration_s": "too slow"})[:2] == ["too slow", "too slow"]
    assert why(blink_duration_s=0.2, incomplete_blink_share=0.5, yawns_per_hour=0.0) == [None, None, None]
