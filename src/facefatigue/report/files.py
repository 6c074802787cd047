"""All files of a report: JSON, CSV, the pictures and the HTML page."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

from facefatigue.atomic import atomic_path, make_folder
from facefatigue.report.face_signs import FaceSigns
from facefatigue.report.page import write_html
from facefatigue.report.sign_files import write_events_csv, write_signs_csv
from facefatigue.report.timeline import draw_signs, draw_timeline

if TYPE_CHECKING:
    from pathlib import Path

    from facefatigue.estimate.report import Analysis, Report
    from facefatigue.estimate.sign_report import SignAnalysis, SignReport

# A spreadsheet runs a cell that starts like this as a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def write_report(analysis: Analysis, out_dir: Path, stem: str) -> list[Path]:
    """Write ``<stem>.report.json``, ``.windows.csv``, ``.timeline.png`` and ``.report.html``, each whole or not at all.

    If a face has signs, also ``.signs.csv`` and ``.events.csv``.

    Args:
        analysis: The report and the material for its page, pictures and tables.
        out_dir: Folder for the files; made if it is missing.
        stem: Start of their names, see :func:`facefatigue.report.names.safe_stem`.

    Returns:
        The files, in the order in which they are named here.

    Raises:
        OutputError: A file cannot be written; those written before it stay.
    """
    make_folder(out_dir)
    suffixes = (".report.json", ".windows.csv", ".timeline.png", ".report.html", ".signs.csv", ".events.csv")
    report, paths = analysis.report, [out_dir / f"{stem}{suffix}" for suffix in suffixes]
    write_json(report, paths[0])
    write_csv(report, paths[1])
    draw_timeline(report, paths[2], sign_series=analysis.sign_series)
    write_html(analysis, paths[3])
    if all(face.signs is None for face in report.faces):
        return paths[:4]
    write_signs_csv(analysis.sign_series, paths[4])
    write_events_csv({face.track: face.signs for face in report.faces}, paths[5])
    return paths


def write_sign_report(analysis: SignAnalysis, out_dir: Path, stem: str) -> list[Path]:
    """Write ``<stem>.signs.json``, ``.signs.csv``, ``.events.csv`` and ``.signs.png``, each whole or not at all.

    Args:
        analysis: The report on signs, and what they were measured from.
        out_dir: Folder for the files; made if it is missing.
        stem: Start of their names, see :func:`facefatigue.report.names.safe_stem`.

    Returns:
        The files, in the order of the first sentence.

    Raises:
        OutputError: A file cannot be written; those written before it stay.
    """
    make_folder(out_dir)
    report, series = analysis.report, analysis.sign_series
    paths = [out_dir / f"{stem}{suffix}" for suffix in (".signs.json", ".signs.csv", ".events.csv", ".signs.png")]
    write_json(report, paths[0])
    write_signs_csv(series, paths[1])
    write_events_csv({face.track: face.signs for face in report.faces}, paths[2])
    faces = [
        FaceSigns(track=face.track, signs=face.signs, series=series.get(face.track), comparison=face.comparison)
        for face in report.faces
    ]
    draw_signs(report.source, faces, paths[3])
    return paths


def write_json(report: Report | SignReport, path: Path) -> None:
    """Write the report as JSON in UTF-8: ``facefatigue.report/1`` or ``facefatigue.signs/1``.

    Raises:
        OutputError: The file cannot be written.
    """
    text = report.to_json() + "\n"
    with atomic_path(path) as partial:
        partial.write_text(text, encoding="utf-8", newline="\n")


def write_csv(report: Report, path: Path) -> None:
    """Write one row a window, over all faces, in UTF-8; the columns are ``WINDOW_COLUMNS``, and None is an empty cell.

    The source's name is the only text from outside; where it starts like a formula it gets a ``'`` in front.

    Raises:
        OutputError: The file cannot be written.
    """
    from facefatigue.estimate.report import WINDOW_COLUMNS  # its package loads the video reader

    source = report.source.path.encode("utf-8", "replace").decode("utf-8")
    source = f"'{source}" if source.startswith(_FORMULA) else source
    with atomic_path(path) as partial, partial.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, WINDOW_COLUMNS, lineterminator="\n")
        writer.writeheader()
        for row in report.to_rows():
            writer.writerow({**row, "source": source})
