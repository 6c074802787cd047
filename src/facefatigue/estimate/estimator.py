"""The estimator: one loaded model for many videos, or for live frames."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Self

import numpy as np

from facefatigue.clips import clip_from_crops
from facefatigue.engine import open_engine
from facefatigue.errors import BrokenVideoError, ConfigurationError, UsageError
from facefatigue.estimate.fusion import network_error
from facefatigue.estimate.limits import Limits
from facefatigue.estimate.report import Analysis, ModelInfo, Report, SourceInfo
from facefatigue.estimate.session import LiveWindow, Session
from facefatigue.estimate.source import face_warnings, frames_of, source_info, video_warnings
from facefatigue.estimate.watch_signs import SignWatch
from facefatigue.estimate.yardstick import Yardstick, find_person
from facefatigue.faces import Mtcnn, check_frame
from facefatigue.landmarks import Landmarker
from facefatigue.model.artefact import DEFAULT_MODEL, load_artefact
from facefatigue.model.logits import fatigue_probability
from facefatigue.video import open_video

if TYPE_CHECKING:
    import os
    from pathlib import Path
    from types import TracebackType

    from numpy.typing import NDArray

    from facefatigue.engine import EngineName
    from facefatigue.estimate.source import Progress
    from facefatigue.signs import Baseline
    from facefatigue.signs.baseline import Glasses

MAX_STRIDE_S = 86400.0


class Estimator:
    """Scores faces with one model; loads it once, for as many sources as you like.

    For files, cameras and addresses call :meth:`analyze`. For frames of your own call :meth:`push` for each and
    :meth:`finish` at the end; scores and signs are the same for the same frames. Not for use from several threads at once.

    Args:
        model: Name of a shipped model or path of a model folder.
        engine: "auto" (the fastest installed), "onnxruntime", "openvino" or "torch".
        precision: "auto", "f32" or "bf16" (OpenVINO only).
        all_faces: Report every face instead of the main one.
        stride_s: Seconds from one window's start to the next, rounded to the model's sampling interval; None: windows do not
            overlap, as published.
        limits: When to abstain.
        threads: Threads for the network; None: one a core.
        signs: Also measure the visible signs (blinks, eye closure, yawns, nods) of the reported faces. With all faces asked
            for, each of them costs time in every frame.
        baseline: Of the person with the main face: its name, its file, or itself; needs the signs. None: people at large.
        glasses: Whether that person wears glasses now: "yes", "no" or "unknown".

    Raises:
        ModelError: No such model, or its files are damaged.
        MissingExtraError: The engine is not installed.
        ConfigurationError: The stride is not a positive number, there is no such baseline, or its file is damaged.
        UsageError: What should name a baseline is no name, or a baseline is given without signs.
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
        signs: bool = True,
        baseline: Baseline | str | os.PathLike[str] | None = None,
        glasses: Glasses = "unknown",
    ) -> None:
        if stride_s is not None and not 0 < stride_s <= MAX_STRIDE_S:
            raise ConfigurationError(
                f"the stride is {stride_s} s; it must be above 0 and at most {MAX_STRIDE_S:g} s (a day)"
            )
        if baseline is not None and not signs:
            raise UsageError("a baseline is held against the signs; without them there is nothing to compare")
        person = find_person(baseline)
        artefact = load_artefact(model)
        self.config = artefact.config
        self._engine = open_engine(artefact, engine=engine, precision=precision, threads=threads)
        self._detector = Mtcnn()
        self._limits = limits or Limits()
        self._all_faces = all_faces
        self._stride_s = stride_s
        self._signs = signs
        self._yardstick = Yardstick(
            baseline=person,
            glasses=glasses,
            model=f"{artefact.config.name} {artefact.config.version}",
            network_error=network_error(artefact.config.metrics),
        )
        self._landmarker: Landmarker | None = None
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
        with (
            open_video(source) as video,
            ThreadPoolExecutor(1, "facefatigue-engine") as executor,
            ThreadPoolExecutor(1, "facefatigue-signs") as reader,
        ):
            session = self._session(executor, reader, keep_trajectories=keep_trajectories, keep_thumbnails=keep_thumbnails)
            for frame in frames_of(video, max_duration_s, progress):
                session.see(frame.rgb, frame.time_s)
                for _ in session.ready():
                    pass
            faces, others = session.finish()
            warnings = video_warnings(video) + self._face_warnings(session, len(faces), others)
            report = Report(
                source=source_info(video, session.frames, session.last_s),
                model=self.model_info,
                faces=faces,
                warnings=tuple(warnings),
            )
        return Analysis(
            report=report,
            trajectories=session.trajectories(),
            thumbnails=session.thumbnails(),
            sign_series=session.sign_series(),
            albums=session.albums(),
            others=others,
        )

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
            self._live = self._session()
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
            warnings=tuple(self._face_warnings(session, len(faces), others)),
        )

    def _face_warnings(self, session: Session, reported: int, others: int) -> list[str]:
        return face_warnings(
            reported, others, all_faces=self._all_faces, main=session.main(), baseline=self._yardstick.baseline
        )

    def _session(
        self,
        executor: ThreadPoolExecutor | None = None,
        reader: ThreadPoolExecutor | None = None,
        *,
        keep_trajectories: bool = False,
        keep_thumbnails: bool = False,
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
            signs=SignWatch(self._open_landmarker, reader) if self._signs else None,
            yardstick=self._yardstick,
        )

    def _open_landmarker(self) -> Landmarker:
        if self._landmarker is None:
            self._landmarker = Landmarker()
        return self._landmarker

    def _score(self, crops: NDArray[np.uint8]) -> tuple[float, float]:
        output = self._engine.run(clip_from_crops(crops)[None])
        return float(output.score[0]), float(fatigue_probability(output.logits)[0])
