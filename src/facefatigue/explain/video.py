"""A video explained: its windows are scored, the wanted ones cut out again and explained, and everything is written."""

from __future__ import annotations

import csv
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np

from facefatigue.atomic import atomic_path, make_folder, output_error
from facefatigue.errors import UsageError
from facefatigue.estimate import Estimator
from facefatigue.estimate.plain import json_text
from facefatigue.estimate.source import ALL_FACES_HINT
from facefatigue.explain.gif import write_gif
from facefatigue.explain.maps_file import DRAWN, MapsFile, MapsReader
from facefatigue.explain.methods import SHOW_THE_FACE
from facefatigue.explain.overlay import HeatWindow, write_drawn_video, write_heat_video
from facefatigue.explain.page import write_page
from facefatigue.explain.regions import REGIONS
from facefatigue.explain.shares_plot import draw_shares
from facefatigue.explain.sheet import ExplainedWindow, write_sheet
from facefatigue.explain.summary import VideoExplanation, WindowSummary, warnings_of
from facefatigue.explain.windows import choose_windows, cut_windows
from facefatigue.report import display_name
from facefatigue.report.cells import why_nothing
from facefatigue.report.explained import REPORT_END, link_explanation
from facefatigue.video import locate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from facefatigue.estimate.source import Progress
    from facefatigue.explain.explainer import Explainer
    from facefatigue.explain.windows import Choice, CutWindow

    # Gives the progress of a pass over the video, by what is done in it.
    Stages = Callable[[str], Progress]

# Written for several windows, and unless the overlay is left out.
_NOT_ALWAYS = ("shares.png", "explain.mp4")


def explain_video(
    source: str,
    explainer: Explainer,
    out_dir: Path,
    stem: str,
    *,
    choice: Choice = "worst",
    hide_identity: bool = False,
    overlay: bool = True,
    max_duration_s: float | None = None,
    stages: Stages | None = None,
) -> VideoExplanation:
    """Explain windows of the main face of a video and write ``<stem>.explain.*``.

    The video is read two or three times: for the scores, for the windows, and for the overlay. Memory does not grow with its
    length, but for where the face was (120 bytes a frame) and the figures of every window. A report of ``predict`` that lies
    beside the page is given a link to it. All files take their places together, at the end; those of an earlier explanation
    that this one does not write again are removed, so that they are not taken for a part of it.

    ==================== =================================================================================================
    ``.explain.html``    a page with all pictures and shares
    ``.explain.png``     contact sheet of the window (of the one with the highest score where there are several)
    ``.explain.gif``     the same window, moving
    ``.shares.png``      shares of the regions over several windows
    ``.explain.csv``     a row for each frame and method: shares of the regions
    ``.explain.json``    figures of every window (``facefatigue.explanation/1``)
    ``.explain.npz``     the raw maps (:class:`facefatigue.explain.maps_file.MapsFile`)
    ``.explain.mp4``     the heat of the first method in its place in the frames
    ==================== =================================================================================================

    Args:
        source: A file or an http address: no live source, which cannot be read twice.
        explainer: With the model, the methods and the question.
        out_dir: Folder for the files; made if it is missing.
        stem: Start of their names.
        choice: Which windows.
        hide_identity: Show a drawn face instead of the person, everywhere.
        overlay: Write the video, too.
        max_duration_s: Leave out what comes later.
        stages: Progress.

    Returns:
        The figures and the files.

    Raises:
        UsageError: A live source, a time without a window, or a method that shows the face when it shall be hidden.
        SourceError: The source cannot be read.
        OutputError: A file cannot be written.
    """
    _check(source, explainer, hide_identity=hide_identity)
    stages = stages or _silent
    with Estimator(explainer.folder, engine="torch", signs=False) as estimator:
        analysis = estimator.analyze(
            source, max_duration_s=max_duration_s, progress=stages("scoring"), keep_trajectories=True
        )
    warnings = tuple(warning.replace(ALL_FACES_HINT, "") for warning in analysis.report.warnings)
    result = VideoExplanation(source=source, model=explainer.config.name, windows=(), files=(), warnings=warnings)
    if analysis.report.abstained:
        face = analysis.report.faces[0] if analysis.report.faces else None
        return replace(result, why_nothing=why_nothing(analysis.report, face))
    (face,), (trajectory,) = analysis.report.faces, analysis.trajectories
    windows = choose_windows(face, choice)
    title = "One person" if hide_identity else display_name(source)
    make_folder(out_dir)
    with _Files(out_dir, stem) as files:
        cut = cut_windows(
            source,
            trajectory,
            windows,
            explainer.config.clip_spec,
            max_duration_s=max_duration_s,
            progress=stages("explaining"),
        )
        explained = (_explained(window, explainer, title, hide_identity=hide_identity) for window in cut)
        summaries, featured = _write_maps(explained, files)
        write_sheet(featured, sheet := files.add("explain.png"))
        write_gif(featured, gif := files.add("explain.gif"))
        shares = None
        if len(summaries) > 1:
            draw_shares(title, summaries, shares := files.add("shares.png"))
        if overlay:
            with MapsReader(files.path("explain.npz")) as maps:
                heat = [
                    _heat_window(number, summary, maps, explainer, drawn=hide_identity)
                    for number, summary in enumerate(summaries)
                ]
                if hide_identity:
                    write_drawn_video(heat, files.add("explain.mp4"))
                else:
                    write_heat_video(source, trajectory, heat, files.add("explain.mp4"), progress=stages("overlay"))
        result = replace(result, windows=tuple(summaries), warnings=(*result.warnings, *warnings_of(summaries)))
        report = out_dir / f"{stem}.{REPORT_END}"
        back = report if report.exists() and not hide_identity else None
        write_page(result, title, files.add("explain.html"), sheet=sheet, gif=gif, shares=shares, report=back)
        told = replace(result, source=title if hide_identity else analysis.report.source.path)
        with atomic_path(files.add("explain.json")) as partial:
            partial.write_text(json_text(told.to_dict(), indent=2) + "\n", encoding="utf-8", newline="\n")
        written = files.publish()
    link_explanation(report)
    return replace(result, files=written)


def _silent(_: str) -> Progress:
    return lambda *_: None


def _check(source: str, explainer: Explainer, *, hide_identity: bool) -> None:
    location = locate(source)
    if location.live:
        raise UsageError(
            f"{location}: an explanation reads a video twice, which a live source does not allow; record it first"
        )
    showing = [str(method) for method in explainer.methods if method.name in SHOW_THE_FACE]
    if hide_identity and showing:
        raise UsageError(
            f"{', '.join(showing)} follows the edges of the face, by which it can be recognised; "
            "hidden identities allow grad-cam, hires-cam, occlusion and attention"
        )


class _Files:
    """The files of one source, by the ends of their names: written beside their places, and moved there together.

    What comes of a run that is interrupted is nothing, and the files of an earlier one stay as they were. A context manager.
    """

    def __init__(self, folder: Path, stem: str) -> None:
        self._folder, self._stem = folder, stem
        self._written: list[Path] = []

    def __enter__(self) -> Self:
        try:
            self._work = tempfile.TemporaryDirectory(prefix=".explain-", dir=self._folder)
        except OSError as error:
            raise output_error(self._folder, error) from error
        return self

    def __exit__(self, *_: object) -> None:
        self._work.cleanup()

    def path(self, end: str) -> Path:
        """Where a file is written."""
        return Path(self._work.name) / f"{self._stem}.{end}"

    def add(self, end: str) -> Path:
        """The path of a file that is about to be written."""
        self._written.append(self.path(end))
        return self._written[-1]

    def publish(self) -> tuple[Path, ...]:
        """Move all files to their places, and remove what an earlier explanation wrote and this one did not.

        Raises:
            OutputError: A file is in the way, or cannot be removed.
        """
        places = tuple(self._folder / path.name for path in self._written)
        left = {self._folder / f"{self._stem}.{end}" for end in _NOT_ALWAYS} - set(places)
        place = self._folder
        try:
            for path, place in zip(self._written, places, strict=True):
                path.replace(place)
            for place in left:
                place.unlink(missing_ok=True)
        except OSError as error:
            raise output_error(place, error) from error
        return places


def _explained(cut: CutWindow, explainer: Explainer, title: str, *, hide_identity: bool) -> ExplainedWindow:
    return ExplainedWindow(
        title=title,
        model=explainer.config.name,
        start_s=cut.result.start_s,
        end_s=cut.result.end_s,
        crops=cut.crops,
        frame_rate_hz=explainer.config.frame_rate_hz,
        explanation=explainer.explain(cut.crops),
        hide_identity=hide_identity,
    )


def _write_maps(windows: Iterator[ExplainedWindow], files: _Files) -> tuple[list[WindowSummary], ExplainedWindow]:
    """Write the raw maps and the table; gives the figures of all windows, and the one with the highest score."""
    summaries: list[WindowSummary] = []
    featured: ExplainedWindow | None = None
    with (
        atomic_path(files.add("explain.npz")) as maps_path,
        atomic_path(files.add("explain.csv")) as table_path,
        MapsFile(maps_path) as maps,
        table_path.open("w", encoding="utf-8", newline="") as table,
    ):
        writer = csv.writer(table, lineterminator="\n")
        writer.writerow(["window_start_s", "time_s", "method", "target", *REGIONS])
        for window in windows:
            maps.add(window)
            found = window.explanation
            for attribution, shares in zip(found.attributions, found.shares, strict=True):
                for time_s, row in zip(window.time_s, shares.over_time, strict=True):
                    start = (round(window.start_s, 4), round(float(time_s), 4), attribution.method, found.target)
                    writer.writerow([*start, *(f"{share:.6f}" for share in row)])
            summaries.append(WindowSummary.of(window))
            if featured is None or found.score > featured.explanation.score:
                featured = window
    assert featured is not None
    return summaries, featured


def _heat_window(number: int, summary: WindowSummary, maps: MapsReader, explainer: Explainer, *, drawn: bool) -> HeatWindow:
    method = summary.methods[0]

    def heat() -> NDArray[np.float32]:
        values = np.asarray(maps.read(number, DRAWN if drawn else method.method), np.float32)
        return values if drawn else np.asarray(np.maximum(values, 0) / (method.scale or 1.0), np.float32)

    return HeatWindow(
        start_s=summary.start_s,
        end_s=summary.end_s,
        time_s=summary.start_s + np.arange(explainer.config.frames) / explainer.config.frame_rate_hz,
        label=summary.label,
        text=f"{summary.start_s:.1f} to {summary.end_s:.1f} s: {summary.text}",
        scale=method.scale,
        heat=heat,
    )
