"""The visible signs alone: faces are followed and read as the estimator does it, and no network of fatigue is loaded."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from facefatigue.estimate.crowd import Crowd
from facefatigue.estimate.sign_report import FaceSignReport, SignAnalysis, SignReport
from facefatigue.estimate.source import face_warnings, frames_of, source_info, video_warnings
from facefatigue.estimate.watch_signs import SignWatch
from facefatigue.estimate.yardstick import Yardstick, find_person
from facefatigue.faces import Mtcnn
from facefatigue.landmarks import Landmarker
from facefatigue.video import open_video

if TYPE_CHECKING:
    import os

    from facefatigue.estimate.source import Progress
    from facefatigue.signs import Baseline, SignSeries
    from facefatigue.signs.baseline import Glasses


class SignReader:
    """Measures the signs of faces in as many sources as you like; the nets are loaded once.

    The signs are those that :class:`facefatigue.Estimator` reports for the same frames. Not for use from several threads at
    once.

    Args:
        all_faces: Report every face instead of the main one; each costs time in every frame.
        baseline: Of the person with the main face: its name, its file, or itself. None: people at large.
        glasses: Whether that person wears glasses now.

    Raises:
        ModelError: Weights that ship with the package are missing or damaged.
        UsageError, ConfigurationError: There is no such baseline, or its file is damaged.
    """

    def __init__(
        self,
        *,
        all_faces: bool = False,
        baseline: Baseline | str | os.PathLike[str] | None = None,
        glasses: Glasses = "unknown",
    ) -> None:
        self._yardstick = Yardstick(baseline=find_person(baseline), glasses=glasses)
        self._detector = Mtcnn()
        self._landmarker = Landmarker()
        self._all_faces = all_faces

    def analyze(
        self,
        source: str | os.PathLike[str] | int,
        *,
        max_duration_s: float | None = None,
        progress: Progress | None = None,
    ) -> SignAnalysis:
        """Read a source to its end and measure the signs of its faces.

        Args:
            source: A file, a pattern of numbered images, a camera number or an address (:func:`facefatigue.video.locate`).
            max_duration_s: Stop after this many seconds of video; needed for sources that never end.
            progress: Called after every frame with (frames done, time in seconds, stated length in seconds or None).

        Raises:
            SourceError: The source cannot be read as a video.
        """
        crowd = Crowd(self._detector, all_faces=self._all_faces)
        with open_video(source) as video, ThreadPoolExecutor(1, "facefatigue-signs") as executor:
            watch = SignWatch(lambda: self._landmarker, executor)
            for frame in frames_of(video, max_duration_s, progress):
                watch.see(frame.rgb, crowd.see(frame.rgb, frame.time_s), frame.time_s)
                for track in crowd.gone():
                    watch.end(track)
            for track in crowd.gone(all_of_them=True):
                watch.end(track)
            for first, later in crowd.join_returned():
                watch.join(first, later)
            reported = crowd.reported()
            series = watch.series(reported, crowd.last_s)
            main, baseline = crowd.main(), self._yardstick.baseline
            warnings = video_warnings(video) + face_warnings(
                len(reported), crowd.others(), all_faces=self._all_faces, main=main, baseline=baseline
            )
            report = SignReport(
                source=source_info(video, crowd.frames, crowd.last_s),
                faces=tuple(self._face(crowd, track, series[track]) for track in reported),
                warnings=tuple(warnings),
            )
        return SignAnalysis(report=report, sign_series=series)

    def _face(self, crowd: Crowd, track: int, series: SignSeries) -> FaceSignReport:
        yardstick = self._yardstick if track == crowd.main() else self._yardstick.of_others
        signs = yardstick.signs(series)
        frames = crowd[track].frames
        return FaceSignReport(
            track=track,
            frames=frames,
            coverage=frames / crowd.frames,
            signs=signs,
            comparison=yardstick.comparison(signs),
        )
