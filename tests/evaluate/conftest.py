"""Predictions of made-up people."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from facefatigue.evaluate import Predictions, Provenance
from facefatigue.model.logits import fatigue_probability, score_from_logits

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def make_predictions() -> Callable[..., Predictions]:
    """A function that makes N clips of S people, whose own bias makes their clips alike."""

    def make(items: int = 120, subjects: int = 12, *, seed: int = 0, bias: float = 0.1, prefix: str = "s") -> Predictions:
        random = np.random.default_rng(seed)
        person = np.arange(items) % subjects
        kss = random.integers(1, 10, items).astype(float)
        target = (kss - 1) / 8
        seen = target + random.normal(0, bias, subjects)[person] + random.normal(0, 0.15, items)
        logits = -((seen[:, np.newaxis] - (np.arange(10) + 0.5) / 10) ** 2) / 0.02
        return Predictions.of(
            item=[f"{prefix}-clip-{number}" for number in range(items)],
            subject=[f"{prefix}{number:02d}" for number in person],
            target=target,
            score=score_from_logits(logits),
            fatigue_probability=fatigue_probability(logits),
            logits=logits,
            kss=kss,
            video=[f"{prefix}{number:02d}-kss{int(rating)}" for number, rating in zip(person, kss, strict=True)],
            fold=person % 3,
            groups={"light": np.where(person % 2, "dark", "bright")},
        )

    return make


@pytest.fixture
def predictions(make_predictions: Callable[..., Predictions]) -> Predictions:
    return make_predictions()


@pytest.fixture
def make_provenance() -> Callable[..., Provenance]:
    """A function that says how something was measured, with some of it changed."""

    def make(**changes: object) -> Provenance:
        values: dict[str, object] = {
            "model_name": "rig-v1",
            "model_version": "0.2",
            "model_sha256": "5f" * 32,
            "list_path": "lists/test.csv",
            "list_fingerprint": "a7" * 32,
            "split": "5 folds by subject, fold 2, part test",
            "label_source": "KSS self-rating",
            "synthetic": True,
            "unit": "clips",
            "command": "facefatigue evaluate --by light",
            "versions": {"numpy": "2.4"},
        }
        return Provenance(**{**values, **changes})  # type: ignore[arg-type]

    return make


@pytest.fixture
def provenance(make_provenance: Callable[..., Provenance]) -> Provenance:
    return make_provenance()
