"""What is usual beside what was measured, in words; and the two estimates."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest

from facefatigue.estimate.fusion import fuse
from facefatigue.report.baseline_table import baseline_lines, baseline_table
from facefatigue.report.comparison_rows import comparison_line, comparison_rows, signed
from facefatigue.report.estimates import estimate_rows, fusion_line
from facefatigue.signs import compare, make_baseline, measure
from facefatigue.signs.baseline import SIGNS

if TYPE_CHECKING:
    from collections.abc import Callable

    from facefatigue.signs import SignSeries

    MakeSeries = Callable[..., SignSeries]


def deviation(sign: str, value: float, usual: float, away: float, words: str, reference: str = "own") -> dict[str, Any]:
    return {"sign": sign, "value": value, "usual": usual, "spread": 1.0, "deviation": away, "words": words,
            "reference": reference, "source": "" if reference == "own" else "somebody 1997"}  # fmt: skip


COMPARISON = {
    "name": "me",
    "deviations": [
        deviation("blink_rate_per_min", 17.25, 17.0, 0.04, "blinks as often as usual for you"),
        deviation("blink_duration_s", 0.31, 0.2, 2.4, "blinks take longer, beyond usual for you"),
        deviation("perclos", 0.151, 0.03, 12.0, "eyes are closed for more of the time, much beyond usual for you"),
        deviation("pitch_rad", -0.1, 0.1, -2.6, "head is held higher, beyond usual for you"),
        deviation(
            "incomplete_blink_share",
            0.5,
            0.53,
            -0.01,
            "as many blinks are complete as usual in people at large",
            "population",
        ),
    ],
    "cautions": [],
}


def test_rows_have_units_and_stay_on_the_scale() -> None:
    rows = {row.key: row for row in comparison_rows(COMPARISON)}
    assert (rows["blink_rate_per_min"].value, rows["blink_rate_per_min"].usual) == ("17.2 a minute", "17.0 a minute")
    assert (rows["perclos"].value, rows["perclos"].deviation_text, rows["perclos"].shown) == ("15.1 %", "+12.0", 5.0)
    assert (rows["pitch_rad"].value, rows["pitch_rad"].usual) == ("6° up", "6° down")
    assert rows["pitch_rad"].deviation_text == "\N{MINUS SIGN}2.6"
    assert [row.unusual for row in rows.values()] == [False, True, True, True, False]
    assert (rows["incomplete_blink_share"].own, rows["incomplete_blink_share"].source) == (False, "somebody 1997")
    assert comparison_rows(None) == []


def test_every_sign_that_is_compared_has_a_name_and_a_unit() -> None:
    made = [deviation(sign, 0.1, 0.1, 0.0, "as usual") for sign in SIGNS]
    for row in comparison_rows({"name": None, "deviations": made}):
        assert row.name != row.key.replace("_", " ")
    (later,) = comparison_rows({"deviations": [deviation("a_later_sign", 0.12345, 1, 0, "as usual")]})
    assert (later.name, later.value) == ("a later sign", "0.123")


@pytest.mark.parametrize(("value", "text"), [(0.04, "0.0"), (-0.04, "0.0"), (2.44, "+2.4"), (-2.46, "\N{MINUS SIGN}2.5")])
def test_signed_numbers(value: float, text: str) -> None:
    assert signed(value) == text


def test_one_line_for_the_terminal() -> None:
    assert comparison_line(COMPARISON) == (
        "compared with what is usual for me: blinks take longer, beyond usual for you (0.31 s, usually 0.20 s); eyes are closed "
        "for more of the time, much beyond usual for you (15.1 %, usually 3.0 %); head is held higher, beyond usual for you "
        "(6° up, usually 6° down); as usual: blink rate, partial blinks"
    )
    assert comparison_line({"name": None, "deviations": []}) == (
        "compared with people at large: nothing could be measured that has a usual value"
    )


def fusion(network: float | None, blinks: float | None, reference: str = "own") -> dict[str, Any]:
    estimate = None if blinks is None else {
        "score": blinks, "score_interval": [max(blinks - 0.2, 0), min(blinks + 0.2, 1)], "blinks": 30, "reference": reference,
    }  # fmt: skip
    interval = None if network is None else (max(network - 0.05, 0.0), min(network + 0.05, 1.0))
    return fuse(
        score=network, score_interval=interval, blinks=estimate, network_error=0.1, no_score="there is no score (too dark)",
        no_blinks="2 blinks are too few",
    ).to_dict()  # fmt: skip


def test_both_estimates_and_the_joint_one() -> None:
    network, blinks, together = estimate_rows(fusion(0.2, 0.3))
    assert (network.part, network.text) == ("network", "0.20 (0.00 – 0.40)")
    assert (blinks.text, blinks.note) == ("0.30 (0.00 – 0.61)", "compared with this person's own alert blinks")
    assert (together.name, together.note) == ("together", "they agree")
    assert together.score == pytest.approx(0.23, abs=0.01)
    line = fusion_line(fusion(0.2, 0.3, "population"))
    assert line.startswith(
        "fatigue: network 0.20 (0.00 – 0.40), blinks 0.30 (0.00 – 0.61; compared with people at large); together 0.23 (0.00 – "
    )
    assert line.endswith("): they agree")


def test_one_estimate_or_none() -> None:
    rows = estimate_rows(fusion(0.2, None))
    assert [row.text for row in rows] == ["0.20 (0.00 – 0.40)", "–", "0.20 (0.00 – 0.40)"]
    assert [row.note for row in rows][1:] == ["2 blinks are too few", "one estimate alone"]
    assert fusion_line(fusion(0.2, None)) == (
        "fatigue: network 0.20 (0.00 – 0.40); the network alone, since 2 blinks are too few"
    )
    assert fusion_line(fusion(None, None)) == ("fatigue: no joint score: there is no score (too dark); 2 blinks are too few")
    nothing = estimate_rows(fusion(None, None))[2]
    assert (nothing.text, nothing.note) == ("–", "abstains")


def test_a_baseline_as_a_table(make_series: MakeSeries) -> None:
    own = make_baseline("me", [measure(make_series(duration_s=90))], [0.2, 0.3, 0.25])
    lines = baseline_table(own).splitlines()
    assert lines[0] == "baseline me: 1 recording, 90.0 s of the face read; glasses: unknown"
    cells = {line[:22].strip(): line[22:].split() for line in lines[2:-1]}
    assert cells["blink duration"][-1] == "blinks"
    assert cells["score of the network"][:3] == ["0.25", "±", "0.09"]
    # Not the bare spread of a minute or two, but what chance makes of blinks.
    rate = own.statistics["blink_rate_per_min"]
    assert rate.spread < 1
    assert cells["blink rate"][4] == f"{math.sqrt(rate.median * (1 + 1 / rate.n)):.1f}"
    few = make_baseline("you", [measure(make_series(duration_s=90, blinks_s=[5, 20, 40, 60]))])
    assert baseline_table(few).splitlines()[-1].startswith("  less than 15 whole blinks")
    assert baseline_lines({"me": own, "you too": few}).splitlines() == [
        "me       1 recording, 90.0 s, glasses: unknown",
        "you too  1 recording, 90.0 s, glasses: unknown",
    ]


def test_a_real_comparison_is_shown_whole(make_series: MakeSeries) -> None:
    signs = measure(make_series(duration_s=90))
    own = make_baseline("me", [signs], [0.2, 0.3])
    found = compare(signs, own, score=0.25).to_dict()
    assert [row.key for row in comparison_rows(found)] == [entry["sign"] for entry in found["deviations"]]
    assert comparison_line(found).startswith("compared with what is usual for me: as usual: blink rate, ")
