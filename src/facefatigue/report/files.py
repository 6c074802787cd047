"""All files of a report: JSON, CSV, the timeline picture and the HTML page."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

from facefatigue.atomic import atomic_path, make_folder
from facefatigue.report.page import write_html
from facefatigue.report.timeline import draw_timeline

if TYPE_CHECKING:
    from pathlib import Path

    from facefatigue.estimate.report import Analysis, Report

# A spreadsheet runs a cell that starts like this as a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def write_report(analysis: Analysis, out_dir: Path, stem: str) -> list[Path]:
    """Write ``<stem>.report.json``, ``.windows.csv``, ``.timeline.png`` and ``.report.html``, each whole or not at all.

    Args:
        analysis: The report and the thumbnails for its page.
        out_dir: Folder for the files; made if it is missing.
        stem: Start of their names, see :func:`facefatigue.report.names.safe_stem`.

    Returns:
        The files, in the order of the first sentence.

    Raises:
        OutputError: A file cannot be written; those written before it stay.
    """
    make_folder(out_dir)
    suffixes = (".report.json", ".windows.csv", ".timeline.png", ".report.html")
    paths = [out_dir / f"{stem}{suffix}" for suffix in suffixes]
    write_json(analysis.report, paths[0])
    write_csv(analysis.report, paths[1])
    draw_timeline(analysis.report, paths[2])
    write_html(analysis, paths[3])
    return paths


def write_json(report: Report, path: Path) -> None:
    """Write the report as ``facefatigue.report/1`` JSON in UTF-8.

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
