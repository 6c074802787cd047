"""Agreement of raters, against the published examples of its measures."""

from __future__ import annotations

import pytest

from facefatigue.data.agreement import agreement
from facefatigue.errors import ConfigurationError

pytest.importorskip("pingouin")
pytest.importorskip("krippendorff")

# Shrout and Fleiss, "Intraclass correlations: uses in assessing rater reliability", Psychological Bulletin 86 (1979), table 2.
SHROUT_FLEISS = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]
# Krippendorff, "Computing Krippendorff's alpha-reliability" (2011), example C: four observers, twelve units, missing data.
KRIPPENDORFF = [
    [1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3],
    [None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None],
]


def by_rater(rows: list[list[int | None]]) -> list[dict[str, float]]:
    return [{f"rater_{n}": float(value) for n, value in enumerate(row) if value is not None} for row in rows]


def test_icc_of_the_published_example() -> None:
    found = agreement(by_rater(SHROUT_FLEISS))
    assert found.icc_single.value == pytest.approx(0.29, abs=0.005)
    assert found.icc_mean.value == pytest.approx(0.62, abs=0.005)
    assert found.icc_single.low <= found.icc_single.value <= found.icc_single.high
    assert (found.recordings, found.complete) == (6, 6)


def test_alpha_of_the_published_example() -> None:
    units = [list(values) for values in zip(*KRIPPENDORFF, strict=True)]
    found = agreement(by_rater(units))
    assert found.alpha.value == pytest.approx(0.849, abs=0.0005)
    assert (found.recordings, found.complete) == (11, 8)


def test_who_rates_high_has_a_bias_above_zero() -> None:
    base = [1.0, 2.0, 3.0, 2.5, 4.0, 1.5]
    rows = [{"a": value, "b": value, "c": value + 1} for value in base]
    bias = {entry.rater: entry for entry in agreement(rows).bias}
    assert bias["c"].bias == pytest.approx(1)
    assert bias["a"].bias == pytest.approx(-0.5)
    assert bias["a"].spread == pytest.approx(0)
    assert (bias["c"].low, bias["c"].high) == pytest.approx((1, 1))


def test_what_cannot_be_measured_is_none() -> None:
    few = agreement([{"a": 1.0, "b": 2.0}, {"a": 3.0, "b": 3.0}, {"a": 3.0}])
    assert few.icc_single is None
    assert few.alpha is not None
    assert few.recordings == 2
    equal = agreement([{"a": 2.0, "b": 2.0}] * 8)
    assert equal.icc_single is None
    assert equal.alpha is None
    with pytest.raises(ConfigurationError, match="no recording has the ratings of two raters"):
        agreement([{"a": 1.0}, {"b": 2.0}])
