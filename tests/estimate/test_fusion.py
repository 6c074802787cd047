"""Two estimates and what they come to: against the formulas, and against simulated people."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest

from facefatigue.estimate.fusion import (
    ANYTHING,
    NORMAL_80,
    NORMAL_95,
    STEP_ERROR,
    Estimate,
    Fusion,
    _mean,
    fuse,
    network_error,
)


def blinks(score: float, half: float, *, reference: str = "own", count: int = 40) -> dict[str, Any]:
    """``signs.fatigue`` of a report."""
    return {
        "score": score,
        "score_interval": [max(score - half, 0.0), min(score + half, 1.0)],
        "blinks": count,
        "reference": reference,
    }


def fused(
    network: float | None = 0.3, half: float = 0.05, signs: dict[str, Any] | None = None, error: float = 0.2
) -> Fusion:
    interval = None if network is None else (max(network - half, 0.0), min(network + half, 1.0))
    return fuse(
        score=network,
        score_interval=interval,
        blinks=signs,
        network_error=error,
        no_score="nobody scored",
        no_blinks="no blinks",
    )


def test_standard_errors_come_from_the_intervals() -> None:
    found = fused(0.3, 0.05, blinks(0.4, 0.25))
    assert found.network is not None
    assert found.signs is not None
    assert found.network.standard_error == pytest.approx(math.hypot(0.05 / NORMAL_95, 0.2))
    assert found.signs.standard_error == pytest.approx(0.25 / NORMAL_80)
    assert found.network.score_interval == (0.25, 0.35)
    assert found.network.interval == pytest.approx((0.0, 0.3 + NORMAL_95 * found.network.standard_error))


def test_an_interval_that_was_cut_counts_by_its_longer_side() -> None:
    found = fused(0.05, 0.2, blinks(0.9, 0.4))
    assert found.network is not None
    assert found.signs is not None
    assert found.network.standard_error == pytest.approx(math.hypot(0.2 / NORMAL_95, 0.2))
    assert found.signs.standard_error == pytest.approx(0.4 / NORMAL_80)


def test_nobody_is_known_better_than_by_the_steps_of_a_rating() -> None:
    found = fused(0.3, 0.05, blinks(0.0, 0.0))
    assert found.signs is not None
    assert found.signs.standard_error == STEP_ERROR == pytest.approx(0.1443, abs=1e-4)


def test_the_joint_score_is_the_random_effects_mean() -> None:
    found = fused(0.2, 0.0, blinks(0.6, 0.3 * NORMAL_80), error=0.2)
    q = 0.4**2 / (0.2**2 + 0.3**2)
    weights = [1 / 0.2**2, 1 / 0.3**2]
    # Hartung and Makambi for k estimates, as published.
    between = q**2 / ((2 * (2 - 1) + q) * (sum(weights) - (weights[0] ** 2 + weights[1] ** 2) / sum(weights)))
    shares = np.array([1 / (0.2**2 + between), 1 / (0.3**2 + between)])
    shares /= shares.sum()
    assert found.score == pytest.approx(shares @ [0.2, 0.6])
    assert found.standard_error == pytest.approx(
        shares[0] * math.sqrt(0.2**2 + between) + shares[1] * math.sqrt(0.3**2 + between)
    )
    assert found.agreement is not None
    assert found.agreement.difference == pytest.approx(0.4)
    assert found.agreement.standard_errors == pytest.approx(math.sqrt(q))


def test_every_disagreement_widens_the_interval() -> None:
    errors = [fused(0.5, 0.0, blinks(0.5 + d, 0.2)).standard_error or math.inf for d in (0, 0.02, 0.1, 0.2, 0.3, 0.4)]
    assert errors == sorted(set(errors))
    mirrored = fused(0.5, 0.0, blinks(0.3, 0.2)).standard_error
    assert mirrored == pytest.approx(errors[3])


@pytest.mark.parametrize("first", [0.05, 0.15, 0.3])
@pytest.mark.parametrize("second", [0.15, 0.25, 0.38])
def test_agreement_never_makes_surer_than_the_better_one(first: float, second: float) -> None:
    found = fused(0.5, 0.0, blinks(0.5, second * NORMAL_80), error=first)
    if found.standard_error is None:
        assert NORMAL_95 * max(first, second) > 0.5
        assert found.abstain_reason == "together they leave everything between 0 and 1 open"
    else:
        assert min(first, second) - 1e-9 <= found.standard_error <= max(first, second) + 1e-9


@pytest.mark.parametrize(
    ("score", "words"),
    [
        (0.35, "they agree"),
        (0.65, "they differ somewhat: the blinks say more fatigue"),
        (0.95, "they disagree: the blinks say more fatigue"),
    ],
)
def test_agreement_in_words(score: float, words: str) -> None:
    found = fused(0.3, 0.0, blinks(score, 0.25))
    assert found.agreement is not None
    assert found.agreement.words == words
    assert found.words.startswith(words)
    assert found.words.endswith("the class is not certain" if found.label != "abstain" else "between 0 and 1 open")
    less = fused(score, 0.0, blinks(0.3, 0.25)).agreement
    assert less is not None
    assert less.words == words.replace("more", "less")


def test_a_class_is_certain_where_one_half_is_outside() -> None:
    found = fused(0.05, 0.0, blinks(0.05, 0.2), error=0.1)
    assert (found.label, found.words) == ("alert", "they agree")
    found = fused(0.97, 0.0, blinks(0.95, 0.2), error=0.1)
    assert (found.label, found.words) == ("fatigue", "they agree")


def test_one_estimate_stands_alone_and_that_is_said() -> None:
    found = fused(0.2, 0.05, None)
    assert (found.score, found.label, found.signs, found.agreement) == (0.2, "alert", None, None)
    assert found.left_out == {"signs": "no blinks"}
    assert found.words.startswith("the network alone, since no blinks")
    assert found.network is not None
    assert found.standard_error == found.network.standard_error
    found = fused(None, 0.0, blinks(0.8, 0.2))
    assert (found.score, found.label, found.network) == (0.8, "fatigue", None)
    assert found.words.startswith("the blinks alone, since nobody scored")


def test_too_little_on_both_sides_abstains_with_both_reasons() -> None:
    found = fused(None, 0.0, None)
    assert (found.score, found.score_interval, found.label) == (None, None, "abstain")
    assert found.abstain_reason == found.words == "nobody scored; no blinks"


def test_an_interval_of_everything_says_nothing() -> None:
    found = fused(0.4, 1.0, blinks(0.5, 0.5, count=6))
    assert found.label == "abstain"
    assert found.left_out["network"].startswith("the windows are too few")
    assert found.left_out["signs"] == "6 blinks leave everything between 0 and 1 open"
    alone = fused(0.5, 0.05, None, error=ANYTHING)
    assert alone.abstain_reason == "the network alone leaves everything between 0 and 1 open"
    assert alone.network is not None


def test_a_contradiction_abstains() -> None:
    found = fused(0.02, 0.0, blinks(0.98, 0.3))
    assert found.score is None
    assert found.abstain_reason == "together they leave everything between 0 and 1 open"
    assert found.agreement is not None
    assert found.agreement.words == "they disagree: the blinks say more fatigue"


@pytest.mark.parametrize("found", [fused(0.2, 0.05, blinks(0.4, 0.2)), fused(None), fused(0.1, 0.1, blinks(0.9, 0.1))])
def test_it_is_json(found: Fusion) -> None:
    plain = found.to_dict()
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain
    assert (plain["score"] is None) == (plain["label"] == "abstain") == (plain["abstain_reason"] is not None)
    assert plain["words"]


def test_whose_alert_blinks_they_were_compared_with_is_kept() -> None:
    plain = fused(0.2, 0.05, blinks(0.4, 0.2, reference="population")).to_dict()
    assert plain["signs"]["reference"] == "population"
    assert plain["signs"]["interval_with_own_error"] == pytest.approx(
        [0.4 - 1.96 / NORMAL_80 * 0.2, 0.4 + 1.96 / NORMAL_80 * 0.2]
    )
    assert "reference" not in plain["network"]


def test_the_networks_own_error_is_what_was_measured() -> None:
    assert network_error({"validation_mse": 0.0566}) == pytest.approx(0.2379, abs=1e-4)
    for unknown in ({}, {"validation_mse": "not measured"}, {"validation_mse": math.nan}, {"validation_mse": -1.0}):
        assert network_error(unknown) == ANYTHING == pytest.approx(0.2887, abs=1e-4)


@pytest.mark.parametrize("errors", [(0.2, 0.2), (0.25, 0.35)])
@pytest.mark.parametrize("correlation", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("bias", [0.0, 0.1, 0.2, 0.3])
def test_intervals_hold_the_truth(errors: tuple[float, float], correlation: float, bias: float) -> None:
    """Errors that are the same in both, and methods that are wrong by their own bias: the intervals are not cut here.

    DerSimonian and Laird's mean holds the truth in 77 to 96 % of these cases.
    """
    random = np.random.default_rng(0)
    first, second = errors
    shared, own = random.normal(size=(2, 2000))
    wrong = random.normal(0, bias, (2000, 2))
    network = first * shared + wrong[:, 0]
    signs = second * (correlation * shared + math.sqrt(1 - correlation**2) * own) + wrong[:, 1]
    held = []
    for x, y in zip(network, signs, strict=True):
        score, error = joint(x, y, first, second)
        held.append(abs(score) < NORMAL_95 * error)
    assert np.mean(held) >= (0.93 if bias < 0.15 else 0.88)


def joint(network: float, signs: float, first: float, second: float) -> tuple[float, float]:
    """The joint score and its standard error, before anything is cut to [0, 1]."""
    made = [
        Estimate(score=score, score_interval=(0.0, 1.0), standard_error=error)
        for score, error in ((network, first), (signs, second))
    ]
    return _mean(made[0], made[1])[1:]
