from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from facefatigue.evaluate import Predictions, Provenance, draw_pictures, evaluate_predictions, fit_temperature

if TYPE_CHECKING:
    from collections.abc import Callable

NAMES = ["confusion", "roc", "precision_recall", "reliability", "scores", "subjects"]


def open_png(png: bytes) -> Image.Image:
    return Image.open(BytesIO(png))


def test_six_pictures_at_200_dpi(
    make_predictions: Callable[..., Predictions], predictions: Predictions, provenance: Provenance
) -> None:
    calibration = fit_temperature(make_predictions(prefix="v"), fitted_on="validation")
    evaluation = evaluate_predictions(predictions, provenance=provenance, calibration=calibration, draws=20)
    pictures = draw_pictures(evaluation, predictions)
    assert list(pictures) == NAMES
    for name, png in pictures.items():
        image = open_png(png)
        assert image.format == "PNG"
        assert image.info["dpi"] == pytest.approx((200, 200), abs=0.1)
        assert image.width == (1440 if name == "subjects" else 700)
        # A model called rig-v1 on synthetic faces, split by subject: in the file itself.
        for said in ("Model: rig-v1 0.2", "Faces: synthetic (rendered)", "Split: 5 folds by subject, fold 2, part test"):
            assert said in image.info["Description"]
        grey = np.asarray(image.convert("L"))
        assert 0.005 < np.mean(grey < 200) < 0.6
        assert all(edge.min() > 200 for edge in (grey[0], grey[-1], grey[:, 0], grey[:, -1]))  # nothing is cut off


def test_one_class_and_one_person_are_drawn(make_predictions: Callable[..., Predictions], provenance: Provenance) -> None:
    alone = make_predictions(12, 1)
    tired = alone.select(alone.is_fatigue)
    pictures = draw_pictures(evaluate_predictions(tired, provenance=provenance, draws=5), tired)
    assert list(pictures) == NAMES


def test_any_name_is_drawn(make_predictions: Callable[..., Predictions], make_provenance: Callable[..., Provenance]) -> None:
    predictions = make_predictions(12, 3)
    names = np.array(["$x^2$ & 日本", "_" * 300, "\\frac{"])
    odd = Predictions.of(
        item=predictions.item,
        subject=names[np.arange(12) % 3],
        target=predictions.target,
        score=predictions.score,
        fatigue_probability=predictions.fatigue_probability,
    )
    provenance = make_provenance(model_name="$m_1$ モデル", split="long " * 100)
    assert list(draw_pictures(evaluate_predictions(odd, provenance=provenance, draws=5), odd)) == NAMES


def test_many_people_are_not_named(make_predictions: Callable[..., Predictions], provenance: Provenance) -> None:
    many = make_predictions(200, 100)
    assert list(draw_pictures(evaluate_predictions(many, provenance=provenance, draws=5), many)) == NAMES
