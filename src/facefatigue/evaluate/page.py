"""An evaluation as one self-contained HTML page: no network, no script."""

from __future__ import annotations

import base64
from importlib import resources
from typing import TYPE_CHECKING

from facefatigue._version import __version__
from facefatigue.atomic import atomic_path
from facefatigue.evaluate.evaluation import DISCLAIMER
from facefatigue.evaluate.tables import all_tables, cell, counted

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from facefatigue.evaluate.evaluation import Evaluation

# A table with more rows starts folded away.
_OPEN_ROWS = 30
_HEADLINE = (
    ("accuracy", "accuracy"),
    ("auc", "area under the ROC curve"),
    ("mae", "mean absolute error"),
    ("ccc", "concordance"),
)
# What someone hears who cannot see the picture; the numbers are in the tables.
_ALTERNATIVES = {
    "confusion": "Confusion matrix of true and called classes",
    "roc": "ROC curve with its 95 % band",
    "precision_recall": "Precision–recall curve with the prevalence",
    "reliability": "Reliability diagram with the number of items in each bin",
    "scores": "Predicted against true scores",
    "subjects": "Errors of the score of each subject",
}


def write_page(evaluation: Evaluation, pictures: Mapping[str, bytes], path: Path) -> None:
    """Write the page: how it was measured, main figures, pictures, tables, notes.

    It forbids itself the network by a content security policy and holds no script. Every text is escaped. It follows the
    reader's light or dark setting, fits a phone and prints.

    Args:
        evaluation: The results.
        pictures: PNG files as of :func:`facefatigue.evaluate.pictures.draw_pictures`.
        path: Where to.

    Raises:
        OutputError: The page cannot be written.
    """
    import jinja2  # slow to import

    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    template = resources.files("facefatigue.evaluate").joinpath("page.html.jinja").read_text(encoding="utf-8")
    html = environment.from_string(template).render(
        provenance=evaluation.provenance,
        counted=counted(evaluation),
        headline=[(name, cell(evaluation.figures[key])) for key, name in _HEADLINE],
        pictures=[
            (name, _ALTERNATIVES.get(name, name), base64.b64encode(png).decode("ascii")) for name, png in pictures.items()
        ],
        tables=[(table, len(table.rows) > _OPEN_ROWS) for table in all_tables(evaluation)],
        notes=evaluation.notes,
        fingerprint=evaluation.fingerprint,
        disclaimer=DISCLAIMER,
        version=__version__,
    )
    with atomic_path(path) as partial:
        # A name that is not UTF-8 comes as lone surrogates.
        partial.write_text(html, encoding="utf-8", errors="replace", newline="\n")
