"""The estimator: one loaded model for many videos, or for live frames."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Self

import numpy as np

from facefatigue.clips import clip_from_crops
from facefatigue.engine import open_engine
from facefatigue.errors import BrokenVideoError, ConfigurationError
from facefatigue.estimate.limits import Limits
from facefatigue.estimate.report import Analysis, ModelInfo, Report, SourceInfo
from facefatigue.estimate.session import LiveWindow, Session
from facefatigue.faces import Mtcnn, check_frame
from facefatigue.model.artefact import DEFAULT_MODEL, load_artefact
from facefatigue.model.logits import fatigue_probability
from facefatigue.video import open_video

if TYPE_CHECKING:
    import os
    from collections.abc import Callable
    from pathlib import Path
    from types import TracebackType

    from numpy.typing import NDArray

    from facefatigue.engine import EngineName
    from facefatigue.estimate.report import FaceReport
    from facefatigue.video import Video

    Progress = Callable[[int, float, float | None], None]


MAX_STRIDE_S = 86400.0


class Estimator:
    """Scores faces with one model; loads it once, for as many sources as you like.

    For files, cameras and addresses call :meth:`analyze`. For frames of your own call :meth:`push` for each and
    :meth:`finish` at the end; the scores are the same for the same frames. Not for use from several threads at once.

    Args:
        model: Name of a shipped model or path of a model folder.
        engine: "auto" (the fastest installed), "onnxruntime", "openvino" or "torch".
        precision: "auto", "f32" or "bf16" (OpenVINO only).
        all_faces: Report every face instead of the main one.
        stride_s: Seconds from one window's start to the next, rounded to the model's sampling interval; None: windows do not
            overlap, as published.
        limits: When to abstain.
        threads: Threads for the network; None: one a core.

    Raises:
        ModelError: No such model, or its files are damaged.
        MissingExtraError: The engine is not installed.
        ConfigurationError: The stride is not a positive number.
    """

    def __init__(
        self,
        model: str | Path = DEFAULT_MODEL,
        *,
        engine: EngineName = "auto",
        precision: str = "auto",
        all_faces: bool = False,
        stride_s: float | None = None,
        limits: Limits | None = None,
        threads: int | None = None,
    ) -> None:
        if stride_s is not None and not 0 < stride_s <= MAX_STRIDE_S:
            raise ConfigurationError(
                f"the stride is {stride_s} s; it must be above 0 and at most {MAX_STRIDE_S:g} s (a day)"
            )
        artefact = load_artefact(model)
        self.config = artefact.config
        self._engine = open_engine(artefact, engine=engine, precision=precision, threads=threads)
        self._detector = Mtcnn()
        self._limits = limits or Limits()
        self._all_faces = all_faces
        self._stride_s = stride_s
        self._live: Session | None = None
        self._live_size = (0, 0)
        self.model_info = ModelInfo(
            name=artefact.config.name,
            version=artefact.config.version,
            sha256=artefact.safetensors_sha256() if self._engine.name == "torch" else artefact.sha256,
            licence=artefact.config.licence,
            engine=self._engine.name,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Free the engine."""
        self._engine.close()

    def analyze(
        self,
        source: str | os.PathLike[str] | int,
        *,
        max_duration_s: float | None = None,
        progress: Progress | None = None,
        keep_trajectories: bool = False,
        keep_thumbnails: bool = False,
    ) -> Analysis:
        """Read a source to its end and report on it.

        Args:
            source: A file, a pattern of numbered images, a camera number or an address (:func:`facefatigue.video.locate`).
            max_duration_s: Stop after this many seconds of video; needed for sources that never end.
            progress: Called after every frame with (frames done, time in seconds, stated length in seconds or None).
            keep_trajectories: Also return where the reported faces were, frame by frame.
            keep_thumbnails: Also return a few small pictures of the reported faces.

        Raises:
            SourceError: The source cannot be read as a video.
        """
        with open_video(source) as video, ThreadPoolExecutor(1, "facefatigue-engine") as executor:
            session = self._session(executor, keep_trajectories=keep_trajectories, keep_thumbnails=keep_thumbnails)
            for frame in video:
                if max_duration_s is not None and frame.time_s >= max_duration_s:
                    break
                session.see(frame.rgb, frame.time_s)
                for _ in session.ready():
                    pass
                if progress is not None:
                    progress(session.frames, frame.time_s, video.info.duration_s)
            faces, others = session.finish()
            report = Report(
                source=_source_info(video, session),
                model=self.model_info,
                faces=faces,
                warnings=tuple(_warnings(video, faces, others, all_faces=self._all_faces)),
            )
        return Analysis(report=report, trajectories=session.trajectories(), thumbnails=session.thumbnails())

    def push(self, frame: NDArray[np.uint8], time_s: float) -> tuple[LiveWindow, ...]:
        """Take one live frame; scores each window in the call that completes it.

        Args:
            frame: (H, W, 3) uint8 RGB, upright; copied, so the buffer may be used again.
            time_s: Its time in seconds, of any origin, greater than that of the frame before.

        Returns:
            The windows, of every followed face, that this frame completed.

        Raises:
            ValueError: Not such a frame, or time does not move forward.
        """
        check_frame(frame)
        if not math.isfinite(time_s):
            raise ValueError(f"the time of a frame must be a finite number of seconds, not {time_s}")
        if self._live is None:
            self._live = self._session(None)
            self._live_start_s = time_s
        self._live.see(np.array(frame, order="C"), time_s - self._live_start_s)
        self._live_size = (frame.shape[1], frame.shape[0])
        return tuple(self._live.ready(wait=True))

    def finish(self) -> Report:
        """End the live source; the next :meth:`push` starts another.

        Returns:
            The report on all frames pushed since the last call. Times count from the first frame.

        Raises:
            BrokenVideoError: No frame was pushed.
        """
        session, self._live = self._live, None
        if session is None:
            raise BrokenVideoError("no frame was pushed; call push(frame, time_s) for each frame first")
        faces, others = session.finish()
        width, height = self._live_size
        interval_s = session.last_s / (session.frames - 1) if session.frames > 1 else 0.0
        source = SourceInfo(
            path="live frames",
            duration_s=session.last_s + interval_s,
            frames=session.frames,
            width=width,
            height=height,
            rotation_deg=0,
            variable_frame_rate=False,
            frame_rate_hz=1 / interval_s if interval_s else None,
        )
        return Report(
            source=source,
            model=self.model_info,
            faces=faces,
            warnings=tuple(_face_warnings(faces, others, all_faces=self._all_faces)),
        )

    def _session(
        self, executor: ThreadPoolExecutor | None, *, keep_trajectories: bool = False, keep_thumbnails: bool = False
    ) -> Session:
        return Session(
            detector=self._detector,
            score=self._score,
            spec=self.config.clip_spec,
            limits=self._limits,
            all_faces=self._all_faces,
            stride_s=self._stride_s,
            keep_trajectories=keep_trajectories,
            keep_thumbnails=keep_thumbnails,
            executor=executor,
        )

    def _score(self, crops: NDArray[np.uint8]) -> tuple[float, float]:
        output = self._engine.run(clip_from_crops(crops)[None])
        return float(output.score[0]), float(fatigue_probability(output.logits)[0])


def _source_info(video: Video, session: Session) -> SourceInfo:
    interval_s = video.clock.mean_interval_s
    # Cut short by a limit, the length is that of the frames that were analysed.
    read_s = video.clock.duration_s if video.exhausted else session.last_s + (video.clock.median_interval_s or 0.0)
    return SourceInfo(
        path=str(video.location),
        duration_s=max(read_s, 0.0),
        frames=session.frames,
        width=video.info.width,
        height=video.info.height,
        rotation_deg=video.info.rotation_deg,
        mirrored=video.info.mirrored,
        variable_frame_rate=video.clock.variable,
        frame_rate_hz=1 / interval_s if interval_s else None,
        timestamp_repairs=dict(video.clock.repairs),
        corrupt_frames=video.corrupt_frames,
    )


def _warnings(video: Video, faces: tuple[FaceReport, ...], others: int, *, all_faces: bool) -> list[str]:
    warnings = []
    if repairs := video.clock.repairs:
        counts = ", ".join(f"{count} {kind}" for kind, count in sorted(repairs.items()))
        warnings.append(f"Timestamps were repaired ({counts}); times may be off around those frames.")
    if video.corrupt_frames:
        warnings.append(f"The decoder met {video.corrupt_frames} damaged frames or packets; what could be read was used.")
    if video.ended_early:
        warnings.append("The file ends before its stated end; it was probably cut off.")
    if video.dropped_frames:
        warnings.append(f"{video.dropped_frames} frames came faster than they could be analysed and were left out.")
    return warnings + _face_warnings(faces, others, all_faces=all_faces)


def _face_warnings(faces: tuple[FaceReport, ...], others: int, *, all_faces: bool) -> list[str]:
    if others and not all_faces and faces:
        plural = "track" if others == 1 else "tracks"
        return [f"Only the main face is reported; {others} more {plural} of a face were seen (--all-faces reports all)."]
    return []
