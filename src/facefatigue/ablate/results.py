"""What an ablation found: one table with intervals and paired tests, as JSON, Markdown, LaTeX and a picture."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from facefatigue.atomic import atomic_path, make_folder
from facefatigue.evaluate import (
    Estimate,
    PairedDifference,
    estimates,
    holm,
    paired_difference,
    to_latex,
    to_markdown,
    write_predictions,
)
from facefatigue.evaluate.tables import NOTHING, Table, cell, escape_markdown
from facefatigue.train.people import people_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from facefatigue.ablate.run import Tested
    from facefatigue.evaluate import Predictions, Provenance

SCHEMA = "facefatigue.ablation/1"
TABLE_FILE, LATEX_FILE, JSON_FILE, PICTURE_FILE = "table.md", "table.tex", "ablation.json", "ablation.png"
PREDICTIONS_FOLDER = "predictions"
# Figures in the table, and which way is better.
FIGURES = {"accuracy": "Accuracy", "f1_average": "F1 (mean)", "auc": "AUC", "mae": "MAE", "ccc": "CCC"}
# The figure whose differences are tested: it uses the whole score, which a border at 0.5 does not.
TESTED = "mae"


@dataclass(frozen=True, kw_only=True, eq=False)
class Compared:
    """A variant's figures, and how they differ from the reference's on the same people.

    Attributes:
        tested: The variant and its run.
        figures: Each figure with its interval over subjects; empty if it failed.
        difference: Of the mean absolute error, variant − reference; None for the reference or a failed variant.
        adjusted_p: The bootstrap's p-value, adjusted for the number of variants (Holm); None likewise.
        adjusted_wilcoxon_p: That of Wilcoxon's signed-rank test over subjects, adjusted likewise.
    """

    tested: Tested
    figures: Mapping[str, Estimate]
    difference: PairedDifference | None
    adjusted_p: float | None
    adjusted_wilcoxon_p: float | None


def compare(tested: Sequence[Tested], reference: str, *, draws: int, seed: int) -> list[Compared]:
    """Measure every variant on the test people of all folds together, and test each against the reference.

    Args:
        tested: The variants.
        reference: The name of the one to compare with; if it failed nothing is tested.
        draws: Resamples of subjects.
        seed: Of them.
    """
    by_name = {entry.variant.name: entry.predictions for entry in tested}
    base = by_name[reference]
    differences: dict[str, PairedDifference] = {}
    for name, predictions in by_name.items():
        if name != reference and base is not None and predictions is not None:
            differences[name] = paired_difference(predictions, base, TESTED, draws=draws, seed=seed)
    adjusted = _adjusted({name: found.p_value for name, found in differences.items()})
    wilcoxon = _adjusted({name: found.wilcoxon_p_value for name, found in differences.items()})
    return [
        Compared(
            tested=entry,
            figures={} if entry.predictions is None else _figures(entry.predictions, draws, seed),
            difference=differences.get(entry.variant.name),
            adjusted_p=adjusted.get(entry.variant.name),
            adjusted_wilcoxon_p=wilcoxon.get(entry.variant.name),
        )
        for entry in tested
    ]


def write_results(compared: Sequence[Compared], reference: str, out: Path, provenance: Provenance, *, draws: int) -> None:
    """Write ablation.json, table.md, table.tex, ablation.png and the predictions of each variant.

    Args:
        compared: The variants.
        reference: The name of the one compared with.
        out: The folder.
        provenance: How it was measured.
        draws: Resamples of subjects.

    Raises:
        OutputError: A file cannot be written.
    """
    table = ablation_table(compared, reference, draws=draws)
    facts = [f"- {what}: {escape_markdown(how)}" for what, how in provenance.facts if what not in {"Model", "Model SHA-256"}]
    failures = [
        f"- {entry.tested.variant.name} failed: {escape_markdown(entry.tested.failure)}"
        for entry in compared
        if entry.tested.failure is not None
    ]
    strangers = [
        f"- {entry.tested.variant.name}: whose faces shaped {escape_markdown(unknown)} is not known"
        for entry in compared
        if (unknown := people_of((), (), entry.tested.variant.settings.init).unknown)
    ]
    text = "\n".join(["# Ablation", "", *facts, *failures, *strangers, "", to_markdown(table)])
    _write(out / TABLE_FILE, text)
    comments = [f"% {what}: {' '.join(how.split())}" for what, how in provenance.facts]
    _write(out / LATEX_FILE, "\n".join(["% Needs \\usepackage{booktabs}.", *comments, to_latex(table)]))
    _write(out / JSON_FILE, json.dumps(_as_json(compared, reference, provenance, draws), indent=1, allow_nan=False) + "\n")
    folder = out / PREDICTIONS_FOLDER
    make_folder(folder)
    for entry in compared:
        if entry.tested.predictions is not None:
            write_predictions(entry.tested.predictions, folder / f"{entry.tested.variant.name}.csv")
    draw_ablation(compared, reference, out / PICTURE_FILE, provenance)


def ablation_table(compared: Sequence[Compared], reference: str, *, draws: int) -> Table:
    """The one table: a row a variant."""
    rows = []
    for entry in compared:
        tested, difference = entry.tested, entry.difference
        name = tested.variant.name + (" (reference)" if tested.variant.name == reference else "")
        figures = [cell(entry.figures[key]) if entry.figures else NOTHING for key in FIGURES]
        change = NOTHING if difference is None else cell(difference.difference)
        tests = [_p(entry.adjusted_p), _p(entry.adjusted_wilcoxon_p)]
        rows.append((name, *figures, change, *tests, f"{tested.parameters / 1e6:.2f} M" if tested.parameters else NOTHING))
    seen = next((entry.tested.predictions for entry in compared if entry.tested.predictions is not None), None)
    of_whom = (
        ""
        if seen is None
        else f"{len(seen)} clips of {len(seen.subjects)} people, each tested by networks that never saw them. "
    )
    return Table(
        key="ablation",
        title="Variants on the same people",
        header=(
            "Variant",
            *FIGURES.values(),
            f"{FIGURES[TESTED]} − reference",
            "p (bootstrap)",
            "p (Wilcoxon)",
            "Parameters",
        ),
        rows=tuple(rows),
        note=(
            f"{of_whom}95 % percentile intervals, bootstrap over subjects, {draws:,} draws. p: two-sided, of the "
            "difference of the mean absolute error, by bootstrap over subjects and by Wilcoxon's signed-rank test of the "
            "subjects' mean errors, each adjusted for the number of variants (Holm)."
        ),
    )


def draw_ablation(compared: Sequence[Compared], reference: str, path: Path, provenance: Provenance) -> None:
    """Two panels, a row a variant: the mean absolute error and the area under the ROC curve, with their intervals.

    Raises:
        OutputError: It cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    from facefatigue.evaluate.style import BLUE, FAINT, GREY, INK, ORANGE

    shown = [entry for entry in compared if entry.figures]
    if not shown:
        return
    figure = Figure(figsize=(8.2, 1.35 + 0.34 * len(shown)), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(1, 2, sharey=True)
    for axes, key, label in zip(
        panels, ("mae", "auc"), ("MAE of the score (lower is better)", "Area under the ROC curve"), strict=True
    ):
        for row, entry in enumerate(shown):
            found = entry.figures[key]
            if found.value is None:
                continue
            is_reference = entry.tested.variant.name == reference
            if found.low is not None and found.high is not None:
                axes.plot([found.low, found.high], [row, row], color=GREY, linewidth=2, solid_capstyle="round")
            axes.plot(found.value, row, "D" if is_reference else "o", color=ORANGE if is_reference else BLUE, markersize=6)
            if is_reference:
                axes.axvline(found.value, color=ORANGE, linewidth=0.8, linestyle=":")
        axes.set_xlabel(label, fontsize=8, color=INK)
        axes.tick_params(labelsize=8, color=FAINT)
        axes.grid(axis="x", alpha=0.25)
        axes.spines[["top", "right", "left"]].set_visible(False)
    names = [entry.tested.variant.name for entry in shown]
    panels[0].set_yticks(range(len(shown)), names, parse_math=False)
    panels[0].set_ylim(len(shown) - 0.5, -0.5)
    kind = "synthetic faces" if provenance.synthetic else "recorded faces"
    people = len(shown[0].tested.predictions.subjects) if shown[0].tested.predictions is not None else 0
    figure.suptitle(
        f"Variants on {people} people ({kind}), 95 % intervals over people; diamond: reference", fontsize=8.5, color=INK
    )
    with atomic_path(path) as partial:
        figure.savefig(partial, dpi=200)


def _figures(predictions: Predictions, draws: int, seed: int) -> dict[str, Estimate]:
    return estimates(predictions, draws=draws, seed=seed)


def _adjusted(p_values: Mapping[str, float | None]) -> dict[str, float]:
    known = {name: value for name, value in p_values.items() if value is not None}
    return dict(zip(known, holm(list(known.values())), strict=True)) if known else {}


def _p(value: float | None) -> str:
    if value is None:
        return NOTHING
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def _as_json(compared: Sequence[Compared], reference: str, provenance: Provenance, draws: int) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "provenance": provenance.to_dict(),
        "reference": reference,
        "draws": draws,
        "tested_figure": TESTED,
        "variants": [
            {
                "name": entry.tested.variant.name,
                "settings": dataclasses.asdict(entry.tested.variant.settings),
                "every_nth_frame": entry.tested.variant.every,
                "middle_frames": entry.tested.variant.middle or None,
                "failure": entry.tested.failure,
                "parameters": entry.tested.parameters,
                "epochs": entry.tested.epochs,
                "seconds": entry.tested.seconds,
                "figures": {key: figure.to_dict() for key, figure in entry.figures.items()},
                "difference": None if entry.difference is None else entry.difference.to_dict(),
                "adjusted_p_value": entry.adjusted_p,
                "adjusted_wilcoxon_p_value": entry.adjusted_wilcoxon_p,
            }
            for entry in compared
        ],
    }


def _write(path: Path, text: str) -> None:
    with atomic_path(path) as partial:
        partial.write_text(text, encoding="utf-8", errors="replace", newline="\n")
