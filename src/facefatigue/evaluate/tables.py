"""Tables for a paper: Markdown and LaTeX."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from facefatigue.evaluate.bootstrap import WORTH_SAYING
from facefatigue.evaluate.classification import POSITIVE_CLASSES
from facefatigue.evaluate.measures import MEASURES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from facefatigue.evaluate.bootstrap import Estimate
    from facefatigue.evaluate.drowsiness import DrowsinessCount
    from facefatigue.evaluate.evaluation import Evaluation
    from facefatigue.evaluate.groups import GroupFigures

NOTHING = "–"
MARK = "*"
_MARK_NOTE = f"{MARK} Undefined in more than {WORTH_SAYING:.0%}".replace("%", " %") + " of the draws, which are left out."
_PLAIN = re.compile(r"[0-9.,\[\] −–]*")
# Of the whole; those of one class are in the published form's table.
_MAIN = tuple(
    measure
    for measure in MEASURES
    if not measure.key.endswith(("_fatigue", "_alert", "_average")) and measure.key != "f1_of_averages"
)
_OF_GROUPS = (
    ("accuracy", "Accuracy"),
    ("f1_average", "F1 (mean)"),
    ("auc", "AUC"),
    ("mae", "MAE"),
    ("pearson", "Pearson"),
    ("ece", "ECE"),
)
_OF_SUBJECTS = (("accuracy", "Accuracy"), ("mae", "MAE"), ("bias", "Mean error"))
PUBLISHED_NOTE = (
    "The form in which the method was published (arXiv:2104.10420). The column that is called accuracy there is "
    "TP / (TP + FP + FN), the Jaccard index; ordinary accuracy is in the main table. F1 in the row of the average is that "
    "of the average precision and the average recall, as there."
)


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table of text cells.

    Attributes:
        key: A name without spaces.
        title: What it shows.
        header: One text a column; the first column names the row.
        rows: Cells.
        note: What to know when reading it; may be empty.
    """

    key: str
    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""


def all_tables(evaluation: Evaluation) -> tuple[Table, ...]:
    """Every table: main figures, published form, calibration, drowsiness, groups, subjects; those that there are.

    Args:
        evaluation: The results.
    """
    tables = [main_table(evaluation), published_table(evaluation)]
    if evaluation.calibrated is not None:
        tables.append(calibration_table(evaluation))
    if evaluation.drowsiness is not None:
        tables.append(drowsiness_table(evaluation.drowsiness))
    tables += [group_table(name, parts) for name, parts in evaluation.groups.items()]
    return (*tables, subject_table(evaluation))


def main_table(evaluation: Evaluation) -> Table:
    """The figures of all items with their 95 % intervals."""
    rows = tuple((one.name, *_value_and_interval(evaluation.figures[one.key])) for one in _MAIN)
    return Table(
        key="main",
        title=f"Main figures, {counted(evaluation)}, {100 * evaluation.prevalence:.1f} % fatigue",
        header=("Figure", "Value", "95 % interval"),
        rows=rows,
        note=_with_mark(interval_note(evaluation), rows),
    )


def published_table(evaluation: Evaluation) -> Table:
    """Jaccard index, precision, recall and F1 for each positive class and their average, as the method was published."""
    rows = []
    for positive in POSITIVE_CLASSES:
        f1 = "f1_of_averages" if positive == "average" else f"f1_{positive}"
        keys = (f"jaccard_{positive}", f"precision_{positive}", f"recall_{positive}", f1)
        rows.append((positive, *(cell(evaluation.figures[key]) for key in keys)))
    return Table(
        key="published",
        title="By positive class",
        header=("Positive class", "Jaccard index", "Precision", "Recall", "F1"),
        rows=tuple(rows),
        note=_with_mark(PUBLISHED_NOTE, rows),
    )


def calibration_table(evaluation: Evaluation) -> Table:
    """Figures of the probability before and after calibration; without rows where there was none."""
    after = evaluation.calibrated
    names = {measure.key: measure.name for measure in MEASURES}
    rows = (
        ()
        if after is None
        else tuple((names[key], cell(evaluation.figures[key]), cell(estimate)) for key, estimate in after.figures.items())
    )
    return Table(
        key="calibration",
        title="Before and after calibration",
        header=("Figure", "Before", "After"),
        rows=rows,
        note="" if after is None else _with_mark(f"Calibration: {after.description}.", rows),
    )


def drowsiness_table(count: DrowsinessCount) -> Table:
    """The conditions of Regulation (EU) 2021/1341, as far as its counting rule goes."""
    rows: list[tuple[str, ...]] = [
        (one.name, one.limit, f"{one.value:.0f}" if one.counts and one.value is not None else number(one.value), one.verdict)
        for one in count.requirements
    ]
    rows.insert(2, ("The same end by drawing people (bootstrap)", NOTHING, number(count.bootstrap_lower_bound), NOTHING))
    if count.missed:
        rows.append(("Of these, items that could not be scored (count as missed)", NOTHING, str(count.missed), NOTHING))
    return Table(
        key="drowsiness",
        title="Sensitivity at KSS 8 and above, counted as in Regulation (EU) 2021/1341",
        header=("Condition", "Limit", "Found", "Verdict"),
        rows=tuple(rows),
        note=count.statement,
    )


def group_table(name: str, parts: Sequence[GroupFigures]) -> Table:
    """Figures of each value of a group.

    Args:
        name: Of the group.
        parts: Its values.
    """
    rows = tuple(
        (
            part.value,
            str(part.items),
            str(part.subjects),
            number(part.prevalence),
            *(cell(part.figures[key]) for key, _ in _OF_GROUPS),
        )
        for part in parts
    )
    return Table(
        key=f"group_{name}",
        title=f"By {name}",
        header=(name, "Items", "Subjects", "Fatigue share", *(title for _, title in _OF_GROUPS)),
        rows=rows,
        note=_with_mark("Intervals are over the subjects of each row; values with one subject have none.", rows),
    )


def subject_table(evaluation: Evaluation) -> Table:
    """Figures of each person."""
    rows = tuple(
        (part.value, str(part.items), number(part.prevalence), *(number(part.figures[key].value) for key, _ in _OF_SUBJECTS))
        for part in evaluation.per_subject
    )
    return Table(
        key="subjects",
        title="By subject",
        header=("Subject", "Items", "Fatigue share", *(title for _, title in _OF_SUBJECTS)),
        rows=rows,
        note="Mean error is predicted − true score.",
    )


def counted(evaluation: Evaluation) -> str:
    """Such as "400 clips of 40 subjects"."""
    unit = evaluation.provenance.unit
    return (
        f"{evaluation.items:,} {unit if evaluation.items != 1 else unit[:-1]} of {evaluation.subjects:,} "
        f"subject{'s' if evaluation.subjects != 1 else ''}"
    )


def interval_note(evaluation: Evaluation) -> str:
    """How the intervals were made, or why there are none."""
    if evaluation.subjects < 2:
        return "There is one subject, so there are no intervals."
    return (
        f"95 % percentile intervals, bootstrap over subjects, {evaluation.draws:,} draws, seed {evaluation.seed}. "
        "ROC, precision–recall and calibration are of the probability of fatigue; a true score of at least 0.5 is fatigue."
    )


def number(value: float | None) -> str:
    """Three decimals, whole numbers as they are counted, or a dash."""
    if value is None:
        return NOTHING
    text = f"{value:.3f}"
    return "0.000" if text == "-0.000" else text.replace("-", "−")


def cell(estimate: Estimate) -> str:
    """A figure and its interval, such as "0.812 [0.763, 0.855]"."""
    value, interval = _value_and_interval(estimate)
    return value if interval == NOTHING else f"{value} {interval}"


def to_markdown(table: Table) -> str:
    """A heading, a pipe table and the note; every text is escaped."""
    header = "| " + " | ".join(map(escape_markdown, table.header)) + " |"
    rule = "|" + "|".join([" :--- ", *[" ---: "] * (len(table.header) - 1)]) + "|"
    rows = ["| " + " | ".join(map(escape_markdown, row)) + " |" for row in table.rows]
    note = ["", escape_markdown(table.note)] if table.note else []
    return "\n".join([f"## {escape_markdown(table.title)}", "", header, rule, *rows, *note]) + "\n"


def to_latex(table: Table) -> str:
    """A table environment for the package booktabs; every text is escaped."""
    columns = "l" + "r" * (len(table.header) - 1)
    rows = [" & ".join(map(escape_latex, row)) + r" \\" for row in table.rows]
    lines = [
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{escape_latex(table.title)}.{' ' + escape_latex(table.note) if table.note else ''}}}",
        rf"\label{{tab:{''.join(char if char.isascii() and char.isalnum() else '-' for char in table.key)}}}",
        rf"\begin{{tabular}}{{{columns}}}",
        r"\toprule",
        " & ".join(map(escape_latex, table.header)) + r" \\",
        r"\midrule",
        *rows,
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def escape_markdown(text: str) -> str:
    """Text that Markdown shows as it is, on one line."""
    one_line = " ".join(text.split())
    if _PLAIN.fullmatch(one_line):
        return one_line
    return "".join(f"\\{char}" if char in r"\`*_{}[]<>#|~$&" else char for char in one_line)


_LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': "''",
    "−": "$-$",
    "–": "--",
    "≥": r"$\geq$",
    "×": r"$\times$",
    "·": r"\textperiodcentered{}",
    **{char: f"\\{char}" for char in "&%$#_{}"},
}


def escape_latex(text: str) -> str:
    """Text that LaTeX sets as it is, on one line."""
    escaped = "".join(_LATEX.get(char, char) for char in " ".join(text.split()))
    # At the start of a row LaTeX would take a bracket for an option of the line before.
    return f"{{}}{escaped}" if escaped.startswith("[") else escaped


def _value_and_interval(estimate: Estimate) -> tuple[str, str]:
    if estimate.low is None or estimate.high is None:
        return number(estimate.value), NOTHING
    mark = MARK if estimate.undefined_share > WORTH_SAYING else ""
    return number(estimate.value), f"[{number(estimate.low)}, {number(estimate.high)}]{mark}"


def _with_mark(note: str, rows: Iterable[tuple[str, ...]]) -> str:
    return f"{note} {_MARK_NOTE}" if any(text.endswith(f"]{MARK}") for row in rows for text in row) else note
