from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import pytest

from facefatigue.errors import ConfigurationError
from facefatigue.evaluate import Predictions, read_predictions, write_predictions

if TYPE_CHECKING:
    from pathlib import Path

HEADER = "item,subject,target,score,fatigue_probability,called_fatigue"


def assert_same(one: Predictions, other: Predictions) -> None:
    for field in dataclasses.fields(Predictions):
        a, b = getattr(one, field.name), getattr(other, field.name)
        if field.name == "groups":
            assert list(a) == list(b)
            assert all(np.array_equal(a[name], b[name]) for name in a)
        elif a is None:
            assert b is None
        else:
            assert a.dtype.kind == b.dtype.kind
            assert np.array_equal(a, b, equal_nan=a.dtype.kind == "f")


def test_what_is_read_is_what_was_written(tmp_path: Path, predictions: Predictions) -> None:
    kss = predictions.kss
    assert kss is not None
    predictions = dataclasses.replace(predictions, kss=np.where(kss > 7, np.nan, kss))
    write_predictions(predictions, tmp_path / "p.csv")
    assert_same(predictions, read_predictions(tmp_path / "p.csv"))


def test_bare_predictions_come_back_bare(tmp_path: Path) -> None:
    third = 1 / 3
    bare = Predictions.of(item=["a"], subject=["p"], target=[third], score=[2 * third], fatigue_probability=[5e-324])
    write_predictions(bare, tmp_path / "p.csv")
    assert_same(bare, read_predictions(tmp_path / "p.csv"))
    assert (tmp_path / "p.csv").read_text() == f"{HEADER}\na,p,{third!r},{2 * third!r},5e-324,0\n"


def test_texts_come_back_and_a_spreadsheet_runs_none(tmp_path: Path) -> None:
    names = ["=1+1", "'=1", "'tHooft", "''", "'", "a,b", 'say "x"', "two\nlines", "@x", "-3", "ü 日本", " spaces "]
    count = len(names)
    predictions = Predictions.of(
        item=names,
        subject=names,
        target=[0.5] * count,
        score=[0.5] * count,
        fatigue_probability=[0.5] * count,
        called_fatigue=[True] * count,
        groups={"a b": names},
    )
    write_predictions(predictions, tmp_path / "p.csv")
    assert_same(predictions, read_predictions(tmp_path / "p.csv"))
    assert not any(
        cell.startswith("=") for line in (tmp_path / "p.csv").read_text().splitlines() for cell in line.split(",")
    )


def test_wrong_lines_are_named_with_their_numbers(tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    path.write_text(f"{HEADER},fold\na,p,x,0.1,0.2,0,1.5\nb,p,0.5,0.1,0.2,yes,1\nc,p\n")
    with pytest.raises(ConfigurationError) as caught:
        read_predictions(path)
    for part in (
        "line 2: target is 'x', not a number",
        "line 3: called_fatigue is 'yes', not 0 or 1",
        "line 4 has 2 cells, not 7",
        "fold is not a whole number",
    ):
        assert part in str(caught.value)


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("item,subject\na,p\n", "no column target, score, fatigue_probability, called_fatigue"),
        ("", "no column item"),
        (f"{HEADER}\n", "not one item"),
        (f"{HEADER},score\na,p,0,0,0,0,0\n", "two columns of the same name"),
        (f"{HEADER}\na,p,,0,0,0\n", "target of item 'a' is nan"),
        (f"{HEADER},logit_1\na,p,0,0,0,0,0\n", "do not count from logit_0"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, text: str, match: str) -> None:
    path = tmp_path / "p.csv"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match=match):
        read_predictions(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"p\.csv cannot be read as predictions: No such file"):
        read_predictions(tmp_path / "p.csv")
