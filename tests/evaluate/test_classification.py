from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics

from facefatigue.errors import ConfigurationError
from facefatigue.evaluate import Confusion, implied_by

PUBLISHED = {
    "fatigue": (0.6930, 0.8287, 0.8089, 0.8187),
    "alert": (0.7573, 0.8540, 0.8699, 0.8619),
    "average": (0.7252, 0.8414, 0.8394, 0.8404),
}


def test_figures_by_hand() -> None:
    figures = Confusion(tp=6, fp=2, fn=4, tn=8).figures
    wanted = {
        "precision_fatigue": 6 / 8,
        "recall_fatigue": 6 / 10,
        "f1_fatigue": 12 / 18,
        "jaccard_fatigue": 6 / 12,
        "precision_alert": 8 / 12,
        "recall_alert": 8 / 10,
        "f1_alert": 16 / 22,
        "jaccard_alert": 8 / 14,
        "accuracy": 14 / 20,
        "balanced_accuracy": 0.7,
        "mcc": (48 - 8) / np.sqrt(8 * 10 * 10 * 12),
        "f1_average": (12 / 18 + 16 / 22) / 2,
    }
    assert {key: figures[key] for key in wanted} == pytest.approx(wanted)
    precision, recall = (6 / 8 + 8 / 12) / 2, 0.7
    assert figures["f1_of_averages"] == pytest.approx(2 * precision * recall / (precision + recall))


def test_figures_equal_those_of_sklearn() -> None:
    random = np.random.default_rng(3)
    truth, called = random.random(200) < 0.4, random.random(200) < 0.5
    confusion = Confusion.of(truth, called)
    assert [[confusion.tn, confusion.fp], [confusion.fn, confusion.tp]] == metrics.confusion_matrix(truth, called).tolist()
    figures = confusion.figures
    for kind, positive in (("fatigue", 1), ("alert", 0)):
        precision, recall, f1, _ = metrics.precision_recall_fscore_support(
            truth, called, pos_label=positive, average="binary"
        )
        assert figures[f"precision_{kind}"] == pytest.approx(precision)
        assert figures[f"recall_{kind}"] == pytest.approx(recall)
        assert figures[f"f1_{kind}"] == pytest.approx(f1)
        assert figures[f"jaccard_{kind}"] == pytest.approx(metrics.jaccard_score(truth, called, pos_label=positive))
    assert figures["f1_average"] == pytest.approx(metrics.f1_score(truth, called, average="macro"))
    assert figures["jaccard_average"] == pytest.approx(metrics.jaccard_score(truth, called, average="macro"))
    assert figures["accuracy"] == pytest.approx(metrics.accuracy_score(truth, called))
    assert figures["balanced_accuracy"] == pytest.approx(metrics.balanced_accuracy_score(truth, called))
    assert figures["mcc"] == pytest.approx(metrics.matthews_corrcoef(truth, called))


def test_what_is_undefined_is_none() -> None:
    figures = Confusion(tp=3, fp=0, fn=0, tn=0).figures  # only fatigue, and all of it found
    undefined = {key for key, value in figures.items() if value is None}
    of_averages = {"precision_average", "recall_average", "f1_average", "jaccard_average", "f1_of_averages"}
    of_alert = {"precision_alert", "recall_alert", "f1_alert", "jaccard_alert"}
    assert undefined == {*of_averages, *of_alert, "balanced_accuracy", "mcc"}
    assert figures["f1_fatigue"] == 1
    missed = Confusion(tp=0, fp=0, fn=2, tn=5).figures  # nothing called fatigue
    assert missed["precision_fatigue"] is None
    assert missed["f1_fatigue"] == 0
    assert missed["recall_fatigue"] == 0
    assert missed["mcc"] is None


def test_the_published_table_comes_out_to_its_last_digit() -> None:
    confusion = implied_by(precision_fatigue=0.8287, recall_fatigue=0.8089, precision_alert=0.8540, recall_alert=0.8699)
    figures = confusion.figures
    for kind, row in PUBLISHED.items():
        f1 = "f1_of_averages" if kind == "average" else f"f1_{kind}"
        found = [figures[key] for key in (f"jaccard_{kind}", f"precision_{kind}", f"recall_{kind}", f1)]
        assert [round(value, 4) for value in found if value is not None] == list(row)
    assert figures["accuracy"] is not None
    assert round(figures["accuracy"], 3) == 0.843
    assert figures["f1_average"] is not None
    assert round(figures["f1_average"], 4) == 0.8403  # the mean of both F1 is not what the table has
    assert confusion.tp + confusion.fp + confusion.fn + confusion.tn == pytest.approx(1)


def test_figures_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="cannot belong to one confusion matrix"):
        implied_by(precision_fatigue=0.9, recall_fatigue=0.9, precision_alert=0.5, recall_alert=0.9)
    with pytest.raises(ConfigurationError, match=r"recall_fatigue is 0, precision_alert is 1\.5"):
        implied_by(precision_fatigue=0.9, recall_fatigue=0, precision_alert=1.5, recall_alert=0.9)
