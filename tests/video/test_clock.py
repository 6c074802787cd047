import math

import pytest

from facefatigue.video import PresentationClock


def ticks(clock: PresentationClock, raw: list[float | None]) -> list[float]:
    return [round(clock.tick(t), 6) for t in raw]


def test_a_regular_clock_is_left_alone() -> None:
    clock = PresentationClock(25)
    assert ticks(clock, [0, 0.04, 0.08, 0.12]) == [0, 0.04, 0.08, 0.12]
    assert not clock.repairs
    assert not clock.variable
    assert clock.duration_s == pytest.approx(0.16)


def test_time_starts_at_the_first_frame_whatever_its_sign() -> None:
    assert ticks(PresentationClock(), [-0.2, -0.1, 0.0]) == [0, 0.1, 0.2]
    assert ticks(PresentationClock(), [1e6, 1e6 + 0.5]) == [0, 0.5]


@pytest.mark.parametrize(
    ("raw", "expected", "kind"),
    [
        ([0, 0.04, None, 0.12], [0, 0.04, 0.08, 0.12], "missing"),
        ([0, 0.04, math.nan, 0.12], [0, 0.04, 0.08, 0.12], "missing"),
        ([0, 0.04, 0.04, 0.08, 0.12], [0, 0.04, 0.06, 0.08, 0.12], "duplicate"),
        ([0, 0.04, 0.03, 0.08, 0.12], [0, 0.04, 0.06, 0.08, 0.12], "backwards"),
    ],
)
def test_a_bad_timestamp_is_replaced_and_counted(raw: list[float | None], expected: list[float], kind: str) -> None:
    clock = PresentationClock(25)
    assert ticks(clock, raw) == expected
    assert clock.repairs == {kind: 1}


def test_good_timestamps_after_a_slip_are_left_alone() -> None:
    clock = PresentationClock(25)
    raw = sorted([*(index / 25 for index in range(1500)), *(float(second) for second in range(1, 60))])
    times = [clock.tick(t) for t in raw]
    assert clock.repairs == {"duplicate": 59}
    assert max(abs(time - t) for time, t in zip(times, raw, strict=True)) < 0.04


def test_a_clock_that_was_set_back_goes_on_from_there() -> None:
    clock = PresentationClock(24)
    raw = [index / 24 - (0.4 if index >= 240 else 0) for index in range(960)]
    times = [clock.tick(t) for t in raw]
    assert clock.repairs == {"backwards": 3}
    assert all(0 < b - a < 0.05 for a, b in zip(times, times[1:], strict=False))
    assert times[-1] - times[300] == pytest.approx(raw[-1] - raw[300])


def test_a_clock_that_stands_still_is_replaced_by_the_nominal_rate() -> None:
    clock = PresentationClock(25)
    times = [clock.tick(7.0) for _ in range(100)]
    assert clock.repairs == {"duplicate": 99}
    assert times[-1] == pytest.approx(98 / 25, abs=0.08)


@pytest.mark.parametrize("jump", [-100.0, 26.5 * 3600, 11.0])
def test_a_cut_in_the_timestamps_leaves_a_gap_and_time_goes_on(jump: float) -> None:
    clock = PresentationClock(25)
    raw = [0, 0.04, 0.08, 0.08 + jump, 0.12 + jump]
    assert ticks(clock, raw) == [0, 0.04, 0.08, 1.08, 1.12]
    assert clock.repairs == {"jump": 1}
    assert clock.mean_interval_s == pytest.approx(0.04)  # without the gap


def test_a_pause_of_some_seconds_is_kept() -> None:
    clock = PresentationClock(25)
    assert ticks(clock, [0, 0.04, 5.04, 5.08]) == [0, 0.04, 5.04, 5.08]
    assert not clock.repairs


def test_time_moves_forward_whatever_comes() -> None:
    clock = PresentationClock(None)
    raw = [None, 5.0, 5.0, 4.9, None, -3.0, 1e9, 1e9, 0.0, math.inf, 0.001]
    times = [clock.tick(t) for t in raw]
    assert all(a < b for a, b in zip(times, times[1:], strict=False))


def test_a_varying_rate_is_noticed_and_jitter_is_not() -> None:
    steady, varying = PresentationClock(30), PresentationClock(30)
    for index in range(100):
        steady.tick(index / 30 + 0.001 * (index % 2))
        varying.tick(index / 30 + (0.02 if index % 10 == 0 else 0))
    assert not steady.variable
    assert varying.variable


def test_rates_are_reported() -> None:
    clock = PresentationClock(None)
    for index in range(25):
        clock.tick(index / 24)
    assert clock.median_interval_s == pytest.approx(1 / 24, abs=1e-3)
    assert clock.mean_interval_s == pytest.approx(1 / 24)
    assert PresentationClock(None).mean_interval_s is None
    assert PresentationClock(None).duration_s == 0
