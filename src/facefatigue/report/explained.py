"""The link from the page of a report to the page that explains its scores, which lies beside it."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING
from urllib.parse import quote

from facefatigue.atomic import atomic_path

if TYPE_CHECKING:
    from pathlib import Path

REPORT_END, EXPLANATION_END = "report.html", "explain.html"
_BEGIN, _END = "<!-- explanation: begin -->", "<!-- explanation: end -->"


def explanation_link(page: Path) -> str:
    """What the page of a report says of the explanation beside it, as HTML between two marks.

    Args:
        page: Where the page lies or will lie, ``<stem>.report.html``.

    Returns:
        A paragraph with a link where ``<stem>.explain.html`` is there, else the marks with nothing between them, for
        :func:`link_explanation` to find.
    """
    stem = page.name.removesuffix(REPORT_END)
    beside = page.with_name(stem + EXPLANATION_END)
    if stem == page.name or not beside.exists():
        return _BEGIN + _END
    link = link_to(beside, "Why: the parts of the face that speak for the score")
    return f'{_BEGIN}<p class="soft">{link}</p>{_END}'


def link_to(beside: Path, text: str) -> str:
    """A link to a file in the same folder, as HTML.

    Args:
        beside: The file.
        text: Of the link; it is escaped.
    """
    # A name that is not UTF-8 comes as lone surrogates, which stand for its bytes.
    return f'<a href="{quote(beside.name, errors="surrogateescape")}">{html.escape(text)}</a>'


def link_explanation(page: Path) -> bool:
    """Put the link into the page of a report that was written before the explanation.

    Args:
        page: ``<stem>.report.html``; need not be there.

    Returns:
        Whether the page has the link now. One that has no marks is left as it is.

    Raises:
        OutputError: The page cannot be written.
    """
    try:
        text = page.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return False
    before, begin, rest = text.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not begin or not end:
        return False
    linked = explanation_link(page)
    with atomic_path(page) as partial:
        partial.write_text(before + linked + after, encoding="utf-8", newline="\n")
    return linked != _BEGIN + _END
