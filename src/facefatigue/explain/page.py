"""An explanation as one self-contained HTML page: no network, no script."""

from __future__ import annotations

import base64
from importlib import resources
from typing import TYPE_CHECKING

from facefatigue._version import __version__
from facefatigue.atomic import atomic_path
from facefatigue.explain.regions import REGIONS
from facefatigue.explain.sheet import TARGET_WORDS
from facefatigue.report.explained import link_to

if TYPE_CHECKING:
    from pathlib import Path

    from facefatigue.explain.summary import VideoExplanation


def write_page(
    result: VideoExplanation, title: str, path: Path, *, sheet: Path, gif: Path, shares: Path | None, report: Path | None
) -> None:
    """Write the page: warnings, the contact sheet and the GIF, shares of all windows as a picture and as a table.

    It forbids itself the network by a content security policy and holds no script. Every text is escaped. It follows the
    reader's light or dark setting, fits a phone and prints.

    Args:
        result: With at least one window.
        title: What the source is called.
        path: Where to.
        sheet: The contact sheet, a PNG file.
        gif: The window, moving.
        shares: Shares of several windows, a PNG file.
        report: The page of ``predict`` in the same folder, to link to.

    Raises:
        OutputError: The page cannot be written.
    """
    import jinja2  # slow to import

    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    template = resources.files("facefatigue.explain").joinpath("page.html.jinja").read_text(encoding="utf-8")
    windows = result.windows
    shown = max(windows, key=lambda window: window.score)
    html = environment.from_string(template).render(
        result=result,
        title=title,
        version=__version__,
        targets=" or ".join(dict.fromkeys(TARGET_WORDS[window.target] for window in windows)),
        featured=f"{shown.start_s:.1f} to {shown.end_s:.1f} s: {shown.text}",
        method=shown.methods[0].method,
        attention=any(method.method == "attention" for method in shown.methods),
        regions=REGIONS,
        areas={name: sum(w.methods[0].area[name] for w in windows) / len(windows) for name in REGIONS},
        sheet=_base64(sheet),
        gif=_base64(gif),
        shares=None if shares is None else _base64(shares),
        report=None if report is None else link_to(report, "the whole timeline"),
    )
    with atomic_path(path) as partial:
        partial.write_text(html, encoding="utf-8", newline="\n")


def _base64(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode("ascii")
