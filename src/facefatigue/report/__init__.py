"""A Report becomes files: JSON, CSV, a timeline picture, an HTML page, an overlay video, a summary table.

Nothing slow (matplotlib, jinja2, PyAV, Pillow) is loaded before the function that needs it runs.
"""

from facefatigue.report.face_signs import FaceSigns
from facefatigue.report.files import write_csv, write_json, write_report
from facefatigue.report.names import display_name, safe_stem, unique_stems
from facefatigue.report.overlay import write_overlay
from facefatigue.report.page import write_html
from facefatigue.report.sign_rows import SignRow, sign_rows
from facefatigue.report.summary import summary_table
from facefatigue.report.timeline import draw_signs, draw_timeline

__all__ = [
    "FaceSigns",
    "SignRow",
    "display_name",
    "draw_signs",
    "draw_timeline",
    "safe_stem",
    "sign_rows",
    "summary_table",
    "unique_stems",
    "write_csv",
    "write_html",
    "write_json",
    "write_overlay",
    "write_report",
]
