"""Progress bars, on a terminal only: over a video's seconds, and over things that are counted."""

from __future__ import annotations

import sys
from typing import Any, Self

_BAR = "{desc}: {percentage:3.0f}%|{bar}| {n:.0f}/{total:.0f} s of video [{elapsed}<{remaining}, {postfix}]"
_BAR_WITHOUT_END = "{desc}: {n:.0f} s of video [{elapsed}, {postfix}]"


class Progress:
    """A bar on stderr; silent where stderr is no terminal.

    Args:
        title: What is being worked on.
        limit_s: Where the work stops if the video is longer, in seconds; None: at its end.
    """

    def __init__(self, title: str, limit_s: float | None = None) -> None:
        self._title = title if len(title) <= 40 else "…" + title[-39:]
        self._limit_s = limit_s
        self._bar: Any = None
        self._shown_s = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def at(self, frames: int, time_s: float, duration_s: float | None) -> None:
        """Show that ``time_s`` of ``duration_s`` seconds (None: unknown) and ``frames`` frames are done."""
        if not sys.stderr.isatty():
            return
        if self._bar is None:
            self._bar = self._open(duration_s)
        self._bar.set_postfix_str(f"{frames} frames", refresh=False)
        self._bar.update(time_s - self._shown_s)
        self._shown_s = time_s

    def _open(self, duration_s: float | None) -> Any:
        from tqdm import tqdm

        total_s = min((s for s in (duration_s, self._limit_s) if s is not None), default=None)
        return tqdm(total=total_s, desc=self._title, leave=False, bar_format=_BAR if total_s else _BAR_WITHOUT_END)


class CountProgress:
    """A bar over things that are counted, on stderr; silent where stderr is no terminal.

    Args:
        unit: What is counted, in the plural.
    """

    def __init__(self, unit: str) -> None:
        self._unit = unit
        self._stage = ""
        self._bar: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def at(self, done: int, total: int) -> None:
        """Show that ``done`` of ``total`` are done; what was there at the first call does not count into the speed."""
        if not sys.stderr.isatty():
            return
        if self._bar is None:
            from tqdm import tqdm

            self._bar = tqdm(total=total, unit=f" {self._unit}", initial=done)
        self._bar.update(done - self._bar.n)

    def at_stage(self, stage: str, done: int, total: int) -> None:
        """The same for work in stages, each with a bar of its own."""
        if stage != self._stage and self._bar is not None:
            self._bar.close()
            self._bar = None
        self._stage = stage
        self.at(done, total)
        if self._bar is not None:
            self._bar.set_description_str(stage)
