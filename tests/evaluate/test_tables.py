from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from facefatigue.evaluate import (
    Estimate,
    Predictions,
    Provenance,
    all_tables,
    evaluate_predictions,
    fit_isotonic,
    to_latex,
    to_markdown,
)
from facefatigue.evaluate.tables import Table, cell, escape_latex, escape_markdown, number

if TYPE_CHECKING:
    from collections.abc import Callable


def table(name: str, tables: tuple[Table, ...]) -> Table:
    return next(one for one in tables if one.key == name)


@pytest.fixture
def tables(
    make_predictions: Callable[..., Predictions], predictions: Predictions, provenance: Provenance
) -> tuple[Table, ...]:
    calibration = fit_isotonic(make_predictions(prefix="v"), fitted_on="validation")
    return all_tables(
        evaluate_predictions(predictions, provenance=provenance, by=("light",), calibration=calibration, draws=50)
    )


def test_there_is_a_table_for_everything(tables: tuple[Table, ...]) -> None:
    assert [one.key for one in tables] == ["main", "published", "calibration", "drowsiness", "group_light", "subjects"]
    for one in tables:
        assert one.rows
        assert all(len(row) == len(one.header) for row in one.rows)


def test_the_published_form_names_the_jaccard_index(
    tables: tuple[Table, ...], predictions: Predictions, provenance: Provenance
) -> None:
    published = table("published", tables)
    assert published.header == ("Positive class", "Jaccard index", "Precision", "Recall", "F1")
    assert [row[0] for row in published.rows] == ["fatigue", "alert", "average"]
    assert "the Jaccard index; ordinary accuracy is in the main table" in published.note
    figures = evaluate_predictions(predictions, provenance=provenance, draws=50).figures
    assert published.rows[2][4] == cell(figures["f1_of_averages"])
    assert table("main", tables).rows[0] == ("Accuracy", *cell(figures["accuracy"]).split(" ", 1))


def test_numbers_have_three_decimals() -> None:
    assert number(0.12345) == "0.123"
    assert number(-0.5) == "−0.500"
    assert number(-0.0001) == "0.000"
    assert number(None) == "–"
    assert cell(Estimate(value=0.5)) == "0.500"
    assert cell(Estimate(value=0.5, low=0.4, high=0.6)) == "0.500 [0.400, 0.600]"
    assert cell(Estimate(value=None)) == "–"


def test_an_interval_that_leaves_out_draws_is_marked(provenance: Provenance) -> None:
    predictions = Predictions.of(
        item=list("abcd"),
        subject=["p", "p", "q", "q"],
        target=[0.9, 0.8, 0.1, 0.2],
        score=[0.8, 0.4, 0.3, 0.1],
        fatigue_probability=[0.8, 0.4, 0.6, 0.1],
    )
    evaluation = evaluate_predictions(predictions, provenance=provenance, draws=100)
    main = table("main", all_tables(evaluation))
    assert next(row for row in main.rows if row[0] == "Area under the ROC curve")[2].endswith("]*")
    assert main.note.endswith("* Undefined in more than 5 % of the draws, which are left out.")
    assert any(note.startswith("Area under the ROC curve is undefined in ") for note in evaluation.notes)


def test_markdown_is_escaped() -> None:
    one = Table(key="k", title="By a_b", header=("a_b", "x"), rows=(("<script>|*x*\n[y](z)", "0.5 [0.4, 0.6]"),), note="`n`")
    assert to_markdown(one).splitlines() == [
        r"## By a\_b",
        "",
        r"| a\_b | x |",
        "| :--- | ---: |",
        r"| \<script\>\|\*x\* \[y\](z) | 0.5 [0.4, 0.6] |",
        "",
        r"\`n\`",
    ]
    assert escape_markdown("0.5 [0.4, 0.6]*") == r"0.5 \[0.4, 0.6\]\*"


def test_latex_is_escaped() -> None:
    assert escape_latex("a_b & 5 % #1 $x$ {y} ~^\\ <z>") == (
        r"a\_b \& 5 \% \#1 \$x\$ \{y\} \textasciitilde{}\textasciicircum{}\textbackslash{} \textless{}z\textgreater{}"
    )
    assert escape_latex("−1 ≥ 2 – 3") == r"$-$1 $\geq$ 2 -- 3"
    assert escape_latex("[8pt] x") == "{}[8pt] x"


def test_latex_has_the_rules_of_booktabs(tables: tuple[Table, ...]) -> None:
    text = to_latex(table("group_light", tables))
    assert text.startswith("\\begin{table}\n\\centering\n\\caption{By light. Intervals are over")
    for part in (r"\label{tab:group-light}", r"\begin{tabular}{lrrrrrrrrr}", r"\toprule", r"\midrule", r"\bottomrule"):
        assert part in text
    rows = [line for line in text.splitlines() if line.endswith(r"\\")]
    assert len(rows) == 3
    assert all(row.count("&") == 9 for row in rows)
