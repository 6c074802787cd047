"""The windows of a real video's main face: those that `predict` would score, and ones around given moments."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from default_model.store import code_digest, file_digest
from facefatigue.estimate import Limits
from facefatigue.estimate.session import Session
from facefatigue.faces import Mtcnn, align_face
from facefatigue.video import open_video

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from default_model.store import Arrays, Store
    from facefatigue.clips import ClipSpec

STRIDE_S = 0.5
FOLLOWING_CODE = code_digest(
    "video", "faces", "clips", "estimate/crowd.py", "estimate/session.py", "estimate/limits.py", "default_model/windows.py"
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Windows:
    """N windows of one video that share frames.

    Attributes:
        frames: (F, S, S, 3) uint8 RGB, aligned crops.
        index: (N, T) int32, the frames of each window.
        start_s: (N,) float64 seconds.
        end_s: (N,) float64 seconds.
    """

    frames: NDArray[np.uint8]
    index: NDArray[np.int32]
    start_s: NDArray[np.float64]
    end_s: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.index)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of what a network gets to see."""
        digest = hashlib.sha256(self.frames.data)
        digest.update(self.index.tobytes())
        return digest.hexdigest()

    def select(self, which: NDArray[np.bool_]) -> Windows:
        """Some of them; the frames stay."""
        return Windows(frames=self.frames, index=self.index[which], start_s=self.start_s[which], end_s=self.end_s[which])


@dataclass(frozen=True, kw_only=True, eq=False)
class Followed:
    """The main face of one video.

    Attributes:
        video: The file.
        sha256: Of the file.
        spec: Form of the windows.
        windows: One starting at every sample, as far as `predict` would score it.
        step: (N,) int, number of each window's first sample in its row of samples without a gap.
        abstained: (M,) int, the same of the windows that `predict` would not score.
        frame_s: (F,) float64, time of every frame of the video.
        seen_s: (G,) float64, times of the frames in which the face was followed.
        boxes: (G, 4) float32 pixels.
        landmarks: (G, 5, 2) float32 pixels.
    """

    video: Path
    sha256: str
    spec: ClipSpec
    windows: Windows
    step: NDArray[np.int32]
    abstained: NDArray[np.int32]
    frame_s: NDArray[np.float64]
    seen_s: NDArray[np.float64]
    boxes: NDArray[np.float32]
    landmarks: NDArray[np.float32]

    def every(self, stride_s: float | None) -> Windows:
        """The windows that `predict --stride` scores; None: side by side, its default."""
        return self.windows.select(self.step % self._samples(stride_s) == 0)

    def abstentions(self, stride_s: float | None) -> int:
        """How many such windows it would not score."""
        return int((self.abstained % self._samples(stride_s) == 0).sum())

    def _samples(self, stride_s: float | None) -> int:
        return self.spec.frames if stride_s is None else max(round(stride_s * self.spec.frame_rate_hz), 1)


def follow(video: Path, spec: ClipSpec, store: Store) -> Followed:
    """Find the main face of a video and cut its windows.

    Args:
        video: The file.
        spec: Form of the windows.
        store: Where earlier work is kept.

    Raises:
        SourceError: The video cannot be read.
    """
    sha256 = file_digest(video)
    made_from = (sha256, repr(spec), FOLLOWING_CODE)
    kept = store.recall("windows", made_from, lambda: _follow(video, spec))
    windows = Windows(**{name: kept.pop(name) for name in ("frames", "index", "start_s", "end_s")})
    return Followed(video=video, sha256=sha256, spec=spec, windows=windows, **kept)


def _follow(video: Path, spec: ClipSpec) -> Arrays:
    frames = _UniqueFrames(spec.size_px)
    indices: list[NDArray[np.int32]] = []

    def keep(crops: NDArray[np.uint8]) -> tuple[float, float]:
        indices.append(np.array([frames.place(crop) for crop in crops], np.int32))
        return float(len(indices) - 1), 0.0  # a window's score is its number

    interval_s = 1 / spec.frame_rate_hz
    session = Session(detector=Mtcnn(), score=keep, spec=spec, limits=Limits(), stride_s=interval_s, keep_trajectories=True)
    frame_s = []
    with open_video(video) as opened:
        for frame in opened:
            session.see(frame.rgb, frame.time_s)
            for _ in session.ready():
                pass
            frame_s.append(frame.time_s)
    faces, _ = session.finish()
    found = [window for face in faces for window in face.windows]
    steps = steps_in_rows(np.array([window.start_s for window in found]), interval_s)
    scored = np.array([window.score is not None for window in found], np.bool_)
    whole = np.array([window.end_s - window.start_s > (spec.frames - 0.5) * interval_s for window in found], np.bool_)
    trajectory = next(iter(session.trajectories()), None)
    numbers = [int(window.score) for window in found if window.score is not None]
    return {
        "frames": frames.stacked(),
        "index": np.stack([indices[n] for n in numbers]) if numbers else np.zeros((0, spec.frames), np.int32),
        "start_s": np.array([window.start_s for window in found if window.score is not None], np.float64),
        "end_s": np.array([window.end_s for window in found if window.score is not None], np.float64),
        "step": steps[scored],
        "abstained": steps[~scored & whole],
        "frame_s": np.array(frame_s, np.float64),
        "seen_s": np.zeros(0) if trajectory is None else trajectory.time_s,
        "boxes": np.zeros((0, 4), np.float32) if trajectory is None else trajectory.boxes,
        "landmarks": np.zeros((0, 5, 2), np.float32) if trajectory is None else trajectory.landmarks,
    }


def steps_in_rows(start_s: NDArray[np.float64], interval_s: float) -> NDArray[np.int32]:
    """Numbers of windows in their rows, when one starts at every sample: a gap in time begins a new row.

    Args:
        start_s: (N,) seconds, in order.
        interval_s: Between two samples.

    Returns:
        (N,) int32 from 0.
    """
    follows = np.abs(np.diff(start_s) - interval_s) < interval_s / 4
    steps = np.zeros(len(start_s), np.int32)
    for number, is_next in enumerate(follows, start=1):
        steps[number] = steps[number - 1] + 1 if is_next else 0
    return steps


class _UniqueFrames:
    """Windows that overlap share their frames: each is kept once."""

    def __init__(self, size_px: int) -> None:
        self._size_px = size_px
        self._places: dict[bytes, int] = {}
        self._frames: list[NDArray[np.uint8]] = []

    def place(self, crop: NDArray[np.uint8]) -> int:
        key = hashlib.blake2b(crop.tobytes(), digest_size=16).digest()
        if key not in self._places:
            self._places[key] = len(self._frames)
            self._frames.append(crop.copy())
        return self._places[key]

    def stacked(self) -> NDArray[np.uint8]:
        empty = np.zeros((0, self._size_px, self._size_px, 3), np.uint8)
        return np.stack(self._frames) if self._frames else empty


def centred(
    followed: Followed, centre_s: NDArray[np.float64], store: Store, *, frames: int | None = None
) -> tuple[Windows, NDArray[np.bool_]]:
    """Windows whose middle sample (number T // 2) is the frame at a given moment.

    Samples take the nearest frame in time, as `predict` samples; a window is left out where fewer than nine in ten of its
    samples have a frame in which the face was followed.

    Args:
        followed: The main face of the video.
        centre_s: (N,) times of frames.
        store: Where earlier work is kept.
        frames: T; None: as the spec has it, 1: those frames alone.

    Returns:
        The windows that there are, and (N,) bool: which moments have one.

    Raises:
        SourceError: The video cannot be read.
    """
    spec = followed.spec
    frames = spec.frames if frames is None else frames
    samples = (np.arange(frames) - frames // 2) / spec.frame_rate_hz
    frame, has_own = nearest_frames(
        centre_s[:, None] + samples, followed.frame_s, followed.seen_s, farthest_s=1 / spec.frame_rate_hz
    )
    covered = has_own.mean(axis=1) >= Limits().coverage
    frame = frame[covered]
    wanted, index = np.unique(frame, return_inverse=True)
    made_from = (followed.sha256, repr(spec), repr(wanted.tolist()), FOLLOWING_CODE)
    kept = store.recall("centred", made_from, lambda: {"frames": _aligned(followed, wanted)})
    windows = Windows(
        frames=kept["frames"],
        index=index.reshape(frame.shape).astype(np.int32),
        start_s=centre_s[covered] + samples[0],
        end_s=centre_s[covered] + samples[0] + frames / spec.frame_rate_hz,
    )
    return windows, covered


def nearest_frames(
    sample_s: NDArray[np.float64], frame_s: NDArray[np.float64], seen_s: NDArray[np.float64], *, farthest_s: float
) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """The frame of each sample of each window, and whether it is its own.

    Args:
        sample_s: (N, T) times of the samples.
        frame_s: (F,) ascending, at least one, times of all frames.
        seen_s: Times of the frames in which the face was followed.
        farthest_s: A frame further away is not the sample's own.

    Returns:
        (N, T) int and (N, T) bool; a sample without a frame of its own has that of the nearest sample that has one.
    """
    places = np.searchsorted((frame_s[1:] + frame_s[:-1]) / 2, sample_s)
    seen = np.isin(frame_s, seen_s)
    own = seen[places] & (np.abs(frame_s[places] - sample_s) <= farthest_s + 1e-6)
    for row, has in enumerate(own):
        have = np.flatnonzero(has)
        if len(have):
            nearest = np.abs(have[None, :] - np.arange(len(has))[:, None]).argmin(axis=1)
            places[row] = places[row, have[nearest]]
    return places, own


def _aligned(followed: Followed, wanted: NDArray[np.intp]) -> NDArray[np.uint8]:
    size_px = followed.spec.size_px
    places = dict(zip(followed.seen_s.tolist(), range(len(followed.seen_s)), strict=True))
    crops, numbers = [], set(wanted.tolist())
    with open_video(followed.video) as frames:
        for number, frame in enumerate(frames):
            if number in numbers:
                crops.append(align_face(frame.rgb, followed.landmarks[places[frame.time_s]], size_px))
    return np.stack(crops) if crops else np.zeros((0, size_px, size_px, 3), np.uint8)
