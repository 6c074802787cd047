from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from facefatigue.report.face_signs import FaceSigns
from facefatigue.report.sign_chart import sign_chart_of
from facefatigue.signs import measure

if TYPE_CHECKING:
    from collections.abc import Callable

    from facefatigue.signs import SignSeries


def face_of(series: SignSeries, **changed: Any) -> FaceSigns:
    return FaceSigns(track=0, signs={**measure(series).to_dict(), **changed}, series=series)


def test_events_lie_at_their_times(make_series: Callable[..., SignSeries]) -> None:
    face = face_of(make_series(duration_s=80, yawns=[(19, 27.5)], shut=[(40, 42)], nods_s=[60.0], away=[(70, 74)]))
    chart = sign_chart_of(face, end_s=100)
    strips = {strip.caption.split(" – ")[0]: strip for strip in chart.strips}
    (yawn,) = strips["yawns"].marks
    assert 200 <= yawn.x <= 210
    assert yawn.x + yawn.width == pytest.approx(264, abs=5)
    assert yawn.kind == "yawns"
    (nod,) = strips["nods"].marks
    assert 600 <= nod.x <= 620
    (microsleep,) = strips["microsleeps"].marks
    assert (microsleep.x, microsleep.width) == (pytest.approx(400, abs=1), pytest.approx(20, abs=1))
    lids = chart.strips[0]
    assert lids.look == "lids"
    blinks = [mark for mark in lids.marks if mark.kind == "blinks"]
    assert len(blinks) == len(face.events("blinks"))
    assert blinks[0].x + blinks[0].width / 2 == pytest.approx(20, abs=1)  # at 2 s
    assert any(mark.kind == "microsleeps" for mark in lids.marks)
    assert [round(block.x) for block in lids.blocks] == [700]
    assert "face not read" in lids.blocks[0].title
    assert lids.caption.endswith("hatched: face not read")
    (perclos,) = [strip for strip in chart.strips if strip.look == "perclos"]
    assert perclos.lines[0].startswith("M400 ")  # half a minute beside the yawn is needed
    assert chart.ticks[-1].text == "100"


def test_nothing_measured_is_said_and_not_drawn(make_series: Callable[..., SignSeries]) -> None:
    chart = sign_chart_of(face_of(make_series(duration_s=3, blinks_s=[])), end_s=3)
    assert all(strip.reason and not strip.marks and not strip.lines for strip in chart.strips)
    assert "3.0 s of the face were read" in chart.strips[0].reason
    assert all(strip.reason == "not measured" for strip in sign_chart_of(FaceSigns(track=0, signs={}), end_s=3).strips)


def test_three_hours_need_few_shapes(make_series: Callable[..., SignSeries]) -> None:
    face = face_of(make_series(duration_s=10_800, rate_hz=10, away=[(3000, 3300)], yawns=[(8000, 8006)]))
    chart = sign_chart_of(face, end_s=10_800)
    assert [strip.look for strip in chart.strips] == ["lids", "rates", "perclos", "lane", "lane", "lane"]
    lids, rates, perclos = chart.strips[:3]
    assert len(lids.lines) == len(lids.areas) == 2
    assert sum(line.count("L") for strip in (lids, perclos) for line in strip.lines) < 1000
    assert len(rates.marks) <= 180
    assert not any(mark.kind == "blinks" for mark in lids.marks)
    assert sum(len(path) for strip in chart.strips for path in (*strip.lines, *strip.areas)) < 40_000
    (yawn,) = chart.strips[4].marks
    assert yawn.width == 2  # wide enough to be seen
    assert yawn.x == pytest.approx(1000 * 8003 / 10_800, abs=1.5)


def test_blinks_without_lids_have_a_lane(make_series: Callable[..., SignSeries]) -> None:
    signs = measure(make_series(duration_s=60)).to_dict()
    chart = sign_chart_of(FaceSigns(track=0, signs=signs), end_s=60)
    assert chart.strips[0].look == "perclos"
    assert chart.strips[1].caption == f"blinks – {len(signs['blinks'])}"
    assert len(chart.strips[1].marks) == len(signs["blinks"])
    assert np.diff([mark.x for mark in chart.strips[1].marks]) == pytest.approx(3.7 / 60 * 1000, abs=1)
