from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from facefatigue.evaluate import pearson, score_figures, spearman


def two_raters(seed: int, items: int = 40) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    target = random.random(items).round(1)
    return np.clip(0.5 * target + 0.3 + random.normal(0, 0.1, items), 0, 1), target


def test_errors_by_hand() -> None:
    figures = score_figures(np.array([0.2, 0.6, 0.5]), np.array([0.0, 0.4, 1.0]))
    assert figures["mae"] == pytest.approx(0.3)
    assert figures["rmse"] == pytest.approx(np.sqrt(0.33 / 3))
    assert figures["bias"] == pytest.approx(-0.1 / 3)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_correlations_equal_those_of_scipy(seed: int) -> None:
    predicted, target = two_raters(seed)
    figures = score_figures(predicted, target)
    assert figures["pearson"] == pytest.approx(stats.pearsonr(predicted, target).statistic)
    assert figures["spearman"] == pytest.approx(stats.spearmanr(predicted, target).statistic)
    assert pearson(predicted, target) == pytest.approx(figures["pearson"])
    assert spearman(predicted, target) == pytest.approx(figures["spearman"])


@pytest.mark.filterwarnings("ignore")  # pingouin's own, of pandas
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_icc_equals_that_of_pingouin(seed: int) -> None:
    import pingouin

    predicted, target = two_raters(seed)
    count = len(target)
    long = pd.DataFrame(
        {
            "item": np.tile(np.arange(count), 2),
            "rater": np.repeat(["model", "truth"], count),
            "score": np.concatenate([predicted, target]),
        }
    )
    table = pingouin.intraclass_corr(long, targets="item", raters="rater", ratings="score").set_index("Type")
    row = "ICC(A,1)" if "ICC(A,1)" in table.index else "ICC2"  # as older versions call it
    assert score_figures(predicted, target)["icc"] == pytest.approx(float(table.loc[row, "ICC"]))


def test_icc_of_shrout_and_fleiss() -> None:
    """Judges 1 and 2 of their table 2, with ICC(2,1) from its mean squares by hand."""
    first, second = np.array([9, 6, 8, 7, 10, 6.0]), np.array([2, 1, 4, 1, 5, 2.0])
    grand = np.mean([first, second])
    between = 2 * np.sum(((first + second) / 2 - grand) ** 2) / 5
    judges = 6 * ((first.mean() - grand) ** 2 + (second.mean() - grand) ** 2)
    rest = (np.sum((np.stack([first, second]) - grand) ** 2) - 5 * between - judges) / 5
    wanted = (between - rest) / (between + rest + 2 * (judges - rest) / 6)
    assert score_figures(first, second)["icc"] == pytest.approx(wanted)


def test_ccc_of_a_shift_by_hand() -> None:
    target = np.array([0.0, 0.5, 1.0])  # variance 1/6 over n
    assert score_figures(target, target)["ccc"] == pytest.approx(1)
    assert score_figures(target + 0.2, target)["ccc"] == pytest.approx((2 / 6) / (2 / 6 + 0.04))
    assert score_figures(1 - target, target)["ccc"] == pytest.approx(-1)


def test_constant_scores() -> None:
    target = np.array([0.1, 0.4, 0.9])
    figures = score_figures(np.full(3, 0.3), target)
    assert figures["pearson"] is None
    assert figures["spearman"] is None
    assert figures["ccc"] == pytest.approx(0, abs=1e-12)  # it does not agree at all, which is defined
    assert figures["icc"] == pytest.approx(0, abs=1e-12)
    both = score_figures(np.full(3, 0.1), np.full(3, 0.1))
    assert both["mae"] == 0
    assert all(both[key] is None for key in ("pearson", "spearman", "ccc", "icc"))


def test_one_item() -> None:
    figures = score_figures(np.array([0.3]), np.array([0.5]))
    assert figures["mae"] == pytest.approx(0.2)
    assert all(figures[key] is None for key in ("pearson", "spearman", "icc"))
    assert pearson(np.array([]), np.array([])) is None
    assert spearman(np.array([]), np.array([])) is None


def test_correlation_of_any_scale() -> None:
    random = np.random.default_rng(5)
    small = random.random(50) * 1e-6
    large = 1e6 * small + random.random(50) * 0.3 + 1000
    assert pearson(small, large) == pytest.approx(np.corrcoef(small, large)[0, 1])
    assert pearson(np.zeros(4), np.arange(4.0)) is None
