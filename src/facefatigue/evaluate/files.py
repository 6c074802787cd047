"""All files of an evaluation, in a folder of their own."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from facefatigue.atomic import atomic_path, make_folder
from facefatigue.errors import OutputError
from facefatigue.evaluate.evaluation import DISCLAIMER, SCHEMA
from facefatigue.evaluate.page import write_page
from facefatigue.evaluate.pictures import draw_pictures
from facefatigue.evaluate.predictions_file import write_predictions
from facefatigue.evaluate.tables import all_tables, counted, escape_latex, escape_markdown, to_latex, to_markdown

if TYPE_CHECKING:
    from pathlib import Path

    from facefatigue.evaluate.evaluation import Evaluation
    from facefatigue.evaluate.predictions import Predictions

EVALUATION, PREDICTIONS, REPORT, TABLES, PAGE = (
    "evaluation.json",
    "predictions.csv",
    "report.md",
    "table.tex",
    "index.html",
)


def write_evaluation(
    evaluation: Evaluation, predictions: Predictions, folder: Path, *, overwrite: bool = False
) -> tuple[Path, ...]:
    """Write evaluation.json, predictions.csv, report.md, table.tex, six pictures and index.html, each whole or not at all.

    Args:
        evaluation: The results.
        predictions: What they were measured on.
        folder: Made if it is missing. An evaluation of the same model on the same items in the same unit is replaced.
        overwrite: Replace whatever is there under these names.

    Returns:
        The files, evaluation.json first and index.html last.

    Raises:
        OutputError: The folder holds an evaluation of something else, or a file that no evaluation of ours wrote, or a file
            cannot be written; those written before it stay.
    """
    make_folder(folder)
    pictures = draw_pictures(evaluation, predictions)
    paths = [folder / name for name in (EVALUATION, PREDICTIONS, REPORT, TABLES)]
    paths += [folder / f"{name}.png" for name in pictures]
    paths.append(folder / PAGE)
    if not overwrite:
        _check_folder(evaluation, folder, paths)
    write_json(evaluation, folder / EVALUATION)
    write_predictions(predictions, folder / PREDICTIONS)
    write_markdown(evaluation, folder / REPORT)
    write_latex(evaluation, folder / TABLES)
    for name, png in pictures.items():
        with atomic_path(folder / f"{name}.png") as partial:
            partial.write_bytes(png)
    write_page(evaluation, pictures, folder / PAGE)
    return tuple(paths)


def write_json(evaluation: Evaluation, path: Path) -> None:
    """Write ``facefatigue.evaluation/1`` JSON in UTF-8.

    Raises:
        OutputError: The file cannot be written.
    """
    _write(path, json.dumps(evaluation.to_dict(), indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def write_markdown(evaluation: Evaluation, path: Path) -> None:
    """Write how it was measured, all tables and the notes as Markdown.

    Raises:
        OutputError: The file cannot be written.
    """
    facts = [f"- {what}: {escape_markdown(how)}" for what, how in evaluation.provenance.facts]
    notes = [f"- {escape_markdown(note)}" for note in evaluation.notes]
    title = escape_markdown(f"{evaluation.provenance.model_name} {evaluation.provenance.model_version}".strip())
    parts = [
        f"# {title}: evaluation on {escape_markdown(counted(evaluation))}\n",
        "\n".join(["## How it was measured", "", *facts, f"- Items fingerprint: {evaluation.fingerprint}"]) + "\n",
        *(["\n".join(["## Notes", "", *notes]) + "\n"] if notes else []),
        *map(to_markdown, all_tables(evaluation)),
        f"{escape_markdown(DISCLAIMER)}\n",
    ]
    _write(path, "\n".join(parts))


def write_latex(evaluation: Evaluation, path: Path) -> None:
    """Write all tables as LaTeX for the package booktabs; how it was measured is in comments and below the first table.

    Raises:
        OutputError: The file cannot be written.
    """
    comments = [f"% {what}: {' '.join(how.split())}" for what, how in evaluation.provenance.facts]
    comments.append(f"% Items fingerprint: {evaluation.fingerprint}")
    how = f"% Needs \\usepackage{{booktabs}}. {' '.join(DISCLAIMER.split())}"
    line = escape_latex(f"How it was measured: {evaluation.provenance.line}; {counted(evaluation)}.")
    tables = [to_latex(table) for table in all_tables(evaluation)]
    tables[0] = tables[0].replace("\\end{tabular}\n", f"\\end{{tabular}}\n\n\\medskip\n{{\\footnotesize {line}}}\n", 1)
    _write(path, "\n".join([how, *comments, "", *tables]))


def _write(path: Path, text: str) -> None:
    with atomic_path(path) as partial:
        # A name that is not UTF-8 comes as lone surrogates.
        partial.write_text(text, encoding="utf-8", errors="replace", newline="\n")


def _check_folder(evaluation: Evaluation, folder: Path, paths: list[Path]) -> None:
    there = [path.name for path in paths if path.exists()]
    if not there:
        return
    found = _identity_in(folder / EVALUATION)
    if found is None:
        raise OutputError(
            f"{folder}: holds {there[0]}, which no evaluation wrote; choose another folder, or overwrite it on purpose"
        )
    wanted = _identity(evaluation.to_dict())
    if differing := [name for name, value in wanted.items() if found[name] != value]:
        raise OutputError(
            f"{folder}: holds an evaluation of something else (different {' and '.join(differing)}); "
            "choose another folder, or overwrite it on purpose"
        )


def _identity_in(path: Path) -> dict[str, Any] | None:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        return _identity(values) if values["schema"] == SCHEMA else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _identity(values: dict[str, Any]) -> dict[str, Any]:
    provenance = values["provenance"]
    return {
        "model": provenance["model"]["sha256"] or provenance["model"]["name"],
        "items": values["fingerprint"],
        "unit": provenance["unit"],
        "split": provenance["split"],
    }
