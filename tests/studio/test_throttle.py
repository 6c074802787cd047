"""Token buckets, with a clock that the test turns."""

from __future__ import annotations

import pytest

from facefatigue.studio import throttle as throttle_module
from facefatigue.studio.refusals import Refusal
from facefatigue.studio.throttle import Rate, Throttle, address


class Clock:
    time_s = 0.0

    def __call__(self) -> float:
        return self.time_s


def test_so_many_at_once_then_as_fast_as_the_bucket_fills() -> None:
    clock = Clock()
    throttle = Throttle({"x": Rate(count=3, period_s=30.0)}, clock)
    for _ in range(3):
        throttle.take("x", "a")
    with pytest.raises(Refusal) as refused:
        throttle.take("x", "a")
    assert refused.value.status == 429
    wait_s = refused.value.detail["retry_after_s"]
    assert wait_s == 10
    clock.time_s = 9.0
    with pytest.raises(Refusal):
        throttle.take("x", "a")
    clock.time_s = 10.0  # what it said
    throttle.take("x", "a")
    with pytest.raises(Refusal):
        throttle.take("x", "a")
    clock.time_s = 1000.0  # never more than full
    for _ in range(3):
        throttle.take("x", "a")
    with pytest.raises(Refusal):
        throttle.take("x", "a")


def test_askers_and_kinds_do_not_share() -> None:
    throttle = Throttle({"x": Rate(count=1, period_s=60.0), "y": Rate(count=1, period_s=60.0)}, Clock())
    throttle.take("x", "a")
    throttle.take("x", "b")
    throttle.take("y", "a")
    with pytest.raises(Refusal):
        throttle.take("x", "a")


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttle_module, "_MOST_BUCKETS", 10)
    throttle = Throttle({"x": Rate(count=1, period_s=60.0)}, Clock())
    for number in range(100):
        throttle.take("x", str(number))
    assert len(throttle._buckets) == 10
    with pytest.raises(Refusal):
        throttle.take("x", "99")


@pytest.mark.parametrize(
    ("host", "counted"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:aaaa::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:bbbb::9", "2001:db8:1:2::/64"),
        ("a.sock", "a.sock"),
        (None, "unknown"),
    ],
)
def test_what_counts_as_one_address(host: str | None, counted: str) -> None:
    assert address(host) == counted
