from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from facefatigue.errors import OutputError
from facefatigue.evaluate import (
    Evaluation,
    Predictions,
    Provenance,
    evaluate_predictions,
    read_predictions,
    write_evaluation,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FILES = [
    "evaluation.json",
    "predictions.csv",
    "report.md",
    "table.tex",
    "confusion.png",
    "roc.png",
    "precision_recall.png",
    "reliability.png",
    "scores.png",
    "subjects.png",
    "index.html",
]


@pytest.fixture
def few(make_predictions: Callable[..., Predictions]) -> Predictions:
    return make_predictions(24, 4)


@pytest.fixture
def evaluation(few: Predictions, provenance: Provenance) -> Evaluation:
    return evaluate_predictions(few, provenance=provenance, by=("light",), draws=20)


def test_all_files_are_written(tmp_path: Path, few: Predictions, evaluation: Evaluation) -> None:
    folder = tmp_path / "new" / "folder"
    paths = write_evaluation(evaluation, few, folder)
    assert [path.name for path in paths] == FILES
    assert sorted(path.name for path in folder.iterdir()) == sorted(FILES)  # and no partial file stays
    assert json.loads(paths[0].read_text(encoding="utf-8")) == evaluation.to_dict()
    assert read_predictions(paths[1]).fingerprint == few.fingerprint
    for name in ("evaluation.json", "report.md", "table.tex", "index.html"):
        text = (folder / name).read_text(encoding="utf-8")
        for said in (
            "5 folds by subject, fold 2, part test",
            "KSS self-rating",
            "synthetic",
            "not a medical or safety device",
        ):
            assert said in text, (name, said)
    assert "\n\\medskip\n{\\footnotesize How it was measured: rig-v1" in (folder / "table.tex").read_text(encoding="utf-8")


def test_the_same_evaluation_may_be_written_again(
    tmp_path: Path, few: Predictions, evaluation: Evaluation, provenance: Provenance
) -> None:
    write_evaluation(evaluation, few, tmp_path)
    more_draws = evaluate_predictions(few, provenance=provenance, draws=30)
    write_evaluation(more_draws, few, tmp_path)
    assert json.loads((tmp_path / "evaluation.json").read_text(encoding="utf-8"))["bootstrap"]["draws"] == 30


def test_an_evaluation_of_something_else_is_not_replaced(
    tmp_path: Path, few: Predictions, evaluation: Evaluation, make_provenance: Callable[..., Provenance]
) -> None:
    write_evaluation(evaluation, few, tmp_path)
    before = (tmp_path / "evaluation.json").read_bytes()
    other = few.select(np.arange(20))
    provenance = make_provenance(model_sha256="00" * 32)
    others = evaluate_predictions(other, provenance=provenance, draws=20)
    with pytest.raises(OutputError, match=r"something else \(different model and items\)"):
        write_evaluation(others, other, tmp_path)
    assert (tmp_path / "evaluation.json").read_bytes() == before
    write_evaluation(others, other, tmp_path, overwrite=True)
    assert json.loads((tmp_path / "evaluation.json").read_text(encoding="utf-8"))["items"] == 20


@pytest.mark.parametrize("name", ["index.html", "evaluation.json"])
def test_a_file_that_is_not_ours_is_not_replaced(
    tmp_path: Path, few: Predictions, evaluation: Evaluation, name: str
) -> None:
    (tmp_path / name).write_text("[1]", encoding="utf-8")
    with pytest.raises(OutputError, match=f"holds {name}, which no evaluation wrote"):
        write_evaluation(evaluation, few, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_other_files_stay(tmp_path: Path, few: Predictions, evaluation: Evaluation) -> None:
    (tmp_path / "notes.txt").write_text("mine", encoding="utf-8")
    write_evaluation(evaluation, few, tmp_path)
    assert (tmp_path / "notes.txt").read_text(encoding="utf-8") == "mine"


def test_odd_names_are_written(tmp_path: Path, few: Predictions, make_provenance: Callable[..., Provenance]) -> None:
    provenance = make_provenance(list_path="bad\udcff name_1 & 50 %.csv", command="a\nb", model_name="m_1 & 5 %")
    write_evaluation(evaluate_predictions(few, provenance=provenance, draws=5), few, tmp_path)
    tex = (tmp_path / "table.tex").read_text(encoding="utf-8")
    assert r"m\_1 \& 5 \%" in tex
    assert "% Command: a b\n" in tex
    assert (
        json.loads((tmp_path / "evaluation.json").read_text(encoding="utf-8"))["provenance"]["model"]["name"] == "m_1 & 5 %"
    )
